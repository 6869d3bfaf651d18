/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the passes and the gradient may touch of a program that its users may
 * not. */
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
  GError *error;       /* the first mistake */
};

CcsValue *ccs_program_edit_value (CcsProgram *self, CcsValueId id);
CcsOp *ccs_program_edit_op (CcsProgram *self, guint index);
/* Keeps the first mistake; takes @error. */
void ccs_program_fail (CcsProgram *self, GError *error);
/* Drops the ops for which @dead is TRUE and renumbers producers. */
void ccs_program_remove_ops (CcsProgram *self, const gboolean *dead);

G_END_DECLS
