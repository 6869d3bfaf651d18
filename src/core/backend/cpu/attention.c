/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Multi-head attention and its gradient. A thread computes one head of one
 * item, in its own part of the scratch memory. */
#include "rows.h"

#include <math.h>
#include <string.h>

#include <omp.h>

typedef struct
{
  CcsOperand in[5], out[3];
  gint64 batch, heads, tq, tk, d;
  gsize each; /* scratch per thread, in floats */
} Attention;

static Attention *
attention_new (CcsCpu *cpu, CcsKernel *kernel, const CcsOperand *q,
               const CcsOperand *k, gsize floats,
               void (*run) (CcsBackend *, gpointer, void *))
{
  Attention *self = g_new0 (Attention, 1);

  memcpy (self->in, kernel->in, sizeof self->in);
  memcpy (self->out, kernel->out, sizeof self->out);
  self->heads = kernel->op->attrs.attention.heads;
  self->batch = q->shape.dim[0];
  self->tq = q->shape.dim[1];
  self->tk = k->shape.dim[1];
  self->d = q->shape.dim[2] / self->heads;
  self->each = ccs_align (floats * sizeof (float)) / sizeof (float);
  kernel->scratch = omp_get_max_threads () * self->each * sizeof (float);
  kernel->state = self;
  kernel->free_state = g_free;
  kernel->run = run;
  return self;
}

/* Returns token @token of item @b of @operand, at the channels of head @h. */
static inline float *
head_at (const Attention *self, const CcsOperand *operand, gint64 b, gint64 h,
         gint64 token)
{
  return ccs_operand_row (operand, b * operand->shape.dim[1] + token)
         + h * self->d;
}

/* Writes the transpose of the head's columns of @operand to @to [d,tk]. */
static void
turn_head (const Attention *self, const CcsOperand *operand, gint64 b, gint64 h,
           float *to)
{
  for (gint64 j = 0; j < self->tk; j++) {
    const float *from = head_at (self, operand, b, h, j);

    for (gint64 c = 0; c < self->d; c++)
      to[c * self->tk + j] = from[c];
  }
}

/* Computes @to [tk] = row [d] times the transposed matrix [d,tk]. */
static void
row_by_turned (const Attention *self, const CcsSimd *simd, const float *row,
               const float *turned, float *to)
{
  memset (to, 0, self->tk * sizeof (float));
  for (gint64 c = 0; c < self->d; c++)
    simd->axpy (self->tk, row[c], turned + c * self->tk, to);
}

static void
attend (const Attention *self, const CcsSimd *simd, gint64 b, gint64 h,
        float *scratch)
{
  const CcsOperand *q = &self->in[0], *v = &self->in[2], *o = &self->out[0];
  const float scale = 1. / sqrt (self->d);
  float *keys = scratch, *weights = keys + self->d * self->tk;

  turn_head (self, &self->in[1], b, h, keys);
  for (gint64 i = 0; i < self->tq; i++) {
    float *to = head_at (self, o, b, h, i);
    float total;

    row_by_turned (self, simd, head_at (self, q, b, h, i), keys, weights);
    total = simd->softmax (self->tk, scale, weights);
    simd->affine (self->tk, weights, 1.f / total, 0.f, weights);
    memset (to, 0, self->d * sizeof (float));
    for (gint64 j = 0; j < self->tk; j++)
      simd->axpy (self->d, weights[j], head_at (self, v, b, h, j), to);
    if (self->out[1].data)
      memcpy (
          ccs_operand_row (&self->out[1], (b * self->heads + h) * self->tq + i),
          weights, self->tk * sizeof (float));
  }
}

static void
run_attention (CcsBackend *backend, gpointer state, void *scratch)
{
  const Attention *self = state;
  const CcsSimd *simd = ccs_simd ();

#pragma omp parallel for schedule(static)
  for (gint64 i = 0; i < self->batch * self->heads; i++)
    attend (self, simd, i / self->heads, i % self->heads,
            (float *)scratch + omp_get_thread_num () * self->each);
}

static gboolean
prepare_attention (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                   GError **error)
{
  const CcsOperand *q = &kernel->in[0], *k = &kernel->in[1];
  const gint64 d = q->shape.dim[2] / kernel->op->attrs.attention.heads;

  attention_new (cpu, kernel, q, k, (d + 1) * k->shape.dim[1], run_attention);
  return TRUE;
}

/* -- gradient: do, q, k, v, p -> dq, dk, dv -------------------------------- */

/* y += sum of weight[j] times the head's row j of @from */
static void
add_rows (const Attention *self, const CcsSimd *simd, const CcsOperand *from,
          gint64 b, gint64 h, gint64 n, const float *weight, gint64 step,
          float *y)
{
  for (gint64 j = 0; j < n; j++)
    simd->axpy (self->d, weight[j * step], head_at (self, from, b, h, j), y);
}

static void
clear_head (const Attention *self, const CcsOperand *operand, gint64 b,
            gint64 h, gint64 n)
{
  for (gint64 i = 0; i < n; i++)
    memset (head_at (self, operand, b, h, i), 0, self->d * sizeof (float));
}

/* ds [tq,tk] = scale p (dp - sum of p dp), dp = do v^T */
static void
score_gradient (const Attention *self, const CcsSimd *simd, gint64 b, gint64 h,
                const float *values, float *ds)
{
  const float scale = 1. / sqrt (self->d);

  for (gint64 i = 0; i < self->tq; i++) {
    const float *p
        = ccs_operand_row (&self->in[4], (b * self->heads + h) * self->tq + i);
    float *row = ds + i * self->tk;
    float mean;

    row_by_turned (self, simd, head_at (self, &self->in[0], b, h, i), values,
                   row);
    mean = simd->dot (self->tk, p, row);
    for (gint64 j = 0; j < self->tk; j++)
      row[j] = scale * p[j] * (row[j] - mean);
  }
}

static void
head_gradient (const Attention *self, const CcsSimd *simd, gint64 b, gint64 h,
               float *scratch)
{
  const CcsOperand *grad = &self->in[0], *q = &self->in[1], *k = &self->in[2];
  const float *p
      = ccs_operand_row (&self->in[4], (b * self->heads + h) * self->tq);
  float *values = scratch, *ds = values + self->d * self->tk;

  turn_head (self, &self->in[3], b, h, values);
  score_gradient (self, simd, b, h, values, ds);
  if (self->out[0].data) {
    clear_head (self, &self->out[0], b, h, self->tq);
    for (gint64 i = 0; i < self->tq; i++)
      add_rows (self, simd, k, b, h, self->tk, ds + i * self->tk, 1,
                head_at (self, &self->out[0], b, h, i));
  }
  for (guint which = 1; which < 3; which++) {
    const CcsOperand *out = &self->out[which];

    if (!out->data)
      continue;
    clear_head (self, out, b, h, self->tk);
    for (gint64 j = 0; j < self->tk; j++)
      if (which == 1)
        add_rows (self, simd, q, b, h, self->tq, ds + j, self->tk,
                  head_at (self, out, b, h, j));
      else
        add_rows (self, simd, grad, b, h, self->tq, p + j, self->in[4].pitch,
                  head_at (self, out, b, h, j));
  }
}

static void
run_attention_grad (CcsBackend *backend, gpointer state, void *scratch)
{
  const Attention *self = state;
  const CcsSimd *simd = ccs_simd ();

#pragma omp parallel for schedule(static)
  for (gint64 i = 0; i < self->batch * self->heads; i++)
    head_gradient (self, simd, i / self->heads, i % self->heads,
                   (float *)scratch + omp_get_thread_num () * self->each);
}

static gboolean
prepare_attention_grad (CcsCpu *cpu, CcsKernel *kernel,
                        const CcsKernelHints *hints, GError **error)
{
  const CcsOperand *q = &kernel->in[1], *k = &kernel->in[2];
  const gint64 d = q->shape.dim[2] / kernel->op->attrs.attention.heads;

  attention_new (cpu, kernel, q, k, (d + q->shape.dim[1]) * k->shape.dim[1],
                 run_attention_grad);
  return TRUE;
}

const CcsCpuKernel ccs_cpu_attention_kernels[] = {
  { CCS_OP_ATTENTION, prepare_attention },
  { CCS_OP_ATTENTION_GRAD, prepare_attention_grad },
  { 0 },
};
