/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pointwise ops: run the inner loops on rows of the operands; rows of dense
 * operands are joined. */
#include "rows.h"

/* The state of a pointwise kernel. */
typedef struct
{
  CcsOperand in[3], out;
  CcsAttrs attrs;
  CcsOpKind kind;
  gint64 rows, channels, part; /* a part: that many rows */
  CcsShape shape;
  gint64 b_strides[CCS_MAX_RANK];
} Pointwise;

/* Makes the state for @n inputs with the result's shape; the second may
 * broadcast. Dense operands are divided into one row for each part. */
static Pointwise *
pointwise_new (CcsKernel *kernel, guint n, gboolean broadcasts)
{
  Pointwise *self = g_new0 (Pointwise, 1);
  gboolean dense = !broadcasts && ccs_is_dense (&kernel->out[0]);

  self->out = kernel->out[0];
  self->attrs = kernel->op->attrs;
  self->kind = kernel->op->kind;
  for (guint i = 0; i < n; i++) {
    self->in[i] = kernel->in[i];
    dense = dense && ccs_is_dense (&kernel->in[i]);
  }
  self->shape = self->out.shape;
  self->rows = ccs_rows (&self->out);
  self->channels = ccs_channels (&self->out);
  if (dense) {
    /* One row, divided by columns. */
    self->channels *= self->rows;
    self->rows = 1;
  }
  self->part = ccs_part_rows (self->channels);
  kernel->state = self;
  kernel->free_state = g_free;
  return self;
}

/* The inner loop on @n elements: operand i from x[i] on. */
typedef void (*PointwiseLoop) (const Pointwise *self, const CcsSimd *simd,
                               gint64 n, const float *const *x, float *y);

static void
pointwise_row (const Pointwise *self, const CcsSimd *simd, gint64 row,
               gint64 column, gint64 n, PointwiseLoop loop)
{
  const float *x[3];

  for (guint i = 0; i < 3; i++)
    x[i] = self->in[i].data ? ccs_operand_row (&self->in[i], row) + column
                            : NULL;
  loop (self, simd, n, x, ccs_operand_row (&self->out, row) + column);
}

static void
pointwise_run (const Pointwise *self, PointwiseLoop loop)
{
  const CcsSimd *simd = ccs_simd ();
  const gint64 part = self->part, wide = CCS_PART_ELEMENTS;

  if (self->rows == 1) {
#pragma omp parallel for schedule(static) if (self->channels > wide)
    for (gint64 column = 0; column < self->channels; column += wide)
      pointwise_row (self, simd, 0, column, MIN (wide, self->channels - column),
                     loop);
    return;
  }
#pragma omp parallel for schedule(static) if (self->rows > part)
  for (gint64 first = 0; first < self->rows; first += part)
    for (gint64 r = first; r < MIN (first + part, self->rows); r++)
      pointwise_row (self, simd, r, 0, self->channels, loop);
}

#define POINTWISE(name, n_in)                                                  \
  static void run_##name (CcsBackend *backend, gpointer state, void *scratch)  \
  {                                                                            \
    pointwise_run (state, name##_loop);                                        \
  }                                                                            \
  static gboolean prepare_##name (CcsCpu *cpu, CcsKernel *kernel,              \
                                  const CcsKernelHints *hints, GError **error) \
  {                                                                            \
    pointwise_new (kernel, n_in, FALSE);                                       \
    kernel->run = run_##name;                                                  \
    return TRUE;                                                               \
  }

static void
activation_loop (const Pointwise *self, const CcsSimd *simd, gint64 n,
                 const float *const *x, float *y)
{
  simd->epilogue (1, n, x[0], n, NULL, NULL, 0, self->attrs.pointwise.act, y,
                  n);
}

static void
activation_grad_loop (const Pointwise *self, const CcsSimd *simd, gint64 n,
                      const float *const *x, float *y)
{
  simd->activation_grad (n, x[0], x[1], self->attrs.pointwise.act, y);
}

static void
affine_loop (const Pointwise *self, const CcsSimd *simd, gint64 n,
             const float *const *x, float *y)
{
  simd->affine (n, x[0], self->attrs.affine.scale, self->attrs.affine.shift, y);
}

static void
modulate_loop (const Pointwise *self, const CcsSimd *simd, gint64 n,
               const float *const *x, float *y)
{
  simd->modulate (n, x[0], x[1], x[2], self->attrs.pointwise.act, y);
}

static void
complex_mul_loop (const Pointwise *self, const CcsSimd *simd, gint64 n,
                  const float *const *x, float *y)
{
  simd->complex_mul (n, x[0], x[1], self->attrs.complex_mul.conjugate_b, y);
}

POINTWISE (activation, 1)
POINTWISE (activation_grad, 2)
POINTWISE (affine, 1)
POINTWISE (modulate, 3)
POINTWISE (complex_mul, 2)

/* -- sums, differences and products with an operand that may repeat -------- */

static CcsSimdBinary
binary_kind (CcsOpKind kind)
{
  static const CcsSimdBinary kinds[] = {
    [CCS_OP_ADD - CCS_OP_ADD] = CCS_SIMD_ADD,
    [CCS_OP_SUB - CCS_OP_ADD] = CCS_SIMD_SUB,
    [CCS_OP_MUL - CCS_OP_ADD] = CCS_SIMD_MUL,
  };

  return kinds[kind - CCS_OP_ADD];
}

static void
binary_loop (const Pointwise *self, const CcsSimd *simd, gint64 n,
             const float *const *x, float *y)
{
  simd->binary (binary_kind (self->kind), n, x[0], x[1], 1,
                self->attrs.pointwise.act, y);
}

static void
run_binary (CcsBackend *backend, gpointer state, void *scratch)
{
  pointwise_run (state, binary_loop);
}

static void
run_broadcast_binary (CcsBackend *backend, gpointer state, void *scratch)
{
  const Pointwise *self = state;
  const CcsSimd *simd = ccs_simd ();
  const gint64 part = self->part, last = MAX (self->shape.rank, 1) - 1;
  const CcsSimdBinary kind = binary_kind (self->kind);

#pragma omp parallel for schedule(static) if (self->rows > part)
  for (gint64 first = 0; first < self->rows; first += part)
    for (gint64 r = first; r < MIN (first + part, self->rows); r++)
      simd->binary (kind, self->channels, ccs_operand_row (&self->in[0], r),
                    (const float *)self->in[1].data
                        + ccs_strided_row (&self->shape, self->b_strides, r),
                    self->b_strides[last], self->attrs.pointwise.act,
                    ccs_operand_row (&self->out, r));
}

static gboolean
prepare_binary (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  const gboolean same
      = ccs_shape_equal (&kernel->in[0].shape, &kernel->in[1].shape);
  Pointwise *self = pointwise_new (kernel, 2, !same);

  ccs_broadcast_strides (&self->in[1].shape, self->in[1].pitch, &self->shape,
                         self->b_strides);
  kernel->run = same ? run_binary : run_broadcast_binary;
  return TRUE;
}

const CcsCpuKernel ccs_cpu_pointwise_kernels[] = {
  { CCS_OP_ACTIVATION, prepare_activation },
  { CCS_OP_ACTIVATION_GRAD, prepare_activation_grad },
  { CCS_OP_ADD, prepare_binary },
  { CCS_OP_SUB, prepare_binary },
  { CCS_OP_MUL, prepare_binary },
  { CCS_OP_AFFINE, prepare_affine },
  { CCS_OP_MODULATE, prepare_modulate },
  { CCS_OP_COMPLEX_MUL, prepare_complex_mul },
  { 0 },
};
