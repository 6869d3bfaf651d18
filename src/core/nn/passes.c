/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What passes share, dead-op removal, and the order in which they run. */
#include "passes-private.h"

gsize
ccs_value_bytes (const CcsValue *value)
{
  return ccs_shape_elements (&value->shape) * ccs_dtype_size (value->dtype);
}

gsize
ccs_arena_align (gsize bytes)
{
  return (bytes + CCS_ARENA_ALIGNMENT - 1) / CCS_ARENA_ALIGNMENT
         * CCS_ARENA_ALIGNMENT;
}

guint *
ccs_count_readers (const CcsProgram *program)
{
  guint *readers = g_new0 (guint, ccs_program_n_values (program));

  for (guint i = 0; i < ccs_program_n_ops (program); i++) {
    const CcsOp *op = ccs_program_op (program, i);

    for (guint k = 0; k < CCS_MAX_INPUTS; k++)
      if (op->in[k] != CCS_NONE)
        readers[op->in[k]]++;
  }
  return readers;
}

gboolean
ccs_has_single_reader (const CcsProgram *program, const guint *readers,
                       CcsValueId id)
{
  const CcsValue *value = ccs_program_value (program, id);

  return value->producer >= 0 && !value->output && readers[id] == 1;
}

gboolean
ccs_value_is_constant (const CcsProgram *program, const CcsValue *value)
{
  return value->data != NULL
         && (value->kind == CCS_VALUE_CONST
             || (!program->training
                 && (value->kind == CCS_VALUE_PARAM
                     || value->kind == CCS_VALUE_STATE)));
}

gboolean
ccs_value_has_views (const CcsProgram *program, CcsValueId id)
{
  for (guint i = 0; i < ccs_program_n_values (program); i++)
    if (ccs_program_value (program, i)->view_of == id)
      return TRUE;
  return FALSE;
}

CcsValueId
ccs_value_root (const CcsProgram *program, CcsValueId id, gint64 *offset)
{
  const CcsValue *value = ccs_program_value (program, id);
  gint64 sum = 0;

  while (value->view_of != CCS_NONE) {
    sum += value->view_offset;
    id = value->view_of;
    value = ccs_program_value (program, id);
  }
  if (offset)
    *offset = sum;
  return id;
}

void
ccs_pass_dead_ops (CcsProgram *self)
{
  guint n = ccs_program_n_ops (self);
  g_autofree gboolean *dead = g_new0 (gboolean, n);
  /* By root: whoever reads a view reads what was written around it. */
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
    /* The first result always has a place; the others are by the way. */
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

/* What was folded away need not be kept in memory. */
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
