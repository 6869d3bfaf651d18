/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan: a program prepared for a backend. Memory is allocated, kernels are
 * prepared and filters packed when the plan is made; a run allocates nothing.
 * One thread at a time may use a plan; different plans are independent. */
#pragma once

#include "../backend/backend.h"
#include "../nn/program.h"

G_BEGIN_DECLS

typedef struct _CcsPlan CcsPlan;

typedef enum
{
  CCS_PLAN_NONE = 0,
  CCS_PLAN_KEEP_ALL = 1 << 0,   /* all values can be read after a run */
  CCS_PLAN_GUARD = 1 << 1,      /* guard values around every buffer, checked by
                                 * ccs_plan_check_guards(); host memory only */
  CCS_PLAN_ONE_THREAD = 1 << 2, /* for the backend's lanes */
} CcsPlanFlags;

/* Optimises @program, which must be valid, for @backend: runs
 * ccs_program_optimize() and, for inference, the passes that the precision
 * allows. */
void ccs_plan_optimize (const CcsBackend *backend, CcsProgram *program);
/* Makes a plan. The program must be optimised before, and must not change
 * afterwards. */
CcsPlan *ccs_plan_new (CcsBackend *backend, CcsProgram *program,
                       CcsPlanFlags flags, GError **error);
void ccs_plan_free (CcsPlan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsPlan, ccs_plan_free)

CcsProgram *ccs_plan_program (const CcsPlan *self);

/* Copy a whole value, dense and in the program's layout. @bytes must be its
 * size. */
gboolean ccs_plan_write (CcsPlan *self, CcsValueId id, gconstpointer data,
                         gsize bytes, GError **error);
gboolean ccs_plan_read (CcsPlan *self, CcsValueId id, gpointer data,
                        gsize bytes, GError **error);
/* Copy the first @n items along the first dimension of a value with dense rows,
 * each from or to separate memory. @bytes must be the size of an item. */
gboolean ccs_plan_write_items (CcsPlan *self, CcsValueId id,
                               const gconstpointer *items, guint n, gsize bytes,
                               GError **error);
gboolean ccs_plan_read_items (CcsPlan *self, CcsValueId id,
                              const gpointer *items, guint n, gsize bytes,
                              GError **error);
/* Returns a PARAM or STATE value in the published layout (filters as
 * [A,B,kh,kw]). (transfer full) */
CcsTensor *ccs_plan_export (CcsPlan *self, CcsValueId id, GError **error);
/* Returns any value, converted from @layout to the published layout (that of
 * the parameter for a gradient or moment). (transfer full) */
CcsTensor *ccs_plan_export_as (CcsPlan *self, CcsValueId id, CcsLayout layout,
                               GError **error);
/* Runs the ops of @phases, in order; returns when the results can be read. */
gboolean ccs_plan_run (CcsPlan *self, CcsPhase phases, GError **error);
/* Start and finish a run, so that other plans can be written and read while the
 * device works. After ccs_plan_start() returned TRUE, only ccs_plan_finish()
 * may be called on the plan. If it returned FALSE, ccs_plan_finish() must not
 * be called. */
gboolean ccs_plan_start (CcsPlan *self, CcsPhase phases, GError **error);
gboolean ccs_plan_finish (CcsPlan *self, GError **error);
/* Largest number of lanes. */
#define CCS_PLAN_MAX_LANES 8
/* Returns the number of plans into which a batch of @n items should be split.
 * If it is more than one, each has an equal part of the items,
 * CCS_PLAN_ONE_THREAD and a lane of its own. Lanes wait for each other once per
 * run; the threads of a single plan after every op. */
guint ccs_plan_best_split (const CcsBackend *backend, guint n);
/* Returns the size of arena and persistent values in bytes. */
gsize ccs_plan_memory (const CcsPlan *self);
/* Checks the guard values. The error names the op and the value whose guard was
 * overwritten. */
gboolean ccs_plan_check_guards (CcsPlan *self, GError **error);

G_END_DECLS
