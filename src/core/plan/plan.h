/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan: one program made ready on one backend. Memory is laid out, kernels
 * are compiled and filters packed when it is made; a run allocates nothing.
 * One thread may use a plan at a time; different plans are independent. */
#pragma once

#include "../backend/backend.h"
#include "../nn/program.h"

G_BEGIN_DECLS

typedef struct _CcsPlan CcsPlan;

typedef enum
{
  CCS_PLAN_NONE = 0,
  CCS_PLAN_KEEP_ALL = 1 << 0,   /* every value stays readable after a run */
  CCS_PLAN_GUARD = 1 << 1,      /* guard values around every buffer, checked by
                                 * ccs_plan_check_guards(); host memory only */
  CCS_PLAN_ONE_THREAD = 1 << 2, /* for the backend's lanes */
} CcsPlanFlags;

/* Rewrites @program, which is checked, for runs on @backend alone: what
 * ccs_program_optimize() does, and, for inference, what the precision allows.
 */
void ccs_plan_optimize (const CcsBackend *backend, CcsProgram *program);
/* The program must not change afterwards; run one of the above before. */
CcsPlan *ccs_plan_new (CcsBackend *backend, CcsProgram *program,
                       CcsPlanFlags flags, GError **error);
void ccs_plan_free (CcsPlan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsPlan, ccs_plan_free)

CcsProgram *ccs_plan_program (const CcsPlan *self);

/* Whole values, dense, in the program's layout; @bytes must be their size. */
gboolean ccs_plan_write (CcsPlan *self, CcsValueId id, gconstpointer data,
                         gsize bytes, GError **error);
gboolean ccs_plan_read (CcsPlan *self, CcsValueId id, gpointer data,
                        gsize bytes, GError **error);
/* The first @n items along the first dimension of a value whose rows are dense,
 * each from or to memory of its own; @bytes must be the size of one. */
gboolean ccs_plan_write_items (CcsPlan *self, CcsValueId id,
                               const gconstpointer *items, guint n, gsize bytes,
                               GError **error);
gboolean ccs_plan_read_items (CcsPlan *self, CcsValueId id,
                              const gpointer *items, guint n, gsize bytes,
                              GError **error);
/* A PARAM or STATE value as published (filters back in [A,B,kh,kw]).
 * (transfer full) */
CcsTensor *ccs_plan_export (CcsPlan *self, CcsValueId id, GError **error);
/* Any value, brought into published order from @layout (a gradient or a moment
 * has its parameter's). (transfer full) */
CcsTensor *ccs_plan_export_as (CcsPlan *self, CcsValueId id, CcsLayout layout,
                               GError **error);
/* Runs the ops of @phases, in order; returns when the results can be read. */
gboolean ccs_plan_run (CcsPlan *self, CcsPhase phases, GError **error);
/* The same in two steps, so that other plans can be written to and read from
 * while a device is at work. After a start that gave TRUE nothing but the
 * finish may use the plan; one that gave FALSE has no finish. */
gboolean ccs_plan_start (CcsPlan *self, CcsPhase phases, GError **error);
gboolean ccs_plan_finish (CcsPlan *self, GError **error);
/* Plans in lanes beside each other at most. */
#define CCS_PLAN_MAX_LANES 8
/* As many plans as it is best to split a batch of @n items among: each of as
 * many items, with CCS_PLAN_ONE_THREAD and in a lane of its own where there are
 * several. Lanes meet once, when all is done; one plan's threads meet after
 * every op. */
guint ccs_plan_best_split (const CcsBackend *backend, guint n);
/* Bytes of arena and of persistent values. */
gsize ccs_plan_memory (const CcsPlan *self);
/* FALSE with the op and value whose guard was overwritten. */
gboolean ccs_plan_check_guards (CcsPlan *self, GError **error);

G_END_DECLS
