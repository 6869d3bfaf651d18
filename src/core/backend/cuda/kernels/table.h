/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels that process many arrays in one launch: Adam for all parameters, sums
 * of squares of all gradients. A table has an entry for each array; blocks are
 * assigned to entries in order. */
#pragma once

#include "device.h"

/* Elements per thread, and per block. */
#define CCS_TABLE_RUN 8
#define CCS_TABLE_BLOCK (CCS_BLOCK_THREADS * CCS_TABLE_RUN)

/* Returns the entry of @block. @first [n + 1] has the first block of each
 * entry, and the number of blocks. */
CCS_DEVICE unsigned
ccs_table_find (const unsigned *first, unsigned n, unsigned block)
{
  unsigned low = 0;

  while (n > 1) {
    const unsigned half = n / 2;

    if (first[low + half] <= block) {
      low += half;
      n -= half;
    } else {
      n = half;
    }
  }
  return low;
}

/* -- Adam ------------------------------------------------------------------ */

typedef struct
{
  float *param, *m, *v;
  const float *grad, *hyper; /* hyper: rate, 1 - beta1^t, 1 - beta2^t, factor */
  unsigned n;
  float beta1, beta2, eps, weight_decay;
} CcsAdamEntry;

typedef struct
{
  const unsigned *first;
  const CcsAdamEntry *entries;
  unsigned n;
} CcsAdamParams;

CCS_DEVICE void
ccs_kernel_adam (const CcsPlace *at, const CcsAdamParams *p, int phase)
{
  const unsigned which = ccs_table_find (p->first, p->n, at->block);
  const CcsAdamEntry e = p->entries[which];
  const float step = e.hyper[0] / e.hyper[1], root = sqrtf (e.hyper[2]);
  const float scale = e.hyper[3];
  unsigned i = (at->block - p->first[which]) * CCS_TABLE_BLOCK + at->thread;

  for (int k = 0; k < CCS_TABLE_RUN && i < e.n; k++, i += CCS_BLOCK_THREADS) {
    const float g = scale * e.grad[i] + e.weight_decay * e.param[i];
    const float m = e.beta1 * e.m[i] + (1.f - e.beta1) * g;
    const float v = e.beta2 * e.v[i] + (1.f - e.beta2) * g * g;

    e.m[i] = m;
    e.v[i] = v;
    e.param[i] -= step * m / (sqrtf (v) / root + e.eps);
  }
}

/* -- sums of squares ------------------------------------------------------- */

typedef struct
{
  const float *x;
  float *y; /* [1] */
  unsigned n;
} CcsSquaresEntry;

typedef struct
{
  const unsigned *first;
  const CcsSquaresEntry *entries;
  unsigned n;
  double *parts; /* a block */
} CcsSquaresParams;

/* A thread adds in float; the sums of threads are added in double. */
CCS_DEVICE void
ccs_kernel_squares (const CcsPlace *at, const CcsSquaresParams *p, int phase)
{
  double *sums = (double *)at->shared; /* [CCS_BLOCK_THREADS] */

  if (phase == 0) {
    const unsigned which = ccs_table_find (p->first, p->n, at->block);
    const CcsSquaresEntry e = p->entries[which];
    unsigned i = (at->block - p->first[which]) * CCS_TABLE_BLOCK + at->thread;
    float sum = 0.f;

    for (int k = 0; k < CCS_TABLE_RUN; k++, i += CCS_BLOCK_THREADS)
      if (i < e.n)
        sum += e.x[i] * e.x[i];
    sums[at->thread] = sum;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_add (at, sums, 1, phase - 1);
  } else if (at->thread == 0) {
    p->parts[at->block] = sums[0];
  }
}

/* One block per entry. */
CCS_DEVICE void
ccs_kernel_squares_finish (const CcsPlace *at, const CcsSquaresParams *p,
                           int phase)
{
  double *sums = (double *)at->shared; /* [CCS_BLOCK_THREADS] */

  if (phase == 0) {
    double sum = 0.;

    for (unsigned i = p->first[at->block] + at->thread;
         i < p->first[at->block + 1]; i += CCS_BLOCK_THREADS)
      sum += p->parts[i];
    sums[at->thread] = sum;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_add (at, sums, 1, phase - 1);
  } else if (at->thread == 0) {
    *p->entries[at->block].y = (float)sums[0];
  }
}

#define CCS_SQUARES_PHASES (CCS_TREE_PHASES + 2)
