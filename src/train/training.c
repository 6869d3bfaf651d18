/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/registry.h"
#include "dataset-random.h"
#include "initial.h"
#include "trainer-private.h"
#include <string.h>

#define PERMUTATION_STREAM 0x7065726d /* "perm" */

static gboolean
open_loader (CcsTraining *self, guint64 first_step, GError **error)
{
  CcsLoaderOptions options = CCS_LOADER_OPTIONS_INIT;

  options.batch = self->settings->batch_size;
  options.seed = self->settings->seed;
  options.first_step = first_step;
  options.threads = self->settings->num_workers;
  options.augment = !self->settings->no_augmentation;
  options.on_bad
      = self->settings->data.skip_bad ? CCS_ON_BAD_SKIP : CCS_ON_BAD_FATAL;
  self->loader = ccs_loader_new (self->dataset, &options, error);
  return self->loader != NULL;
}

static CcsStateDict *
first_params (CcsTraining *self, GError **error)
{
  g_autoptr (CcsStateDict) params
      = ccs_initial_params (&self->config, self->settings->seed);
  const char *const files[]
      = { self->settings->weights, self->settings->pretrained };

  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    if (files[i] && !ccs_initial_params_load (params, files[i], error))
      return NULL;
  return g_steal_pointer (&params);
}

/* Describes data, model and recipe, which must be the same when a run is
 * resumed. */
static char *
describe_run (const CcsTraining *self)
{
  g_autofree char *model = ccs_model_config_to_string (&self->config);
  g_autofree char *recipe = ccs_train_settings_recipe (self->settings);

  return g_strdup_printf ("%s %s steps=%" G_GUINT64_FORMAT, model, recipe,
                          self->total_steps);
}

static gboolean
check_identity (const CcsTraining *self, const CcsRunState *state,
                GError **error)
{
  if (state->identity == NULL || strcmp (state->identity, self->identity) == 0)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "%s: the run was begun with \"%s\", not with \"%s\"",
               self->settings->save_dir, state->identity, self->identity);
  return FALSE;
}

static gboolean
open_step (CcsTraining *self, CcsRunState *state, GError **error)
{
  CcsTrainOptions options
      = ccs_train_settings_step (self->settings, self->total_steps);
  CcsBackendOptions where
      = ccs_compute_arguments_backend (&self->settings->compute);
  g_autoptr (CcsStateDict) params = state->params
                                        ? ccs_state_dict_ref (state->params)
                                        : first_params (self, error);

  if (params == NULL)
    return FALSE;
  self->backend
      = ccs_backend_open (self->settings->compute.backend, &where, error);
  if (self->backend == NULL)
    return FALSE;
  self->step = ccs_train_step_new (params, &self->config, &options,
                                   state->optimizer, self->backend, error);
  self->intact = self->step != NULL;
  return self->intact;
}

gboolean
ccs_training_open (CcsTraining *self, const CcsTrainSettings *settings,
                   CcsRunState *state, GError **error)
{
  CcsDatasetOptions data
      = ccs_train_settings_dataset (settings, CCS_SPLIT_TRAIN);

  *self = (CcsTraining){ .settings = settings };
  if (!ccs_train_settings_model (settings, &self->config, error))
    return FALSE;
  self->dataset = ccs_dataset_open (&data, error);
  if (self->dataset == NULL || !open_loader (self, state->step, error))
    return FALSE;
  self->total_steps
      = settings->max_steps > 0
            ? (guint64)settings->max_steps
            : settings->epochs * ccs_loader_steps_per_epoch (self->loader);
  self->identity = describe_run (self);
  return check_identity (self, state, error) && open_step (self, state, error);
}

void
ccs_training_close (CcsTraining *self)
{
  g_clear_pointer (&self->step, ccs_train_step_free);
  g_clear_pointer (&self->loader, ccs_loader_free);
  g_clear_pointer (&self->dataset, ccs_dataset_free);
  g_clear_pointer (&self->backend, ccs_backend_unref);
  g_clear_pointer (&self->identity, g_free);
}

/* Draws the order of cells in the negative, which depends on seed and step
 * alone. */
static void
draw_permutation (guint64 seed, guint64 step, gint32 *permutation)
{
  CcsRandom random = ccs_random_named (seed, step, PERMUTATION_STREAM);

  for (gint i = 0; i < CCS_VISUAL_TOKENS; i++) {
    guint j = ccs_random_below (&random, i + 1);

    permutation[i] = permutation[j];
    permutation[j] = i;
  }
}

static void
name_clips (CcsTraining *self, const CcsBatch *batch, GError **error)
{
  g_autoptr (GString) names = g_string_new ("on the batch of clips");

  for (guint i = 0; i < batch->size; i++) {
    CcsDatasetItem item;

    ccs_dataset_item (self->dataset, batch->items[i], &item);
    g_string_append_printf (names, " %s", item.name);
  }
  g_prefix_error (error, "%s: ", names->str);
}

gboolean
ccs_training_advance (CcsTraining *self, CcsTrainReport *report, GError **error)
{
  const CcsBatch *loaded = ccs_loader_next (self->loader, error);
  CcsTrainBatch batch;

  if (loaded == NULL)
    return FALSE;
  batch = (CcsTrainBatch){ .left = loaded->left,
                           .right = loaded->right,
                           .frames = loaded->frames };
  draw_permutation (self->settings->seed, loaded->step, batch.permutation);
  self->intact = ccs_train_step_run (self->step, &batch, report, error);
  if (self->intact)
    return TRUE;
  name_clips (self, loaded, error);
  return FALSE;
}
