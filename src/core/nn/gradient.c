/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reverse-mode differentiation: walks the program backwards from the loss, and
 * each op's row appends the ops that compute the gradients of its inputs. */
#include "gradient.h"
#include <ccstereo/error.h>

#include "op-table.h"
#include "program-private.h"

typedef struct
{
  CcsProgram *program;
  guint n_values;   /* before gradients were appended */
  gboolean *wanted; /* by value: depends on one of wrt */
  CcsValueId *grad; /* by value: the sum so far, or CCS_NONE */
} Reverse;

/* Marks the values that are in @wrt or depend on one that is. */
static void
mark_wanted (Reverse *r, const CcsValueId *wrt, guint n, guint n_ops)
{
  for (guint i = 0; i < n; i++)
    r->wanted[wrt[i]] = TRUE;
  for (guint i = 0; i < n_ops; i++) {
    const CcsOp *op = ccs_program_op (r->program, i);
    gboolean depends = FALSE;

    for (guint k = 0; k < CCS_MAX_INPUTS; k++)
      depends |= op->in[k] != CCS_NONE && r->wanted[op->in[k]];
    for (guint k = 0; k < CCS_MAX_OUTPUTS; k++)
      if (op->out[k] != CCS_NONE)
        r->wanted[op->out[k]] |= depends;
  }
}

static void
accumulate (Reverse *r, CcsValueId value, CcsValueId grad)
{
  r->grad[value] = r->grad[value] == CCS_NONE
                       ? grad
                       : ccs_add (r->program, r->grad[value], grad, CCS_NO_ACT);
}

static gboolean
reverse_op (Reverse *r, guint index, GError **error)
{
  CcsOp op = *ccs_program_op (r->program, index);
  const CcsOpRow *row = ccs_op_row (op.kind);
  CcsValueId dout[CCS_MAX_OUTPUTS], din[CCS_MAX_INPUTS];
  gboolean want[CCS_MAX_INPUTS], reached = FALSE, any = FALSE;

  for (guint k = 0; k < CCS_MAX_OUTPUTS; k++) {
    dout[k] = op.out[k] == CCS_NONE ? CCS_NONE : r->grad[op.out[k]];
    reached |= dout[k] != CCS_NONE;
  }
  for (guint k = 0; k < CCS_MAX_INPUTS; k++) {
    din[k] = CCS_NONE;
    want[k] = op.in[k] != CCS_NONE && r->wanted[op.in[k]];
    any |= want[k];
  }
  if (!reached || !any)
    return TRUE;
  if (row->gradient == NULL) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT, "%s has no gradient",
                 row->name);
    return FALSE;
  }
  row->gradient (r->program, &op, dout, want, din);
  for (guint k = 0; k < CCS_MAX_INPUTS; k++)
    if (want[k] && din[k] != CCS_NONE)
      accumulate (r, op.in[k], din[k]);
  return ccs_program_check (r->program, error);
}

static CcsValueId
one (CcsProgram *program)
{
  float *value = g_new (float, 1);
  CcsShape shape = CCS_SHAPE (1);
  g_autofree char *name
      = g_strdup_printf ("gradient.seed.%u", ccs_program_n_values (program));

  *value = 1.f;
  return ccs_program_const (program, name,
                            ccs_tensor_new_take (CCS_F32, &shape, value));
}

gboolean
ccs_program_gradient (CcsProgram *self, CcsValueId loss, const CcsValueId *wrt,
                      guint n, CcsValueId *grads, GError **error)
{
  guint n_ops = ccs_program_n_ops (self);
  Reverse r = { .program = self, .n_values = ccs_program_n_values (self) };
  gboolean ok = TRUE;

  if (!ccs_program_check (self, error))
    return FALSE;
  r.wanted = g_new0 (gboolean, r.n_values);
  r.grad = g_new (CcsValueId, r.n_values);
  for (guint i = 0; i < r.n_values; i++)
    r.grad[i] = CCS_NONE;
  mark_wanted (&r, wrt, n, n_ops);

  ccs_program_set_phase (self, CCS_PHASE_BACKWARD);
  r.grad[loss] = one (self);
  for (guint i = n_ops; ok && i-- > 0;)
    ok = reverse_op (&r, i, error);
  for (guint i = 0; ok && i < n; i++)
    grads[i] = r.grad[wrt[i]];
  g_free (r.wanted);
  g_free (r.grad);
  return ok;
}
