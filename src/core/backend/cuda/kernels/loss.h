/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels of training losses that are more than a sum over elements. Losses are
 * computed in double: they take little time, and their thresholds must give the
 * same result in loss and gradient. */
#pragma once

#include "device.h"

#define CCS_DEVICE_PI 3.14159265358979323846

CCS_DEVICE double
ccs_device_sign (double x)
{
  return (x > 0.) - (x < 0.);
}

/* -- amplitude: [bins,T,parts] --------------------------------------------- */

typedef struct
{
  char *scratch;
  const float *a, *b, *dloss; /* dloss: NULL for the loss itself */
  float *da;                  /* of the loss NULL: double [n] in scratch */
  unsigned n;                 /* bins x parts */
  int times, parts, a_pitch, b_pitch, da_pitch;
} CcsAmpParams;

CCS_DEVICE double
ccs_amp_norm (const float *x, int pitch, int times)
{
  double sum = 0.;

  for (int t = 0; t < times; t++)
    sum += (double)x[t * pitch] * x[t * pitch];
  return sqrt (sum);
}

CCS_DEVICE void
ccs_kernel_amp (const CcsPlace *at, const CcsAmpParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  const int c = (int)(i % p->parts), row = (int)(i / p->parts) * p->times;
  const float *a = p->a + row * p->a_pitch + c;
  double norm, apart;

  if (i >= p->n)
    return;
  norm = ccs_amp_norm (a, p->a_pitch, p->times);
  apart
      = norm - ccs_amp_norm (p->b + row * p->b_pitch + c, p->b_pitch, p->times);
  if (p->dloss) {
    const double scale
        = norm > 0. ? *p->dloss * ccs_device_sign (apart) / p->n / norm : 0.;

    for (int t = 0; t < p->times; t++)
      p->da[(row + t) * p->da_pitch + c] = (float)(scale * a[t * p->a_pitch]);
  } else {
    ((double *)p->scratch)[i] = fabs (apart);
  }
}

/* -- sums of doubles in scratch, in one block ------------------------------ */

typedef struct
{
  char *scratch;
  unsigned offset, count_offset, bound_offset; /* of double [n] */
  unsigned n;
  float *y;
  double scale;
  float *stat; /* of the phase loss: bound and count; the sum is divided by
                * the count */
  int counted;
  float threshold;
} CcsSumParams;

CCS_DEVICE void
ccs_kernel_sum (const CcsPlace *at, const CcsSumParams *p, int phase)
{
  double *sums = (double *)at->shared; /* [2][CCS_BLOCK_THREADS] */
  const double *x = (const double *)(p->scratch + p->offset);
  const double *count = (const double *)(p->scratch + p->count_offset);

  if (phase == 0) {
    double sum = 0., n = 0.;

    for (unsigned i = at->thread; i < p->n; i += CCS_BLOCK_THREADS) {
      sum += x[i];
      n += p->counted ? count[i] : 0.;
    }
    sums[at->thread] = sum;
    sums[CCS_BLOCK_THREADS + at->thread] = n;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_add (at, sums, 1, phase - 1);
    ccs_device_tree_add (at, sums + CCS_BLOCK_THREADS, 1, phase - 1);
  } else if (at->thread == 0) {
    const double n = sums[CCS_BLOCK_THREADS];

    if (!p->counted)
      *p->y = (float)(p->scale * sums[0]);
    else
      *p->y = n > 0. ? (float)(sums[0] / n) : 0.f;
    if (p->stat) {
      const double mean = *(const double *)(p->scratch + p->bound_offset);

      p->stat[0] = (float)(p->threshold * mean);
      p->stat[1] = (float)n;
    }
  }
}

/* -- phase ----------------------------------------------------------------- */

typedef struct
{
  char *scratch;
  unsigned mean_offset;              /* double: mean energy */
  unsigned sum_offset, count_offset; /* double [blocks] */
  const float *real, *generated;
  const float *dloss, *stat; /* of the gradient */
  float *dgenerated;
  unsigned n; /* points (re, im) */
  unsigned blocks;
  float threshold;
} CcsPhaseParams;

CCS_DEVICE int
ccs_phase_keeps (const float *real, const float *generated, float bound)
{
  return fabsf (generated[0]) + fabsf (generated[1]) > bound
         && fabsf (real[0]) + fabsf (real[1]) > bound;
}

/* Returns the difference of the angles of real and generated; the published
 * angle is atan2 (re, im). */
CCS_DEVICE double
ccs_phase_apart (const float *real, const float *generated)
{
  return atan2 ((double)real[0], (double)real[1])
         - atan2 ((double)generated[0], (double)generated[1]);
}

CCS_DEVICE void
ccs_kernel_phase (const CcsPlace *at, const CcsPhaseParams *p, int phase)
{
  double *sums = (double *)at->shared; /* [2][CCS_BLOCK_THREADS] */

  if (phase == 0) {
    const float bound
        = (float)(p->threshold
                  * *(const double *)(p->scratch + p->mean_offset));
    double sum = 0., n = 0.;

    for (unsigned i = ccs_device_index (at); i < p->n;
         i += p->blocks * CCS_BLOCK_THREADS)
      if (ccs_phase_keeps (p->real + 2 * i, p->generated + 2 * i, bound)) {
        sum += CCS_DEVICE_PI
               - fabs (fabs (ccs_phase_apart (p->real + 2 * i,
                                              p->generated + 2 * i))
                       - CCS_DEVICE_PI);
        n += 1.;
      }
    sums[at->thread] = sum;
    sums[CCS_BLOCK_THREADS + at->thread] = n;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_add (at, sums, 1, phase - 1);
    ccs_device_tree_add (at, sums + CCS_BLOCK_THREADS, 1, phase - 1);
  } else if (at->thread == 0) {
    ((double *)(p->scratch + p->sum_offset))[at->block] = sums[0];
    ((double *)(p->scratch + p->count_offset))[at->block]
        = sums[CCS_BLOCK_THREADS];
  }
}

CCS_DEVICE void
ccs_kernel_phase_grad (const CcsPlace *at, const CcsPhaseParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  const float *real = p->real + 2 * i, *generated = p->generated + 2 * i;
  float dre = 0.f, dim = 0.f;

  if (i >= p->n)
    return;
  if (ccs_phase_keeps (real, generated, p->stat[0])) {
    const double apart = ccs_phase_apart (real, generated);
    const double re = generated[0], im = generated[1];
    const double scale
        = *p->dloss / (p->stat[1] > 1.f ? (double)p->stat[1] : 1.);
    const double slope = scale * ccs_device_sign (CCS_DEVICE_PI - fabs (apart))
                         * -ccs_device_sign (apart);

    dre = (float)(slope * im / (re * re + im * im));
    dim = (float)(-slope * re / (re * re + im * im));
  }
  p->dgenerated[2 * i] = dre;
  p->dgenerated[2 * i + 1] = dim;
}

/* -- InfoNCE over 3 x pairs rows: a block an anchor or a positive ---------- */

typedef struct
{
  char *scratch; /* double terms [2 pairs]; or ds [2 pairs][rows] */
  const float *z, *dloss;
  float *dz;
  int pairs, channels, z_pitch, dz_pitch;
  float temperature;
  double scale;
} CcsNceParams;

#define CCS_NCE_PHASES (2 * CCS_TREE_PHASES + 4)

/* Shared: double [CCS_BLOCK_THREADS + 1], double s [3 pairs]. */
CCS_DEVICE void
ccs_kernel_nce (const CcsPlace *at, const CcsNceParams *p, int phase)
{
  double *sums = (double *)at->shared, *s = sums + CCS_BLOCK_THREADS + 1;
  const int i = (int)at->block, n = 3 * p->pairs, first = (int)at->thread;
  const int partner = i < p->pairs ? i + p->pairs : i - p->pairs;

  if (phase == 0) {
    double top = -INFINITY;

    for (int j = first; j < n; j += CCS_BLOCK_THREADS) {
      double sum = 0.;

      for (int c = 0; c < p->channels; c++)
        sum += (double)p->z[i * p->z_pitch + c] * p->z[j * p->z_pitch + c];
      s[j] = sum / p->temperature;
      if (j != i && s[j] > top)
        top = s[j];
    }
    sums[first] = top;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_max (at, sums, phase - 1);
  } else if (phase == CCS_TREE_PHASES + 1) {
    if (first == 0)
      sums[CCS_BLOCK_THREADS] = sums[0];
  } else if (phase == CCS_TREE_PHASES + 2) {
    double sum = 0.;

    for (int j = first; j < n; j += CCS_BLOCK_THREADS)
      sum += j == i ? 0. : exp (s[j] - sums[CCS_BLOCK_THREADS]);
    sums[first] = sum;
  } else if (phase <= 2 * CCS_TREE_PHASES + 2) {
    ccs_device_tree_add (at, sums, 1, phase - CCS_TREE_PHASES - 3);
  } else {
    const double partition = sums[CCS_BLOCK_THREADS] + log (sums[0]);

    if (!p->dloss && first == 0)
      ((double *)p->scratch)[i] = s[partner] - partition;
    if (p->dloss)
      for (int j = first; j < n; j += CCS_BLOCK_THREADS)
        ((double *)p->scratch)[i * n + j]
            = j == i ? 0. : exp (s[j] - partition) - (j == partner);
  }
}

/* dz_i = scale dloss (sum over j of ds_ij z_j + ds_ji z_j); ds has rows for
 * anchors and positives only. A block a row. */
CCS_DEVICE void
ccs_kernel_nce_grad (const CcsPlace *at, const CcsNceParams *p, int phase)
{
  const double *ds = (const double *)p->scratch;
  const int i = (int)at->block, n = 3 * p->pairs, in_pairs = 2 * p->pairs;

  for (int c = (int)at->thread; c < p->channels; c += CCS_BLOCK_THREADS) {
    double sum = 0.;

    for (int j = 0; j < n; j++) {
      double weight = i < in_pairs ? ds[i * n + j] : 0.;

      weight += j < in_pairs ? ds[j * n + i] : 0.;
      sum += weight * p->z[j * p->z_pitch + c];
    }
    p->dz[i * p->dz_pitch + c] = (float)(p->scale * *p->dloss * sum);
  }
}
