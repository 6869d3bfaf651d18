/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded models: parameters, their id, the registry that shares one model
 * between callers with the same file and backend, and the choice of batches. */

#include <ccstereo/error.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "../backend/registry.h"
#include "../checkpoint/checkpoint.h"
#include "model-private.h"
#include "stage.h"

/* Batch sizes for which stages are planned. */
enum
{
  SINGLE,
  BATCH,
  JOINT, /* several full batches merged into one, if the backend prefers that */
  N_BATCHES,
};

struct _CcsModel
{
  grefcount ref_count; /* under registry_lock */
  char *key;           /* key in the registry, or NULL */
  char *label;
  char *id;
  CcsModelConfig config;
  CcsStateDict *params;
  CcsBackend *backend;
  CcsTurns turns;
  GMutex planning;
  gint warm_ups; /* atomic */
  /* Set atomically. A planned stage is used by the caller that is first in the
   * queue. */
  CcsStage *stage[CCS_N_STAGES][N_BATCHES];
};

static const guint full_batch[CCS_N_STAGES]
    = { CCS_MODEL_FRAME_BATCH, CCS_MODEL_WINDOW_BATCH };

G_STATIC_ASSERT (CCS_MODEL_MAX_FRAMES
                 == CCS_MODEL_FRAME_BATCH * CCS_BACKEND_MAX_BULK);
G_STATIC_ASSERT (CCS_MODEL_MAX_WINDOWS
                 == CCS_MODEL_WINDOW_BATCH * CCS_BACKEND_MAX_BULK);

#define DEFAULT_BACKEND "auto"

/* Calls of ccs_model_warm_up() for one stream: by encoder and decoder element.
 */
#define WARM_UPS_OF_A_STREAM 2

static const CcsTurnsClass turns_class;

/* key -> CcsModel, without a reference. An entry is removed with its model. */
static GHashTable *registry;
static GMutex registry_lock;
/* Held while a model is loaded, so that two threads with the same file do not
 * both load it. */
static GMutex load_lock;

/* -- parameters ---------------------------------------------------------- */

/* Returns everything of floating type as float32; tensors of that type are not
 * copied. */
static CcsStateDict *
float_params (const CcsStateDict *params, GError **error)
{
  g_autoptr (CcsStateDict) result = ccs_state_dict_new ();

  for (guint i = 0; i < ccs_state_dict_size (params); i++) {
    CcsTensor *tensor = ccs_state_dict_tensor (params, i);
    CcsTensor *converted
        = tensor->dtype == CCS_S64
              ? ccs_tensor_ref (tensor)
              : ccs_tensor_try_convert (tensor, CCS_F32, error);

    if (converted == NULL)
      return NULL;
    ccs_state_dict_insert (result, ccs_state_dict_name (params, i), converted);
  }
  return g_steal_pointer (&result);
}

/* FNV-1a over 64-bit words. It distinguishes models and is not secure; it has
 * to hash tens of megabytes at each load. */
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
    hash ^= hash >> 32; /* otherwise high bits would not affect low ones */
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
  CcsStateDict *floats;
  CcsModel *self;

  g_return_val_if_fail (params != NULL && backend != NULL, NULL);

  if (!ccs_model_config_detect (params, &config, error)) {
    g_prefix_error (error, "%s: ", label);
    return NULL;
  }
  floats = float_params (params, error);
  if (floats == NULL) {
    g_prefix_error (error, "%s: ", label);
    return NULL;
  }
  self = g_new0 (CcsModel, 1);
  g_ref_count_init (&self->ref_count);
  self->label = g_strdup (label);
  self->config = config;
  self->params = floats;
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
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: %s", path,
                 g_strerror (errno));
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

/* Removes @model; called with registry_lock held. Frees the table with its last
 * entry. */
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
new_checked (const CcsCheckpoint *file, const char *label, CcsBackend *backend,
             GError **error)
{
  g_autoptr (CcsModel) model
      = ccs_model_new (file->tensors, label, backend, error);

  if (!model)
    return NULL;
  if (!ccs_model_config_check_declared (&model->config, file->metadata,
                                        error)) {
    g_prefix_error (error, "%s: ", label);
    return NULL;
  }
  return g_steal_pointer (&model);
}

static CcsModel *
load_unshared (const char *path, CcsBackend *backend, GError **error)
{
  g_autoptr (CcsCheckpoint) file = ccs_checkpoint_load (path, error);

  return file ? new_checked (file, path, backend, error) : NULL;
}

CcsModel *
ccs_model_new_from_checkpoint (CcsCheckpoint *checkpoint, const char *label,
                               const char *backend_name,
                               const CcsBackendOptions *options, GError **error)
{
  g_autoptr (CcsBackend) backend = NULL;

  g_return_val_if_fail (checkpoint != NULL && label != NULL, NULL);

  backend = ccs_backend_open (backend_name ? backend_name : DEFAULT_BACKEND,
                              options, error);
  return backend ? new_checked (checkpoint, label, backend, error) : NULL;
}

CcsModel *
ccs_model_load (const char *path, const char *backend_name,
                const CcsBackendOptions *options, GError **error)
{
  g_autoptr (CcsBackend) backend = NULL;
  g_autofree char *key = NULL;
  CcsModel *model;

  g_return_val_if_fail (path != NULL, NULL);

  backend = ccs_backend_open (backend_name ? backend_name : DEFAULT_BACKEND,
                              options, error);
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

  for (guint kind = 0; kind < CCS_N_STAGES; kind++)
    for (guint size = 0; size < N_BATCHES; size++)
      g_clear_pointer (&self->stage[kind][size], ccs_stage_free);
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

char *
ccs_model_describe (const CcsModel *self)
{
  return ccs_model_config_to_string (&self->config);
}

const char *
ccs_model_backend_name (const CcsModel *self)
{
  return ccs_backend_name (self->backend);
}

guint
ccs_model_feature_channels (const CcsModel *self)
{
  return ccs_model_config_dim (&self->config);
}

gsize
ccs_model_feature_size (const CcsModel *self)
{
  return (gsize)CCS_VISUAL_TOKENS * ccs_model_feature_channels (self);
}

/* Returns the preferred number of items per call. */
static guint
bulk_items (const CcsModel *self, CcsStageKind kind)
{
  return full_batch[kind] * MAX (self->backend->klass->bulk, 1);
}

guint
ccs_model_preferred_frames (const CcsModel *self)
{
  return bulk_items (self, CCS_STAGE_ENCODER);
}

guint
ccs_model_preferred_windows (const CcsModel *self)
{
  return bulk_items (self, CCS_STAGE_SEPARATOR);
}

/* -- planning ------------------------------------------------------------- */

/* Return the number of batch sizes for this backend, and the size of each. */
static guint
n_sizes (const CcsModel *self)
{
  return self->backend->klass->joint > 1 ? JOINT + 1 : BATCH + 1;
}

static CcsStageSize
stage_size (const CcsModel *self, CcsStageKind kind, guint size)
{
  const guint full = full_batch[kind];

  return size == JOINT
             ? ccs_stage_size_whole (self->backend,
                                     full * self->backend->klass->joint)
             : ccs_stage_size_split (self->backend, size == SINGLE ? 1 : full);
}

static CcsStage *
planned_stage (CcsModel *self, CcsStageKind kind, guint size)
{
  return g_atomic_pointer_get (&self->stage[kind][size]);
}

/* Returns the stage for a batch size, and plans it at the first call. Callers
 * of stages that are already planned need not wait for that. */
static CcsStage *
get_stage (CcsModel *self, CcsStageKind kind, guint size, GError **error)
{
  CcsStage *stage = planned_stage (self, kind, size);

  if (stage)
    return stage;
  g_mutex_lock (&self->planning);
  stage = self->stage[kind][size];
  if (!stage) {
    const CcsStageSize items = stage_size (self, kind, size);

    stage = ccs_stage_new (kind, &items, self->params, &self->config,
                           self->backend, error);
    g_atomic_pointer_set (&self->stage[kind][size], stage);
  }
  g_mutex_unlock (&self->planning);
  if (!stage)
    g_prefix_error (error, "%s: ", self->label);
  return stage;
}

/* Returns the largest batch size worth planning after @warm_ups: full batches
 * from the second stream on, merged ones once the streams can fill half of one.
 */
static guint
size_for_streams (const CcsModel *self, guint warm_ups)
{
  const guint streams = warm_ups / WARM_UPS_OF_A_STREAM;

  if (n_sizes (self) > JOINT
      && 2 * streams >= stage_size (self, CCS_STAGE_ENCODER, JOINT).batch)
    return JOINT;
  return streams >= 1 ? BATCH : SINGLE;
}

gboolean
ccs_model_warm_up (CcsModel *self, gboolean batch, GError **error)
{
  const guint before = g_atomic_int_add (&self->warm_ups, 1);
  const guint last
      = MAX (batch ? BATCH : SINGLE, size_for_streams (self, before));

  for (guint size = batch ? BATCH : SINGLE; size <= last; size++)
    if (!get_stage (self, CCS_STAGE_ENCODER, size, error)
        || !get_stage (self, CCS_STAGE_SEPARATOR, size, error))
      return FALSE;
  return TRUE;
}

/* -- turns ---------------------------------------------------------------- */

/* Returns whether a batch should be used for @n items. A partial batch costs as
 * much as a full one, so it has to be at least half full, with work for each
 * lane. */
static gboolean
is_worth_a_batch (const CcsModel *self, CcsStageKind kind, guint size, guint n)
{
  const CcsStageSize items = stage_size (self, kind, size);

  return 2 * n >= items.batch && n > items.batch - items.each;
}

/* Returns the number of items per run. Several full batches of one caller run
 * together if the stage has several plans. */
static guint
items_of_a_run (const CcsModel *self, CcsStageKind kind,
                const CcsStageSize *size, guint own)
{
  return size->n_plans == 1 ? size->batch
                            : CLAMP (own, size->batch, bulk_items (self, kind))
                                  / size->batch * size->batch;
}

/* Includes items of other callers only if the batch for them is already
 * planned. */
static guint
choose_stage (gpointer machine, guint kind, guint own, guint all,
              gpointer *means, GError **error)
{
  CcsModel *self = machine;
  guint size = n_sizes (self) - 1;
  CcsStage *stage;

  while (size > SINGLE && !is_worth_a_batch (self, kind, size, own)
         && !(is_worth_a_batch (self, kind, size, all)
              && planned_stage (self, kind, size)))
    size--;
  *means = stage = get_stage (self, kind, size, error);
  return stage ? items_of_a_run (self, kind, ccs_stage_size (stage), own) : 0;
}

static gboolean
run_stage (gpointer machine, gpointer means, const CcsTurnItem *items, guint n,
           GError **error)
{
  return ccs_stage_run (means, items, n, error);
}

static const CcsTurnsClass turns_class = { choose_stage, run_stage };

G_STATIC_ASSERT (CCS_TURNS_MAX_ITEMS >= CCS_MODEL_MAX_FRAMES
                 && CCS_TURNS_MAX_ITEMS >= CCS_MODEL_MAX_WINDOWS);

gboolean
ccs_model_encode (CcsModel *self, const guint8 *const *frames, guint n,
                  float *const *features, GError **error)
{
  const CcsStageItems items = { .frames = frames, .results = features };

  return ccs_turns_run (&self->turns, CCS_STAGE_ENCODER, &items, n, error);
}

gboolean
ccs_model_separate (CcsModel *self, const float *const *mixes,
                    const float *const *features, guint n,
                    float *const *differences, GError **error)
{
  const CcsStageItems items
      = { .mixes = mixes, .features = features, .results = differences };

  return ccs_turns_run (&self->turns, CCS_STAGE_SEPARATOR, &items, n, error);
}
