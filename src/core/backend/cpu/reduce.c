/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sums over dimensions, and sums of squares. Rows are divided into parts of a
 * fixed size, whose sums are added in double, in order. */
#include "rows.h"

#include <string.h>

#define SUM_ROWS 64 /* rows that are summed in float */

typedef struct
{
  CcsOperand x, y;
  float scale;
  CcsReduction rows;
  gint64 kept_rows, summed_rows, parts;
} Reduce;

/* Sums part @part of the rows that are reduced to kept row @row, by channel. */
static void
reduce_part (const Reduce *self, const CcsSimd *simd, gint64 row, gint64 part,
             float *sum)
{
  const float *x
      = (const float *)self->x.data
        + ccs_strided_row (&self->rows.kept, self->rows.x_strides, row);
  const gint64 channels = ccs_channels (&self->x);
  const gint64 end = MIN ((part + 1) * SUM_ROWS, self->summed_rows);

  memset (sum, 0, channels * sizeof (float));
  for (gint64 r = part * SUM_ROWS; r < end; r++)
    simd->column_sums (
        1, channels,
        x + ccs_strided_row (&self->rows.summed, self->rows.x_strides, r), 0,
        sum);
}

/* Adds the parts of kept row @row. */
static void
reduce_join (const Reduce *self, gint64 row, const float *sums)
{
  const gint64 channels = ccs_channels (&self->x);
  float *y = (float *)self->y.data
             + ccs_strided_row (&self->rows.kept, self->rows.y_strides, row);
  double total = 0.;

  for (gint64 c = 0; c < channels; c++) {
    double sum = 0.;

    for (gint64 p = 0; p < self->parts; p++)
      sum += sums[p * channels + c];
    if (self->rows.channels_summed)
      total += sum;
    else
      y[c] = self->scale * sum;
  }
  if (self->rows.channels_summed)
    y[0] = self->scale * total;
}

static void
run_reduce (CcsBackend *backend, gpointer state, void *scratch)
{
  const Reduce *self = state;
  const CcsSimd *simd = ccs_simd ();
  const gint64 channels = ccs_channels (&self->x);
  const gint64 n = self->kept_rows * self->parts;
  float *sums = scratch;

#pragma omp parallel if (ccs_shape_elements(&self->x.shape) > CCS_PART_ELEMENTS)
  {
#pragma omp for schedule(static)
    for (gint64 i = 0; i < n; i++)
      reduce_part (self, simd, i / self->parts, i % self->parts,
                   sums + i * channels);
#pragma omp for schedule(static)
    for (gint64 row = 0; row < self->kept_rows; row++)
      reduce_join (self, row, sums + row * self->parts * channels);
  }
}

static gboolean
prepare_reduce (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  Reduce *self = g_new0 (Reduce, 1);
  const CcsOperand *x = &kernel->in[0], *y = &kernel->out[0];

  kernel->state = self;
  kernel->free_state = g_free;
  kernel->run = run_reduce;
  self->x = *x;
  self->y = *y;
  self->scale = kernel->op->attrs.affine.scale;
  ccs_reduction_init (&self->rows, x, y);
  self->kept_rows = ccs_shape_rows (&self->rows.kept);
  self->summed_rows = ccs_shape_rows (&self->rows.summed);
  self->parts = (self->summed_rows + SUM_ROWS - 1) / SUM_ROWS;
  kernel->scratch = ccs_align (self->kept_rows * self->parts * ccs_channels (x)
                               * sizeof (float));
  return TRUE;
}

const CcsCpuKernel ccs_cpu_reduce_kernels[] = {
  { CCS_OP_REDUCE, prepare_reduce },
  { 0 },
};
