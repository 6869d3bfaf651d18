/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the optimiser: the sum of squares of a gradient, and Adam with weight
 * decay as L2 in the gradient (specification section 6). */
#include "row-util.h"

#include <math.h>

/* -- SQUARE_SUM: x -> sum of squares [1] ----------------------------------- */

static gboolean
square_sum_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                  GError **error)
{
  if (!ccs_op_expect_floats (op, in, 1, 0, error))
    return FALSE;
  ccs_op_set_result (&out[0], CCS_SHAPE (1));
  return TRUE;
}

static void
square_sum_reference (const CcsOp *op, const CcsOperand *in,
                      const CcsOperand *out)
{
  gint64 channels = ccs_shape_channels (&in[0].shape);
  double sum = 0;

  for (gint64 r = 0; r < ccs_shape_rows (&in[0].shape); r++) {
    const float *x = ccs_operand_row (&in[0], r);
    for (gint64 c = 0; c < channels; c++)
      sum += (double)x[c] * x[c];
  }
  ccs_operand_row (&out[0], 0)[0] = sum;
}

/* -- ADAM: param, grad, m, v, hyper [4]; param, m and v change in place ---- */

enum
{
  HYPER_RATE,       /* learning rate */
  HYPER_BIAS1,      /* 1 - beta1^t */
  HYPER_BIAS2,      /* 1 - beta2^t */
  HYPER_GRAD_SCALE, /* factor on the gradient */
  N_HYPER
};

static gboolean
adam_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
            GError **error)
{
  if (!ccs_op_expect_floats (op, in, 5, 0, error))
    return FALSE;
  for (guint i = 1; i < 4; i++)
    if (!ccs_op_expect_shape (op, in, i, in[0]->shape, error))
      return FALSE;
  return ccs_op_expect_shape (op, in, 4, CCS_SHAPE (N_HYPER), error);
}

static void
adam_row (const CcsOp *op, const float *hyper, gint64 n, float *param,
          const float *grad, float *m, float *v)
{
  double beta1 = op->attrs.adam.beta1, beta2 = op->attrs.adam.beta2;
  double step = hyper[HYPER_RATE] / (double)hyper[HYPER_BIAS1];
  double root_bias2 = sqrt (hyper[HYPER_BIAS2]);

  for (gint64 i = 0; i < n; i++) {
    double g = (double)hyper[HYPER_GRAD_SCALE] * grad[i]
               + (double)op->attrs.adam.weight_decay * param[i];
    double mean = beta1 * m[i] + (1 - beta1) * g;
    double square = beta2 * v[i] + (1 - beta2) * g * g;
    m[i] = mean;
    v[i] = square;
    param[i] -= step * mean / (sqrt (square) / root_bias2 + op->attrs.adam.eps);
  }
}

static void
adam_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  for (gint64 r = 0; r < ccs_shape_rows (&in[0].shape); r++)
    adam_row (op, in[4].data, ccs_shape_channels (&in[0].shape),
              ccs_operand_row (&in[0], r), ccs_operand_row (&in[1], r),
              ccs_operand_row (&in[2], r), ccs_operand_row (&in[3], r));
}

#define ROW(kind) [kind - CCS_OP_SQUARE_SUM]

const CcsOpRow ccs_op_rows_optimizer[] = {
  ROW (CCS_OP_SQUARE_SUM) = {
    .name = "square_sum",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = square_sum_infer,
    .reference = square_sum_reference,
  },
  ROW (CCS_OP_ADAM) = {
    .name = "adam",
    .min_in = 5, .max_in = 5, .n_out = 0,
    .flags = CCS_OP_FLAG_SIDE_EFFECT,
    .infer = adam_infer,
    .reference = adam_reference,
  },
};
