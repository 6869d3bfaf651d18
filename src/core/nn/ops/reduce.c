/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the ops that repeat elements (BROADCAST) and sum them (REDUCE). Each
 * is the gradient of the other. Sums are computed in double. */
#include "row-util.h"

/* -- BROADCAST: x -> y = scale x ------------------------------------------- */

static gboolean
broadcast_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                 GError **error)
{
  return ccs_op_expect_floats (op, in, 1, 0, error)
         && ccs_op_keep_asked_shape (op, in[0], &out[0], error)
         && ccs_op_expect_broadcast (op, &in[0]->shape, &out[0].shape, error);
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

/* -- REDUCE: x -> y = scale sum over broadcast dims ------------------------ */

static gboolean
reduce_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
              GError **error)
{
  return ccs_op_expect_floats (op, in, 1, 0, error)
         && ccs_op_keep_asked_shape (op, in[0], &out[0], error)
         && ccs_op_expect_broadcast (op, &out[0].shape, &in[0]->shape, error);
}

static void
reduce_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                 const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0] = ccs_broadcast (p, dout[0], ccs_program_value (p, op->in[0])->shape,
                            op->attrs.affine.scale);
}

/* Channels summed together on the stack. */
#define CHANNEL_BLOCK 64

/* Sums @n channels of x from @x on, over the summed dimensions, into @sum: one
 * sum a channel, or all in the first. */
static void
reduction_sum (const CcsReduction *self, const float *x, gint64 n, double *sum)
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
  CcsReduction self;

  ccs_reduction_init (&self, &in[0], &out[0]);

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

#define ROW(kind) [kind - CCS_OP_BROADCAST]

const CcsOpRow ccs_op_rows_reduce[] = {
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
};
