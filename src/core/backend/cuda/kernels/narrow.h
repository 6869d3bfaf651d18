/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels that convert between float32 and 16-bit types: they round factors and
 * pad their channels, and apply the epilogue to results and remove the padding.
 */
#pragma once

#include "element.h"

/* 16-bit channels per 16-byte load. */
#define CCS_NARROW_CHANNELS 8

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
  int element;         /* of y */
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
ccs_narrow_pair (int element, float low, float high)
{
  return ccs_device_to_half (element, low)
         | ccs_device_to_half (element, high) << 16;
}

/* Reads four channels of row @x from @c on. */
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

    eight.x = ccs_narrow_pair (p->element, low.x, low.y);
    eight.y = ccs_narrow_pair (p->element, low.z, low.w);
    eight.z = ccs_narrow_pair (p->element, high.x, high.y);
    eight.w = ccs_narrow_pair (p->element, high.z, high.w);
  }
  y[i] = eight;
}

/* -- on the way out -------------------------------------------------------- */

/* y = act (x + bias + residual), x of 16 bits in rows of eights; it may be y. A
 * thread an element, or four. */
typedef struct
{
  char *scratch;
  const void *x;         /* or NULL: in scratch */
  unsigned long long at; /* bytes into scratch */
  const float *bias;     /* or NULL */
  const void *residual;  /* or NULL */
  void *y;
  unsigned n;                           /* elements of y, or fours */
  unsigned channels;                    /* likewise */
  int x_pitch, y_pitch, residual_pitch; /* likewise */
  int in_fours;
  int x_element, residual_element, y_element;
  CcsDeviceAct act;
} CcsWidenParams;

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
ccs_widen_four (const CcsWidenParams *p, const void *x, int row, int c)
{
  CcsFour sum = ccs_device_load_four (p->x_element, x, row * p->x_pitch + c);

  if (p->bias)
    sum = ccs_add_four (sum, ((const CcsFour *)p->bias)[c]);
  if (p->residual)
    sum = ccs_add_four (sum,
                        ccs_device_load_four (p->residual_element, p->residual,
                                              row * p->residual_pitch + c));
  sum.x = ccs_device_act (p->act, sum.x);
  sum.y = ccs_device_act (p->act, sum.y);
  sum.z = ccs_device_act (p->act, sum.z);
  sum.w = ccs_device_act (p->act, sum.w);
  ccs_device_store_four (p->y_element, p->y, row * p->y_pitch + c, sum);
}

CCS_DEVICE void
ccs_kernel_widen (const CcsPlace *at, const CcsWidenParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  const int row = (int)(i / p->channels), c = (int)(i % p->channels);
  const void *x = p->x ? p->x : p->scratch + p->at;
  float sum;

  if (i >= p->n)
    return;
  if (p->in_fours) {
    ccs_widen_four (p, x, row, c);
    return;
  }
  sum = ccs_device_load (p->x_element, x, row * p->x_pitch + c);
  if (p->bias)
    sum += p->bias[c];
  if (p->residual)
    sum += ccs_device_load (p->residual_element, p->residual,
                            row * p->residual_pitch + c);
  ccs_device_store (p->y_element, p->y, row * p->y_pitch + c,
                    ccs_device_act (p->act, sum));
}
