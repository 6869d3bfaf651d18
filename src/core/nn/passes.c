/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dead-op removal, and the order in which passes run. */
#include "op-table.h"
#include "passes.h"
#include "program-private.h"
#include "values.h"

void
ccs_pass_dead_ops (CcsProgram *self)
{
  guint n = ccs_program_n_ops (self);
  g_autofree gboolean *dead = g_new0 (gboolean, n);
  /* By root value: reading a view reads the value that contains it. */
  g_autofree gboolean *read = g_new0 (gboolean, ccs_program_n_values (self));

  for (guint i = 0; i < ccs_program_n_values (self); i++)
    if (ccs_program_value (self, i)->output)
      read[ccs_value_root (self, i, NULL)] = TRUE;
  for (guint i = n; i-- > 0;) {
    CcsOp *op = ccs_program_edit_op (self, i);
    gboolean alive = ccs_op_row (op->kind)->flags & CCS_OP_FLAG_SIDE_EFFECT;

    for (guint k = 0; k < CCS_MAX_OUTPUTS; k++)
      if (op->out[k] != CCS_NONE)
        alive |= read[ccs_value_root (self, op->out[k], NULL)];
    dead[i] = !alive;
    for (guint k = 0; alive && k < CCS_MAX_INPUTS; k++)
      if (op->in[k] != CCS_NONE)
        read[ccs_value_root (self, op->in[k], NULL)] = TRUE;
    /* The first result always has memory; the others are optional. */
    for (guint k = 1; alive && k < CCS_MAX_OUTPUTS; k++) {
      CcsValue *value;

      if (op->out[k] == CCS_NONE)
        continue;
      value = ccs_program_edit_value (self, op->out[k]);
      if (!read[ccs_value_root (self, op->out[k], NULL)]) {
        value->producer = -1;
        op->out[k] = CCS_NONE;
      }
    }
  }
  ccs_program_remove_ops (self, dead);
}

/* Releases constants that no op reads after folding. */
static void
release_unread_constants (CcsProgram *self)
{
  guint n = ccs_program_n_values (self);
  g_autofree guint *readers = ccs_count_readers (self);
  g_autofree gboolean *read = g_new0 (gboolean, n);

  for (guint i = 0; i < n; i++)
    if (readers[i] > 0)
      read[ccs_value_root (self, i, NULL)] = TRUE;
  for (guint i = 0; i < n; i++)
    if (!read[i])
      g_clear_pointer (&ccs_program_edit_value (self, i)->data,
                       ccs_tensor_unref);
}

void
ccs_program_optimize (CcsProgram *self)
{
  ccs_pass_dead_ops (self);
  if (!self->training)
    ccs_pass_fold_batch_norm (self);
  ccs_pass_fuse_epilogues (self);
  ccs_pass_views (self);
  ccs_pass_dead_ops (self);
  if (!self->training)
    release_unread_constants (self);
}
