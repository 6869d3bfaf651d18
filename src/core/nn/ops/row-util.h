/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the rows of the op table share and nobody else needs; the rest of it
 * is declared in op-table.h. */
#pragma once

#include "../op-table.h"
#include "../program.h"

G_BEGIN_DECLS

#define CCS_OP_FLAG_PITCHED (CCS_OP_FLAG_PITCHED_IN | CCS_OP_FLAG_PITCHED_OUT)

/* Checks that the first @n inputs are there, of whatever type. */
gboolean ccs_op_expect_inputs (const CcsOp *op, const CcsValue *const *in,
                               guint n, GError **error);
/* Checks that the first @n inputs are there, save those whose bit is set in
 * @optional, and are F32. */
gboolean ccs_op_expect_floats (const CcsOp *op, const CcsValue *const *in,
                               guint n, guint optional, GError **error);
/* Checks that input @k, where there is one, has @shape. */
gboolean ccs_op_expect_shape (const CcsOp *op, const CcsValue *const *in,
                              guint k, CcsShape shape, GError **error);
/* Checks that @b broadcasts to @a. */
gboolean ccs_op_expect_broadcast (const CcsOp *op, const CcsShape *b,
                                  const CcsShape *a, GError **error);
/* A dense result of @x's type. */
void ccs_op_set_result_like (CcsValue *out, const CcsValue *x, CcsShape shape);
/* Keeps the shape of @out that the builder asked for, with @x's type; checks
 * that it is one. */
gboolean ccs_op_keep_asked_shape (const CcsOp *op, const CcsValue *x,
                                  CcsValue *out, GError **error);
/* The gradient in front of y = act (z) from @dy behind it. */
CcsValueId ccs_op_activation_grad (CcsProgram *p, CcsValueId dy, CcsValueId y,
                                   CcsAct act);

/* The first element of row @row. */
static inline float *
ccs_operand_row (const CcsOperand *operand, gint64 row)
{
  return (float *)operand->data + row * operand->pitch;
}

/* Sets every element to zero, leaving what stands between the rows. */
void ccs_operand_clear (const CcsOperand *operand);
/* The element offset of row @row of @shape under @strides (of its leading
 * dimensions, as ccs_broadcast_strides() gives them). */
gint64 ccs_strided_row (const CcsShape *shape, const gint64 *strides,
                        gint64 row);

G_END_DECLS
