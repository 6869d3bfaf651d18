/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Differentiates a program: appends, as ops of phase BACKWARD, the gradient of
 * one scalar with respect to any values. */
#pragma once

#include "program.h"

G_BEGIN_DECLS

/* @loss: a scalar [1]. For each of @wrt (inputs, parameters or results), stores
 * in @grads the value of d loss / d wrt, or CCS_NONE where the loss does not
 * depend on it. Uses of a value more than once add up. Every op in between
 * must have a gradient; else CCS_ERROR_ARGUMENT naming it. */
gboolean ccs_program_gradient (CcsProgram *self, CcsValueId loss,
                               const CcsValueId *wrt, guint n,
                               CcsValueId *grads, GError **error);

G_END_DECLS
