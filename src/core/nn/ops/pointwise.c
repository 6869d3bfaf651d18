/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the pointwise family: activations, and sums and products of elements;
 * the second operand may broadcast. */
#include "row-util.h"

/* -- shapes ---------------------------------------------------------------- */

/* Infers one result with the shape of input 0, from @n inputs of the same
 * shape. */
static gboolean
alike_infer (const CcsOp *op, const CcsValue *const *in, guint n, CcsValue *out,
             GError **error)
{
  if (!ccs_op_expect_floats (op, in, n, 0, error))
    return FALSE;
  for (guint i = 1; i < n; i++)
    if (!ccs_op_expect_shape (op, in, i, in[0]->shape, error))
      return FALSE;
  ccs_op_set_result (&out[0], in[0]->shape);
  return TRUE;
}

static gboolean
unary_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
             GError **error)
{
  return alike_infer (op, in, 1, out, error);
}

static gboolean
activation_grad_infer (const CcsOp *op, const CcsValue *const *in,
                       CcsValue *out, GError **error)
{
  return alike_infer (op, in, 2, out, error);
}

static gboolean
modulate_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                GError **error)
{
  return alike_infer (op, in, 3, out, error);
}

static gboolean
complex_mul_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                   GError **error)
{
  if (!alike_infer (op, in, 2, out, error))
    return FALSE;
  if (ccs_shape_channels (&in[0]->shape) % 2 != 0)
    return ccs_op_shape_error (
        op, error, "the last dimension does not hold pairs (re, im)");
  return TRUE;
}

static gboolean
binary_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
              GError **error)
{
  if (!ccs_op_expect_floats (op, in, 2, 0, error))
    return FALSE;
  ccs_op_set_result (&out[0], in[0]->shape);
  return ccs_op_expect_broadcast (op, &in[1]->shape, &in[0]->shape, error);
}

/* -- gradients ------------------------------------------------------------- */

/* Sums @gradient, which has the shape of a, to the shape of @operand. */
static CcsValueId
reduce_to (CcsProgram *p, CcsValueId gradient, CcsValueId operand)
{
  const CcsShape shape = ccs_program_value (p, operand)->shape;

  /* CCS_NONE, after an error, has no shape. */
  if (gradient == CCS_NONE
      || ccs_shape_equal (&shape, &ccs_program_value (p, gradient)->shape))
    return gradient;
  return ccs_reduce (p, gradient, shape, 1.f);
}

static void
activation_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                     const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0] = ccs_op_activation_grad (p, dout[0], op->out[0],
                                     op->attrs.pointwise.act);
}

static void
add_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
              const gboolean *want, CcsValueId *din)
{
  const CcsValueId dy = ccs_op_activation_grad (p, dout[0], op->out[0],
                                                op->attrs.pointwise.act);

  if (want[0])
    din[0] = dy;
  if (want[1])
    din[1] = reduce_to (p, dy, op->in[1]);
}

static void
sub_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
              const gboolean *want, CcsValueId *din)
{
  const CcsValueId b = op->in[1];

  if (want[0])
    din[0] = dout[0];
  if (want[1])
    din[1] = ccs_affine (p, reduce_to (p, dout[0], b), -1.f, 0.f);
}

static void
mul_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
              const gboolean *want, CcsValueId *din)
{
  const CcsValueId a = op->in[0], b = op->in[1];

  if (want[0])
    din[0] = ccs_mul (p, dout[0], b);
  if (want[1])
    din[1] = reduce_to (p, ccs_mul (p, dout[0], a), b);
}

static void
affine_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                 const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0] = ccs_affine (p, dout[0], op->attrs.affine.scale, 0.f);
}

static void
modulate_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                   const gboolean *want, CcsValueId *din)
{
  const CcsValueId dy = ccs_op_activation_grad (p, dout[0], op->out[0],
                                                op->attrs.pointwise.act);

  if (want[0]) /* dy (1 + gamma) */
    din[0] = ccs_add (p, ccs_mul (p, dy, op->in[1]), dy, CCS_NO_ACT);
  if (want[1])
    din[1] = ccs_mul (p, dy, op->in[0]);
  if (want[2])
    din[2] = dy;
}

static void
complex_mul_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                      const gboolean *want, CcsValueId *din)
{
  const CcsValueId a = op->in[0], b = op->in[1];
  const gboolean conjugate_b = op->attrs.complex_mul.conjugate_b;

  if (want[0])
    din[0] = ccs_complex_mul (p, dout[0], b, !conjugate_b);
  if (want[1])
    din[1] = conjugate_b ? ccs_complex_mul (p, a, dout[0], TRUE)
                         : ccs_complex_mul (p, dout[0], a, TRUE);
}

/* -- reference ------------------------------------------------------------- */

static void
activation_reference (const CcsOp *op, const CcsOperand *in,
                      const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[0].shape);
  const gint64 channels = ccs_shape_channels (&in[0].shape);

  for (gint64 r = 0; r < rows; r++) {
    const float *x = ccs_operand_row (&in[0], r);
    float *y = ccs_operand_row (&out[0], r);

    for (gint64 c = 0; c < channels; c++)
      y[c] = ccs_act_apply (op->attrs.pointwise.act, x[c]);
  }
}

static void
activation_grad_reference (const CcsOp *op, const CcsOperand *in,
                           const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[0].shape);
  const gint64 channels = ccs_shape_channels (&in[0].shape);

  for (gint64 r = 0; r < rows; r++) {
    const float *dy = ccs_operand_row (&in[0], r);
    const float *y = ccs_operand_row (&in[1], r);
    float *dx = ccs_operand_row (&out[0], r);

    for (gint64 c = 0; c < channels; c++)
      dx[c] = dy[c] * ccs_act_derivative (op->attrs.pointwise.act, y[c]);
  }
}

/* Rows of a and y, the matching row of b, and the step along that row (0 if it
 * is repeated). */
typedef struct
{
  const float *a, *b;
  float *y;
  gint64 b_step, n;
} BinaryRow;

typedef void (*BinaryRowFunc) (const BinaryRow *row, CcsAct act);

static void
add_row (const BinaryRow *row, CcsAct act)
{
  for (gint64 c = 0; c < row->n; c++)
    row->y[c] = ccs_act_apply (act, row->a[c] + row->b[c * row->b_step]);
}

static void
sub_row (const BinaryRow *row, CcsAct act)
{
  for (gint64 c = 0; c < row->n; c++)
    row->y[c] = row->a[c] - row->b[c * row->b_step];
}

static void
mul_row (const BinaryRow *row, CcsAct act)
{
  for (gint64 c = 0; c < row->n; c++)
    row->y[c] = row->a[c] * row->b[c * row->b_step];
}

static void
for_binary_rows (const CcsOp *op, const CcsOperand *in, const CcsOperand *out,
                 BinaryRowFunc func)
{
  const CcsShape *shape = &in[0].shape;
  const gint64 rows = ccs_shape_rows (shape);
  gint64 strides[CCS_MAX_RANK];

  ccs_broadcast_strides (&in[1].shape, in[1].pitch, shape, strides);
  for (gint64 r = 0; r < rows; r++) {
    const BinaryRow row = {
      .a = ccs_operand_row (&in[0], r),
      .b = (const float *)in[1].data + ccs_strided_row (shape, strides, r),
      .y = ccs_operand_row (&out[0], r),
      .b_step = shape->rank > 0 ? strides[shape->rank - 1] : 0,
      .n = ccs_shape_channels (shape),
    };

    func (&row, op->attrs.pointwise.act);
  }
}

static void
add_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  for_binary_rows (op, in, out, add_row);
}

static void
sub_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  for_binary_rows (op, in, out, sub_row);
}

static void
mul_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  for_binary_rows (op, in, out, mul_row);
}

static void
affine_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[0].shape);
  const gint64 channels = ccs_shape_channels (&in[0].shape);

  for (gint64 r = 0; r < rows; r++) {
    const float *x = ccs_operand_row (&in[0], r);
    float *y = ccs_operand_row (&out[0], r);

    for (gint64 c = 0; c < channels; c++)
      y[c] = op->attrs.affine.scale * x[c] + op->attrs.affine.shift;
  }
}

static void
modulate_reference (const CcsOp *op, const CcsOperand *in,
                    const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[0].shape);
  const gint64 channels = ccs_shape_channels (&in[0].shape);

  for (gint64 r = 0; r < rows; r++) {
    const float *x = ccs_operand_row (&in[0], r);
    const float *gamma = ccs_operand_row (&in[1], r);
    const float *beta = ccs_operand_row (&in[2], r);
    float *y = ccs_operand_row (&out[0], r);

    for (gint64 c = 0; c < channels; c++)
      y[c] = ccs_act_apply (op->attrs.pointwise.act,
                            x[c] * (1.f + gamma[c]) + beta[c]);
  }
}

static void
complex_mul_reference (const CcsOp *op, const CcsOperand *in,
                       const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[0].shape);
  const gint64 channels = ccs_shape_channels (&in[0].shape);
  const float sign = op->attrs.complex_mul.conjugate_b ? -1.f : 1.f;

  for (gint64 r = 0; r < rows; r++) {
    const float *a = ccs_operand_row (&in[0], r);
    const float *b = ccs_operand_row (&in[1], r);
    float *y = ccs_operand_row (&out[0], r);

    for (gint64 c = 0; c < channels; c += 2) {
      const float re = a[c] * b[c] - sign * a[c + 1] * b[c + 1];
      const float im = a[c + 1] * b[c] + sign * a[c] * b[c + 1];

      y[c] = re;
      y[c + 1] = im;
    }
  }
}

#define ROW(kind) [kind - CCS_OP_ACTIVATION]

const CcsOpRow ccs_op_rows_pointwise[] = {
  ROW (CCS_OP_ACTIVATION) = {
    .name = "activation",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .flags = CCS_OP_FLAG_PITCHED | CCS_OP_FLAG_IN_PLACE,
    .infer = unary_infer,
    .gradient = activation_gradient,
    .reference = activation_reference,
  },
  ROW (CCS_OP_ACTIVATION_GRAD) = {
    .name = "activation_grad",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .flags = CCS_OP_FLAG_IN_PLACE,
    .infer = activation_grad_infer,
    .reference = activation_grad_reference,
  },
  ROW (CCS_OP_ADD) = {
    .name = "add",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .flags = CCS_OP_FLAG_PITCHED | CCS_OP_FLAG_IN_PLACE,
    .infer = binary_infer,
    .gradient = add_gradient,
    .reference = add_reference,
  },
  ROW (CCS_OP_SUB) = {
    .name = "sub",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .flags = CCS_OP_FLAG_IN_PLACE,
    .infer = binary_infer,
    .gradient = sub_gradient,
    .reference = sub_reference,
  },
  ROW (CCS_OP_MUL) = {
    .name = "mul",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .flags = CCS_OP_FLAG_IN_PLACE,
    .infer = binary_infer,
    .gradient = mul_gradient,
    .reference = mul_reference,
  },
  ROW (CCS_OP_AFFINE) = {
    .name = "affine",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .flags = CCS_OP_FLAG_IN_PLACE,
    .infer = unary_infer,
    .gradient = affine_gradient,
    .reference = affine_reference,
  },
  ROW (CCS_OP_MODULATE) = {
    .name = "modulate",
    .min_in = 3, .max_in = 3, .n_out = 1,
    .flags = CCS_OP_FLAG_PITCHED | CCS_OP_FLAG_IN_PLACE,
    .infer = modulate_infer,
    .gradient = modulate_gradient,
    .reference = modulate_reference,
  },
  ROW (CCS_OP_COMPLEX_MUL) = {
    .name = "complex_mul",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .flags = CCS_OP_FLAG_IN_PLACE,
    .infer = complex_mul_infer,
    .gradient = complex_mul_gradient,
    .reference = complex_mul_reference,
  },
};
