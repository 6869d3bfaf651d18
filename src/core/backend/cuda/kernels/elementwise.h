/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels that process one element (or four adjacent ones) per thread:
 * pointwise ops over strided operands, moves of elements of any size, complex
 * products, tokens by index. */
#pragma once

#include "device.h"

/* A walk over up to four dimensions, the last one fastest. */
typedef struct
{
  int rank;
  unsigned dim[4];
} CcsWalk;

/* Returns the offset of index @i of @walk with @stride. */
CCS_DEVICE int
ccs_walk_offset (const CcsWalk *walk, const int *stride, unsigned i)
{
  int offset = 0;

  for (int d = walk->rank - 1; d > 0; d--) {
    offset += (int)(i % walk->dim[d]) * stride[d];
    i /= walk->dim[d];
  }
  return offset + (int)i * stride[0];
}

typedef enum
{
  CCS_EW_ACTIVATION,        /* act (a) */
  CCS_EW_ACTIVATION_GRAD,   /* a act'(b), b a result */
  CCS_EW_ADD,               /* act (a + b) */
  CCS_EW_SUB,               /* a - b */
  CCS_EW_MUL,               /* a b */
  CCS_EW_AFFINE,            /* scale a + shift */
  CCS_EW_MODULATE,          /* act (a (1 + b) + c) */
  CCS_EW_EPILOGUE,          /* act (a + b + c) */
  CCS_EW_SCALED_DIFFERENCE, /* scale c (a - b) */
} CcsElementwiseMode;

typedef struct
{
  const float *a, *b, *c; /* b, c: NULL where the mode has none */
  float *y;
  unsigned n; /* elements, or groups of four */
  CcsWalk walk;
  int a_stride[4], b_stride[4], c_stride[4], y_stride[4];
  int width; /* 1, or 4: strides and dimensions count fours, and a last
              * stride of 0 repeats one element */
  int b_repeats, c_repeats; /* at width 4: the one element */
  int mode;
  CcsDeviceAct act;
  float scale, shift;
} CcsElementwiseParams;

CCS_DEVICE float
ccs_elementwise_value (const CcsElementwiseParams *p, float a, float b, float c)
{
  switch (p->mode) {
  case CCS_EW_ACTIVATION_GRAD:
    return a * ccs_device_act_derivative (p->act, b);
  case CCS_EW_ADD:
    return ccs_device_act (p->act, a + b);
  case CCS_EW_SUB:
    return a - b;
  case CCS_EW_MUL:
    return a * b;
  case CCS_EW_AFFINE:
    return p->scale * a + p->shift;
  case CCS_EW_MODULATE:
    return ccs_device_act (p->act, a * (1.f + b) + c);
  case CCS_EW_EPILOGUE:
    return ccs_device_act (p->act, a + b + c);
  case CCS_EW_SCALED_DIFFERENCE:
    return p->scale * c * (a - b);
  default:
    return ccs_device_act (p->act, a);
  }
}

#ifdef __CUDACC__
typedef float4 CcsFour;
#else
typedef struct
{
  _Alignas(16) float x;
  float y, z, w;
} CcsFour;
#endif

CCS_DEVICE CcsFour
ccs_load_four (const float *from, int offset, int repeats)
{
  CcsFour four = { 0.f, 0.f, 0.f, 0.f };

  if (from == 0)
    return four;
  if (!repeats)
    return ((const CcsFour *)from)[offset];
  four.x = four.y = four.z = four.w = from[offset];
  return four;
}

CCS_DEVICE void
ccs_kernel_elementwise (const CcsPlace *at, const CcsElementwiseParams *p,
                        int phase)
{
  const unsigned i = ccs_device_index (at);
  int ia, ib, ic, iy;

  if (i >= p->n)
    return;
  ia = ccs_walk_offset (&p->walk, p->a_stride, i);
  ib = ccs_walk_offset (&p->walk, p->b_stride, i);
  ic = ccs_walk_offset (&p->walk, p->c_stride, i);
  iy = ccs_walk_offset (&p->walk, p->y_stride, i);
  if (p->width == 4) {
    const CcsFour a = ccs_load_four (p->a, ia, 0);
    const CcsFour b = ccs_load_four (p->b, ib, p->b_repeats);
    const CcsFour c = ccs_load_four (p->c, ic, p->c_repeats);
    CcsFour y;

    y.x = ccs_elementwise_value (p, a.x, b.x, c.x);
    y.y = ccs_elementwise_value (p, a.y, b.y, c.y);
    y.z = ccs_elementwise_value (p, a.z, b.z, c.z);
    y.w = ccs_elementwise_value (p, a.w, b.w, c.w);
    ((CcsFour *)p->y)[iy] = y;
  } else {
    p->y[iy] = ccs_elementwise_value (p, p->a[ia], p->b ? p->b[ib] : 0.f,
                                      p->c ? p->c[ic] : 0.f);
  }
}

/* -- moving ---------------------------------------------------------------- */

typedef struct
{
  const void *x; /* NULL: zeros are written */
  void *y;
  unsigned n;
  CcsWalk walk;
  int x_stride[4], y_stride[4];
  int size; /* bytes of an element: 1, 2, 4, 8 or 16 */
} CcsMoveParams;

CCS_DEVICE void
ccs_kernel_move (const CcsPlace *at, const CcsMoveParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  const CcsFour zero = { 0.f, 0.f, 0.f, 0.f };
  int ix, iy;

  if (i >= p->n)
    return;
  ix = ccs_walk_offset (&p->walk, p->x_stride, i);
  iy = ccs_walk_offset (&p->walk, p->y_stride, i);
  switch (p->size) {
  case 1:
    ((unsigned char *)p->y)[iy] = p->x ? ((const unsigned char *)p->x)[ix] : 0;
    break;
  case 2:
    ((unsigned short *)p->y)[iy]
        = p->x ? ((const unsigned short *)p->x)[ix] : 0;
    break;
  case 4:
    ((unsigned *)p->y)[iy] = p->x ? ((const unsigned *)p->x)[ix] : 0;
    break;
  case 8:
    ((unsigned long long *)p->y)[iy]
        = p->x ? ((const unsigned long long *)p->x)[ix] : 0;
    break;
  default:
    ((CcsFour *)p->y)[iy] = p->x ? ((const CcsFour *)p->x)[ix] : zero;
    break;
  }
}

/* -- complex product ------------------------------------------------------- */

typedef struct
{
  const float *a, *b;
  float *y;
  unsigned n; /* pairs (re, im) */
  float sign; /* -1: b's conjugate */
} CcsComplexParams;

CCS_DEVICE void
ccs_kernel_complex (const CcsPlace *at, const CcsComplexParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);

  if (i < p->n) {
    const float ar = p->a[2 * i], ai = p->a[2 * i + 1];
    const float br = p->b[2 * i], bi = p->sign * p->b[2 * i + 1];

    p->y[2 * i] = ar * br - ai * bi;
    p->y[2 * i + 1] = ai * br + ar * bi;
  }
}

/* -- tokens by index ------------------------------------------------------- */

typedef struct
{
  const float *x;
  const int *index; /* [n_index] */
  float *y;
  unsigned n; /* elements of y [B,n_out,C] */
  unsigned channels;
  int n_in, n_out, n_index;
} CcsTokensParams;

/* y[b,j] = x[b,index[j]], zero for an index outside. */
CCS_DEVICE void
ccs_kernel_gather (const CcsPlace *at, const CcsTokensParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);

  if (i < p->n) {
    const unsigned c = i % p->channels, row = i / p->channels;
    const int from = p->index[row % p->n_out];

    p->y[i] = from >= 0 && from < p->n_in
                  ? p->x[((row / p->n_out) * p->n_in + from) * p->channels + c]
                  : 0.f;
  }
}

/* y[b,t] = the sum of x[b,j] where index[j] is t, in order. */
CCS_DEVICE void
ccs_kernel_scatter (const CcsPlace *at, const CcsTokensParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);

  if (i < p->n) {
    const unsigned c = i % p->channels, row = i / p->channels;
    const unsigned first = row / p->n_out * p->n_in;
    const int token = (int)(row % p->n_out);
    float sum = 0.f;

    for (int j = 0; j < p->n_index; j++)
      if (p->index[j] == token)
        sum += p->x[(first + j) * p->channels + c];
    p->y[i] = sum;
  }
}

/* -- bytes by a table ------------------------------------------------------ */

#define CCS_LOOKUP_TABLE 256 /* values of a byte */

typedef struct
{
  const unsigned char *x;
  const float *table; /* [channels,CCS_LOOKUP_TABLE] */
  float *y;
  unsigned n; /* elements */
  unsigned channels;
} CcsLookupParams;

CCS_DEVICE void
ccs_kernel_lookup (const CcsPlace *at, const CcsLookupParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);

  if (i < p->n)
    p->y[i] = p->table[i % p->channels * CCS_LOOKUP_TABLE + p->x[i]];
}
