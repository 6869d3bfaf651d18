/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Transposed convolution as a product and a gather: the product of every pixel
 * and the whole filter gives contributions to the results around it; each
 * result is the sum of its contributions. So no work is spent on the zeros that
 * a stride inserts between pixels. */
#include "conv.h"
#include "gemm.h"

#include <string.h>

#include <omp.h>

#define ROW_BLOCK 56

typedef struct
{
  CcsOperand x, y;
  const float *bias;
  CcsGemmPacked right;
  CcsAttrs attrs;
  gint64 taps_h, taps_w;
  gsize parts_at;           /* offset in scratch: contributions of one item */
  gsize sums_at, sums_size; /* a row of results per thread */
} Spread;

static void
spread_free (gpointer data)
{
  Spread *self = data;

  ccs_constant_release (self->right.pack);
  g_free (self);
}

/* Returns the width of a row of sums: from -pad to the last result that a pixel
 * contributes to or that is needed. */
static gint64
sums_width (const Spread *self)
{
  const gint64 reached = (self->x.shape.dim[2] - 1) * self->attrs.conv.stride
                         + (self->taps_w - 1) * self->attrs.conv.dilation + 1;

  return MAX (reached, self->y.shape.dim[2] + self->attrs.conv.pad);
}

/* Sums the contributions to row @row in @sums. */
static void
gather_row (const Spread *self, const float *parts, gint64 item, gint64 row,
            float *sums)
{
  const CcsSimd *simd = ccs_simd ();
  const gint64 height = self->x.shape.dim[1], width = self->x.shape.dim[2];
  const gint64 channels = ccs_channels (&self->y);
  const gint32 stride = self->attrs.conv.stride;
  const gint32 dilation = self->attrs.conv.dilation;
  const gint64 each = self->taps_h * self->taps_w * channels;
  /* Adjacent taps contribute to adjacent results: one run. */
  const gint64 joined = dilation == 1 ? self->taps_w : 1;
  const gint64 out_width = self->y.shape.dim[2];

  if (self->bias)
    simd->fill_rows (sums_width (self), channels, self->bias, sums);
  else
    memset (sums, 0, sums_width (self) * channels * sizeof (float));
  for (gint64 ky = 0; ky < self->taps_h; ky++) {
    const gint64 i = row + self->attrs.conv.pad - ky * dilation;

    if (i < 0 || i % stride || i / stride >= height)
      continue;
    for (gint64 kx = 0; kx < self->taps_w; kx += joined)
      simd->spread_add (width, joined * channels,
                        parts + i / stride * width * each
                            + (ky * self->taps_w + kx) * channels,
                        each, sums + kx * dilation * channels,
                        stride * channels);
  }
  simd->epilogue (out_width, channels, sums + self->attrs.conv.pad * channels,
                  channels, NULL, NULL, 0, self->attrs.conv.act,
                  ccs_operand_row (&self->y, (item * self->y.shape.dim[1] + row)
                                                 * out_width),
                  self->y.pitch);
}

static void
run_spread (CcsBackend *backend, gpointer state, void *scratch)
{
  const Spread *self = state;
  const CcsSimd *simd = ccs_simd ();
  const CcsSimdFinish finish = { 1.f, NULL, CCS_NO_ACT };
  const float *packed = ccs_gemm_packed_get (&self->right, scratch);
  float *parts = (float *)((char *)scratch + self->parts_at);
  const gint64 pixels = self->x.shape.dim[1] * self->x.shape.dim[2];
  const gint64 n = self->right.b.n, k = self->right.b.k;
  const gint64 rows = self->y.shape.dim[1];

#pragma omp parallel
  for (gint64 item = 0; item < self->x.shape.dim[0]; item++) {
#pragma omp for schedule(static)
    for (gint64 first = 0; first < pixels; first += ROW_BLOCK)
      simd->gemm (MIN (ROW_BLOCK, pixels - first), n, k,
                  ccs_operand_row (&self->x, item * pixels + first),
                  self->x.pitch, packed, &finish, parts + first * n, n);
#pragma omp for schedule(static)
    for (gint64 row = 0; row < rows; row++)
      gather_row (self, parts, item, row,
                  (float *)((char *)scratch + self->sums_at
                            + omp_get_thread_num () * self->sums_size));
  }
}

gboolean
ccs_cpu_prepare_spread (CcsCpu *cpu, CcsKernel *kernel,
                        const CcsKernelHints *hints, GError **error)
{
  Spread *self = g_new0 (Spread, 1);
  const CcsOperand *x = &kernel->in[0], *w = &kernel->in[1];
  const gint64 n = ccs_shape_elements (&w->shape) / w->shape.dim[0];

  kernel->state = self;
  kernel->free_state = spread_free;
  self->x = *x;
  self->y = kernel->out[0];
  self->bias = kernel->in[2].data;
  self->attrs = kernel->op->attrs;
  self->taps_h = w->shape.dim[1];
  self->taps_w = w->shape.dim[2];
  self->right.b = (CcsGemmRight){
    .data = w->data,
    .batch = 1,
    .k = w->shape.dim[0],
    .n = n,
    .row_step = n,
    .column_step = 1,
  };
  if (!ccs_gemm_packed_init (&self->right, cpu, kernel, hints->constant[1],
                             error))
    return FALSE;
  self->parts_at = kernel->scratch;
  kernel->scratch
      += ccs_align (x->shape.dim[1] * x->shape.dim[2] * n * sizeof (float));
  self->sums_at = kernel->scratch;
  self->sums_size = ccs_align (sums_width (self) * ccs_channels (&self->y)
                               * sizeof (float));
  kernel->scratch += omp_get_max_threads () * self->sums_size;
  kernel->run = run_spread;
  return TRUE;
}
