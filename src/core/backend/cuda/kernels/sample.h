/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels of pooling, resizing rows, and the signal front end: framing,
 * overlap-add, levels. One thread per element of the result, which gathers. */
#pragma once

#include "element.h"

/* -- maximum pooling ------------------------------------------------------- */

typedef struct
{
  const void *x;                          /* of the gradient: dy */
  const unsigned char *where;             /* of the gradient: argmax, like dy */
  void *y;                                /* of the gradient: dx */
  unsigned char *where_out;               /* or NULL */
  unsigned n;                             /* elements of y */
  int channels, in_h, in_w, out_h, out_w; /* out: of y */
  int kernel, stride, pad;
  int x_element, y_element;
} CcsPoolParams;

/* An element of a map [B,h,w,C]. */
typedef struct
{
  int c, x, y, item;
} CcsPixel;

CCS_DEVICE CcsPixel
ccs_pixel (unsigned i, int channels, int w, int h)
{
  CcsPixel at;

  at.c = (int)(i % channels);
  i /= channels;
  at.x = (int)(i % w);
  i /= w;
  at.y = (int)(i % h);
  at.item = (int)(i / h);
  return at;
}

CCS_DEVICE void
ccs_kernel_max_pool (const CcsPlace *at, const CcsPoolParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  const CcsPixel to = ccs_pixel (i, p->channels, p->out_w, p->out_h);
  const int top = to.y * p->stride - p->pad, left = to.x * p->stride - p->pad;
  int found = 0, place = 0;
  float best = 0.f;

  if (i >= p->n)
    return;
  for (int ky = 0; ky < p->kernel; ky++)
    for (int kx = 0; kx < p->kernel; kx++) {
      const int y = top + ky, x = left + kx;

      if (y >= 0 && y < p->in_h && x >= 0 && x < p->in_w) {
        const float value = ccs_device_load (
            p->x_element, p->x,
            ((to.item * p->in_h + y) * p->in_w + x) * p->channels + to.c);

        if (!found || value > best) {
          best = value;
          place = ky * p->kernel + kx;
          found = 1;
        }
      }
    }
  ccs_device_store (p->y_element, p->y, (int)i, best);
  if (p->where_out)
    p->where_out[i] = (unsigned char)place;
}

/* Return the first and the last of @n windows that can contain coordinate @at.
 */
CCS_DEVICE int
ccs_pool_first (const CcsPoolParams *p, int at)
{
  const int before = at + p->pad - p->kernel;

  return before < 0 ? 0 : before / p->stride + 1;
}

CCS_DEVICE int
ccs_pool_last (const CcsPoolParams *p, int at, int n)
{
  const int last = (at + p->pad) / p->stride;

  return last < n - 1 ? last : n - 1;
}

CCS_DEVICE void
ccs_kernel_max_pool_grad (const CcsPlace *at, const CcsPoolParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  const CcsPixel to = ccs_pixel (i, p->channels, p->out_w, p->out_h);
  const int last_y = ccs_pool_last (p, to.y, p->in_h);
  const int last_x = ccs_pool_last (p, to.x, p->in_w);
  float sum = 0.f;

  if (i >= p->n)
    return;
  for (int y = ccs_pool_first (p, to.y); y <= last_y; y++)
    for (int x = ccs_pool_first (p, to.x); x <= last_x; x++) {
      const int from
          = ((to.item * p->in_h + y) * p->in_w + x) * p->channels + to.c;
      const int place = (to.y + p->pad - y * p->stride) * p->kernel + to.x
                        + p->pad - x * p->stride;

      if (p->where[from] == place)
        sum += ((const float *)p->x)[from];
    }
  ((float *)p->y)[i] = sum;
}

/* -- bilinear resizing of rows, corners aligned ---------------------------- */

typedef struct
{
  const float *x;
  float *y;
  unsigned n;  /* elements of y */
  int columns; /* width x channels */
  int in_h, out_h;
} CcsResizeParams;

/* Maps row @at of @to output rows to @from input rows. Returns the input row at
 * or above it, and in @part the fraction of the way to the next row. */
CCS_DEVICE int
ccs_resize_source (int at, int from, int to, float *part)
{
  const int steps = to > 1 ? to - 1 : 1;

  *part = (float)(at * (from - 1) % steps) / (float)steps;
  return at * (from - 1) / steps;
}

CCS_DEVICE void
ccs_kernel_resize_rows (const CcsPlace *at, const CcsResizeParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  const int c = (int)(i % p->columns), row = (int)(i / p->columns);
  const int first = row / p->out_h * p->in_h;
  float part;
  const int above
      = ccs_resize_source (row % p->out_h, p->in_h, p->out_h, &part);
  const int below = above + 1 < p->in_h ? above + 1 : above;

  if (i < p->n)
    p->y[i] = (1.f - part) * p->x[(first + above) * p->columns + c]
              + part * p->x[(first + below) * p->columns + c];
}

/* x: dy of in_h rows; y: dx of out_h. */
CCS_DEVICE void
ccs_kernel_resize_rows_grad (const CcsPlace *at, const CcsResizeParams *p,
                             int phase)
{
  const unsigned i = ccs_device_index (at);
  const int c = (int)(i % p->columns), row = (int)(i / p->columns);
  const int item = row / p->out_h, to = row % p->out_h;
  const int steps = p->out_h > 1 ? p->out_h - 1 : 1;
  int first = p->out_h == 1 ? 0 : (to - 1) * (p->in_h - 1) / steps;
  int last = p->out_h == 1 ? p->in_h - 1 : (to + 1) * (p->in_h - 1) / steps + 1;
  float sum = 0.f;

  if (i >= p->n)
    return;
  first = first > 0 ? first : 0;
  last = last < p->in_h - 1 ? last : p->in_h - 1;
  for (int y = first; y <= last; y++) {
    float part;
    const int above = ccs_resize_source (y, p->out_h, p->in_h, &part);
    const float weight = above == to       ? 1.f - part
                         : above + 1 == to ? part
                                           : 0.f;

    sum += weight * p->x[(item * p->in_h + y) * p->columns + c];
  }
  p->y[i] = sum;
}

/* -- frames ---------------------------------------------------------------- */

typedef struct
{
  const float *x;
  float *y;
  unsigned n; /* elements of y */
  int samples, frames, window, hop, pad;
  int x_pitch, y_pitch;
  int reflect;
} CcsFrameParams;

CCS_DEVICE void
ccs_kernel_frame (const CcsPlace *at, const CcsFrameParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  const int k = (int)(i % p->window), row = (int)(i / p->window);
  int from = row % p->frames * p->hop - p->pad + k;

  if (i >= p->n)
    return;
  if (p->reflect)
    from = from < 0             ? -from
           : from >= p->samples ? 2 * (p->samples - 1) - from
                                : from;
  p->y[row * p->y_pitch + k] = from < 0 || from >= p->samples
                                   ? 0.f
                                   : p->x[row / p->frames * p->x_pitch + from];
}

/* Returns the sum of the frames of @item at sample @at, which may be in the
 * padding. */
CCS_DEVICE float
ccs_frames_at (const CcsFrameParams *p, int item, int at)
{
  const int padded = at + p->pad;
  const int first = padded < p->window ? 0 : (padded - p->window) / p->hop + 1;
  const int reached = padded / p->hop;
  const int last = reached < p->frames - 1 ? reached : p->frames - 1;
  float sum = 0.f;

  for (int t = first; t <= last; t++)
    sum += p->x[(item * p->frames + t) * p->x_pitch + padded - t * p->hop];
  return sum;
}

CCS_DEVICE void
ccs_kernel_overlap_add (const CcsPlace *at, const CcsFrameParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  const int k = (int)(i % p->samples), item = (int)(i / p->samples);
  float sum;

  if (i >= p->n)
    return;
  sum = ccs_frames_at (p, item, k);
  if (p->reflect && k >= 1 && k <= p->pad)
    sum += ccs_frames_at (p, item, -k);
  if (p->reflect && k <= p->samples - 2 && k >= p->samples - 1 - p->pad)
    sum += ccs_frames_at (p, item, 2 * (p->samples - 1) - k);
  p->y[item * p->y_pitch + k] = sum;
}

/* -- level: a block a row -------------------------------------------------- */

typedef struct
{
  const float *x;
  float *y, *gain; /* gain [rows], or NULL */
  int samples, x_pitch, y_pitch, gain_pitch;
  float target, floor;
} CcsLevelParams;

CCS_DEVICE void
ccs_kernel_level (const CcsPlace *at, const CcsLevelParams *p, int phase)
{
  double *sums = (double *)at->shared;
  const float *x = p->x + (int)at->block * p->x_pitch;
  float *y = p->y + (int)at->block * p->y_pitch;

  if (phase == 0) {
    double sum = 0.;

    for (int i = (int)at->thread; i < p->samples; i += CCS_BLOCK_THREADS)
      sum += (double)x[i] * x[i];
    sums[at->thread] = sum;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_add (at, sums, 1, phase - 1);
  } else {
    const double rms = sqrt (sums[0] / p->samples);
    const float gain = (float)((rms > p->floor ? rms : p->floor) / p->target);

    for (int i = (int)at->thread; i < p->samples; i += CCS_BLOCK_THREADS)
      y[i] = x[i] / gain;
    if (at->thread == 0 && p->gain)
      p->gain[(int)at->block * p->gain_pitch] = gain;
  }
}
