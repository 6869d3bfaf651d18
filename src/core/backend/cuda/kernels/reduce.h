/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sums: of elements, magnitudes and squared differences over any dimensions.
 * Partitions are fixed by the shapes, so that a sum is the same in every run;
 * a thread adds in float, threads and parts are added in double. */
#pragma once

#include "elementwise.h"

typedef enum
{
  CCS_TERM_VALUE,             /* a */
  CCS_TERM_MAGNITUDE,         /* |a| */
  CCS_TERM_SQUARE_DIFFERENCE, /* (a - b)^2 */
} CcsTerm;

/* Kept elements are in @across columns of a block, whose lanes share the summed
 * elements. Blocks are ordered by columns, then part. */
typedef struct
{
  char *scratch;      /* of a reduction in parts: double [parts][n_kept] */
  const float *a, *b; /* NULL: the parts in scratch are summed */
  float *y;           /* NULL: the parts' sums go into scratch */
  int to_total;       /* instead: double [n_kept] in scratch */
  unsigned total_offset;
  CcsWalk kept, summed;
  int kept_a[4], kept_b[4], kept_y[4], summed_a[4], summed_b[4];
  unsigned n_kept, n_summed, across, parts, scratch_offset;
  int term;
  double scale;
} CcsReduceParams;

/* Terms that a thread adds in float before they are added to a double. */
#define CCS_REDUCE_RUN 16

CCS_DEVICE float
ccs_reduce_term (const CcsReduceParams *p, float a, float b)
{
  switch (p->term) {
  case CCS_TERM_MAGNITUDE:
    return fabsf (a);
  case CCS_TERM_SQUARE_DIFFERENCE:
    return (a - b) * (a - b);
  default:
    return a;
  }
}

/* Returns a thread's part of the sum of one kept element. */
CCS_DEVICE double
ccs_reduce_share (const CcsReduceParams *p, unsigned kept, unsigned part,
                  unsigned lane, unsigned lanes)
{
  const double *parts = (const double *)(p->scratch + p->scratch_offset);
  const unsigned stride = lanes * (p->a ? p->parts : 1);
  const int a0 = ccs_walk_offset (&p->kept, p->kept_a, kept);
  const int b0 = ccs_walk_offset (&p->kept, p->kept_b, kept);
  unsigned i = p->a ? part * lanes + lane : lane;
  double sum = 0.;

  if (!p->a) {
    for (; i < p->parts; i += stride)
      sum += parts[(unsigned long long)i * p->n_kept + kept];
    return sum;
  }
  while (i < p->n_summed) {
    float run = 0.f;

    for (int k = 0; k < CCS_REDUCE_RUN && i < p->n_summed; k++, i += stride) {
      const float a = p->a[a0 + ccs_walk_offset (&p->summed, p->summed_a, i)];
      const float b
          = p->b ? p->b[b0 + ccs_walk_offset (&p->summed, p->summed_b, i)]
                 : 0.f;

      run += ccs_reduce_term (p, a, b);
    }
    sum += run;
  }
  return sum;
}

CCS_DEVICE void
ccs_kernel_reduce (const CcsPlace *at, const CcsReduceParams *p, int phase)
{
  double *sums = (double *)at->shared; /* [CCS_BLOCK_THREADS] */
  const unsigned columns = (p->n_kept + p->across - 1) / p->across;
  const unsigned kept
      = at->block % columns * p->across + at->thread % p->across;
  const unsigned part = at->block / columns;

  if (phase == 0) {
    sums[at->thread]
        = kept < p->n_kept
              ? ccs_reduce_share (p, kept, part, at->thread / p->across,
                                  CCS_BLOCK_THREADS / p->across)
              : 0.;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_add (at, sums, p->across, phase - 1);
  } else if (at->thread < p->across && kept < p->n_kept) {
    if (p->y)
      p->y[ccs_walk_offset (&p->kept, p->kept_y, kept)]
          = (float)(p->scale * sums[at->thread]);
    else if (p->to_total)
      ((double *)(p->scratch + p->total_offset))[kept]
          = p->scale * sums[at->thread];
    else
      ((double *)(p->scratch
                  + p->scratch_offset))[(unsigned long long)part * p->n_kept
                                        + kept]
          = sums[at->thread];
  }
}

#define CCS_REDUCE_PHASES (CCS_TREE_PHASES + 2)
