/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Helpers of the rows of the op table: errors, checks of operands, results and
 * activations. */
#include "row-util.h"

#include <ccstereo/error.h>
#include <math.h>
#include <string.h>

gboolean
ccs_op_shape_error (const CcsOp *op, GError **error, const char *format, ...)
{
  g_autofree char *reason = NULL;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, CCS_ERROR, CCS_ERROR_SHAPE, "%s: %s",
               ccs_op_row (op->kind)->name, reason);
  return FALSE;
}

void
ccs_op_set_result (CcsValue *out, CcsShape shape)
{
  out->dtype = CCS_F32;
  out->shape = shape;
  out->pitch = ccs_shape_channels (&shape);
}

gboolean
ccs_op_expect_inputs (const CcsOp *op, const CcsValue *const *in, guint n,
                      GError **error)
{
  for (guint i = 0; i < n; i++)
    if (in[i] == NULL)
      return ccs_op_shape_error (op, error, "input %u is missing", i);
  return TRUE;
}

void
ccs_op_set_result_like (CcsValue *out, const CcsValue *x, CcsShape shape)
{
  ccs_op_set_result (out, shape);
  out->dtype = x->dtype;
}

gboolean
ccs_op_keep_asked_shape (const CcsOp *op, const CcsValue *x, CcsValue *out,
                         GError **error)
{
  for (guint i = 0; i < out->shape.rank; i++)
    if (i >= CCS_MAX_RANK || out->shape.dim[i] < 1)
      return ccs_op_shape_error (op, error,
                                 "dimension %u of the result is no size", i);
  ccs_op_set_result_like (out, x, out->shape);
  return TRUE;
}

gboolean
ccs_op_expect_floats (const CcsOp *op, const CcsValue *const *in, guint n,
                      guint optional, GError **error)
{
  for (guint i = 0; i < n; i++) {
    if (in[i] == NULL) {
      if ((optional & CCS_OP_INPUT (i)) == 0)
        return ccs_op_shape_error (op, error, "input %u is missing", i);
    } else if (in[i]->dtype != CCS_F32) {
      return ccs_op_shape_error (op, error, "input %u is %s, not %s", i,
                                 ccs_dtype_name (in[i]->dtype),
                                 ccs_dtype_name (CCS_F32));
    }
  }
  return TRUE;
}

gboolean
ccs_op_expect_shape (const CcsOp *op, const CcsValue *const *in, guint k,
                     CcsShape shape, GError **error)
{
  if (in[k] == NULL || ccs_shape_equal (&in[k]->shape, &shape))
    return TRUE;

  g_autofree char *found = ccs_shape_to_string (&in[k]->shape);
  g_autofree char *wanted = ccs_shape_to_string (&shape);
  return ccs_op_shape_error (op, error, "input %u is %s, not %s", k, found,
                             wanted);
}

gboolean
ccs_op_expect_broadcast (const CcsOp *op, const CcsShape *b, const CcsShape *a,
                         GError **error)
{
  if (ccs_shape_broadcasts (b, a))
    return TRUE;

  g_autofree char *small = ccs_shape_to_string (b);
  g_autofree char *large = ccs_shape_to_string (a);
  return ccs_op_shape_error (op, error, "%s does not broadcast to %s", small,
                             large);
}

CcsValueId
ccs_op_activation_grad (CcsProgram *p, CcsValueId dy, CcsValueId y, CcsAct act)
{
  const CcsAttrs attrs = { .pointwise = { .act = act } };

  if (act.kind == CCS_ACT_NONE)
    return dy;
  return ccs_program_append (p, CCS_OP_ACTIVATION_GRAD,
                             (const CcsValueId[]){ dy, y }, 2, &attrs);
}

void
ccs_operand_clear (const CcsOperand *operand)
{
  const gsize size = ccs_dtype_size (operand->dtype);
  const gsize channels = ccs_shape_channels (&operand->shape);
  const gint64 rows = ccs_shape_rows (&operand->shape);

  for (gint64 r = 0; r < rows; r++)
    memset ((char *)operand->data + r * operand->pitch * size, 0,
            channels * size);
}

float
ccs_act_apply (CcsAct act, float x)
{
  switch (act.kind) {
  case CCS_ACT_RELU:
    /* Written so that NaN is preserved. */
    return x < 0.f ? 0.f : x;
  case CCS_ACT_LEAKY_RELU:
    return x < 0.f ? act.slope * x : x;
  case CCS_ACT_SIGMOID:
    return 1.f / (1.f + expf (-x));
  case CCS_ACT_NONE:
    break;
  }
  return x;
}

float
ccs_act_derivative (CcsAct act, float y)
{
  switch (act.kind) {
  case CCS_ACT_RELU:
    return y > 0.f ? 1.f : 0.f;
  case CCS_ACT_LEAKY_RELU:
    return y > 0.f ? 1.f : act.slope;
  case CCS_ACT_SIGMOID:
    return y * (1.f - y);
  case CCS_ACT_NONE:
    break;
  }
  return 1.f;
}
