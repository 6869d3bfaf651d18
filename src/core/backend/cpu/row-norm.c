/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Norms along rows: layer norm and L2 norm, and their gradients. */
#include "rows.h"

#include <math.h>

/* Rows whose parameter gradients are summed before the sums are combined. */
#define SUM_ROWS 32

typedef struct
{
  CcsOperand in[5], out[3];
  CcsAttrs attrs;
  gint64 rows, channels, part;
} RowNorm;

static RowNorm *
row_norm_new (CcsKernel *kernel, const CcsOperand *x,
              void (*run) (CcsBackend *, gpointer, void *))
{
  RowNorm *self = g_new0 (RowNorm, 1);

  for (guint i = 0; i < G_N_ELEMENTS (self->in); i++)
    self->in[i] = kernel->in[i];
  for (guint i = 0; i < G_N_ELEMENTS (self->out); i++)
    self->out[i] = kernel->out[i];
  self->attrs = kernel->op->attrs;
  self->rows = ccs_rows (x);
  self->channels = ccs_channels (x);
  self->part = ccs_part_rows (self->channels);
  kernel->state = self;
  kernel->free_state = g_free;
  kernel->run = run;
  return self;
}

static inline const float *
values (const CcsOperand *operand)
{
  return operand->data;
}

static inline void
store (const CcsOperand *operand, gint64 i, float value)
{
  if (operand->data)
    ((float *)operand->data)[i] = value;
}

/* -- layer norm ------------------------------------------------------------ */

static void
layer_norm_row (const RowNorm *self, const CcsSimd *simd, gint64 r)
{
  const float *x = ccs_operand_row (&self->in[0], r);
  const float *w = values (&self->in[1]), *b = values (&self->in[2]);
  float *y = ccs_operand_row (&self->out[0], r);
  const gint64 n = self->channels;
  const float mean = simd->sum (n, x) / n;
  float rstd;

  simd->affine (n, x, 1.f, -mean, y);
  rstd = 1.f / sqrtf (simd->dot (n, y, y) / n + self->attrs.norm.eps);
  for (gint64 c = 0; c < n; c++)
    y[c] = y[c] * rstd * w[c] + b[c];
  store (&self->out[1], r, mean);
  store (&self->out[2], r, rstd);
}

static void
run_layer_norm (CcsBackend *backend, gpointer state, void *scratch)
{
  const RowNorm *self = state;
  const CcsSimd *simd = ccs_simd ();

#pragma omp parallel for schedule(static) if (self->rows > self->part)
  for (gint64 first = 0; first < self->rows; first += self->part)
    for (gint64 r = first; r < MIN (first + self->part, self->rows); r++)
      layer_norm_row (self, simd, r);
}

static gboolean
prepare_layer_norm (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                    GError **error)
{
  row_norm_new (kernel, &kernel->in[0], run_layer_norm);
  return TRUE;
}

/* Computes dx of row @r, and adds its part of dw and db. */
static void
layer_norm_grad_row (const RowNorm *self, gint64 r, float *dw, float *db)
{
  const float *dy = ccs_operand_row (&self->in[0], r),
              *x = ccs_operand_row (&self->in[1], r);
  const float *w = values (&self->in[2]);
  const double mean = values (&self->in[3])[r];
  const double rstd = values (&self->in[4])[r];
  const gint64 n = self->channels;
  double total = 0., dot = 0., offset, slope;

  for (gint64 c = 0; c < n; c++) {
    const double normalised = (x[c] - mean) * rstd;
    const double gradient = (double)dy[c] * w[c];

    total += gradient;
    dot += gradient * normalised;
    dw[c] += dy[c] * normalised;
    db[c] += dy[c];
  }
  if (!self->out[0].data)
    return;
  offset = total / n;
  slope = dot / n;
  for (gint64 c = 0; c < n; c++)
    ccs_operand_row (&self->out[0], r)[c]
        = rstd * ((double)dy[c] * w[c] - offset - (x[c] - mean) * rstd * slope);
}

static void
run_layer_norm_grad (CcsBackend *backend, gpointer state, void *scratch)
{
  const RowNorm *self = state;
  const gint64 n = self->channels;
  const gint64 parts = (self->rows + SUM_ROWS - 1) / SUM_ROWS;
  float *shares = scratch;

#pragma omp parallel for schedule(static) if (self->rows > self->part)
  for (gint64 p = 0; p < parts; p++) {
    float *dw = shares + p * 2 * n, *db = dw + n;

    for (gint64 c = 0; c < 2 * n; c++)
      dw[c] = 0.f;
    for (gint64 r = p * SUM_ROWS; r < MIN ((p + 1) * SUM_ROWS, self->rows); r++)
      layer_norm_grad_row (self, r, dw, db);
  }
  for (gint64 c = 0; c < n; c++) {
    double dw = 0., db = 0.;

    for (gint64 p = 0; p < parts; p++) {
      dw += shares[p * 2 * n + c];
      db += shares[(p * 2 + 1) * n + c];
    }
    store (&self->out[1], c, dw);
    store (&self->out[2], c, db);
  }
}

static gboolean
prepare_layer_norm_grad (CcsCpu *cpu, CcsKernel *kernel,
                         const CcsKernelHints *hints, GError **error)
{
  RowNorm *self = row_norm_new (kernel, &kernel->in[1], run_layer_norm_grad);

  kernel->scratch = ccs_align ((self->rows + SUM_ROWS - 1) / SUM_ROWS * 2
                               * self->channels * sizeof (float));
  return TRUE;
}

/* -- L2 norm --------------------------------------------------------------- */

static void
run_l2_normalize (CcsBackend *backend, gpointer state, void *scratch)
{
  const RowNorm *self = state;
  const CcsSimd *simd = ccs_simd ();
  const gint64 n = self->channels;

#pragma omp parallel for schedule(static) if (self->rows > self->part)
  for (gint64 first = 0; first < self->rows; first += self->part)
    for (gint64 r = first; r < MIN (first + self->part, self->rows); r++) {
      const float *x = ccs_operand_row (&self->in[0], r);
      const float length = sqrtf (simd->dot (n, x, x));
      const float scale = 1.f / MAX (length, self->attrs.norm.eps);

      simd->affine (n, x, scale, 0.f, ccs_operand_row (&self->out[0], r));
      store (&self->out[1], r, scale);
    }
}

static gboolean
prepare_l2_normalize (CcsCpu *cpu, CcsKernel *kernel,
                      const CcsKernelHints *hints, GError **error)
{
  row_norm_new (kernel, &kernel->in[0], run_l2_normalize);
  return TRUE;
}

static void
run_l2_normalize_grad (CcsBackend *backend, gpointer state, void *scratch)
{
  const RowNorm *self = state;
  const CcsSimd *simd = ccs_simd ();
  const gint64 n = self->channels;
  /* Rows shorter than eps have this constant scale. */
  const float floor_scale = 1. / (double)self->attrs.norm.eps;

#pragma omp parallel for schedule(static) if (self->rows > self->part)
  for (gint64 first = 0; first < self->rows; first += self->part)
    for (gint64 r = first; r < MIN (first + self->part, self->rows); r++) {
      const float *dy = ccs_operand_row (&self->in[0], r);
      const float *y = ccs_operand_row (&self->in[1], r);
      const float scale = values (&self->in[2])[r];
      const float dot = scale < floor_scale ? simd->dot (n, dy, y) : 0.f;

      simd->affine (n, dy, scale, 0.f, ccs_operand_row (&self->out[0], r));
      simd->axpy (n, -scale * dot, y, ccs_operand_row (&self->out[0], r));
    }
}

static gboolean
prepare_l2_normalize_grad (CcsCpu *cpu, CcsKernel *kernel,
                           const CcsKernelHints *hints, GError **error)
{
  row_norm_new (kernel, &kernel->in[1], run_l2_normalize_grad);
  return TRUE;
}

const CcsCpuKernel ccs_cpu_row_norm_kernels[] = {
  { CCS_OP_LAYER_NORM, prepare_layer_norm },
  { CCS_OP_LAYER_NORM_GRAD, prepare_layer_norm_grad },
  { CCS_OP_L2_NORMALIZE, prepare_l2_normalize },
  { CCS_OP_L2_NORMALIZE_GRAD, prepare_l2_normalize_grad },
  { 0 },
};
