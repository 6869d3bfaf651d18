/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Helpers of the rows of the op table. Those that backends use, too, are in
 * op-table.h. */
#pragma once

#include "../op-table.h"
#include "../program.h"
#include "../strides.h"

G_BEGIN_DECLS

#define CCS_OP_FLAG_PITCHED (CCS_OP_FLAG_PITCHED_IN | CCS_OP_FLAG_PITCHED_OUT)

/* Checks that the first @n inputs exist; they may have any type. */
gboolean ccs_op_expect_inputs (const CcsOp *op, const CcsValue *const *in,
                               guint n, GError **error);
/* The bit of input @k in a mask of inputs. */
#define CCS_OP_INPUT(k) (1u << (k))

/* Checks that the first @n inputs exist and are F32. Inputs whose bit is set in
 * @optional may be missing. */
gboolean ccs_op_expect_floats (const CcsOp *op, const CcsValue *const *in,
                               guint n, guint optional, GError **error);
/* Checks that input @k, if it exists, has @shape. */
gboolean ccs_op_expect_shape (const CcsOp *op, const CcsValue *const *in,
                              guint k, CcsShape shape, GError **error);
/* Checks that @b broadcasts to @a. */
gboolean ccs_op_expect_broadcast (const CcsOp *op, const CcsShape *b,
                                  const CcsShape *a, GError **error);
/* Makes @out a dense result with @shape and the type of @x. */
void ccs_op_set_result_like (CcsValue *out, const CcsValue *x, CcsShape shape);
/* Checks the shape of @out, which the builder has set, and gives it the type of
 * @x. */
gboolean ccs_op_keep_asked_shape (const CcsOp *op, const CcsValue *x,
                                  CcsValue *out, GError **error);
/* Appends the gradient of z from @dy, for y = act (z). */
CcsValueId ccs_op_activation_grad (CcsProgram *p, CcsValueId dy, CcsValueId y,
                                   CcsAct act);

/* Sets every element to zero. Memory between rows is unchanged. */
void ccs_operand_clear (const CcsOperand *operand);

G_END_DECLS
