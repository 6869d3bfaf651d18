/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Emitters of arithmetic ops: pointwise ops, norms over rows, sums, products.
 */
#include "translation.h"

#include <math.h>

/* -- element by element -----------------------------------------------------
 */

/* Emits an op of operands 0 and 1; the second may broadcast. */
static gboolean
emit_binary (OnnxTranslation *self, const CcsOp *op, const char *op_type)
{
  OnnxLayout layout = onnx_layout_of (self, op, 2);
  const char *a = onnx_operand (self, op->in[0], layout);
  const char *b = onnx_operand (self, op->in[1], layout);

  onnx_result (self, op->out[0], layout, op->attrs.pointwise.act, op_type,
               ONNX_INPUTS (a, b), NULL);
  return TRUE;
}

gboolean
onnx_emit_add (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  return emit_binary (self, op, "Add");
}

gboolean
onnx_emit_mul (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  return emit_binary (self, op, "Mul");
}

gboolean
onnx_emit_affine (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  OnnxLayout layout = onnx_layout_of (self, op, 1);
  const char *x = onnx_operand (self, op->in[0], layout);
  const char *scale = onnx_scalar (self, op->attrs.affine.scale);
  const char *shift = onnx_scalar (self, op->attrs.affine.shift);
  const char *scaled = onnx_apply (self, "Mul", ONNX_INPUTS (x, scale), NULL);

  onnx_result (self, op->out[0], layout, CCS_NO_ACT, "Add",
               ONNX_INPUTS (scaled, shift), NULL);
  return TRUE;
}

gboolean
onnx_emit_modulate (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  OnnxLayout layout = onnx_layout_of (self, op, 3);
  const char *x = onnx_operand (self, op->in[0], layout);
  const char *gamma = onnx_operand (self, op->in[1], layout);
  const char *beta = onnx_operand (self, op->in[2], layout);
  const char *one = onnx_scalar (self, 1.f);
  const char *gain = onnx_apply (self, "Add", ONNX_INPUTS (gamma, one), NULL);
  const char *scaled = onnx_apply (self, "Mul", ONNX_INPUTS (x, gain), NULL);

  onnx_result (self, op->out[0], layout, op->attrs.pointwise.act, "Add",
               ONNX_INPUTS (scaled, beta), NULL);
  return TRUE;
}

/* Emits one part of a complex product: a b and c d, combined. */
static const char *
sum_of_products (OnnxTranslation *self, const char *a, const char *b,
                 const char *join, const char *c, const char *d)
{
  const char *ab = onnx_apply (self, "Mul", ONNX_INPUTS (a, b), NULL);
  const char *cd = onnx_apply (self, "Mul", ONNX_INPUTS (c, d), NULL);

  return onnx_apply (self, join, ONNX_INPUTS (ab, cd), NULL);
}

gboolean
onnx_emit_complex_mul (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const CcsShape *shape = onnx_shape (self, op->in[0]);
  OnnxLayout layout = onnx_layout_of (self, op, 2);
  gint64 axis = onnx_axis (shape->rank, shape->rank - 1, layout);
  const char *part[2][2], *re, *im; /* of a and b */

  if (op->attrs.complex_mul.conjugate_b)
    return onnx_no_form (self, error, "its operand b is conjugated");
  if (ccs_shape_channels (shape) != 2)
    return onnx_no_form (
        self, error, "its rows have %" G_GINT64_FORMAT " numbers, not one pair",
        ccs_shape_channels (shape));
  for (guint i = 0; i < 2; i++)
    for (guint k = 0; k < 2; k++)
      part[i][k] = onnx_slice (self, onnx_operand (self, op->in[i], layout),
                               axis, k, 1);
  re = sum_of_products (self, part[0][0], part[1][0], "Sub", part[0][1],
                        part[1][1]);
  im = sum_of_products (self, part[0][0], part[1][1], "Add", part[0][1],
                        part[1][0]);
  onnx_result (self, op->out[0], layout, CCS_NO_ACT, "Concat",
               ONNX_INPUTS (re, im), ONNX_ATTRS (ONNX_I ("axis", axis)));
  return TRUE;
}

/* -- norms and sums ---------------------------------------------------------
 */

gboolean
onnx_emit_layer_norm (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const char *x = onnx_operand (self, op->in[0], ONNX_PLAIN);
  const char *w = onnx_operand (self, op->in[1], ONNX_PLAIN);
  const char *b = onnx_operand (self, op->in[2], ONNX_PLAIN);

  if (op->out[1] != CCS_NONE || op->out[2] != CCS_NONE)
    return onnx_no_form (self, error, "its statistics are read");
  onnx_result (
      self, op->out[0], ONNX_PLAIN, CCS_NO_ACT, "LayerNormalization",
      ONNX_INPUTS (x, w, b),
      ONNX_ATTRS (ONNX_I ("axis", -1), ONNX_F ("epsilon", op->attrs.norm.eps)));
  return TRUE;
}

gboolean
onnx_emit_l2_normalize (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const gint64 last[] = { -1 };
  const char *x = onnx_operand (self, op->in[0], ONNX_PLAIN);
  const char *eps = onnx_scalar (self, op->attrs.norm.eps);
  const char *length, *divisor;

  if (op->out[1] != CCS_NONE)
    return onnx_no_form (self, error, "its scale is read");
  length = onnx_apply (
      self, "ReduceL2", ONNX_INPUTS (x),
      ONNX_ATTRS (ONNX_INTS ("axes", last, 1), ONNX_I ("keepdims", 1)));
  divisor = onnx_apply (self, "Max", ONNX_INPUTS (length, eps), NULL);
  onnx_result (self, op->out[0], ONNX_PLAIN, CCS_NO_ACT, "Div",
               ONNX_INPUTS (x, divisor), NULL);
  return TRUE;
}

/* y = x/gain, gain = max (floor, rms)/target */
gboolean
onnx_emit_level (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const gint64 last[] = { -1 };
  const char *x = onnx_operand (self, op->in[0], ONNX_PLAIN);
  const char *lowest = onnx_scalar (self, op->attrs.level.floor);
  const char *target = onnx_scalar (self, op->attrs.level.target);
  const char *square = onnx_apply (self, "Mul", ONNX_INPUTS (x, x), NULL);
  const char *mean = onnx_apply (
      self, "ReduceMean", ONNX_INPUTS (square),
      ONNX_ATTRS (ONNX_INTS ("axes", last, 1), ONNX_I ("keepdims", 1)));
  const char *rms = onnx_apply (self, "Sqrt", ONNX_INPUTS (mean), NULL);
  const char *level = onnx_apply (self, "Max", ONNX_INPUTS (rms, lowest), NULL);
  const char *gain = onnx_result (self, op->out[1], ONNX_PLAIN, CCS_NO_ACT,
                                  "Div", ONNX_INPUTS (level, target), NULL);

  onnx_result (self, op->out[0], ONNX_PLAIN, CCS_NO_ACT, "Div",
               ONNX_INPUTS (x, gain), NULL);
  return TRUE;
}

gboolean
onnx_emit_reduce (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const CcsShape *from = onnx_shape (self, op->in[0]);
  const CcsShape *to = onnx_shape (self, op->out[0]);
  OnnxLayout layout = onnx_layout_of (self, op, 1);
  const char *x = onnx_operand (self, op->in[0], layout);
  const char *scale = onnx_scalar (self, op->attrs.affine.scale), *sum;
  gint64 axes[CCS_MAX_RANK];
  guint n = 0;

  for (guint i = 0; i < to->rank; i++)
    if (to->dim[i] != from->dim[i])
      axes[n++] = onnx_axis (from->rank, i, layout);
  if (from->rank != to->rank || n == 0)
    return onnx_no_form (self, error, "it leaves dimensions out, or sums none");
  sum = onnx_apply (self, "ReduceSum",
                    ONNX_INPUTS (x, onnx_integers (self, axes, n)),
                    ONNX_ATTRS (ONNX_I ("keepdims", 1)));
  onnx_result (self, op->out[0], layout, CCS_NO_ACT, "Mul",
               ONNX_INPUTS (sum, scale), NULL);
  return TRUE;
}

/* -- products ---------------------------------------------------------------
 */

/* Emits a product of rank 2 as one node. */
static void
emit_gemm (OnnxTranslation *self, const CcsOp *op)
{
  const char *a = onnx_operand (self, op->in[0], ONNX_PLAIN);
  const char *b = onnx_operand (self, op->in[1], ONNX_PLAIN);
  const char *bias = onnx_operand (self, op->in[2], ONNX_PLAIN);

  onnx_result (self, op->out[0], ONNX_PLAIN, op->attrs.matmul.act, "Gemm",
               ONNX_INPUTS (a, b, bias),
               ONNX_ATTRS (ONNX_F ("alpha", op->attrs.matmul.alpha),
                           ONNX_I ("transA", op->attrs.matmul.transpose_a),
                           ONNX_I ("transB", op->attrs.matmul.transpose_b)));
}

static const char *
swap_last_two (OnnxTranslation *self, const char *x)
{
  const gint64 perm[] = { 0, 2, 1 };

  return onnx_apply (self, "Transpose", ONNX_INPUTS (x),
                     ONNX_ATTRS (ONNX_INTS ("perm", perm, 3)));
}

gboolean
onnx_emit_matmul (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const guint rank = onnx_shape (self, op->in[0])->rank;
  const char *a, *b;

  if (rank == 2) {
    emit_gemm (self, op);
    return TRUE;
  }
  if (rank != 3 || op->in[2] != CCS_NONE || op->attrs.matmul.alpha != 1.f)
    return onnx_no_form (self, error, "it has rank %u with a bias or a factor",
                         rank);
  a = onnx_operand (self, op->in[0], ONNX_PLAIN);
  b = onnx_operand (self, op->in[1], ONNX_PLAIN);
  if (op->attrs.matmul.transpose_a)
    a = swap_last_two (self, a);
  if (op->attrs.matmul.transpose_b)
    b = swap_last_two (self, b);
  onnx_result (self, op->out[0], ONNX_PLAIN, op->attrs.matmul.act, "MatMul",
               ONNX_INPUTS (a, b), NULL);
  return TRUE;
}

/* Splits tokens [B,T,D] into heads, with the dimensions of [B,T,heads,D/heads]
 * in the order @perm. */
static const char *
by_head (OnnxTranslation *self, const CcsOp *op, CcsValueId id,
         const gint64 perm[4])
{
  const CcsShape *shape = onnx_shape (self, id);
  const gint64 heads = op->attrs.attention.heads;
  const gint64 dims[] = { -1, shape->dim[1], heads, shape->dim[2] / heads };
  const char *x = onnx_operand (self, id, ONNX_PLAIN);
  const char *split = onnx_apply (
      self, "Reshape", ONNX_INPUTS (x, onnx_integers (self, dims, 4)), NULL);

  return onnx_apply (self, "Transpose", ONNX_INPUTS (split),
                     ONNX_ATTRS (ONNX_INTS ("perm", perm, 4)));
}

gboolean
onnx_emit_attention (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  static const gint64 rows[] = { 0, 2, 1, 3 }, columns[] = { 0, 2, 3, 1 };
  const CcsShape *shape = onnx_shape (self, op->in[0]);
  const gint64 dims[] = { -1, shape->dim[1], shape->dim[2] };
  const double width = (double)shape->dim[2] / op->attrs.attention.heads;
  const char *q = by_head (self, op, op->in[0], rows);
  const char *k = by_head (self, op, op->in[1], columns);
  const char *v = by_head (self, op, op->in[2], rows);
  const char *scale = onnx_scalar (self, 1 / sqrt (width));
  const char *scaled = onnx_apply (self, "Mul", ONNX_INPUTS (q, scale), NULL);
  const char *score
      = onnx_apply (self, "MatMul", ONNX_INPUTS (scaled, k), NULL);
  const char *weight, *seen, *joined;

  if (op->out[1] != CCS_NONE)
    return onnx_no_form (self, error, "its probabilities are read");
  weight = onnx_apply (self, "Softmax", ONNX_INPUTS (score),
                       ONNX_ATTRS (ONNX_I ("axis", -1)));
  seen = onnx_apply (self, "MatMul", ONNX_INPUTS (weight, v), NULL);
  joined = onnx_apply (self, "Transpose", ONNX_INPUTS (seen),
                       ONNX_ATTRS (ONNX_INTS ("perm", rows, 4)));
  onnx_result (self, op->out[0], ONNX_PLAIN, CCS_NO_ACT, "Reshape",
               ONNX_INPUTS (joined, onnx_integers (self, dims, 3)), NULL);
  return TRUE;
}
