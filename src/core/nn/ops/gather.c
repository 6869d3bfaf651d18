/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the ops that select elements by index: tokens, and values from a
 * table. */
#include "row-util.h"

#include <string.h>

/* Checks the inputs: [B,T,C], and an index [n] of S32. */
static gboolean
check_tokens (const CcsOp *op, const CcsValue *const *in, GError **error)
{
  if (!ccs_op_expect_inputs (op, in, 2, error))
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
      || !ccs_op_keep_asked_shape (op, in[0], &out[0], error))
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
  if (!ccs_op_expect_inputs (op, in, 2, error))
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

/* Gathers tokens; an index outside the sequence gives zeros. */
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

#define ROW(kind) [kind - CCS_OP_GATHER_TOKENS]

const CcsOpRow ccs_op_rows_gather[] = {
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
