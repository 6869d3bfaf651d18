/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Access to a program for passes and gradients. */
#pragma once

#include "program.h"

G_BEGIN_DECLS

struct _CcsProgram
{
  gatomicrefcount ref_count;
  CcsStateDict *params; /* nullable */
  gboolean training;
  CcsPhase phase;      /* of the ops appended next */
  GArray *values;      /* CcsValue */
  GArray *ops;         /* CcsOp */
  GHashTable *by_name; /* owned by the values -> id */
  GError *error;       /* the first error */
};

CcsValue *ccs_program_edit_value (CcsProgram *self, CcsValueId id);
CcsOp *ccs_program_edit_op (CcsProgram *self, guint index);
/* Stores @error (transfer full) if it is the first. */
void ccs_program_fail (CcsProgram *self, GError *error);
/* Removes the ops for which @dead is TRUE, and updates the producers of values.
 */
void ccs_program_remove_ops (CcsProgram *self, const gboolean *dead);

G_END_DECLS
