/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuses ops, so that values are read and written fewer times: folds batch norms
 * of inference into the filters before them, and fuses residuals and
 * activations into the op that computes the operand. */
#include "op-table.h"
#include "passes.h"
#include "program-private.h"
#include "values.h"
#include <math.h>

/* -- batch norm into filter and bias ------------------------------------ */

static const float *
constant_floats (const CcsProgram *program, CcsValueId id)
{
  if (id == CCS_NONE)
    return NULL;
  return ccs_program_value (program, id)->data->data;
}

/* Computes scale and shift of each channel such that the batch norm @op is y =
 * x scale + shift. */
static void
norm_as_affine (const CcsProgram *program, const CcsOp *op, gint64 channels,
                double *scale, double *shift)
{
  const float *w = constant_floats (program, op->in[1]);
  const float *b = constant_floats (program, op->in[2]);
  const float *mean = constant_floats (program, op->in[3]);
  const float *var = constant_floats (program, op->in[4]);

  for (gint64 c = 0; c < channels; c++) {
    scale[c] = (w ? w[c] : 1.) / sqrt ((double)var[c] + op->attrs.norm.eps);
    shift[c] = (b ? b[c] : 0.) - mean[c] * scale[c];
  }
}

/* Scales a filter per output channel, which is the first dimension of CONV2D
 * filters and the last of CONV_TRANSPOSE2D filters. */
static CcsTensor *
scaled_filter (const CcsValue *filter, const double *scale, gboolean last)
{
  gint64 n = ccs_shape_elements (&filter->shape);
  gint64 channels = filter->shape.dim[last ? 3 : 0];
  gint64 block = n / channels;
  const float *from = filter->data->data;
  float *to = g_new (float, n);

  for (gint64 i = 0; i < n; i++)
    to[i] = (float)(from[i] * scale[last ? i % channels : i / block]);
  return ccs_tensor_new_take (CCS_F32, &filter->shape, to);
}

static CcsTensor *
shifted_bias (const float *bias, const double *scale, const double *shift,
              gint64 channels)
{
  CcsShape shape = CCS_SHAPE (channels);
  float *to = g_new (float, channels);

  for (gint64 c = 0; c < channels; c++)
    to[c] = (float)((bias ? bias[c] : 0.) * scale[c] + shift[c]);
  return ccs_tensor_new_take (CCS_F32, &shape, to);
}

static gboolean
inputs_are_constant (const CcsProgram *program, const CcsOp *op, guint from,
                     guint to)
{
  for (guint k = from; k <= to; k++)
    if (op->in[k] != CCS_NONE
        && !ccs_value_is_constant (program,
                                   ccs_program_value (program, op->in[k])))
      return FALSE;
  return TRUE;
}

/* Returns the constant NAME, stored in the state_dict: plans of several batch
 * sizes share one tensor, and one packed copy of it. @made (transfer full) */
static CcsValueId
derived_const (CcsProgram *program, const char *name, CcsTensor *made)
{
  CcsTensor *tensor = program->params
                          ? ccs_state_dict_derived (program->params, name, made)
                          : made;

  return ccs_program_const (program, name, tensor);
}

static void
fold_into (CcsProgram *program, CcsOp *conv, const CcsOp *norm)
{
  gboolean last = conv->kind == CCS_OP_CONV_TRANSPOSE2D;
  const CcsValue *filter = ccs_program_value (program, conv->in[1]);
  gint64 channels = filter->shape.dim[last ? 3 : 0];
  g_autofree double *scale = g_new (double, channels);
  g_autofree double *shift = g_new (double, channels);
  g_autofree char *filter_name = g_strdup_printf (
      "%s|%s", filter->name, ccs_program_value (program, norm->in[3])->name);
  g_autofree char *bias_name = g_strconcat (filter_name, "|bias", NULL);
  CcsTensor *bias;

  norm_as_affine (program, norm, channels, scale, shift);
  bias = shifted_bias (constant_floats (program, conv->in[2]), scale, shift,
                       channels);
  conv->in[1] = derived_const (program, filter_name,
                               scaled_filter (filter, scale, last));
  conv->in[2] = derived_const (program, bias_name, bias);
  conv->attrs.conv.act = norm->attrs.norm.act;
}

void
ccs_pass_fold_batch_norm (CcsProgram *self)
{
  guint n = ccs_program_n_ops (self);
  g_autofree gboolean *dead = g_new0 (gboolean, n);
  g_autofree guint *readers = ccs_count_readers (self);

  for (guint i = 0; i < n; i++) {
    const CcsOp *norm = ccs_program_op (self, i);
    CcsOp *conv;

    if (norm->kind != CCS_OP_BATCH_NORM
        || !ccs_has_single_reader (self, readers, norm->in[0]))
      continue;
    conv = ccs_program_edit_op (
        self, ccs_program_value (self, norm->in[0])->producer);
    if ((conv->kind != CCS_OP_CONV2D && conv->kind != CCS_OP_CONV_TRANSPOSE2D)
        || conv->attrs.conv.act.kind != CCS_ACT_NONE || conv->in[3] != CCS_NONE
        || !inputs_are_constant (self, conv, 1, 2)
        || !inputs_are_constant (self, norm, 1, 4))
      continue;
    fold_into (self, conv, norm);
    ccs_program_edit_value (self, conv->out[0])->producer = -1;
    conv->out[0] = norm->out[0];
    ccs_program_edit_value (self, norm->out[0])->producer
        = (gint32)(conv - ccs_program_edit_op (self, 0));
    dead[i] = TRUE;
  }
  ccs_program_remove_ops (self, dead);
}

/* -- residual sums and activations --------------------------------------- */

static CcsAct *
activation_slot (CcsOp *op)
{
  switch (op->kind) {
  case CCS_OP_CONV2D:
  case CCS_OP_CONV_TRANSPOSE2D:
    return &op->attrs.conv.act;
  case CCS_OP_BATCH_NORM:
    return &op->attrs.norm.act;
  case CCS_OP_ADD:
  case CCS_OP_MODULATE:
    return &op->attrs.pointwise.act;
  case CCS_OP_MATMUL:
    return &op->attrs.matmul.act;
  default:
    return NULL;
  }
}

/* Makes @host the producer of the result of @reader, and marks @reader as dead.
 */
static void
take_over (CcsProgram *program, guint host, guint reader, gboolean *dead)
{
  CcsOp *op = ccs_program_edit_op (program, host);

  ccs_program_edit_value (program, op->out[0])->producer = -1;
  op->out[0] = ccs_program_op (program, reader)->out[0];
  ccs_program_edit_value (program, op->out[0])->producer = (gint32)host;
  dead[reader] = TRUE;
}

static gboolean
fuse_activation (CcsProgram *program, guint index, const guint *readers,
                 gboolean *dead)
{
  const CcsOp *op = ccs_program_op (program, index);
  gint32 host;
  CcsAct *slot;

  if (!ccs_has_single_reader (program, readers, op->in[0]))
    return FALSE;
  host = ccs_program_value (program, op->in[0])->producer;
  slot = activation_slot (ccs_program_edit_op (program, host));
  if (slot == NULL || slot->kind != CCS_ACT_NONE
      || ccs_program_op (program, host)->phase != op->phase)
    return FALSE;
  *slot = op->attrs.pointwise.act;
  take_over (program, host, index, dead);
  return TRUE;
}

/* Makes one operand of an ADD the residual of the op that computes the other
 * operand, @made, which is computed last. */
static gboolean
fuse_residual (CcsProgram *program, guint index, const guint *readers,
               gboolean *dead)
{
  const CcsOp *op = ccs_program_op (program, index);
  gint32 made0 = ccs_program_value (program, op->in[0])->producer;
  gint32 made1 = ccs_program_value (program, op->in[1])->producer;
  guint last = made1 > made0;
  CcsOp *host;

  if (!ccs_has_single_reader (program, readers, op->in[last])
      || !ccs_shape_equal (&ccs_program_value (program, op->in[0])->shape,
                           &ccs_program_value (program, op->in[1])->shape))
    return FALSE;
  host = ccs_program_edit_op (program, MAX (made0, made1));
  if (host->kind != CCS_OP_CONV2D || host->in[3] != CCS_NONE
      || host->attrs.conv.act.kind != CCS_ACT_NONE || host->phase != op->phase)
    return FALSE;
  host->in[3] = op->in[!last];
  host->attrs.conv.act = op->attrs.pointwise.act;
  take_over (program, MAX (made0, made1), index, dead);
  return TRUE;
}

void
ccs_pass_fuse_epilogues (CcsProgram *self)
{
  guint n = ccs_program_n_ops (self);
  g_autofree gboolean *dead = g_new0 (gboolean, n);
  g_autofree guint *readers = ccs_count_readers (self);

  for (guint i = 0; i < n; i++) {
    CcsOpKind kind = ccs_program_op (self, i)->kind;

    if (kind == CCS_OP_ADD)
      fuse_residual (self, i, readers, dead);
    else if (kind == CCS_OP_ACTIVATION)
      fuse_activation (self, i, readers, dead);
  }
  ccs_program_remove_ops (self, dead);
}
