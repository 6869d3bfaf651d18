/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Differentiates a program: appends, as ops of phase BACKWARD, the gradient of
 * one scalar with respect to any values. */
#pragma once

#include "program.h"

G_BEGIN_DECLS

/* Appends the gradient of @loss, a scalar [1]. For each of @wrt (inputs,
 * parameters or results) stores d loss / d wrt in @grads, or CCS_NONE if the
 * loss does not depend on it. If a value is used several times, the gradients
 * of its uses are added. CCS_ERROR_ARGUMENT names an op without a gradient. */
gboolean ccs_program_gradient (CcsProgram *self, CcsValueId loss,
                               const CcsValueId *wrt, guint n,
                               CcsValueId *grads, GError **error);

G_END_DECLS
