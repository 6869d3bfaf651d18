/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of batch norm: statistics of each channel over all other dimensions, for
 * each group of the batch, in double and in two passes. */
#include "row-util.h"

#include <math.h>

/* Channels whose statistics are computed together, on the stack. */
#define CHANNEL_BLOCK 64

/* Rows and channels of one group's statistics. */
typedef struct
{
  gint64 first_row, end_row;
  gint64 first_channel, n_channels;
} Patch;

static inline float
value_or (const CcsOperand *operand, gint64 i, float otherwise)
{
  return operand->data != NULL ? ((const float *)operand->data)[i] : otherwise;
}

/* -- shapes ---------------------------------------------------------------- */

static gboolean
check_groups (const CcsOp *op, const CcsShape *x, GError **error)
{
  const gint32 groups = op->attrs.norm.groups;

  if (x->rank < 2)
    return ccs_op_shape_error (op, error, "input of rank %u has no batch",
                               x->rank);
  if (groups < 1 || x->dim[0] % groups != 0)
    return ccs_op_shape_error (
        op, error, "a batch of %" G_GINT64_FORMAT " has no %d equal groups",
        x->dim[0], groups);
  if (ccs_shape_rows (x) / groups < 2)
    return ccs_op_shape_error (
        op, error, "statistics need more than one value per channel");
  return TRUE;
}

static gboolean
batch_norm_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                  GError **error)
{
  if (!ccs_op_expect_floats (op, in, 5, CCS_OP_INPUT (1) | CCS_OP_INPUT (2),
                             error))
    return FALSE;
  for (guint i = 1; i < 5; i++)
    if (!ccs_op_expect_shape (
            op, in, i, CCS_SHAPE (ccs_shape_channels (&in[0]->shape)), error))
      return FALSE;
  ccs_op_set_result (&out[0], in[0]->shape);
  return TRUE;
}

static gboolean
batch_norm_train_infer (const CcsOp *op, const CcsValue *const *in,
                        CcsValue *out, GError **error)
{
  if (!batch_norm_infer (op, in, out, error)
      || !check_groups (op, &in[0]->shape, error))
    return FALSE;

  const CcsShape statistic
      = CCS_SHAPE (op->attrs.norm.groups, ccs_shape_channels (&in[0]->shape));

  ccs_op_set_result (&out[1], statistic);
  ccs_op_set_result (&out[2], statistic);
  return TRUE;
}

static gboolean
batch_norm_grad_infer (const CcsOp *op, const CcsValue *const *in,
                       CcsValue *out, GError **error)
{
  if (!ccs_op_expect_floats (op, in, 6, CCS_OP_INPUT (2) | CCS_OP_INPUT (3),
                             error)
      || !check_groups (op, &in[1]->shape, error)
      || !ccs_op_expect_shape (op, in, 0, in[1]->shape, error))
    return FALSE;

  const CcsShape channels = CCS_SHAPE (ccs_shape_channels (&in[1]->shape));
  const CcsShape statistic = CCS_SHAPE (op->attrs.norm.groups, channels.dim[0]);

  ccs_op_set_result (&out[0], in[1]->shape);
  for (guint i = 0; i < 2; i++) {
    if (!ccs_op_expect_shape (op, in, 2 + i, channels, error)
        || !ccs_op_expect_shape (op, in, 4 + i, statistic, error))
      return FALSE;
    if (in[2 + i] != NULL)
      ccs_op_set_result (&out[1 + i], channels);
    else
      out[1 + i].shape.rank = G_MAXUINT;
  }
  return TRUE;
}

/* -- gradients ------------------------------------------------------------- */

/* Appends one op that computes all gradients. */
static void
batch_norm_train_gradient (CcsProgram *p, const CcsOp *op,
                           const CcsValueId *dout, const gboolean *want,
                           CcsValueId *din)
{
  const CcsValueId operands[]
      = { dout[0], op->in[0], op->in[1], op->in[2], op->out[1], op->out[2] };
  const CcsValueId dx = ccs_program_append (
      p, CCS_OP_BATCH_NORM_GRAD, operands, G_N_ELEMENTS (operands), &op->attrs);

  if (want[0])
    din[0] = dx;
  for (guint i = 1; i < 3; i++)
    if (want[i] && op->in[i] != CCS_NONE)
      din[i] = ccs_program_result (p, dx, i);
}

/* -- reference ------------------------------------------------------------- */

static void
batch_norm_reference (const CcsOp *op, const CcsOperand *in,
                      const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[0].shape);
  const gint64 channels = ccs_shape_channels (&in[0].shape);
  const float *mean = in[3].data, *var = in[4].data;

  for (gint64 c = 0; c < channels; c++) {
    const double scale = value_or (&in[1], c, 1.f)
                         / sqrt ((double)var[c] + op->attrs.norm.eps);
    const double shift = value_or (&in[2], c, 0.f) - mean[c] * scale;

    for (gint64 r = 0; r < rows; r++)
      ccs_operand_row (&out[0], r)[c] = ccs_act_apply (
          op->attrs.norm.act, ccs_operand_row (&in[0], r)[c] * scale + shift);
  }
}

/* Mean and biased variance of each channel of @patch. */
static void
patch_moments (const CcsOperand *x, const Patch *patch, double *mean,
               double *var)
{
  const double n = patch->end_row - patch->first_row;

  for (gint64 c = 0; c < patch->n_channels; c++)
    mean[c] = var[c] = 0.;
  for (gint64 r = patch->first_row; r < patch->end_row; r++) {
    const float *row = ccs_operand_row (x, r) + patch->first_channel;

    for (gint64 c = 0; c < patch->n_channels; c++)
      mean[c] += row[c];
  }
  for (gint64 c = 0; c < patch->n_channels; c++)
    mean[c] /= n;
  for (gint64 r = patch->first_row; r < patch->end_row; r++) {
    const float *row = ccs_operand_row (x, r) + patch->first_channel;

    for (gint64 c = 0; c < patch->n_channels; c++)
      var[c] += (row[c] - mean[c]) * (row[c] - mean[c]);
  }
  for (gint64 c = 0; c < patch->n_channels; c++)
    var[c] /= n;
}

/* Updates running statistics: running = (1 - m) running + m statistic, with the
 * unbiased variance. */
static void
update_running (const CcsOp *op, const CcsOperand *in, const Patch *patch,
                const double *mean, const double *var)
{
  const double m = op->attrs.norm.momentum;
  const double n = patch->end_row - patch->first_row;
  float *running_mean = (float *)in[3].data + patch->first_channel;
  float *running_var = (float *)in[4].data + patch->first_channel;

  for (gint64 c = 0; c < patch->n_channels; c++) {
    running_mean[c] = (1. - m) * running_mean[c] + m * mean[c];
    running_var[c] = (1. - m) * running_var[c] + m * var[c] * n / (n - 1.);
  }
}

static void
normalise_patch (const CcsOp *op, const CcsOperand *in, const CcsOperand *out,
                 gint64 group, const Patch *patch)
{
  const gint64 first = patch->first_channel;
  double mean[CHANNEL_BLOCK], var[CHANNEL_BLOCK], rstd[CHANNEL_BLOCK];

  patch_moments (&in[0], patch, mean, var);
  for (gint64 c = 0; c < patch->n_channels; c++) {
    rstd[c] = 1. / sqrt (var[c] + op->attrs.norm.eps);
    if (out[1].data != NULL)
      ccs_operand_row (&out[1], group)[first + c] = mean[c];
    if (out[2].data != NULL)
      ccs_operand_row (&out[2], group)[first + c] = rstd[c];
  }
  update_running (op, in, patch, mean, var);
  if (out[0].data == NULL)
    return;
  for (gint64 r = patch->first_row; r < patch->end_row; r++) {
    const float *x = ccs_operand_row (&in[0], r) + first;
    float *y = ccs_operand_row (&out[0], r) + first;

    for (gint64 c = 0; c < patch->n_channels; c++)
      y[c] = ccs_act_apply (op->attrs.norm.act,
                            (x[c] - mean[c]) * rstd[c]
                                    * value_or (&in[1], first + c, 1.f)
                                + value_or (&in[2], first + c, 0.f));
  }
}

static void
batch_norm_train_reference (const CcsOp *op, const CcsOperand *in,
                            const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[0].shape) / op->attrs.norm.groups;
  const gint64 channels = ccs_shape_channels (&in[0].shape);

  for (gint64 group = 0; group < op->attrs.norm.groups; group++)
    for (gint64 c = 0; c < channels; c += CHANNEL_BLOCK) {
      const Patch patch = { group * rows, (group + 1) * rows, c,
                            MIN (CHANNEL_BLOCK, channels - c) };

      normalise_patch (op, in, out, group, &patch);
    }
}

/* Computes the normalised x of one element, and the gradient before the
 * activation. */
static inline void
normalised_and_gradient (const CcsOp *op, const CcsOperand *in, gint64 group,
                         gint64 row, gint64 c, double *normalised,
                         double *gradient)
{
  const float mean = ccs_operand_row (&in[4], group)[c];
  const float rstd = ccs_operand_row (&in[5], group)[c];
  const float dy = ccs_operand_row (&in[0], row)[c];
  const CcsAct act = op->attrs.norm.act;

  *normalised = ((double)ccs_operand_row (&in[1], row)[c] - mean) * rstd;
  *gradient = dy;
  if (act.kind != CCS_ACT_NONE)
    *gradient *= ccs_act_derivative (
        act, ccs_act_apply (act, *normalised * value_or (&in[2], c, 1.f)
                                     + value_or (&in[3], c, 0.f)));
}

/* Computes dx of one group, and adds its part of dw and db. */
static void
patch_gradient (const CcsOp *op, const CcsOperand *in, const CcsOperand *out,
                gint64 group, const Patch *patch, double *dw, double *db)
{
  const gint64 first = patch->first_channel;
  const double n = patch->end_row - patch->first_row;
  const float *rstd = ccs_operand_row (&in[5], group) + first;
  double sum[CHANNEL_BLOCK] = { 0. }, dot[CHANNEL_BLOCK] = { 0. };
  double normalised, gradient;

  for (gint64 r = patch->first_row; r < patch->end_row; r++)
    for (gint64 c = 0; c < patch->n_channels; c++) {
      normalised_and_gradient (op, in, group, r, first + c, &normalised,
                               &gradient);
      sum[c] += gradient;
      dot[c] += gradient * normalised;
    }
  for (gint64 c = 0; c < patch->n_channels; c++) {
    dw[c] += dot[c];
    db[c] += sum[c];
  }
  if (out[0].data == NULL)
    return;
  for (gint64 r = patch->first_row; r < patch->end_row; r++)
    for (gint64 c = 0; c < patch->n_channels; c++) {
      normalised_and_gradient (op, in, group, r, first + c, &normalised,
                               &gradient);
      ccs_operand_row (&out[0], r)[first + c]
          = value_or (&in[2], first + c, 1.f) * rstd[c]
            * (gradient - (sum[c] + normalised * dot[c]) / n);
    }
}

static void
batch_norm_grad_reference (const CcsOp *op, const CcsOperand *in,
                           const CcsOperand *out)
{
  const gint64 rows = ccs_shape_rows (&in[1].shape) / op->attrs.norm.groups;
  const gint64 channels = ccs_shape_channels (&in[1].shape);

  for (gint64 first = 0; first < channels; first += CHANNEL_BLOCK) {
    const gint64 n = MIN (CHANNEL_BLOCK, channels - first);
    double dw[CHANNEL_BLOCK] = { 0. }, db[CHANNEL_BLOCK] = { 0. };

    for (gint64 group = 0; group < op->attrs.norm.groups; group++) {
      const Patch patch = { group * rows, (group + 1) * rows, first, n };

      patch_gradient (op, in, out, group, &patch, dw, db);
    }
    for (gint64 c = 0; c < n; c++) {
      if (out[1].data != NULL)
        ((float *)out[1].data)[first + c] = dw[c];
      if (out[2].data != NULL)
        ((float *)out[2].data)[first + c] = db[c];
    }
  }
}

#define ROW(kind) [kind - CCS_OP_BATCH_NORM]

const CcsOpRow ccs_op_rows_norm[] = {
  ROW (CCS_OP_BATCH_NORM) = {
    .name = "batch_norm",
    .min_in = 5, .max_in = 5, .n_out = 1,
    .flags = CCS_OP_FLAG_PITCHED | CCS_OP_FLAG_IN_PLACE,
    .infer = batch_norm_infer,
    .reference = batch_norm_reference,
  },
  ROW (CCS_OP_BATCH_NORM_TRAIN) = {
    .name = "batch_norm_train",
    .min_in = 5, .max_in = 5, .n_out = 3,
    .flags = CCS_OP_FLAG_SIDE_EFFECT,
    .infer = batch_norm_train_infer,
    .gradient = batch_norm_train_gradient,
    .reference = batch_norm_train_reference,
  },
  ROW (CCS_OP_BATCH_NORM_GRAD) = {
    .name = "batch_norm_grad",
    .min_in = 6, .max_in = 6, .n_out = 3,
    .infer = batch_norm_grad_infer,
    .reference = batch_norm_grad_reference,
  },
};
