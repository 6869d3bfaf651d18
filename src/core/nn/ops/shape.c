/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the shape family: ops that move elements. All but TRANSPOSE accept
 * any element type. */
#include "row-util.h"

#include <string.h>

/* -- shapes ---------------------------------------------------------------- */

static gboolean
reshape_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
               GError **error)
{
  if (!ccs_op_expect_inputs (op, in, 1, error)
      || !ccs_op_keep_asked_shape (op, in[0], &out[0], error))
    return FALSE;
  if (ccs_shape_elements (&out[0].shape) == ccs_shape_elements (&in[0]->shape))
    return TRUE;

  g_autofree char *from = ccs_shape_to_string (&in[0]->shape);
  g_autofree char *to = ccs_shape_to_string (&out[0].shape);
  return ccs_op_shape_error (op, error, "%s does not fill %s", from, to);
}

static gboolean
transpose_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                 GError **error)
{
  const gint32 *perm = op->attrs.transpose.perm;
  guint seen = 0;

  if (!ccs_op_expect_floats (op, in, 1, 0, error))
    return FALSE;

  CcsShape shape = in[0]->shape;

  for (guint i = 0; i < shape.rank; i++) {
    if (perm[i] < 0 || perm[i] >= (gint32)shape.rank
        || (seen >> perm[i] & 1) != 0)
      return ccs_op_shape_error (
          op, error, "dimension %u of the result is not one of the %u", i,
          shape.rank);
    seen |= 1u << perm[i];
    shape.dim[i] = in[0]->shape.dim[perm[i]];
  }
  ccs_op_set_result (&out[0], shape);
  return TRUE;
}

/* Checks that the op's axis is the first or the last of @shape. */
static gboolean
check_axis (const CcsOp *op, const CcsShape *shape, GError **error)
{
  const gint32 axis = op->attrs.slice.axis;

  if (shape->rank > 0 && (axis == 0 || axis + 1 == (gint32)shape->rank))
    return TRUE;
  return ccs_op_shape_error (op, error,
                             "axis %d is neither the first nor the last of %u",
                             axis, shape->rank);
}

static gboolean
concat_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
              GError **error)
{
  const gint32 axis = op->attrs.slice.axis;

  if (!ccs_op_expect_inputs (op, in, 1, error)
      || !check_axis (op, &in[0]->shape, error))
    return FALSE;

  CcsShape shape = in[0]->shape;

  for (guint i = 1; i < CCS_MAX_INPUTS && in[i] != NULL; i++) {
    CcsShape part = in[0]->shape;

    if (in[i]->shape.rank == part.rank)
      part.dim[axis] = in[i]->shape.dim[axis];
    if (!ccs_op_expect_shape (op, in, i, part, error))
      return FALSE;
    if (in[i]->dtype != in[0]->dtype)
      return ccs_op_shape_error (op, error, "joins %s and %s",
                                 ccs_dtype_name (in[0]->dtype),
                                 ccs_dtype_name (in[i]->dtype));
    shape.dim[axis] += part.dim[axis];
  }
  ccs_op_set_result_like (&out[0], in[0], shape);
  return TRUE;
}

/* Checks that @part is the part of @whole at the op's axis and start. */
static gboolean
check_slice (const CcsOp *op, const CcsShape *whole, const CcsShape *part,
             GError **error)
{
  const gint32 axis = op->attrs.slice.axis;
  const gint64 start = op->attrs.slice.start;
  CcsShape expected = *whole;

  if (!check_axis (op, whole, error))
    return FALSE;
  expected.dim[axis] = part->rank == whole->rank ? part->dim[axis] : 0;
  if (ccs_shape_equal (part, &expected) && expected.dim[axis] > 0 && start >= 0
      && start <= whole->dim[axis] - expected.dim[axis])
    return TRUE;

  g_autofree char *from = ccs_shape_to_string (whole);
  g_autofree char *to = ccs_shape_to_string (part);
  return ccs_op_shape_error (
      op, error, "%s has no part %s at %" G_GINT64_FORMAT " on axis %d", from,
      to, start, axis);
}

static gboolean
slice_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
             GError **error)
{
  return ccs_op_expect_inputs (op, in, 1, error)
         && ccs_op_keep_asked_shape (op, in[0], &out[0], error)
         && check_slice (op, &in[0]->shape, &out[0].shape, error);
}

static gboolean
slice_grad_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                  GError **error)
{
  return ccs_op_expect_inputs (op, in, 1, error)
         && ccs_op_keep_asked_shape (op, in[0], &out[0], error)
         && check_slice (op, &out[0].shape, &in[0]->shape, error);
}

static gboolean
copy_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
            GError **error)
{
  if (!ccs_op_expect_inputs (op, in, 1, error))
    return FALSE;
  ccs_op_set_result_like (&out[0], in[0], in[0]->shape);
  return TRUE;
}

/* -- gradients ------------------------------------------------------------- */

static void
reshape_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                  const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0] = ccs_reshape (p, dout[0], ccs_program_value (p, op->in[0])->shape);
}

static void
transpose_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                    const gboolean *want, CcsValueId *din)
{
  const guint rank = ccs_program_value (p, op->in[0])->shape.rank;
  CcsAttrs inverse = { .transpose = { .perm = { -1, -1, -1, -1 } } };

  for (guint i = 0; i < rank; i++)
    inverse.transpose.perm[op->attrs.transpose.perm[i]] = i;
  if (want[0])
    din[0] = ccs_program_append (p, CCS_OP_TRANSPOSE, dout, 1, &inverse);
}

static void
concat_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                 const gboolean *want, CcsValueId *din)
{
  const gint32 axis = op->attrs.slice.axis;
  gint64 start = 0;

  for (guint i = 0; i < CCS_MAX_INPUTS && op->in[i] != CCS_NONE; i++) {
    const gint64 length = ccs_program_value (p, op->in[i])->shape.dim[axis];

    if (want[i])
      din[i] = ccs_slice (p, dout[0], axis, start, length);
    start += length;
  }
}

static void
slice_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0]
        = ccs_program_append_shaped (p, CCS_OP_SLICE_GRAD, dout, 1, &op->attrs,
                                     ccs_program_value (p, op->in[0])->shape);
}

static void
copy_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
               const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0] = dout[0];
}

/* -- reference ------------------------------------------------------------- */

/* Returns element @column of row @row, of any type. */
static inline char *
element_at (const CcsOperand *operand, gint64 row, gint64 column)
{
  return (char *)operand->data
         + (row * operand->pitch + column) * ccs_dtype_size (operand->dtype);
}

/* Copies the elements in order, in runs that end at the end of a row of either
 * side. */
static void
copy_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  const gsize size = ccs_dtype_size (in[0].dtype);
  const gint64 n = ccs_shape_elements (&in[0].shape);
  const gint64 from_row = ccs_shape_channels (&in[0].shape);
  const gint64 to_row = ccs_shape_channels (&out[0].shape);
  gint64 run;

  for (gint64 i = 0; i < n; i += run) {
    const gint64 from = i % from_row, to = i % to_row;

    run = MIN (from_row - from, to_row - to);
    memcpy (element_at (&out[0], i / to_row, to),
            element_at (&in[0], i / from_row, from), run * size);
  }
}

static void
transpose_reference (const CcsOp *op, const CcsOperand *in,
                     const CcsOperand *out)
{
  const CcsShape *shape = &out[0].shape;
  const gint64 rows = ccs_shape_rows (shape);
  const gint64 channels = ccs_shape_channels (shape);
  gint64 of_x[CCS_MAX_RANK], strides[CCS_MAX_RANK] = { 0 };

  ccs_broadcast_strides (&in[0].shape, in[0].pitch, &in[0].shape, of_x);
  for (guint i = 0; i < shape->rank; i++)
    strides[i] = of_x[op->attrs.transpose.perm[i]];

  const gint64 step = shape->rank > 0 ? strides[shape->rank - 1] : 0;

  for (gint64 r = 0; r < rows; r++) {
    const float *x
        = (const float *)in[0].data + ccs_strided_row (shape, strides, r);
    float *y = ccs_operand_row (&out[0], r);

    for (gint64 c = 0; c < channels; c++)
      y[c] = x[c * step];
  }
}

/* Computes the first element of a part of @whole along the op's axis. */
static void
part_origin (const CcsOp *op, const CcsShape *whole, gint64 start, gint64 *row,
             gint64 *column)
{
  const gboolean last = op->attrs.slice.axis + 1 == (gint32)whole->rank;

  *row = last ? 0 : start;
  *column = last ? start : 0;
  for (guint i = 1; i + 1 < whole->rank; i++)
    *row *= whole->dim[i];
}

static void
copy_rows (const CcsOperand *from, gint64 from_row, gint64 from_column,
           const CcsOperand *to, gint64 to_row, gint64 to_column,
           const CcsShape *part)
{
  const gint64 rows = ccs_shape_rows (part);
  const gsize bytes = ccs_shape_channels (part) * ccs_dtype_size (from->dtype);

  /* A part that is a view of the result is already in place. */
  if (element_at (to, to_row, to_column)
      == element_at (from, from_row, from_column))
    return;
  for (gint64 r = 0; r < rows; r++)
    memcpy (element_at (to, to_row + r, to_column),
            element_at (from, from_row + r, from_column), bytes);
}

static void
concat_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  gint64 start = 0, row, column;

  for (guint i = 0; i < CCS_MAX_INPUTS && in[i].data != NULL; i++) {
    part_origin (op, &out[0].shape, start, &row, &column);
    copy_rows (&in[i], 0, 0, &out[0], row, column, &in[i].shape);
    start += in[i].shape.dim[op->attrs.slice.axis];
  }
}

static void
slice_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  gint64 row, column;

  part_origin (op, &in[0].shape, op->attrs.slice.start, &row, &column);
  copy_rows (&in[0], row, column, &out[0], 0, 0, &out[0].shape);
}

static void
slice_grad_reference (const CcsOp *op, const CcsOperand *in,
                      const CcsOperand *out)
{
  gint64 row, column;

  ccs_operand_clear (&out[0]);
  part_origin (op, &out[0].shape, op->attrs.slice.start, &row, &column);
  copy_rows (&in[0], 0, 0, &out[0], row, column, &in[0].shape);
}

#define ROW(kind) [kind - CCS_OP_RESHAPE]

const CcsOpRow ccs_op_rows_shape[] = {
  ROW (CCS_OP_RESHAPE) = {
    .name = "reshape",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = reshape_infer,
    .gradient = reshape_gradient,
    .reference = copy_reference,
  },
  ROW (CCS_OP_TRANSPOSE) = {
    .name = "transpose",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = transpose_infer,
    .gradient = transpose_gradient,
    .reference = transpose_reference,
  },
  ROW (CCS_OP_CONCAT) = {
    .name = "concat",
    .min_in = 1, .max_in = CCS_MAX_INPUTS, .n_out = 1,
    .flags = CCS_OP_FLAG_PITCHED,
    .infer = concat_infer,
    .gradient = concat_gradient,
    .reference = concat_reference,
  },
  ROW (CCS_OP_SLICE) = {
    .name = "slice",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .flags = CCS_OP_FLAG_PITCHED,
    .infer = slice_infer,
    .gradient = slice_gradient,
    .reference = slice_reference,
  },
  ROW (CCS_OP_SLICE_GRAD) = {
    .name = "slice_grad",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = slice_grad_infer,
    .reference = slice_grad_reference,
  },
  ROW (CCS_OP_COPY) = {
    .name = "copy",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .flags = CCS_OP_FLAG_PITCHED,
    .infer = copy_infer,
    .gradient = copy_gradient,
    .reference = copy_reference,
  },
};
