/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes results of RESHAPE and SLICE, and operands of CONCAT, views of other
 * values, so that no data is copied. A view across the last dimension has gaps
 * between rows, so all its readers and its producer must support a pitch. */
#include "op-table.h"
#include "passes.h"
#include "program-private.h"
#include "values.h"

typedef struct
{
  CcsProgram *program;
  gboolean *rigid; /* by value: an op needs its rows dense */
  gboolean *dead;  /* by op */
} Views;

/* Marks values that an op without support for a pitch reads or writes. CONCAT,
 * SLICE and RESHAPE are checked separately. */
static void
mark_rigid (Views *v)
{
  for (guint i = 0; i < ccs_program_n_ops (v->program); i++) {
    const CcsOp *op = ccs_program_op (v->program, i);
    CcsOpFlags flags = ccs_op_row (op->kind)->flags;

    for (guint k = 0; k < CCS_MAX_INPUTS; k++)
      if (op->in[k] != CCS_NONE && !(flags & CCS_OP_FLAG_PITCHED_IN))
        v->rigid[op->in[k]] = TRUE;
    for (guint k = 0; k < CCS_MAX_OUTPUTS; k++)
      if (op->out[k] != CCS_NONE && !(flags & CCS_OP_FLAG_PITCHED_OUT))
        v->rigid[op->out[k]] = TRUE;
  }
}

static gboolean
is_dense (const CcsValue *value)
{
  return value->pitch == ccs_shape_channels (&value->shape)
         || ccs_shape_rows (&value->shape) == 1;
}

static void
make_view (Views *v, CcsValueId id, CcsValueId of, gint64 offset, gint64 pitch)
{
  CcsValue *value = ccs_program_edit_value (v->program, id);

  value->view_of = of;
  value->view_offset = offset;
  value->pitch = pitch;
}

/* Makes a dense view of constant data a constant. */
static void
make_constant_part (Views *v, CcsValueId id, CcsValueId of, gint64 offset)
{
  const CcsTensor *whole = ccs_program_value (v->program, of)->data;
  CcsValue *value = ccs_program_edit_value (v->program, id);
  gsize start = (const guint8 *)whole->data
                - (const guint8 *)g_bytes_get_data (whole->owner, NULL);

  value->data = ccs_tensor_new (whole->dtype, &value->shape, whole->owner,
                                start + offset * ccs_dtype_size (whole->dtype));
  value->kind = CCS_VALUE_CONST;
  value->producer = -1;
}

static gboolean
view_part (Views *v, const CcsOp *op, gint64 offset, gint64 pitch,
           gboolean dense)
{
  const CcsValue *x = ccs_program_value (v->program, op->in[0]);

  /* A value that is an operand of a CONCAT elsewhere is copied there. */
  if (ccs_program_value (v->program, op->out[0])->view_of != CCS_NONE
      || (dense && !is_dense (x)))
    return FALSE;
  if (dense && ccs_value_is_constant (v->program, x))
    make_constant_part (v, op->out[0], op->in[0], offset);
  else
    make_view (v, op->out[0], op->in[0], offset, pitch);
  return TRUE;
}

static gboolean
view_reshape (Views *v, const CcsOp *op)
{
  const CcsValue *y = ccs_program_value (v->program, op->out[0]);

  return view_part (v, op, 0, ccs_shape_channels (&y->shape), TRUE);
}

static gboolean
view_slice (Views *v, const CcsOp *op)
{
  const CcsValue *x = ccs_program_value (v->program, op->in[0]);
  const CcsValue *y = ccs_program_value (v->program, op->out[0]);
  gint64 start = op->attrs.slice.start;

  if (op->attrs.slice.axis == 0)
    return view_part (
        v, op, start * (ccs_shape_elements (&x->shape) / x->shape.dim[0]),
        ccs_shape_channels (&y->shape), TRUE);
  if (v->rigid[op->out[0]] || y->output)
    return FALSE;
  return view_part (v, op, start, x->pitch, FALSE);
}

/* Returns whether operand @k can be computed directly into the result of a
 * CONCAT: an op computes it, it is not a view yet and (across channels) all its
 * users accept gaps between rows. */
static gboolean
operand_may_move (Views *v, const CcsOp *op, guint k, gboolean across)
{
  CcsValueId id = op->in[k];
  const CcsValue *x = ccs_program_value (v->program, id);

  if (x->kind != CCS_VALUE_RESULT || x->producer < 0 || x->view_of != CCS_NONE
      || v->dead[x->producer])
    return FALSE;
  for (guint j = 0; j < k; j++)
    if (op->in[j] == id)
      return FALSE;
  return !across
         || (!v->rigid[id] && !x->output
             && !ccs_value_has_views (v->program, id));
}

static gboolean
view_concat (Views *v, const CcsOp *op)
{
  const CcsValue *y = ccs_program_value (v->program, op->out[0]);
  gboolean across = op->attrs.slice.axis != 0;
  gboolean all = TRUE;
  gint64 offset = 0;

  for (guint k = 0; k < CCS_MAX_INPUTS && op->in[k] != CCS_NONE; k++) {
    const CcsValue *x = ccs_program_value (v->program, op->in[k]);

    if (operand_may_move (v, op, k, across))
      make_view (v, op->in[k], op->out[0], offset,
                 across ? y->pitch : x->pitch);
    else
      all = FALSE;
    offset += across ? ccs_shape_channels (&x->shape)
                     : ccs_shape_elements (&x->shape);
  }
  return all;
}

void
ccs_pass_views (CcsProgram *self)
{
  guint n = ccs_program_n_ops (self);
  g_autofree gboolean *rigid = g_new0 (gboolean, ccs_program_n_values (self));
  g_autofree gboolean *dead = g_new0 (gboolean, n);
  Views v = { self, rigid, dead };

  mark_rigid (&v);
  /* Concats first: a reshape can follow an operand that has moved (its rows
   * are asked for), a concat cannot move an operand that is a view. */
  for (guint i = 0; i < n; i++)
    if (ccs_program_op (self, i)->kind == CCS_OP_CONCAT)
      dead[i] = view_concat (&v, ccs_program_op (self, i));
  for (guint i = 0; i < n; i++) {
    const CcsOp *op = ccs_program_op (self, i);

    if (op->kind == CCS_OP_RESHAPE)
      dead[i] = view_reshape (&v, op);
    else if (op->kind == CCS_OP_SLICE)
      dead[i] = view_slice (&v, op);
  }
  ccs_program_remove_ops (self, dead);
}
