/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "values.h"

gsize
ccs_value_bytes (const CcsValue *value)
{
  return ccs_shape_elements (&value->shape) * ccs_dtype_size (value->dtype);
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
             || (!ccs_program_is_training (program)
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
