/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Multi-head attention over few tokens, and its gradient: a block for each
 * query of a head, and for the gradients of keys and values a block for each
 * key. */
#pragma once

#include "device.h"

typedef struct
{
  char *scratch;          /* gradient: float ds [B,heads,Tq,Tk] */
  const float *q, *k, *v; /* [B,T,D], rows a pitch apart */
  const float *dout,
      *p_in;    /* for the gradient: that of the result, and probabilities */
  float *o, *p; /* p [B,heads,Tq,Tk], or NULL */
  float *dq, *dk, *dv; /* each may be NULL */
  int q_pitch, k_pitch, v_pitch, do_pitch, o_pitch, p_pitch;
  int dq_pitch, dk_pitch, dv_pitch;
  int heads, tq, tk, d;
  float scale;
} CcsAttentionParams;

typedef struct
{
  int row;   /* of the block's query or key, in [B T] */
  int first; /* the first row of the other tokens, in [B T] */
  int item, head, token, column;
} CcsAttentionPlace;

/* Finds the place of a block. Blocks are ordered by token, head, item; @t
 * tokens on this side, @other on the other. */
CCS_DEVICE CcsAttentionPlace
ccs_attention_place (const CcsPlace *at, const CcsAttentionParams *p, int t,
                     int other)
{
  CcsAttentionPlace here;

  here.token = (int)(at->block % t);
  here.head = (int)(at->block / t % p->heads);
  here.item = (int)(at->block / t / p->heads);
  here.row = here.item * t + here.token;
  here.first = here.item * other;
  here.column = here.head * p->d;
  return here;
}

CCS_DEVICE float
ccs_attention_dot (const float *a, const float *b, int n)
{
  float sum = 0.f;

  for (int i = 0; i < n; i++)
    sum += a[i] * b[i];
  return sum;
}

#define CCS_ATTENTION_PHASES (2 * CCS_TREE_PHASES + 4)

/* Shared: double [CCS_BLOCK_THREADS + 1], float scores [Tk]. Phases: scores and
 * their maxima, tree, exponentials and their sums, tree, the result. */
CCS_DEVICE void
ccs_kernel_attention (const CcsPlace *at, const CcsAttentionParams *p,
                      int phase)
{
  double *sums = (double *)at->shared;
  float *scores = (float *)(sums + CCS_BLOCK_THREADS + 1);
  const CcsAttentionPlace here = ccs_attention_place (at, p, p->tq, p->tk);
  const int thread = (int)at->thread;

  if (phase == 0) {
    const float *q = p->q + here.row * p->q_pitch + here.column;
    double top = -INFINITY;

    for (int j = thread; j < p->tk; j += CCS_BLOCK_THREADS) {
      scores[j]
          = p->scale
            * ccs_attention_dot (
                q, p->k + (here.first + j) * p->k_pitch + here.column, p->d);
      top = scores[j] > top ? scores[j] : top;
    }
    sums[thread] = top;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_max (at, sums, phase - 1);
  } else if (phase == CCS_TREE_PHASES + 1) {
    if (thread == 0)
      sums[CCS_BLOCK_THREADS] = sums[0];
  } else if (phase == CCS_TREE_PHASES + 2) {
    const float top = (float)sums[CCS_BLOCK_THREADS];
    float sum = 0.f;

    for (int j = thread; j < p->tk; j += CCS_BLOCK_THREADS) {
      scores[j] = expf (scores[j] - top);
      sum += scores[j];
    }
    sums[thread] = sum;
  } else if (phase <= 2 * CCS_TREE_PHASES + 2) {
    ccs_device_tree_add (at, sums, 1, phase - CCS_TREE_PHASES - 3);
  } else {
    const float share = (float)(1. / sums[0]);

    for (int c = thread; c < p->d; c += CCS_BLOCK_THREADS) {
      float sum = 0.f;

      for (int j = 0; j < p->tk; j++)
        sum += scores[j]
               * p->v[(here.first + j) * p->v_pitch + here.column + c];
      p->o[here.row * p->o_pitch + here.column + c] = sum * share;
    }
    if (p->p)
      for (int j = thread; j < p->tk; j += CCS_BLOCK_THREADS)
        p->p[(int)at->block * p->p_pitch + j] = scores[j] * share;
  }
}

#define CCS_ATTENTION_GRAD_PHASES (CCS_TREE_PHASES + 3)

/* ds, kept in scratch, and dq. Shared: double [CCS_BLOCK_THREADS],
 * float dp [Tk]. */
CCS_DEVICE void
ccs_kernel_attention_grad (const CcsPlace *at, const CcsAttentionParams *p,
                           int phase)
{
  double *sums = (double *)at->shared;
  float *dp = (float *)(sums + CCS_BLOCK_THREADS);
  float *ds = (float *)p->scratch + (int)at->block * p->tk;
  const float *prob = p->p_in + (int)at->block * p->p_pitch;
  const CcsAttentionPlace here = ccs_attention_place (at, p, p->tq, p->tk);
  const int thread = (int)at->thread;

  if (phase == 0) {
    const float *dout = p->dout + here.row * p->do_pitch + here.column;
    float sum = 0.f;

    for (int j = thread; j < p->tk; j += CCS_BLOCK_THREADS) {
      dp[j] = ccs_attention_dot (
          dout, p->v + (here.first + j) * p->v_pitch + here.column, p->d);
      sum += prob[j] * dp[j];
    }
    sums[thread] = sum;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_add (at, sums, 1, phase - 1);
  } else if (phase == CCS_TREE_PHASES + 1) {
    const float mean = (float)sums[0];

    for (int j = thread; j < p->tk; j += CCS_BLOCK_THREADS) {
      dp[j] = p->scale * prob[j] * (dp[j] - mean);
      ds[j] = dp[j];
    }
  } else if (p->dq) {
    for (int c = thread; c < p->d; c += CCS_BLOCK_THREADS) {
      float sum = 0.f;

      for (int j = 0; j < p->tk; j++)
        sum += dp[j] * p->k[(here.first + j) * p->k_pitch + here.column + c];
      p->dq[here.row * p->dq_pitch + here.column + c] = sum;
    }
  }
}

/* dk and dv from ds and the probabilities. */
CCS_DEVICE void
ccs_kernel_attention_grad_keys (const CcsPlace *at, const CcsAttentionParams *p,
                                int phase)
{
  const CcsAttentionPlace here = ccs_attention_place (at, p, p->tk, p->tq);
  const int first = (here.item * p->heads + here.head) * p->tq;
  const float *ds = (const float *)p->scratch + first * p->tk + here.token;
  const float *prob = p->p_in + first * p->p_pitch + here.token;

  for (int c = (int)at->thread; c < p->d; c += CCS_BLOCK_THREADS) {
    float dk = 0.f, dv = 0.f;

    for (int i = 0; i < p->tq; i++) {
      dk += ds[i * p->tk]
            * p->q[(here.first + i) * p->q_pitch + here.column + c];
      dv += prob[i * p->p_pitch]
            * p->dout[(here.first + i) * p->do_pitch + here.column + c];
    }
    if (p->dk)
      p->dk[here.row * p->dk_pitch + here.column + c] = dk;
    if (p->dv)
      p->dv[here.row * p->dv_pitch + here.column + c] = dv;
  }
}
