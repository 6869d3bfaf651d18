/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded models: parameters, their identity, the registry through which users
 * of one file share it, and the planned programs with the copying in and out
 * of full and part-filled batches. */
#include "model.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "../checkpoint/checkpoint.h"
#include "../error.h"
#include "../nn/passes.h"
#include "../nn/plan.h"
#include "net.h"
#include "turns.h"

#define FRAME_BYTES (3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT)
#define MAX_STAGE_INPUTS 2

/* One program planned for one batch size, with the memory its inputs and its
 * output pass through. Each of the plans takes an equal part of the batch, in a
 * lane of the backend's where there are several. */
typedef struct
{
  CcsPlan *plan[CCS_PLAN_MAX_LANES];
  guint n_plans;
  gint planned; /* atomic, set last */
  guint batch;
  guint n_inputs;
  CcsValueId input[MAX_STAGE_INPUTS];
  CcsValueId output;
  guint8 *in[MAX_STAGE_INPUTS];
  float *out;
  gsize in_bytes[MAX_STAGE_INPUTS]; /* of one item */
  gsize out_size;                   /* elements of one item */
} Stage;

typedef enum
{
  ENCODER,
  SEPARATOR,
  N_STAGES,
} StageKind;

/* Batches of which stages are planned. */
enum
{
  SINGLE,
  BATCH,
  BULK, /* where the backend wants more at a time and has no lanes */
  N_BATCHES,
};

struct _CcsModel
{
  grefcount ref_count; /* under registry_lock */
  char *key;           /* in the registry, or NULL */
  char *label;
  char *id;
  CcsModelConfig config;
  CcsStateDict *params;
  CcsBackend *backend;
  CcsTurns turns;
  GMutex planning;
  gint warm_ups; /* atomic */
  /* Once planned, a stage belongs to the caller whose turn it is. */
  Stage stage[N_STAGES][N_BATCHES];
};

static const guint full_batch[N_STAGES]
    = { CCS_MODEL_FRAME_BATCH, CCS_MODEL_WINDOW_BATCH };

/* Elements that warm up a model for one stream: encoder and separator. */
#define WARM_UPS_OF_A_STREAM 2

static const CcsTurnsClass turns_class;

/* key -> CcsModel that does not count as a user; entries go with the model. */
static GHashTable *registry;
static GMutex registry_lock;
/* Held over a whole load, so that two users who ask for one file at the same
 * time do not both load it. */
static GMutex load_lock;

/* -- parameters ---------------------------------------------------------- */

/* Everything of floating type as float32; a file in that type stays mapped. */
static CcsStateDict *
float_params (const CcsStateDict *params)
{
  CcsStateDict *result = ccs_state_dict_new ();

  for (guint i = 0; i < ccs_state_dict_size (params); i++) {
    CcsTensor *tensor = ccs_state_dict_tensor (params, i);
    CcsTensor *converted = tensor->dtype == CCS_S64
                               ? ccs_tensor_ref (tensor)
                               : ccs_tensor_convert (tensor, CCS_F32);
    ccs_state_dict_insert (result, ccs_state_dict_name (params, i), converted);
  }
  return result;
}

/* FNV-1a over 64-bit words: it is to tell models apart, not to withstand
 * anyone, and has to pass over tens of megabytes at each load. */
#define FNV_OFFSET G_GUINT64_CONSTANT (0xcbf29ce484222325)
#define FNV_PRIME G_GUINT64_CONSTANT (0x100000001b3)

static guint64
hash_bytes (guint64 hash, gconstpointer data, gsize size)
{
  const guint8 *bytes = data;
  guint64 word;

  for (; size >= sizeof word; size -= sizeof word, bytes += sizeof word) {
    memcpy (&word, bytes, sizeof word);
    hash = (hash ^ word) * FNV_PRIME;
    hash ^= hash >> 32; /* or high bits would never reach low ones */
  }
  for (; size > 0; size--, bytes++)
    hash = (hash ^ *bytes) * FNV_PRIME;
  return hash;
}

static char *
content_id (const CcsStateDict *params)
{
  guint64 hash = FNV_OFFSET;

  for (guint i = 0; i < ccs_state_dict_size (params); i++) {
    const char *name = ccs_state_dict_name (params, i);
    const CcsTensor *tensor = ccs_state_dict_tensor (params, i);
    hash = hash_bytes (hash, name, strlen (name));
    hash = hash_bytes (hash, tensor->data, ccs_tensor_size (tensor));
  }
  return g_strdup_printf ("%016" G_GINT64_MODIFIER "x", hash);
}

CcsModel *
ccs_model_new (CcsStateDict *params, const char *label, CcsBackend *backend,
               GError **error)
{
  CcsModelConfig config;
  CcsModel *self;

  g_return_val_if_fail (params != NULL && backend != NULL, NULL);

  if (!ccs_model_config_detect (params, &config, error)) {
    g_prefix_error (error, "%s: ", label);
    return NULL;
  }
  self = g_new0 (CcsModel, 1);
  g_ref_count_init (&self->ref_count);
  self->label = g_strdup (label);
  self->config = config;
  self->params = float_params (params);
  self->id = content_id (self->params);
  self->backend = ccs_backend_ref (backend);
  ccs_turns_init (&self->turns, &turns_class, self);
  g_mutex_init (&self->planning);
  return self;
}

/* -- loading and sharing -------------------------------------------------- */

static char *
registry_key (const char *path, const CcsBackend *backend, GError **error)
{
  g_autofree char *canonical = g_canonicalize_filename (path, NULL);
  GStatBuf status;

  if (g_stat (canonical, &status) != 0) {
    int code = errno;
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "%s: %s",
                 path, g_strerror (code));
    return NULL;
  }
  return g_strdup_printf (
      "%p:%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ".%09ld:%s",
      (const void *)backend, (gint64)status.st_size,
      (gint64)status.st_mtim.tv_sec, (long)status.st_mtim.tv_nsec, canonical);
}

static CcsModel *
registry_take (const char *key)
{
  CcsModel *model;

  g_mutex_lock (&registry_lock);
  model = registry ? g_hash_table_lookup (registry, key) : NULL;
  if (model)
    g_ref_count_inc (&model->ref_count);
  g_mutex_unlock (&registry_lock);
  return model;
}

static void
registry_add (CcsModel *model, const char *key)
{
  g_mutex_lock (&registry_lock);
  if (!registry)
    registry = g_hash_table_new (g_str_hash, g_str_equal);
  model->key = g_strdup (key);
  g_hash_table_insert (registry, model->key, model);
  g_mutex_unlock (&registry_lock);
}

/* With registry_lock held. The table goes with its last entry. */
static void
registry_remove (CcsModel *model)
{
  if (!model->key)
    return;
  g_hash_table_remove (registry, model->key);
  if (g_hash_table_size (registry) == 0)
    g_clear_pointer (&registry, g_hash_table_unref);
}

static CcsModel *
load_unshared (const char *path, CcsBackend *backend, GError **error)
{
  g_autoptr (CcsCheckpoint) file = ccs_checkpoint_load (path, error);
  g_autoptr (CcsModel) model = NULL;

  if (!file)
    return NULL;
  model = ccs_model_new (file->tensors, path, backend, error);
  if (!model)
    return NULL;
  if (!ccs_model_config_check_declared (&model->config, file->metadata,
                                        error)) {
    g_prefix_error (error, "%s: ", path);
    return NULL;
  }
  return g_steal_pointer (&model);
}

CcsModel *
ccs_model_load (const char *path, const char *backend_name,
                const CcsBackendOptions *options, GError **error)
{
  g_autoptr (CcsBackend) backend = NULL;
  g_autofree char *key = NULL;
  CcsModel *model;

  g_return_val_if_fail (path != NULL && backend_name != NULL, NULL);

  backend = ccs_backend_open (backend_name, options, error);
  if (!backend)
    return NULL;
  key = registry_key (path, backend, error);
  if (!key)
    return NULL;

  g_mutex_lock (&load_lock);
  model = registry_take (key);
  if (!model) {
    model = load_unshared (path, backend, error);
    if (model)
      registry_add (model, key);
  }
  g_mutex_unlock (&load_lock);
  return model;
}

CcsModel *
ccs_model_ref (CcsModel *self)
{
  g_mutex_lock (&registry_lock);
  g_ref_count_inc (&self->ref_count);
  g_mutex_unlock (&registry_lock);
  return self;
}

static void
stage_clear (Stage *stage)
{
  for (guint i = 0; i < stage->n_plans; i++)
    g_clear_pointer (&stage->plan[i], ccs_plan_free);
  for (guint i = 0; i < stage->n_inputs; i++)
    g_clear_pointer (&stage->in[i], g_free);
  g_clear_pointer (&stage->out, g_free);
}

void
ccs_model_unref (CcsModel *self)
{
  gboolean last;

  g_mutex_lock (&registry_lock);
  last = g_ref_count_dec (&self->ref_count);
  if (last)
    registry_remove (self);
  g_mutex_unlock (&registry_lock);
  if (!last)
    return;

  for (guint kind = 0; kind < N_STAGES; kind++)
    for (guint size = 0; size < N_BATCHES; size++)
      stage_clear (&self->stage[kind][size]);
  ccs_state_dict_unref (self->params);
  ccs_backend_unref (self->backend);
  ccs_turns_clear (&self->turns);
  g_mutex_clear (&self->planning);
  g_free (self->key);
  g_free (self->label);
  g_free (self->id);
  g_free (self);
}

const CcsModelConfig *
ccs_model_config (const CcsModel *self)
{
  return &self->config;
}

CcsBackend *
ccs_model_backend (const CcsModel *self)
{
  return self->backend;
}

const char *
ccs_model_id (const CcsModel *self)
{
  return self->id;
}

gsize
ccs_model_feature_size (const CcsModel *self)
{
  return (gsize)CCS_VISUAL_TOKENS * ccs_model_config_dim (&self->config);
}

guint
ccs_model_bulk_frames (const CcsModel *self)
{
  return CCS_MODEL_FRAME_BATCH * MAX (self->backend->klass->bulk, 1);
}

guint
ccs_model_bulk_windows (const CcsModel *self)
{
  return CCS_MODEL_WINDOW_BATCH * MAX (self->backend->klass->bulk, 1);
}

/* -- planning ------------------------------------------------------------- */

static guint
items_of_a_plan (const Stage *stage)
{
  return stage->batch / stage->n_plans;
}

static void
build_encoder (CcsModel *self, CcsProgram *p, Stage *stage)
{
  CcsShape shape
      = CCS_SHAPE (items_of_a_plan (stage), CCS_CROP_HEIGHT, CCS_CROP_WIDTH, 3);
  CcsValueId pictures = ccs_program_input (p, "pictures", CCS_U8, shape);
  CcsValueId feature
      = ccs_net_visual (p, &self->config, ccs_net_frames (p, pictures), 1);

  stage->n_inputs = 1;
  stage->input[0] = pictures;
  stage->in_bytes[0] = FRAME_BYTES;
  stage->output = ccs_program_output (p, "visual_feat", feature);
  stage->out_size = ccs_model_feature_size (self);
}

static void
build_separator (CcsModel *self, CcsProgram *p, Stage *stage)
{
  CcsNetWindow window
      = ccs_net_window (p, &self->config, items_of_a_plan (stage));

  stage->n_inputs = 2;
  stage->input[0] = window.mono;
  stage->in_bytes[0] = CCS_WINDOW * sizeof (float);
  stage->input[1] = window.visual_feat;
  stage->in_bytes[1] = ccs_model_feature_size (self) * sizeof (float);
  stage->output = window.difference;
  stage->out_size = CCS_WINDOW;
}

static gboolean
plan_stage (CcsModel *self, StageKind kind, Stage *stage, GError **error)
{
  g_autoptr (CcsProgram) p = ccs_program_new (self->params, FALSE);
  const CcsPlanFlags flags
      = stage->n_plans > 1 ? CCS_PLAN_ONE_THREAD : CCS_PLAN_NONE;

  if (kind == ENCODER)
    build_encoder (self, p, stage);
  else
    build_separator (self, p, stage);
  if (!ccs_program_check (p, error))
    return FALSE;
  ccs_program_optimize (p);
  for (guint i = 0; i < stage->n_plans; i++) {
    stage->plan[i] = ccs_plan_new (self->backend, p, flags, error);
    if (!stage->plan[i])
      return FALSE;
  }
  for (guint i = 0; i < stage->n_inputs; i++)
    stage->in[i] = g_malloc0 (stage->batch * stage->in_bytes[i]);
  stage->out = g_new0 (float, stage->batch * stage->out_size);
  return TRUE;
}

static gboolean
is_planned (Stage *stage)
{
  return g_atomic_int_get (&stage->planned);
}

/* How many sizes of batches this backend has, and the items of each. */
static guint
n_sizes (const CcsModel *self)
{
  const CcsBackendClass *klass = self->backend->klass;

  return klass->bulk > 1 && !klass->run_lanes ? BULK + 1 : BATCH + 1;
}

static guint
items_of_size (const CcsModel *self, StageKind kind, guint size)
{
  return size == SINGLE  ? 1
         : size == BATCH ? full_batch[kind]
                         : full_batch[kind] * self->backend->klass->bulk;
}

/* The stage for a batch of this size, planned when first asked for. Does not
 * hold up callers who run what is planned already. */
static Stage *
get_stage (CcsModel *self, StageKind kind, guint size, GError **error)
{
  Stage *stage = &self->stage[kind][size];
  gboolean ok = TRUE;

  if (is_planned (stage))
    return stage;
  g_mutex_lock (&self->planning);
  if (!stage->planned) {
    stage->batch = items_of_size (self, kind, size);
    stage->n_plans = ccs_plan_best_split (self->backend, stage->batch);
    ok = plan_stage (self, kind, stage, error);
    if (ok)
      g_atomic_int_set (&stage->planned, TRUE);
    else
      stage_clear (stage);
  }
  g_mutex_unlock (&self->planning);
  if (ok)
    return stage;
  g_prefix_error (error, "%s: ", self->label);
  return NULL;
}

/* The largest batch that those who have warmed up will fill: from the second
 * stream on they meet, and when half of a large one can come together, that. */
static guint
size_for_streams (const CcsModel *self, guint warm_ups)
{
  const guint streams = warm_ups / WARM_UPS_OF_A_STREAM;

  if (n_sizes (self) > BULK
      && 2 * streams >= items_of_size (self, ENCODER, BULK))
    return BULK;
  return streams >= 1 ? BATCH : SINGLE;
}

gboolean
ccs_model_warm_up (CcsModel *self, gboolean batch, GError **error)
{
  const guint before = g_atomic_int_add (&self->warm_ups, 1);
  const guint last
      = MAX (batch ? BATCH : SINGLE, size_for_streams (self, before));

  for (guint size = batch ? BATCH : SINGLE; size <= last; size++)
    if (!get_stage (self, ENCODER, size, error)
        || !get_stage (self, SEPARATOR, size, error))
      return FALSE;
  return TRUE;
}

/* -- running -------------------------------------------------------------- */

/* Items of one call; the copying in and out is what differs between stages. */
typedef struct
{
  StageKind kind;
  const guint8 *const *frames;  /* ENCODER */
  const float *const *mixes;    /* SEPARATOR */
  const float *const *features; /* SEPARATOR */
  float *const *results;
} Items;

/* A run: its items in units of as many as a plan takes. Lanes take the next
 * unit that is left when they are done with one. */
typedef struct
{
  Stage *stage;
  const CcsTurnItem *items;
  guint n;
  gint next;     /* atomic: unit */
  GError *error; /* atomic: the first */
} Run;

static void
load_item (const CcsTurnItem *turn_item, Stage *stage, guint slot)
{
  const Items *items = turn_item->turn->work;
  const guint item = turn_item->index;
  const gconstpointer from[MAX_STAGE_INPUTS]
      = { items->kind == ENCODER ? (gconstpointer)items->frames[item]
                                 : items->mixes[item],
          items->kind == ENCODER ? NULL : items->features[item] };

  for (guint i = 0; i < stage->n_inputs; i++)
    memcpy (stage->in[i] + slot * stage->in_bytes[i], from[i],
            stage->in_bytes[i]);
}

static gboolean
write_inputs (Stage *stage, guint plan, GError **error)
{
  for (guint i = 0; i < stage->n_inputs; i++) {
    const gsize bytes = items_of_a_plan (stage) * stage->in_bytes[i];

    if (!ccs_plan_write (stage->plan[plan], stage->input[i],
                         stage->in[i] + plan * bytes, bytes, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_output (Stage *stage, guint plan, GError **error)
{
  const gsize size = items_of_a_plan (stage) * stage->out_size;

  return ccs_plan_read (stage->plan[plan], stage->output,
                        stage->out + plan * size, size * sizeof (float), error);
}

/* Slots of the plan beyond the unit's items keep what they held and their
 * results are not looked at. */
static gboolean
run_unit (const Run *run, guint unit, guint plan, GError **error)
{
  Stage *stage = run->stage;
  const guint each = items_of_a_plan (stage), first_slot = plan * each;
  const CcsTurnItem *items = run->items + unit * each;
  const guint n = MIN (each, run->n - unit * each);

  for (guint i = 0; i < n; i++)
    load_item (&items[i], stage, first_slot + i);
  if (!write_inputs (stage, plan, error)
      || !ccs_plan_run (stage->plan[plan], CCS_PHASE_ALL, error)
      || !read_output (stage, plan, error))
    return FALSE;
  for (guint i = 0; i < n; i++) {
    const Items *of = items[i].turn->work;

    memcpy (of->results[items[i].index],
            stage->out + (first_slot + i) * stage->out_size,
            stage->out_size * sizeof (float));
  }
  return TRUE;
}

static guint
n_units (const Run *run)
{
  const guint each = items_of_a_plan (run->stage);

  return (run->n + each - 1) / each;
}

static void
run_units (gpointer user, guint lane)
{
  Run *run = user;
  const guint units = n_units (run);

  while (!g_atomic_pointer_get (&run->error)) {
    const guint unit = g_atomic_int_add (&run->next, 1);
    GError *error = NULL;

    if (unit >= units)
      return;
    if (!run_unit (run, unit, lane, &error)
        && !g_atomic_pointer_compare_and_exchange (&run->error, NULL, error))
      g_error_free (error);
  }
}

static gboolean
run_stage (CcsModel *self, Stage *stage, const CcsTurnItem *items, guint n,
           GError **error)
{
  Run run = { stage, items, n, 0, NULL };

  if (stage->n_plans == 1)
    run_units (&run, 0);
  else if (!self->backend->klass->run_lanes (
               self->backend, MIN (stage->n_plans, n_units (&run)), run_units,
               &run, error))
    return FALSE;
  if (run.error)
    g_propagate_error (error, run.error);
  return run.error == NULL;
}

/* A part-filled batch costs as much as a full one: worth it from half on, where
 * each of its plans has something to do. */
static gboolean
is_worth_a_batch (const CcsModel *self, guint kind, guint size, guint n)
{
  const guint full = items_of_size (self, kind, size);
  const guint each = full / ccs_plan_best_split (self->backend, full);

  return 2 * n >= full && n > full - each;
}

/* Whole batches of the caller's own that lanes run one after another. */
static guint
batches_in_lanes (const CcsModel *self, const Stage *stage, guint own)
{
  return stage->n_plans > 1
             ? CLAMP (own / stage->batch, 1, self->backend->klass->bulk)
             : 1;
}

/* What others wait with is worth it where the batch is planned already. */
static guint
size_for_turn (gpointer machine, guint kind, guint own, guint all,
               GError **error)
{
  CcsModel *self = machine;
  guint size = n_sizes (self) - 1;
  const Stage *stage;

  while (size > SINGLE && !is_worth_a_batch (self, kind, size, own)
         && !(is_worth_a_batch (self, kind, size, all)
              && is_planned (&self->stage[kind][size])))
    size--;
  stage = get_stage (self, kind, size, error);
  return stage ? stage->batch * batches_in_lanes (self, stage, own) : 0;
}

static gboolean
run_turn (gpointer machine, guint kind, guint size, const CcsTurnItem *items,
          guint n, GError **error)
{
  CcsModel *self = machine;
  Stage *stages = self->stage[kind];
  Stage *stage = size == 1                    ? &stages[SINGLE]
                 : size == stages[BULK].batch ? &stages[BULK]
                                              : &stages[BATCH];

  return run_stage (self, stage, items, n, error);
}

static const CcsTurnsClass turns_class = { size_for_turn, run_turn };

G_STATIC_ASSERT (CCS_TURNS_MAX_ITEMS >= CCS_MODEL_MAX_FRAMES
                 && CCS_TURNS_MAX_ITEMS >= CCS_MODEL_MAX_WINDOWS);

gboolean
ccs_model_encode (CcsModel *self, const guint8 *const *frames, guint n,
                  float *const *features, GError **error)
{
  Items items = { .kind = ENCODER, .frames = frames, .results = features };

  return ccs_turns_run (&self->turns, ENCODER, &items, n, error);
}

gboolean
ccs_model_separate (CcsModel *self, const float *const *mixes,
                    const float *const *features, guint n,
                    float *const *differences, GError **error)
{
  Items items = { .kind = SEPARATOR,
                  .mixes = mixes,
                  .features = features,
                  .results = differences };

  return ccs_turns_run (&self->turns, SEPARATOR, &items, n, error);
}
