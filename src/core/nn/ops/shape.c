/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the shape family: ops that move, repeat and sum elements. Those that
 * only move them take any element type. */
#include "row-util.h"

#include <string.h>

/* -- shapes ---------------------------------------------------------------- */

static gboolean
expect_inputs (const CcsOp *op, const CcsValue *const *in, guint n,
               GError **error)
{
  for (guint i = 0; i < n; i++)
    if (in[i] == NULL)
      return ccs_op_shape_error (op, error, "input %u is missing", i);
  return TRUE;
}

/* A dense result of @x's type. */
static void
set_result_like (CcsValue *out, const CcsValue *x, CcsShape shape)
{
  ccs_op_set_result (out, shape);
  out->dtype = x->dtype;
}

/* Keeps the shape that the builder asked for. */
static gboolean
keep_asked_shape (const CcsOp *op, const CcsValue *x, CcsValue *out,
                  GError **error)
{
  for (guint i = 0; i < out->shape.rank; i++)
    if (i >= CCS_MAX_RANK || out->shape.dim[i] < 1)
      return ccs_op_shape_error (op, error,
                                 "dimension %u of the result is no "
                                 "size",
                                 i);
  set_result_like (out, x, out->shape);
  return TRUE;
}

static gboolean
reshape_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
               GError **error)
{
  if (!expect_inputs (op, in, 1, error)
      || !keep_asked_shape (op, in[0], &out[0], error))
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

/* Whether the op's axis is the first or the last of @shape. */
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

  if (!expect_inputs (op, in, 1, error)
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
  set_result_like (&out[0], in[0], shape);
  return TRUE;
}

/* Whether @part is a part of @whole under the op's axis and start. */
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
  return expect_inputs (op, in, 1, error)
         && keep_asked_shape (op, in[0], &out[0], error)
         && check_slice (op, &in[0]->shape, &out[0].shape, error);
}

static gboolean
slice_grad_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                  GError **error)
{
  return expect_inputs (op, in, 1, error)
         && keep_asked_shape (op, in[0], &out[0], error)
         && check_slice (op, &out[0].shape, &in[0]->shape, error);
}

static gboolean
copy_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
            GError **error)
{
  if (!expect_inputs (op, in, 1, error))
    return FALSE;
  set_result_like (&out[0], in[0], in[0]->shape);
  return TRUE;
}

static gboolean
broadcast_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                 GError **error)
{
  return ccs_op_expect_floats (op, in, 1, 0, error)
         && keep_asked_shape (op, in[0], &out[0], error)
         && ccs_op_expect_broadcast (op, &in[0]->shape, &out[0].shape, error);
}

static gboolean
reduce_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
              GError **error)
{
  return ccs_op_expect_floats (op, in, 1, 0, error)
         && keep_asked_shape (op, in[0], &out[0], error)
         && ccs_op_expect_broadcast (op, &out[0].shape, &in[0]->shape, error);
}

/* [B,T,C] and an index: [n] of S32. */
static gboolean
check_tokens (const CcsOp *op, const CcsValue *const *in, GError **error)
{
  if (!expect_inputs (op, in, 2, error))
    return FALSE;
  if (in[0]->dtype != CCS_F32 || in[0]->shape.rank != 3)
    return ccs_op_shape_error (op, error, "input 0 is not tokens of %s",
                               ccs_dtype_name (CCS_F32));
  if (in[1]->dtype != CCS_S32 || in[1]->shape.rank != 1)
    return ccs_op_shape_error (op, error, "input 1 is not a list of %s",
                               ccs_dtype_name (CCS_S32));
  return TRUE;
}

static gboolean
gather_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
              GError **error)
{
  if (!check_tokens (op, in, error))
    return FALSE;
  ccs_op_set_result (&out[0],
                     CCS_SHAPE (in[0]->shape.dim[0], in[1]->shape.dim[0],
                                in[0]->shape.dim[2]));
  return TRUE;
}

static gboolean
scatter_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
               GError **error)
{
  if (!check_tokens (op, in, error)
      || !keep_asked_shape (op, in[0], &out[0], error))
    return FALSE;

  const gint64 *dy = in[0]->shape.dim, *dx = out[0].shape.dim;

  if (dy[1] != in[1]->shape.dim[0])
    return ccs_op_shape_error (
        op, error, "%" G_GINT64_FORMAT " tokens, %" G_GINT64_FORMAT " places",
        dy[1], in[1]->shape.dim[0]);
  if (out[0].shape.rank != 3 || dx[0] != dy[0] || dx[2] != dy[2])
    return ccs_op_shape_error (
        op, error, "the result differs in more than the number of tokens");
  return TRUE;
}

static gboolean
lookup_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
              GError **error)
{
  if (!expect_inputs (op, in, 2, error))
    return FALSE;
  if (in[0]->dtype != CCS_U8 || in[0]->shape.rank < 1)
    return ccs_op_shape_error (op, error, "input 0 is not rows of %s",
                               ccs_dtype_name (CCS_U8));
  if (in[1]->dtype != CCS_F32
      || !ccs_op_expect_shape (
          op, in, 1,
          CCS_SHAPE (ccs_shape_channels (&in[0]->shape), CCS_LOOKUP_LEVELS),
          error))
    return FALSE;
  ccs_op_set_result (&out[0], in[0]->shape);
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

static void
broadcast_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                    const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0] = ccs_reduce (p, dout[0], ccs_program_value (p, op->in[0])->shape,
                         op->attrs.affine.scale);
}

static void
reduce_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                 const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0] = ccs_broadcast (p, dout[0], ccs_program_value (p, op->in[0])->shape,
                            op->attrs.affine.scale);
}

static void
gather_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                 const gboolean *want, CcsValueId *din)
{
  const CcsValueId operands[] = { dout[0], op->in[1] };

  if (want[0])
    din[0] = ccs_program_append_shaped (
        p, CCS_OP_SCATTER_TOKENS, operands, 2, &op->attrs,
        ccs_program_value (p, op->in[0])->shape);
}

/* -- reference: moving elements -------------------------------------------- */

/* Element @column of row @row, whatever the type. */
static inline char *
element_at (const CcsOperand *operand, gint64 row, gint64 column)
{
  return (char *)operand->data
         + (row * operand->pitch + column) * ccs_dtype_size (operand->dtype);
}

/* Copies the elements in order, in runs that end where a row of either ends. */
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

/* Where a part of @whole begins, on the op's axis. */
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

  /* A part that was made in its place needs no copy. */
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

/* Tokens of an index outside the sequence are zero. */
static void
gather_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  const gint64 n = in[0].shape.dim[1], n_out = out[0].shape.dim[1];
  const gsize bytes = in[0].shape.dim[2] * sizeof (float);
  const gint32 *index = in[1].data;

  ccs_operand_clear (&out[0]);
  for (gint64 b = 0; b < in[0].shape.dim[0]; b++)
    for (gint64 j = 0; j < n_out; j++)
      if (index[j] >= 0 && index[j] < n)
        memcpy (ccs_operand_row (&out[0], b * n_out + j),
                ccs_operand_row (&in[0], b * n + index[j]), bytes);
}

/* Adds token j of dy to token index[j] of dx. */
static void
scatter_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  const gint64 n_in = in[0].shape.dim[1], n = out[0].shape.dim[1];
  const gint64 channels = in[0].shape.dim[2];
  const gint32 *index = in[1].data;

  ccs_operand_clear (&out[0]);
  for (gint64 b = 0; b < in[0].shape.dim[0]; b++)
    for (gint64 j = 0; j < n_in; j++) {
      if (index[j] < 0 || index[j] >= n)
        continue;

      const float *dy = ccs_operand_row (&in[0], b * n_in + j);
      float *dx = ccs_operand_row (&out[0], b * n + index[j]);

      for (gint64 c = 0; c < channels; c++)
        dx[c] += dy[c];
    }
}

static void
lookup_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  const gint64 n = ccs_shape_elements (&in[0].shape);
  const gint64 channels = ccs_shape_channels (&in[0].shape);
  const guint8 *x = in[0].data;
  const float *table = in[1].data;
  float *y = out[0].data;

  for (gint64 i = 0; i < n; i += channels)
    for (gint64 c = 0; c < channels; c++)
      y[i + c] = table[c * CCS_LOOKUP_LEVELS + x[i + c]];
}

/* -- reference: repeating and summing -------------------------------------- */

static void
broadcast_reference (const CcsOp *op, const CcsOperand *in,
                     const CcsOperand *out)
{
  const CcsShape *shape = &out[0].shape;
  const gint64 rows = ccs_shape_rows (shape);
  const gint64 channels = ccs_shape_channels (shape);
  gint64 strides[CCS_MAX_RANK];

  ccs_broadcast_strides (&in[0].shape, in[0].pitch, shape, strides);

  const gint64 step = shape->rank > 0 ? strides[shape->rank - 1] : 0;

  for (gint64 r = 0; r < rows; r++) {
    const float *x
        = (const float *)in[0].data + ccs_strided_row (shape, strides, r);
    float *y = ccs_operand_row (&out[0], r);

    for (gint64 c = 0; c < channels; c++)
      y[c] = op->attrs.affine.scale * x[c * step];
  }
}

/* Channels summed together on the stack. */
#define CHANNEL_BLOCK 64

/* A reduction's rows: those of x that add up into one row of y are found by
 * running through the dimensions in which y repeats, and y's rows by running
 * through the others. Strides in x are of rows. */
typedef struct
{
  CcsShape kept, summed; /* x's shape with the other dimensions 1 */
  gint64 x_strides[CCS_MAX_RANK];
  gint64 y_strides[CCS_MAX_RANK];
  gboolean channels_summed;
} Reduction;

static void
reduction_init (Reduction *self, const CcsOperand *x, const CcsOperand *y)
{
  const guint last = x->shape.rank > 0 ? x->shape.rank - 1 : 0;

  ccs_broadcast_strides (&x->shape, x->pitch, &x->shape, self->x_strides);
  ccs_broadcast_strides (&y->shape, y->pitch, &x->shape, self->y_strides);
  self->kept = self->summed = x->shape;
  for (guint i = 0; i < last; i++) {
    if (self->y_strides[i] == 0)
      self->kept.dim[i] = 1;
    else
      self->summed.dim[i] = 1;
  }
  self->channels_summed
      = ccs_shape_channels (&y->shape) != ccs_shape_channels (&x->shape);
}

/* Sums @n channels of x from @x on, over the summed dimensions, into @sum: one
 * sum a channel, or all in the first. */
static void
reduction_sum (const Reduction *self, const float *x, gint64 n, double *sum)
{
  const gint64 rows = ccs_shape_rows (&self->summed);
  const gint64 step = self->channels_summed ? 0 : 1;

  for (gint64 r = 0; r < rows; r++) {
    const float *row = x + ccs_strided_row (&self->summed, self->x_strides, r);

    for (gint64 c = 0; c < n; c++)
      sum[c * step] += row[c];
  }
}

static void
reduce_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  const gint64 channels = ccs_shape_channels (&in[0].shape);
  const float scale = op->attrs.affine.scale;
  Reduction self;

  reduction_init (&self, &in[0], &out[0]);

  const gint64 block = self.channels_summed ? channels : CHANNEL_BLOCK;
  const gint64 rows = ccs_shape_rows (&self.kept);

  for (gint64 r = 0; r < rows; r++) {
    const float *x = (const float *)in[0].data
                     + ccs_strided_row (&self.kept, self.x_strides, r);
    float *y = (float *)out[0].data
               + ccs_strided_row (&self.kept, self.y_strides, r);

    for (gint64 first = 0; first < channels; first += block) {
      const gint64 n = MIN (block, channels - first);
      double sum[CHANNEL_BLOCK] = { 0. };

      reduction_sum (&self, x + first, n, sum);
      for (gint64 c = 0; c < (self.channels_summed ? 1 : n); c++)
        y[first + c] = scale * sum[c];
    }
  }
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
  ROW (CCS_OP_BROADCAST) = {
    .name = "broadcast",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = broadcast_infer,
    .gradient = broadcast_gradient,
    .reference = broadcast_reference,
  },
  ROW (CCS_OP_REDUCE) = {
    .name = "reduce",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = reduce_infer,
    .gradient = reduce_gradient,
    .reference = reduce_reference,
  },
  ROW (CCS_OP_GATHER_TOKENS) = {
    .name = "gather_tokens",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .infer = gather_infer,
    .gradient = gather_gradient,
    .reference = gather_reference,
  },
  ROW (CCS_OP_SCATTER_TOKENS) = {
    .name = "scatter_tokens",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .infer = scatter_infer,
    .reference = scatter_reference,
  },
  ROW (CCS_OP_LOOKUP) = {
    .name = "lookup",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .infer = lookup_infer,
    .reference = lookup_reference,
  },
};
