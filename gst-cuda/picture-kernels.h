/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels of tdsscrop for frames in GPU memory: to RGB and upright, resize
 * rows, resize columns and crop. Written in the language of the CUDA backend's
 * kernels, so that tests run them on the CPU. The resize gives the same bytes
 * as that in system memory. */
#pragma once

#include "backend/cuda/kernels/device.h"

/* A pixel of 8-bit RGB in four bytes. */
typedef unsigned CcsRgb;

/* One of the three components of a stored frame. */
typedef struct
{
  const unsigned char *data; /* of the first sample */
  int stride, step;          /* bytes to the next row, to the next sample */
  int width, height;         /* samples */
  int size, shift;           /* bytes of a sample; unused low bits */
  /* log2 of pixels per sample; whether a sample is sited at the first of them
   * or between them */
  int sub_x, sub_y, sited_x, sited_y;
} CcsComponent;

typedef struct
{
  CcsComponent component[3];
  float matrix[3][4]; /* R, G, B in 0..255 from the three components and 1 */
  int start_x, start_y, across[2],
      down[2]; /* how to walk to come out upright */
  int width;   /* upright */
  unsigned n;  /* pixels */
  CcsRgb *rgb; /* upright, rows dense */
} CcsPictureRgbParams;

CCS_DEVICE float
ccs_sample_at (const CcsComponent *p, int x, int y)
{
  const unsigned char *at;

  x = x < 0 ? 0 : x < p->width ? x : p->width - 1;
  y = y < 0 ? 0 : y < p->height ? y : p->height - 1;
  at = p->data + (unsigned long long)y * p->stride + x * p->step;
  return (float)(p->size == 1 ? *at : *(const unsigned short *)at >> p->shift);
}

/* Returns the sample at or before pixel @at, and in @part the fraction of the
 * way to the next one. */
CCS_DEVICE int
ccs_sample_place (int at, int sub, int sited, float *part)
{
  const int pixels = 1 << sub;
  /* in halves of a pixel from the middle of the first sample */
  const int halves = sited ? 2 * at : 2 * at + 1 - pixels;
  const int place = halves < 0 ? -1 : halves / (2 * pixels);

  *part = (float)(halves - place * 2 * pixels) / (float)(2 * pixels);
  return place;
}

CCS_DEVICE float
ccs_component_at (const CcsComponent *p, int x, int y)
{
  float right, below, upper, lower;
  int left, above;

  if (p->sub_x == 0 && p->sub_y == 0)
    return ccs_sample_at (p, x, y);
  left = ccs_sample_place (x, p->sub_x, p->sited_x, &right);
  above = ccs_sample_place (y, p->sub_y, p->sited_y, &below);
  upper = (1.f - right) * ccs_sample_at (p, left, above)
          + right * ccs_sample_at (p, left + 1, above);
  lower = (1.f - right) * ccs_sample_at (p, left, above + 1)
          + right * ccs_sample_at (p, left + 1, above + 1);
  return (1.f - below) * upper + below * lower;
}

CCS_DEVICE unsigned
ccs_byte_of (float x)
{
  return x <= 0.f ? 0u : x >= 255.f ? 255u : (unsigned)(x + 0.5f);
}

/* One thread per pixel. */
CCS_DEVICE void
ccs_kernel_picture_rgb (const CcsPlace *at, const CcsPictureRgbParams *p,
                        int phase)
{
  const unsigned i = ccs_device_index (at);
  const int column = (int)(i % p->width), row = (int)(i / p->width);
  const int x = p->start_x + column * p->across[0] + row * p->down[0];
  const int y = p->start_y + column * p->across[1] + row * p->down[1];
  float number[3];
  CcsRgb rgb = 0;

  if (i >= p->n)
    return;
  for (int k = 0; k < 3; k++)
    number[k] = ccs_component_at (&p->component[k], x, y);
  for (int k = 0; k < 3; k++) {
    const float *m = p->matrix[k];

    rgb |= ccs_byte_of (m[0] * number[0] + m[1] * number[1] + m[2] * number[2]
                        + m[3])
           << (8 * k);
  }
  p->rgb[i] = rgb;
}

/* -- resizing -------------------------------------------------------------- */

/* CcsResizeTaps in device memory. */
typedef struct
{
  const int *first, *count, *weight;
  int n_taps;
} CcsTaps;

#define CCS_TAPS_WEIGHT_BITS 22

/* Returns the sum over the taps of @position; pixels are @apart from each
 * other. */
CCS_DEVICE CcsRgb
ccs_taps_sum (const CcsTaps *p, int position, const CcsRgb *in, int apart)
{
  const int *weight = p->weight + position * p->n_taps;
  const int n = p->count[position];
  unsigned sum[3]
      = { 1u << (CCS_TAPS_WEIGHT_BITS - 1), 1u << (CCS_TAPS_WEIGHT_BITS - 1),
          1u << (CCS_TAPS_WEIGHT_BITS - 1) };
  CcsRgb result = 0;

  in += (unsigned long long)p->first[position] * apart;
  for (int k = 0; k < n; k++, in += apart) {
    const CcsRgb pixel = *in;

    for (int c = 0; c < 3; c++)
      sum[c] += (pixel >> (8 * c) & 255u) * (unsigned)weight[k];
  }
  for (int c = 0; c < 3; c++) {
    const int value = (int)sum[c] >> CCS_TAPS_WEIGHT_BITS;

    result |= (unsigned)(value < 0 ? 0 : value > 255 ? 255 : value) << (8 * c);
  }
  return result;
}

/* Resizes rows of @width pixels to @out_width, the first of which has position
 * @left. */
typedef struct
{
  CcsTaps taps;
  const CcsRgb *in;
  CcsRgb *out;
  int width, out_width, left;
  unsigned n; /* pixels of out */
} CcsPictureRowsParams;

CCS_DEVICE void
ccs_kernel_picture_rows (const CcsPlace *at, const CcsPictureRowsParams *p,
                         int phase)
{
  const unsigned i = ccs_device_index (at);
  const unsigned row = i / p->out_width;

  if (i < p->n)
    p->out[i] = ccs_taps_sum (&p->taps, p->left + (int)(i % p->out_width),
                              p->in + (unsigned long long)row * p->width, 1);
}

/* Resizes columns to the rows of @out, the first of which has position @top;
 * bytes R, G, B. */
typedef struct
{
  CcsTaps taps;
  const CcsRgb *in;
  unsigned char *out;
  int width, top;
  unsigned n; /* pixels of out */
} CcsPictureColumnsParams;

CCS_DEVICE void
ccs_kernel_picture_columns (const CcsPlace *at,
                            const CcsPictureColumnsParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  CcsRgb rgb;

  if (i >= p->n)
    return;
  rgb = ccs_taps_sum (&p->taps, p->top + (int)(i / p->width),
                      p->in + i % p->width, p->width);
  p->out[3 * i] = (unsigned char)rgb;
  p->out[3 * i + 1] = (unsigned char)(rgb >> 8);
  p->out[3 * i + 2] = (unsigned char)(rgb >> 16);
}

/* X (name, parameters), in the order in which they run. */
#define CCS_PICTURE_KERNEL_LIST(X)                                             \
  X (picture_rgb, CcsPictureRgbParams)                                         \
  X (picture_rows, CcsPictureRowsParams)                                       \
  X (picture_columns, CcsPictureColumnsParams)

typedef enum
{
#define X(name, Params) CCS_KERNEL_##name,
  CCS_PICTURE_KERNEL_LIST (X)
#undef X
      CCS_N_PICTURE_KERNELS
} CcsPictureKernelId;

/* Prefix of __global__ functions. */
#define CCS_PICTURE_ENTRY "ccs_entry_"
