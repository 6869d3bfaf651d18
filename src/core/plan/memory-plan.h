/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The layout of a program's results in one arena. */
#pragma once

#include "../nn/program.h"

G_BEGIN_DECLS

/* Rounds @bytes up to CCS_ARENA_ALIGNMENT. */
gsize ccs_arena_align (gsize bytes);

/* Places of values in the arena. Values with disjoint lifetimes (first write to
 * last read, including their views) share memory. */
typedef struct
{
  gsize *offset; /* by value id; G_MAXSIZE: not in the arena */
  gsize size;    /* bytes */
} CcsMemoryPlan;

/* With @keep_all values share no memory, and all remain readable (tests). */
CcsMemoryPlan *ccs_memory_plan_new (const CcsProgram *program,
                                    gboolean keep_all);
void ccs_memory_plan_free (CcsMemoryPlan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsMemoryPlan, ccs_memory_plan_free)

G_END_DECLS
