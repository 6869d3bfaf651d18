/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter gradient of a convolution: the sum over all results of their
 * gradients times their columns. Results are divided into parts of a fixed
 * size, whose sums are added in order; threads share the filter. */
#include "conv.h"
#include "columns.h"

#include <string.h>

#include <omp.h>

#define SUM_RESULTS 64 /* results whose sums stay in registers */
/* Size of a section, for which columns are made at a time, and its smallest
 * number of results. Each section reads and writes all sums once. */
#define SECTION_FLOATS (1 << 20)
#define MIN_SECTION 512
#define FILL_RESULTS 32 /* columns that a thread makes at a time */
#define TILE_CHANNELS 56
#define TILE_PANELS 4
#define PITCH_PAD 16 /* so that adjacent rows do not share cache sets */

typedef struct
{
  CcsColumns columns;
  CcsOperand dy, dw;
  gint64 results, section; /* of the batch; of a section */
  gint64 length, padded;   /* of a column; in whole panels */
  gint64 pitch;            /* of columns and of sums */
  gsize sums_at;           /* in scratch, after the columns */
} WeightGrad;

static void
fill_section (const WeightGrad *self, gint64 first, gint64 n, float *to)
{
  const CcsColumnsTaps taps = ccs_columns_all_taps (&self->columns);

#pragma omp for schedule(static)
  for (gint64 i = 0; i < n; i += FILL_RESULTS) {
    const gint64 count = MIN (FILL_RESULTS, n - i);

    ccs_columns_fill (&self->columns, first + i, count, taps,
                      to + i * self->pitch, self->pitch);
    for (gint64 r = i; r < i + count; r++)
      memset (to + r * self->pitch + self->length, 0,
              (self->padded - self->length) * sizeof (float));
  }
}

/* Adds the products of a section to one tile of the sums. */
static void
add_tile (const WeightGrad *self, const CcsSimd *simd, gint64 first, gint64 n,
          gint64 channel, gint64 column, const float *columns, float *sums)
{
  const gint64 channels
      = MIN (TILE_CHANNELS, ccs_channels (&self->dy) - channel);
  const gint64 width
      = MIN (TILE_PANELS * simd->gemm_columns, self->padded - column);

  for (gint64 i = 0; i < n; i += SUM_RESULTS)
    simd->gemm_outer (channels, width, MIN (SUM_RESULTS, n - i),
                      ccs_operand_row (&self->dy, first + i) + channel,
                      self->dy.pitch, columns + i * self->pitch + column,
                      self->pitch, sums + channel * self->pitch + column,
                      self->pitch);
}

static void
add_section (const WeightGrad *self, const CcsSimd *simd, gint64 first,
             gint64 n, const float *columns, float *sums)
{
  const gint64 step = TILE_PANELS * simd->gemm_columns;
  const gint64 channels = ccs_channels (&self->dy);

#pragma omp for collapse(2) schedule(dynamic)
  for (gint64 column = 0; column < self->padded; column += step)
    for (gint64 channel = 0; channel < channels; channel += TILE_CHANNELS)
      add_tile (self, simd, first, n, channel, column, columns, sums);
}

/* Stores the sums of output channel @channel as its filter gradient; taps that
 * are always in the padding get zero. */
static void
store_channel (const WeightGrad *self, gint64 channel, const float *sums)
{
  const CcsColumnsAxis *rows = &self->columns.rows;
  const CcsColumnsAxis *columns = &self->columns.columns;
  const gint64 *dim = self->dw.shape.dim;
  const gint64 run = columns->count * dim[3];
  float *to = (float *)self->dw.data + channel * dim[1] * dim[2] * dim[3];

  memset (to, 0, dim[1] * dim[2] * dim[3] * sizeof (float));
  for (gint row = 0; row < rows->count; row++)
    memcpy (to + ((rows->first + row) * dim[2] + columns->first) * dim[3],
            sums + channel * self->pitch + row * run, run * sizeof (float));
}

static void
run_weight_grad (CcsBackend *backend, gpointer state, void *scratch)
{
  const WeightGrad *self = state;
  const CcsSimd *simd = ccs_simd ();
  const gint64 channels = ccs_channels (&self->dy);
  float *columns = scratch;
  float *sums = (float *)((char *)scratch + self->sums_at);

#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (gint64 channel = 0; channel < channels; channel++)
      memset (sums + channel * self->pitch, 0, self->padded * sizeof (float));
    for (gint64 first = 0; first < self->results; first += self->section) {
      const gint64 n = MIN (self->section, self->results - first);

      fill_section (self, first, n, columns);
      add_section (self, simd, first, n, columns, sums);
    }
#pragma omp for schedule(static)
    for (gint64 channel = 0; channel < channels; channel++)
      store_channel (self, channel, sums);
  }
}

gboolean
ccs_cpu_prepare_weight_sums (CcsCpu *cpu, CcsKernel *kernel,
                             const CcsKernelHints *hints, GError **error)
{
  WeightGrad *self = g_new0 (WeightGrad, 1);
  const CcsAttrs *attrs = &kernel->op->attrs;
  const gint64 panel = ccs_simd ()->gemm_columns;
  CcsColumnsAxis *axes[] = { &self->columns.rows, &self->columns.columns };

  kernel->state = self;
  kernel->free_state = g_free;
  kernel->run = run_weight_grad;
  self->columns.x = kernel->in[0];
  self->dy = kernel->in[1];
  self->dw = kernel->out[0];
  self->results = ccs_rows (&self->dy);
  for (guint i = 0; i < G_N_ELEMENTS (axes); i++)
    ccs_columns_axis_init (
        axes[i], self->dw.shape.dim[1 + i], attrs->conv.stride, attrs->conv.pad,
        attrs->conv.dilation, self->columns.x.shape.dim[1 + i],
        self->dy.shape.dim[1 + i]);
  self->length = ccs_columns_length (&self->columns);
  self->padded = (self->length + panel - 1) / panel * panel;
  self->pitch = self->padded + PITCH_PAD;
  self->section = MAX (SECTION_FLOATS / self->pitch, MIN_SECTION) / SUM_RESULTS
                  * SUM_RESULTS;
  self->section = MIN (self->section, self->results);
  self->sums_at = ccs_align (self->section * self->pitch * sizeof (float));
  kernel->scratch
      = self->sums_at
        + ccs_align (ccs_channels (&self->dy) * self->pitch * sizeof (float));
  return TRUE;
}
