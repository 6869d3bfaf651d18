/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the norms over channels: layer norm and L2 norm. Statistics are taken
 * in double, in two passes. */
#include "row-util.h"

#include <math.h>

/* -- layer norm ------------------------------------------------------------ */

static gboolean
layer_norm_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                  GError **error)
{
  if (!ccs_op_expect_floats (op, in, 3, 0, error))
    return FALSE;

  const CcsShape channels = CCS_SHAPE (ccs_shape_channels (&in[0]->shape));
  const CcsShape rows = CCS_SHAPE (ccs_shape_rows (&in[0]->shape));

  ccs_op_set_result (&out[0], in[0]->shape);
  ccs_op_set_result (&out[1], rows);
  ccs_op_set_result (&out[2], rows);
  return ccs_op_expect_shape (op, in, 1, channels, error)
         && ccs_op_expect_shape (op, in, 2, channels, error);
}

static gboolean
layer_norm_grad_infer (const CcsOp *op, const CcsValue *const *in,
                       CcsValue *out, GError **error)
{
  if (!ccs_op_expect_floats (op, in, 5, 0, error))
    return FALSE;

  const CcsShape channels = CCS_SHAPE (ccs_shape_channels (&in[1]->shape));
  const CcsShape rows = CCS_SHAPE (ccs_shape_rows (&in[1]->shape));

  ccs_op_set_result (&out[0], in[1]->shape);
  ccs_op_set_result (&out[1], channels);
  ccs_op_set_result (&out[2], channels);
  return ccs_op_expect_shape (op, in, 0, in[1]->shape, error)
         && ccs_op_expect_shape (op, in, 2, channels, error)
         && ccs_op_expect_shape (op, in, 3, rows, error)
         && ccs_op_expect_shape (op, in, 4, rows, error);
}

static void
layer_norm_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                     const gboolean *want, CcsValueId *din)
{
  const CcsValueId operands[]
      = { dout[0], op->in[0], op->in[1], op->out[1], op->out[2] };
  const CcsValueId dx = ccs_program_append (
      p, CCS_OP_LAYER_NORM_GRAD, operands, G_N_ELEMENTS (operands), &op->attrs);

  if (want[0])
    din[0] = dx;
  for (guint i = 1; i < 3; i++)
    if (want[i])
      din[i] = ccs_program_result (p, dx, i);
}

static void
layer_norm_reference (const CcsOp *op, const CcsOperand *in,
                      const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[0].shape);
  const gint64 n = ccs_shape_channels (&in[0].shape);
  const float *w = in[1].data, *b = in[2].data;

  for (gint64 r = 0; r < rows; r++) {
    const float *x = ccs_operand_row (&in[0], r);
    float *y = ccs_operand_row (&out[0], r);
    double mean = 0., var = 0.;

    for (gint64 c = 0; c < n; c++)
      mean += x[c];
    mean /= n;
    for (gint64 c = 0; c < n; c++)
      var += (x[c] - mean) * (x[c] - mean);

    const double rstd = 1. / sqrt (var / n + op->attrs.norm.eps);

    for (gint64 c = 0; c < n; c++)
      y[c] = (x[c] - mean) * rstd * w[c] + b[c];
    if (out[1].data != NULL)
      ((float *)out[1].data)[r] = mean;
    if (out[2].data != NULL)
      ((float *)out[2].data)[r] = rstd;
  }
}

static void
layer_norm_data_grad (const CcsOperand *in, const CcsOperand *dx)
{
  const gint64 rows = ccs_shape_rows (&in[1].shape);
  const gint64 n = ccs_shape_channels (&in[1].shape);
  const float *w = in[2].data;

  for (gint64 r = 0; r < rows; r++) {
    const float *dy = ccs_operand_row (&in[0], r);
    const float *x = ccs_operand_row (&in[1], r);
    const double mean = ((const float *)in[3].data)[r];
    const double rstd = ((const float *)in[4].data)[r];
    double sum = 0., dot = 0.;

    for (gint64 c = 0; c < n; c++) {
      const double gradient = (double)dy[c] * w[c];

      sum += gradient;
      dot += gradient * (x[c] - mean) * rstd;
    }
    for (gint64 c = 0; c < n; c++)
      ccs_operand_row (dx, r)[c]
          = rstd
            * ((double)dy[c] * w[c] - (sum + (x[c] - mean) * rstd * dot) / n);
  }
}

static void
layer_norm_grad_reference (const CcsOp *op, const CcsOperand *in,
                           const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[1].shape);
  const gint64 channels = ccs_shape_channels (&in[1].shape);
  const float *mean = in[3].data, *rstd = in[4].data;

  if (out[0].data != NULL)
    layer_norm_data_grad (in, &out[0]);
  for (gint64 c = 0; c < channels; c++) {
    double dw = 0., db = 0.;

    for (gint64 r = 0; r < rows; r++) {
      const double dy = ccs_operand_row (&in[0], r)[c];

      dw += dy * (ccs_operand_row (&in[1], r)[c] - mean[r]) * rstd[r];
      db += dy;
    }
    if (out[1].data != NULL)
      ((float *)out[1].data)[c] = dw;
    if (out[2].data != NULL)
      ((float *)out[2].data)[c] = db;
  }
}

/* -- L2 norm --------------------------------------------------------------- */

static gboolean
l2_normalize_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                    GError **error)
{
  if (!ccs_op_expect_floats (op, in, 1, 0, error))
    return FALSE;
  ccs_op_set_result (&out[0], in[0]->shape);
  ccs_op_set_result (&out[1], CCS_SHAPE (ccs_shape_rows (&in[0]->shape)));
  return TRUE;
}

static gboolean
l2_normalize_grad_infer (const CcsOp *op, const CcsValue *const *in,
                         CcsValue *out, GError **error)
{
  if (!ccs_op_expect_floats (op, in, 3, 0, error))
    return FALSE;
  ccs_op_set_result (&out[0], in[1]->shape);
  return ccs_op_expect_shape (op, in, 0, in[1]->shape, error)
         && ccs_op_expect_shape (
             op, in, 2, CCS_SHAPE (ccs_shape_rows (&in[1]->shape)), error);
}

static void
l2_normalize_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                       const gboolean *want, CcsValueId *din)
{
  const CcsValueId operands[] = { dout[0], op->out[0], op->out[1] };

  if (want[0])
    din[0] = ccs_program_append (p, CCS_OP_L2_NORMALIZE_GRAD, operands,
                                 G_N_ELEMENTS (operands), &op->attrs);
}

static void
l2_normalize_reference (const CcsOp *op, const CcsOperand *in,
                        const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[0].shape);
  const gint64 n = ccs_shape_channels (&in[0].shape);

  for (gint64 r = 0; r < rows; r++) {
    const float *x = ccs_operand_row (&in[0], r);
    double square = 0.;

    for (gint64 c = 0; c < n; c++)
      square += (double)x[c] * x[c];

    const float scale = 1. / MAX (sqrt (square), (double)op->attrs.norm.eps);

    for (gint64 c = 0; c < n; c++)
      ccs_operand_row (&out[0], r)[c] = x[c] * scale;
    if (out[1].data != NULL)
      ((float *)out[1].data)[r] = scale;
  }
}

static void
l2_normalize_grad_reference (const CcsOp *op, const CcsOperand *in,
                             const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[1].shape);
  const gint64 n = ccs_shape_channels (&in[1].shape);
  /* Rows shorter than eps have this constant scale. */
  const float floor_scale = 1. / (double)op->attrs.norm.eps;

  for (gint64 r = 0; r < rows; r++) {
    const float *dy = ccs_operand_row (&in[0], r);
    const float *y = ccs_operand_row (&in[1], r);
    const float scale = ((const float *)in[2].data)[r];
    double dot = 0.;

    if (scale < floor_scale)
      for (gint64 c = 0; c < n; c++)
        dot += (double)dy[c] * y[c];
    for (gint64 c = 0; c < n; c++)
      ccs_operand_row (&out[0], r)[c] = scale * (dy[c] - y[c] * dot);
  }
}

#define ROW(kind) [kind - CCS_OP_LAYER_NORM]

const CcsOpRow ccs_op_rows_row_norm[] = {
  ROW (CCS_OP_LAYER_NORM) = {
    .name = "layer_norm",
    .min_in = 3, .max_in = 3, .n_out = 3,
    .infer = layer_norm_infer,
    .gradient = layer_norm_gradient,
    .reference = layer_norm_reference,
  },
  ROW (CCS_OP_LAYER_NORM_GRAD) = {
    .name = "layer_norm_grad",
    .min_in = 5, .max_in = 5, .n_out = 3,
    .infer = layer_norm_grad_infer,
    .reference = layer_norm_grad_reference,
  },
  ROW (CCS_OP_L2_NORMALIZE) = {
    .name = "l2_normalize",
    .min_in = 1, .max_in = 1, .n_out = 2,
    .infer = l2_normalize_infer,
    .gradient = l2_normalize_gradient,
    .reference = l2_normalize_reference,
  },
  ROW (CCS_OP_L2_NORMALIZE_GRAD) = {
    .name = "l2_normalize_grad",
    .min_in = 3, .max_in = 3, .n_out = 1,
    .infer = l2_normalize_grad_infer,
    .reference = l2_normalize_grad_reference,
  },
};
