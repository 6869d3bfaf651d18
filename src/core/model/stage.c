/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stage.h"

#include "../plan/plan.h"
#include "net.h"

#define FRAME_BYTES (3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT)
#define MAX_INPUTS 2
/* Number of plans that run at the same time if the backend runs asynchronously.
 */
#define PLANS_IN_TURN 2

G_STATIC_ASSERT (PLANS_IN_TURN <= CCS_PLAN_MAX_LANES);

struct _CcsStage
{
  CcsStageKind kind;
  CcsStageSize size;
  CcsBackend *backend; /* of the plans */
  CcsPlan *plan[CCS_PLAN_MAX_LANES];
  guint n_inputs;
  CcsValueId input[MAX_INPUTS];
  CcsValueId output;
  gsize in_bytes[MAX_INPUTS], out_bytes; /* bytes per item */
};

/* -- sizes ----------------------------------------------------------------- */

CcsStageSize
ccs_stage_size_split (const CcsBackend *backend, guint batch)
{
  const guint lanes = ccs_plan_best_split (backend, batch);

  return (CcsStageSize){ batch, batch / lanes, lanes };
}

CcsStageSize
ccs_stage_size_whole (const CcsBackend *backend, guint batch)
{
  return (CcsStageSize){ batch, batch,
                         backend->klass->wait ? PLANS_IN_TURN : 1 };
}

static gboolean
has_lanes (const CcsStage *self)
{
  return self->size.each < self->size.batch;
}

const CcsStageSize *
ccs_stage_size (const CcsStage *self)
{
  return &self->size;
}

/* -- planning -------------------------------------------------------------- */

static gsize
feature_bytes (const CcsModelConfig *config)
{
  return sizeof (float) * CCS_VISUAL_TOKENS * ccs_model_config_dim (config);
}

static void
build_encoder (CcsStage *self, CcsProgram *p, const CcsModelConfig *config)
{
  CcsNetEncoder encoder = ccs_net_encoder (p, config, self->size.each);

  self->n_inputs = 1;
  self->input[0] = encoder.pictures;
  self->in_bytes[0] = FRAME_BYTES;
  self->output = encoder.visual_feat;
  self->out_bytes = feature_bytes (config);
}

static void
build_separator (CcsStage *self, CcsProgram *p, const CcsModelConfig *config)
{
  CcsNetWindow window = ccs_net_window (p, config, self->size.each);

  self->n_inputs = 2;
  self->input[0] = window.mono;
  self->in_bytes[0] = CCS_WINDOW * sizeof (float);
  self->input[1] = window.visual_feat;
  self->in_bytes[1] = feature_bytes (config);
  self->output = window.difference;
  self->out_bytes = CCS_WINDOW * sizeof (float);
}

static gboolean
make_plans (CcsStage *self, CcsProgram *p, GError **error)
{
  const CcsPlanFlags flags
      = has_lanes (self) ? CCS_PLAN_ONE_THREAD : CCS_PLAN_NONE;

  if (!ccs_program_check (p, error))
    return FALSE;
  ccs_plan_optimize (self->backend, p);
  for (guint i = 0; i < self->size.n_plans; i++) {
    self->plan[i] = ccs_plan_new (self->backend, p, flags, error);
    if (!self->plan[i])
      return FALSE;
  }
  return TRUE;
}

CcsStage *
ccs_stage_new (CcsStageKind kind, const CcsStageSize *size,
               CcsStateDict *params, const CcsModelConfig *config,
               CcsBackend *backend, GError **error)
{
  g_autoptr (CcsProgram) p = ccs_program_new (params, FALSE);
  g_autoptr (CcsStage) self = g_new0 (CcsStage, 1);

  self->kind = kind;
  self->size = *size;
  self->backend = backend;
  if (kind == CCS_STAGE_ENCODER)
    build_encoder (self, p, config);
  else
    build_separator (self, p, config);
  return make_plans (self, p, error) ? g_steal_pointer (&self) : NULL;
}

void
ccs_stage_free (CcsStage *self)
{
  for (guint i = 0; i < self->size.n_plans; i++)
    g_clear_pointer (&self->plan[i], ccs_plan_free);
  g_free (self);
}

/* -- running --------------------------------------------------------------- */

/* A run: its items are divided into units, one for each run of a plan. */
typedef struct
{
  CcsStage *stage;
  const CcsTurnItem *items;
  guint n;
  gint next;     /* atomic: the next unit to be run */
  GError *error; /* atomic: the first error of a lane */
} Run;

static guint
n_units (const Run *run)
{
  return (run->n + run->stage->size.each - 1) / run->stage->size.each;
}

static guint
items_of_unit (const Run *run, guint unit)
{
  return MIN (run->stage->size.each, run->n - unit * run->stage->size.each);
}

/* Returns the data of @item for input @i of @stage. */
static gconstpointer
input_of (const CcsStage *stage, guint i, const CcsTurnItem *item)
{
  const CcsStageItems *of = item->turn->work;

  return stage->kind == CCS_STAGE_ENCODER
             ? (gconstpointer)of->frames[item->index]
         : i == 0 ? of->mixes[item->index]
                  : of->features[item->index];
}

/* Copies the items of a unit into a plan and starts it. The rest of the batch
 * keeps its old content; its results are ignored. */
static gboolean
start_unit (const Run *run, guint unit, guint plan, GError **error)
{
  const CcsStage *stage = run->stage;
  const CcsTurnItem *items = run->items + unit * stage->size.each;
  const guint n = items_of_unit (run, unit);
  gconstpointer rows[CCS_TURNS_MAX_ITEMS];

  for (guint i = 0; i < stage->n_inputs; i++) {
    for (guint k = 0; k < n; k++)
      rows[k] = input_of (stage, i, &items[k]);
    if (!ccs_plan_write_items (stage->plan[plan], stage->input[i], rows, n,
                               stage->in_bytes[i], error))
      return FALSE;
  }
  return ccs_plan_start (stage->plan[plan], CCS_PHASE_ALL, error);
}

static gboolean
finish_unit (const Run *run, guint unit, guint plan, GError **error)
{
  const CcsStage *stage = run->stage;
  const CcsTurnItem *items = run->items + unit * stage->size.each;
  const guint n = items_of_unit (run, unit);
  gpointer rows[CCS_TURNS_MAX_ITEMS];

  for (guint k = 0; k < n; k++) {
    const CcsStageItems *of = items[k].turn->work;

    rows[k] = of->results[items[k].index];
  }
  return ccs_plan_finish (stage->plan[plan], error)
         && ccs_plan_read_items (stage->plan[plan], stage->output, rows, n,
                                 stage->out_bytes, error);
}

/* Runs units in a lane until none is left. */
static void
run_lane (gpointer user, guint lane)
{
  Run *run = user;
  const guint units = n_units (run);

  while (!g_atomic_pointer_get (&run->error)) {
    const guint unit = g_atomic_int_add (&run->next, 1);
    GError *error = NULL;

    if (unit >= units)
      return;
    if (!(start_unit (run, unit, lane, &error)
          && finish_unit (run, unit, lane, &error))
        && !g_atomic_pointer_compare_and_exchange (&run->error, NULL, error))
      g_error_free (error);
  }
}

static gboolean
run_in_lanes (Run *run, GError **error)
{
  CcsBackend *backend = run->stage->backend;
  const guint lanes = MIN (run->stage->size.n_plans, n_units (run));

  if (!backend->klass->run_lanes (backend, lanes, run_lane, run, error))
    return FALSE;
  if (run->error)
    g_propagate_error (error, run->error);
  return run->error == NULL;
}

/* Runs units on the plans in turn. Finishes them in the order in which they
 * were started, even after an error. */
static gboolean
run_in_turn (const Run *run, GError **error)
{
  const guint units = n_units (run), plans = run->stage->size.n_plans;
  guint started = 0;
  gboolean ok = TRUE;

  for (guint unit = 0; unit < units + plans; unit++) {
    const guint plan = unit % plans;

    if (unit >= plans && unit - plans < started)
      ok &= finish_unit (run, unit - plans, plan, ok ? error : NULL);
    if (ok && unit < units) {
      ok = start_unit (run, unit, plan, error);
      started += ok;
    }
  }
  return ok;
}

gboolean
ccs_stage_run (CcsStage *self, const CcsTurnItem *items, guint n,
               GError **error)
{
  Run run = { .stage = self, .items = items, .n = n };

  return has_lanes (self) ? run_in_lanes (&run, error)
                          : run_in_turn (&run, error);
}
