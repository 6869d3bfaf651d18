/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels between float32 and the 16-bit types whose products tensor cores
 * take: factors rounded on the way in, channels filled up to what those want,
 * results cut back on the way out. */
#pragma once

#include "elementwise.h"

/* Channels of 16 bits that make up a load of 16 bytes. */
#define CCS_NARROW_CHANNELS 8

typedef enum
{
  CCS_NARROW_BF16,
  CCS_NARROW_FP16,
} CcsNarrowType;

CCS_DEVICE unsigned
ccs_device_bits (float x)
{
  union
  {
    float value;
    unsigned bits;
  } both;

  both.value = x;
  return both.bits;
}

CCS_DEVICE float
ccs_device_float (unsigned bits)
{
  union
  {
    unsigned bits;
    float value;
  } both;

  both.bits = bits;
  return both.value;
}

/* To nearest, ties to even; a NaN stays one. */
CCS_DEVICE unsigned
ccs_device_to_bf16 (float x)
{
  const unsigned bits = ccs_device_bits (x);

  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return bits >> 16 | 0x40u;
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

/* The same; beyond 65504 infinite. */
CCS_DEVICE unsigned
ccs_device_to_fp16 (float x)
{
  const unsigned sign = ccs_device_bits (x) >> 16 & 0x8000u;
  const unsigned bits = ccs_device_bits (x) & 0x7fffffffu;

  if (bits > 0x7f800000u)
    return sign | 0x7e00u;
  if (bits >= 0x47800000u) /* 2^16 */
    return sign | 0x7c00u;
  /* Below 2^-14 the last place stands still: adding 0.5, whose last place is
   * the same 2^-24, rounds. */
  if (bits < 0x38800000u)
    return sign
           | (ccs_device_bits (ccs_device_float (bits) + 0.5f) - 0x3f000000u);
  return sign | ((bits - 0x38000000u + 0xfffu + (bits >> 13 & 1u)) >> 13);
}

/* -- on the way in --------------------------------------------------------- */

/* y [rows of y, 8 eights] = x [rows, channels], zero beyond. A thread eight. */
typedef struct
{
  char *scratch;
  const float *x;
  void *y;               /* or NULL: in scratch */
  unsigned long long at; /* bytes into scratch */
  unsigned n;            /* eights of y */
  unsigned eights;       /* of a row of y */
  unsigned rows;
  int channels, pitch; /* of x */
  int in_fours;        /* x can be read so */
  int type;
} CcsNarrowParams;

#ifdef __CUDACC__
typedef uint4 CcsEight;
#else
typedef struct
{
  _Alignas(16) unsigned x; /* two values each */
  unsigned y, z, w;
} CcsEight;
#endif

CCS_DEVICE unsigned
ccs_narrow_pair (int type, float low, float high)
{
  return type == CCS_NARROW_BF16
             ? ccs_device_to_bf16 (low) | ccs_device_to_bf16 (high) << 16
             : ccs_device_to_fp16 (low) | ccs_device_to_fp16 (high) << 16;
}

/* Four channels of row @x from @c on. */
CCS_DEVICE CcsFour
ccs_narrow_four (const CcsNarrowParams *p, const float *x, int c)
{
  CcsFour four;

  if (p->in_fours && c + 4 <= p->channels)
    return *(const CcsFour *)(x + c);
  four.x = c < p->channels ? x[c] : 0.f;
  four.y = c + 1 < p->channels ? x[c + 1] : 0.f;
  four.z = c + 2 < p->channels ? x[c + 2] : 0.f;
  four.w = c + 3 < p->channels ? x[c + 3] : 0.f;
  return four;
}

CCS_DEVICE void
ccs_kernel_narrow (const CcsPlace *at, const CcsNarrowParams *p, int phase)
{
  const unsigned i = ccs_device_index (at), row = i / p->eights;
  const int c = (int)(i % p->eights) * CCS_NARROW_CHANNELS;
  CcsEight *y = (CcsEight *)(p->y ? (char *)p->y : p->scratch + p->at);
  CcsEight eight = { 0, 0, 0, 0 };

  if (i >= p->n)
    return;
  if (row < p->rows) {
    const float *x = p->x + (int)row * p->pitch;
    const CcsFour low = ccs_narrow_four (p, x, c);
    const CcsFour high = ccs_narrow_four (p, x, c + 4);

    eight.x = ccs_narrow_pair (p->type, low.x, low.y);
    eight.y = ccs_narrow_pair (p->type, low.z, low.w);
    eight.z = ccs_narrow_pair (p->type, high.x, high.y);
    eight.w = ccs_narrow_pair (p->type, high.z, high.w);
  }
  y[i] = eight;
}

/* -- on the way out -------------------------------------------------------- */

CCS_DEVICE float
ccs_device_from_fp16 (unsigned half)
{
  const unsigned sign = (half & 0x8000u) << 16, rest = half & 0x7fffu;

  if (rest >= 0x7c00u) /* infinite, or no number */
    return ccs_device_float (sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  if (rest >= 0x400u)
    return ccs_device_float (sign | ((rest << 13) + 0x38000000u));
  /* so many times 2^-24 */
  return ccs_device_float (sign | ccs_device_bits ((float)rest * 0x1p-24f));
}

/* y = act (x + bias + residual), x in scratch with rows of eights. A thread an
 * element, or four. */
typedef struct
{
  char *scratch;
  unsigned long long at;        /* of x, in bytes */
  const float *bias, *residual; /* or NULL */
  float *y;
  unsigned n;                           /* elements of y, or fours */
  unsigned channels;                    /* likewise */
  int x_pitch, y_pitch, residual_pitch; /* likewise */
  int in_fours;
  int type;
  CcsDeviceAct act;
} CcsWidenParams;

/* Rows begin at multiples of eight: one load of 8 bytes. */
#ifdef __CUDACC__
typedef ushort4 CcsFourHalves;
#else
typedef struct
{
  _Alignas(8) unsigned short x;
  unsigned short y, z, w;
} CcsFourHalves;
#endif

CCS_DEVICE float
ccs_device_widen (int type, unsigned half)
{
  return type == CCS_NARROW_BF16 ? ccs_device_float (half << 16)
                                 : ccs_device_from_fp16 (half);
}

CCS_DEVICE CcsFour
ccs_add_four (CcsFour a, CcsFour b)
{
  a.x += b.x;
  a.y += b.y;
  a.z += b.z;
  a.w += b.w;
  return a;
}

CCS_DEVICE void
ccs_widen_four (const CcsWidenParams *p, int row, int c)
{
  const CcsFourHalves x
      = ((const CcsFourHalves *)(p->scratch + p->at))[row * p->x_pitch + c];
  CcsFour sum;

  sum.x = ccs_device_widen (p->type, x.x);
  sum.y = ccs_device_widen (p->type, x.y);
  sum.z = ccs_device_widen (p->type, x.z);
  sum.w = ccs_device_widen (p->type, x.w);
  if (p->bias)
    sum = ccs_add_four (sum, ((const CcsFour *)p->bias)[c]);
  if (p->residual)
    sum = ccs_add_four (
        sum, ((const CcsFour *)p->residual)[row * p->residual_pitch + c]);
  sum.x = ccs_device_act (p->act, sum.x);
  sum.y = ccs_device_act (p->act, sum.y);
  sum.z = ccs_device_act (p->act, sum.z);
  sum.w = ccs_device_act (p->act, sum.w);
  ((CcsFour *)p->y)[row * p->y_pitch + c] = sum;
}

CCS_DEVICE void
ccs_kernel_widen (const CcsPlace *at, const CcsWidenParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  const int row = (int)(i / p->channels), c = (int)(i % p->channels);
  const unsigned short *x = (const unsigned short *)(p->scratch + p->at);
  float sum;

  if (i >= p->n)
    return;
  if (p->in_fours) {
    ccs_widen_four (p, row, c);
    return;
  }
  sum = ccs_device_widen (p->type, x[row * p->x_pitch + c]);
  if (p->bias)
    sum += p->bias[c];
  if (p->residual)
    sum += p->residual[row * p->residual_pitch + c];
  p->y[row * p->y_pitch + c] = ccs_device_act (p->act, sum);
}
