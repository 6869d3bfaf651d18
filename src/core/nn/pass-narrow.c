/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stores values in the 16-bit type in which products read them. */
#include "op-table.h"
#include "passes.h"
#include "program-private.h"
#include "values.h"

static gboolean
makes_narrow (const CcsOp *op)
{
  return op->kind == CCS_OP_CONV2D || op->kind == CCS_OP_CONV_TRANSPOSE2D
         || op->kind == CCS_OP_MAX_POOL;
}

static gboolean
reads_narrow (const CcsOp *op, guint input)
{
  const gboolean is_residual = op->kind == CCS_OP_CONV2D && input == 3;

  return makes_narrow (op) && (input == 0 || is_residual);
}

/* Returns whether value @id is computed by such an op, is not an output of the
 * program, and neither is a view nor has views. */
static gboolean
can_be_narrow (const CcsProgram *self, CcsValueId id)
{
  const CcsValue *value = ccs_program_value (self, id);

  return value->producer >= 0
         && makes_narrow (ccs_program_op (self, value->producer))
         && ccs_program_op (self, value->producer)->out[0] == id
         && !value->output && value->view_of == CCS_NONE
         && !ccs_value_has_views (self, id)
         && ccs_shape_channels (&value->shape) % CCS_PASS_NARROW_CHANNELS == 0;
}

void
ccs_pass_narrow (CcsProgram *self, CcsDType dtype)
{
  const guint n = ccs_program_n_values (self);
  g_autofree gboolean *narrow = g_new0 (gboolean, n);

  for (guint i = 0; i < n; i++)
    narrow[i] = can_be_narrow (self, i);
  for (guint i = 0; i < ccs_program_n_ops (self); i++) {
    const CcsOp *op = ccs_program_op (self, i);

    for (guint k = 0; k < CCS_MAX_INPUTS; k++)
      if (op->in[k] != CCS_NONE && !reads_narrow (op, k))
        narrow[op->in[k]] = FALSE;
  }
  for (guint i = 0; i < n; i++)
    if (narrow[i])
      ccs_program_edit_value (self, i)->dtype = dtype;
}
