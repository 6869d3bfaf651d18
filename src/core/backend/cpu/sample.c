/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maximum pooling and resizing of rows, forward and backward. Results are
 * gathered, one row at a time. */
#include "rows.h"

#include <string.h>

#define MAX_KERNEL 16 /* a position is a U8 */

typedef struct
{
  CcsOperand x, y, where; /* the larger map, the smaller, argmax */
  gint64 kernel, stride, pad;
  gint64 channels;
} Sample;

static Sample *
sample_new (CcsKernel *kernel, const CcsOperand *x, const CcsOperand *y,
            const CcsOperand *where,
            void (*run) (CcsBackend *, gpointer, void *))
{
  Sample *self = g_new0 (Sample, 1);

  self->x = *x;
  self->y = *y;
  if (where)
    self->where = *where;
  self->kernel = kernel->op->attrs.pool.kernel;
  self->stride = kernel->op->attrs.pool.stride;
  self->pad = kernel->op->attrs.pool.pad;
  self->channels = ccs_channels (x);
  kernel->state = self;
  kernel->free_state = g_free;
  kernel->run = run;
  return self;
}

static inline guint8 *
where_at (const Sample *self, gint64 row)
{
  return self->where.data ? (guint8 *)self->where.data + row * self->where.pitch
                          : NULL;
}

/* -- max pool -------------------------------------------------------------- */

/* Pools the window of result (@i, @j) of item @b. */
static void
pool_pixel (const Sample *self, const CcsSimd *simd, gint64 b, gint64 i,
            gint64 j)
{
  const gint64 height = self->x.shape.dim[1], width = self->x.shape.dim[2];
  const gint64 row = (b * self->y.shape.dim[1] + i) * self->y.shape.dim[2] + j;
  const gint64 top = i * self->stride - self->pad;
  const gint64 left = j * self->stride - self->pad;
  const float *x[MAX_KERNEL * MAX_KERNEL];
  guint8 positions[MAX_KERNEL * MAX_KERNEL];
  guint n = 0;

  for (gint64 ky = MAX (0, -top); ky < MIN (self->kernel, height - top); ky++)
    for (gint64 kx = MAX (0, -left); kx < MIN (self->kernel, width - left);
         kx++) {
      x[n] = ccs_operand_row (&self->x,
                              (b * height + top + ky) * width + left + kx);
      positions[n++] = ky * self->kernel + kx;
    }
  simd->pool_max (self->channels, n, x, positions,
                  ccs_operand_row (&self->y, row), where_at (self, row));
}

static void
run_max_pool (CcsBackend *backend, gpointer state, void *scratch)
{
  const Sample *self = state;
  const CcsSimd *simd = ccs_simd ();
  const gint64 *size = self->y.shape.dim;

#pragma omp parallel for schedule(                                             \
    static) if (ccs_shape_elements(&self->y.shape) > CCS_PART_ELEMENTS)
  for (gint64 r = 0; r < size[0] * size[1]; r++)
    for (gint64 j = 0; j < size[2]; j++)
      pool_pixel (self, simd, r / size[1], r % size[1], j);
}

static gboolean
prepare_max_pool (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                  GError **error)
{
  sample_new (kernel, &kernel->in[0], &kernel->out[0], &kernel->out[1],
              run_max_pool);
  return TRUE;
}

/* Adds the gradients from row @i of dy to row @at of dx. */
static void
unpool_row (const Sample *self, const CcsSimd *simd, gint64 b, gint64 at,
            gint64 i)
{
  const gint64 width = self->x.shape.dim[2];
  const gint64 ky = at + self->pad - i * self->stride;
  const gint64 from = (b * self->y.shape.dim[1] + i) * self->y.shape.dim[2];
  const gint64 to = (b * self->x.shape.dim[1] + at) * width;

  for (gint64 j = 0; j < self->y.shape.dim[2]; j++)
    for (gint64 kx = 0; kx < self->kernel; kx++) {
      const gint64 column = j * self->stride - self->pad + kx;

      if (column >= 0 && column < width)
        simd->pool_spread (self->channels, ccs_operand_row (&self->y, from + j),
                           where_at (self, from + j), ky * self->kernel + kx,
                           ccs_operand_row (&self->x, to + column));
    }
}

static void
run_max_pool_grad (CcsBackend *backend, gpointer state, void *scratch)
{
  const Sample *self = state;
  const CcsSimd *simd = ccs_simd ();
  const gint64 height = self->x.shape.dim[1], width = self->x.shape.dim[2];
  const gint64 rows = self->y.shape.dim[1];

#pragma omp parallel for schedule(                                             \
    static) if (ccs_shape_elements(&self->y.shape) > CCS_PART_ELEMENTS)
  for (gint64 r = 0; r < self->x.shape.dim[0] * height; r++) {
    const gint64 at = r % height, b = r / height;
    const gint64 before = at + self->pad - self->kernel;
    const gint64 first = before < 0 ? 0 : before / self->stride + 1;
    const gint64 last = MIN (rows - 1, (at + self->pad) / self->stride);

    for (gint64 j = 0; j < width; j++)
      memset (ccs_operand_row (&self->x, r * width + j), 0,
              self->channels * sizeof (float));
    for (gint64 i = first; i <= last; i++)
      unpool_row (self, simd, b, at, i);
  }
}

static gboolean
prepare_max_pool_grad (CcsCpu *cpu, CcsKernel *kernel,
                       const CcsKernelHints *hints, GError **error)
{
  sample_new (kernel, &kernel->out[0], &kernel->in[0], &kernel->in[1],
              run_max_pool_grad);
  return TRUE;
}

/* -- resized rows ---------------------------------------------------------- */

/* Maps row @at of @to output rows to @from input rows. Returns the input row at
 * or above it, and in @part the fraction of the way to the next row. */
static gint64
source_row (gint64 at, gint64 from, gint64 to, double *part)
{
  const gint64 steps = MAX (1, to - 1);

  *part = (double)(at * (from - 1) % steps) / steps;
  return at * (from - 1) / steps;
}

/* Resizes dense maps, whose rows of pixels are contiguous; the reference code
 * handles others. */
static void
run_resize_rows (CcsBackend *backend, gpointer state, void *scratch)
{
  const Sample *self = state;
  const CcsSimd *simd = ccs_simd ();
  const gint64 from = self->x.shape.dim[1], to = self->y.shape.dim[1];
  const gint64 width = self->x.shape.dim[2], line = width * self->channels;

#pragma omp parallel for schedule(                                             \
    static) if (ccs_shape_elements(&self->y.shape) > CCS_PART_ELEMENTS)
  for (gint64 r = 0; r < self->y.shape.dim[0] * to; r++) {
    double part;
    const gint64 above = source_row (r % to, from, to, &part);
    const gint64 below = MIN (above + 1, from - 1);
    const gint64 base = r / to * from;
    float *y = ccs_operand_row (&self->y, r * width);

    simd->affine (line, ccs_operand_row (&self->x, (base + above) * width),
                  1. - part, 0.f, y);
    simd->axpy (line, part, ccs_operand_row (&self->x, (base + below) * width),
                y);
  }
}

static gboolean
prepare_resize_rows (CcsCpu *cpu, CcsKernel *kernel,
                     const CcsKernelHints *hints, GError **error)
{
  if (ccs_is_dense (&kernel->in[0]) && ccs_is_dense (&kernel->out[0]))
    sample_new (kernel, &kernel->in[0], &kernel->out[0], NULL, run_resize_rows);
  return TRUE;
}

static void
run_resize_rows_grad (CcsBackend *backend, gpointer state, void *scratch)
{
  const Sample *self = state;
  const CcsSimd *simd = ccs_simd ();
  const gint64 height = self->x.shape.dim[1], to = self->y.shape.dim[1];
  const gint64 width = self->x.shape.dim[2], line = width * self->channels;
  const gint64 steps = MAX (1, height - 1);

#pragma omp parallel for schedule(                                             \
    static) if (ccs_shape_elements(&self->y.shape) > CCS_PART_ELEMENTS)
  for (gint64 r = 0; r < self->x.shape.dim[0] * height; r++) {
    const gint64 i = r % height;
    /* rows of dy between source rows i - 1 and i + 1 */
    const gint64 first = height == 1 ? 0 : MAX (0, (i - 1) * (to - 1) / steps);
    const gint64 last
        = height == 1 ? to - 1 : MIN (to - 1, (i + 1) * (to - 1) / steps + 1);
    float *dx = ccs_operand_row (&self->x, r * width);

    memset (dx, 0, line * sizeof (float));
    for (gint64 y = first; y <= last; y++) {
      double part;
      const gint64 above = source_row (y, height, to, &part);
      const double weight = above == i ? 1. - part : above + 1 == i ? part : 0.;

      if (weight != 0.)
        simd->axpy (line, weight,
                    ccs_operand_row (&self->y, (r / height * to + y) * width),
                    dx);
    }
  }
}

static gboolean
prepare_resize_rows_grad (CcsCpu *cpu, CcsKernel *kernel,
                          const CcsKernelHints *hints, GError **error)
{
  if (ccs_is_dense (&kernel->in[0]) && ccs_is_dense (&kernel->out[0]))
    sample_new (kernel, &kernel->out[0], &kernel->in[0], NULL,
                run_resize_rows_grad);
  return TRUE;
}

const CcsCpuKernel ccs_cpu_sample_kernels[] = {
  { CCS_OP_MAX_POOL, prepare_max_pool },
  { CCS_OP_MAX_POOL_GRAD, prepare_max_pool_grad },
  { CCS_OP_RESIZE_ROWS, prepare_resize_rows },
  { CCS_OP_RESIZE_ROWS_GRAD, prepare_resize_rows_grad },
  { 0 },
};
