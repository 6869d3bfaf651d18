/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Batch norm with its activation: one pass over x for the statistics, one for
 * the result; two over x and dy for the gradient. Statistics of each part are
 * relative to its own mean, and are combined in double, in order. */
#include "rows.h"

#include <math.h>

typedef struct
{
  CcsOperand x, dy, w, b, mean, spread, y, out_mean, out_rstd, dw, db;
  CcsAttrs attrs;
  gint64 channels;
  gint64 groups, rows; /* rows of one group */
  gint64 part, parts;  /* rows of a part, parts of a group */
} Norm;

static Norm *
norm_new (CcsKernel *kernel, const CcsOperand *x, gint64 groups)
{
  Norm *self = g_new0 (Norm, 1);

  self->x = *x;
  self->attrs = kernel->op->attrs;
  self->channels = ccs_channels (x);
  self->groups = groups;
  self->rows = ccs_rows (x) / groups;
  self->part = ccs_part_rows (self->channels);
  self->parts = (self->rows + self->part - 1) / self->part;
  kernel->state = self;
  kernel->free_state = g_free;
  return self;
}

static inline float
value_or (const CcsOperand *operand, gint64 i, float otherwise)
{
  return operand->data ? ((const float *)operand->data)[i] : otherwise;
}

/* Returns the number of rows of part @part. */
static inline gint64
part_rows (const Norm *self, gint64 part)
{
  return MIN (self->part, self->rows - part * self->part);
}

/* Returns the first row of part @i, counted over all groups. */
static inline gint64
part_first (const Norm *self, gint64 i)
{
  return i / self->parts * self->rows + i % self->parts * self->part;
}

/* -- inference ------------------------------------------------------------- */

static void
run_batch_norm (CcsBackend *backend, gpointer state, void *scratch)
{
  const Norm *self = state;
  const CcsSimd *simd = ccs_simd ();
  const float *mean = self->mean.data;
  float *scale = scratch, *shift = scale + self->channels;

  for (gint64 c = 0; c < self->channels; c++) {
    const double var = ((const float *)self->spread.data)[c];

    scale[c] = value_or (&self->w, c, 1.f) / sqrt (var + self->attrs.norm.eps);
    shift[c] = value_or (&self->b, c, 0.f);
  }
#pragma omp parallel for schedule(static) if (self->parts > 1)
  for (gint64 i = 0; i < self->parts; i++)
    simd->normalize (part_rows (self, i), self->channels,
                     ccs_operand_row (&self->x, i * self->part), self->x.pitch,
                     mean, scale, shift, self->attrs.norm.act,
                     ccs_operand_row (&self->y, i * self->part), self->y.pitch);
}

static gboolean
prepare_batch_norm (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                    GError **error)
{
  Norm *self = norm_new (kernel, &kernel->in[0], 1);

  self->w = kernel->in[1];
  self->b = kernel->in[2];
  self->mean = kernel->in[3];
  self->spread = kernel->in[4];
  self->y = kernel->out[0];
  kernel->scratch = ccs_align (2 * self->channels * sizeof (float));
  kernel->run = run_batch_norm;
  return TRUE;
}

/* -- training -------------------------------------------------------------- */

/* Combines the parts' moments of channel @c of group @group (Chan's formula).
 */
static void
join_moments (const Norm *self, const float *moments, gint64 group, gint64 c,
              double *mean, double *var)
{
  double n = 0., m = 0., square = 0.;

  for (gint64 p = 0; p < self->parts; p++) {
    const float *of_part
        = moments + (group * self->parts + p) * 2 * self->channels + c;
    const double more = part_rows (self, p), off = of_part[0] - m;

    m += off * more / (n + more);
    square += of_part[self->channels] + off * off * n * more / (n + more);
    n += more;
  }
  *mean = m;
  *var = square / n;
}

/* Stores the statistics of one channel of one group, updates running averages
 * and prepares normalize (). */
static void
finish_channel (const Norm *self, const float *moments, gint64 group, gint64 c,
                float *mean, float *scale, float *shift)
{
  const double m = self->attrs.norm.momentum, n = self->rows;
  float *running_mean = (float *)self->mean.data + c;
  float *running_var = (float *)self->spread.data + c;
  double average, var, rstd;

  join_moments (self, moments, group, c, &average, &var);
  rstd = 1. / sqrt (var + self->attrs.norm.eps);
  *running_mean = (1. - m) * *running_mean + m * average;
  *running_var = (1. - m) * *running_var + m * var * n / (n - 1.);
  if (self->out_mean.data)
    ccs_operand_row (&self->out_mean, group)[c] = average;
  if (self->out_rstd.data)
    ccs_operand_row (&self->out_rstd, group)[c] = rstd;
  *mean = average;
  *scale = value_or (&self->w, c, 1.f) * rstd;
  *shift = value_or (&self->b, c, 0.f);
}

static void
run_batch_norm_train (CcsBackend *backend, gpointer state, void *scratch)
{
  const Norm *self = state;
  const CcsSimd *simd = ccs_simd ();
  const gint64 channels = self->channels, n = self->groups * self->parts;
  float *table = scratch; /* per group: mean, scale, shift */
  float *moments = table + self->groups * 3 * channels;

#pragma omp parallel if (n > 1)
  {
#pragma omp for schedule(static)
    for (gint64 i = 0; i < n; i++)
      simd->moments (part_rows (self, i % self->parts), channels,
                     ccs_operand_row (&self->x, part_first (self, i)),
                     self->x.pitch, moments + i * 2 * channels,
                     moments + (i * 2 + 1) * channels);
      /* Groups update the running averages in order. */
#pragma omp for schedule(static)
    for (gint64 c = 0; c < channels; c++)
      for (gint64 g = 0; g < self->groups; g++) {
        float *of_group = table + g * 3 * channels + c;

        finish_channel (self, moments, g, c, of_group, of_group + channels,
                        of_group + 2 * channels);
      }
    if (self->y.data) {
#pragma omp for schedule(static)
      for (gint64 i = 0; i < n; i++) {
        const float *of_group = table + i / self->parts * 3 * channels;
        const gint64 first = part_first (self, i);

        simd->normalize (part_rows (self, i % self->parts), channels,
                         ccs_operand_row (&self->x, first), self->x.pitch,
                         of_group, of_group + channels, of_group + 2 * channels,
                         self->attrs.norm.act,
                         ccs_operand_row (&self->y, first), self->y.pitch);
      }
    }
  }
}

static gboolean
prepare_batch_norm_train (CcsCpu *cpu, CcsKernel *kernel,
                          const CcsKernelHints *hints, GError **error)
{
  Norm *self = norm_new (kernel, &kernel->in[0], kernel->op->attrs.norm.groups);

  self->w = kernel->in[1];
  self->b = kernel->in[2];
  self->mean = kernel->in[3];
  self->spread = kernel->in[4];
  self->y = kernel->out[0];
  self->out_mean = kernel->out[1];
  self->out_rstd = kernel->out[2];
  kernel->scratch = ccs_align (self->groups * self->channels
                               * (3 + 2 * self->parts) * sizeof (float));
  kernel->run = run_batch_norm_train;
  return TRUE;
}

/* -- gradient -------------------------------------------------------------- */

/* Values for each channel of each group that the two passes need. */
enum
{
  TABLE_MEAN,
  TABLE_SCALE,
  TABLE_SHIFT,
  TABLE_OFFSET, /* mean of the gradient */
  TABLE_SLOPE,  /* factor of x - mean that is subtracted */
  N_TABLE
};

static void
fill_table (const Norm *self, float *table)
{
  for (gint64 g = 0; g < self->groups; g++)
    for (gint64 c = 0; c < self->channels; c++) {
      float *of = table + g * N_TABLE * self->channels + c;

      of[TABLE_MEAN * self->channels] = ccs_operand_row (&self->mean, g)[c];
      of[TABLE_SCALE * self->channels]
          = value_or (&self->w, c, 1.f) * ccs_operand_row (&self->spread, g)[c];
      of[TABLE_SHIFT * self->channels] = value_or (&self->b, c, 0.f);
    }
}

/* Combines the parts' sums of channel @c: dw, db, and the means to subtract. */
static void
finish_gradient (const Norm *self, const float *sums, gint64 c, float *table)
{
  const gint64 channels = self->channels;
  double dw = 0., db = 0.;

  for (gint64 g = 0; g < self->groups; g++) {
    const double rstd = ccs_operand_row (&self->spread, g)[c];
    float *of = table + g * N_TABLE * channels + c;
    double sum = 0., dot = 0.;

    for (gint64 p = 0; p < self->parts; p++) {
      sum += sums[(g * self->parts + p) * 2 * channels + c];
      dot += sums[((g * self->parts + p) * 2 + 1) * channels + c];
    }
    of[TABLE_OFFSET * channels] = sum / self->rows;
    of[TABLE_SLOPE * channels] = dot * rstd * rstd / self->rows;
    dw += dot * rstd;
    db += sum;
  }
  if (self->dw.data)
    ((float *)self->dw.data)[c] = dw;
  if (self->db.data)
    ((float *)self->db.data)[c] = db;
}

static void
run_batch_norm_grad (CcsBackend *backend, gpointer state, void *scratch)
{
  const Norm *self = state;
  const CcsSimd *simd = ccs_simd ();
  const CcsAct act = self->attrs.norm.act;
  const gint64 channels = self->channels, n = self->groups * self->parts;
  float *table = scratch;
  float *sums = table + self->groups * N_TABLE * channels;

  fill_table (self, table);
#pragma omp parallel if (n > 1)
  {
#pragma omp for schedule(static)
    for (gint64 i = 0; i < n; i++) {
      const float *of = table + i / self->parts * N_TABLE * channels;
      const gint64 first = part_first (self, i);

      simd->norm_grad_sums (
          part_rows (self, i % self->parts), channels,
          ccs_operand_row (&self->dy, first), self->dy.pitch,
          ccs_operand_row (&self->x, first), self->x.pitch,
          of + TABLE_MEAN * channels, of + TABLE_SCALE * channels,
          of + TABLE_SHIFT * channels, act, sums + i * 2 * channels,
          sums + (i * 2 + 1) * channels);
    }
#pragma omp for schedule(static)
    for (gint64 c = 0; c < channels; c++)
      finish_gradient (self, sums, c, table);
    if (self->y.data) {
#pragma omp for schedule(static)
      for (gint64 i = 0; i < n; i++) {
        const float *of = table + i / self->parts * N_TABLE * channels;
        const gint64 first = part_first (self, i);

        simd->norm_grad (
            part_rows (self, i % self->parts), channels,
            ccs_operand_row (&self->dy, first), self->dy.pitch,
            ccs_operand_row (&self->x, first), self->x.pitch,
            of + TABLE_MEAN * channels, of + TABLE_SCALE * channels,
            of + TABLE_SHIFT * channels, of + TABLE_OFFSET * channels,
            of + TABLE_SLOPE * channels, act, ccs_operand_row (&self->y, first),
            self->y.pitch);
      }
    }
  }
}

static gboolean
prepare_batch_norm_grad (CcsCpu *cpu, CcsKernel *kernel,
                         const CcsKernelHints *hints, GError **error)
{
  Norm *self = norm_new (kernel, &kernel->in[1], kernel->op->attrs.norm.groups);

  self->dy = kernel->in[0];
  self->w = kernel->in[2];
  self->b = kernel->in[3];
  self->mean = kernel->in[4];
  self->spread = kernel->in[5];
  self->y = kernel->out[0];
  self->dw = kernel->out[1];
  self->db = kernel->out[2];
  kernel->scratch = ccs_align (self->groups * self->channels
                               * (N_TABLE + 2 * self->parts) * sizeof (float));
  kernel->run = run_batch_norm_grad;
  return TRUE;
}

const CcsCpuKernel ccs_cpu_norm_kernels[] = {
  { CCS_OP_BATCH_NORM, prepare_batch_norm },
  { CCS_OP_BATCH_NORM_TRAIN, prepare_batch_norm_train },
  { CCS_OP_BATCH_NORM_GRAD, prepare_batch_norm_grad },
  { 0 },
};
