/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tool-support.h"

#include "../folder.h"
#include "checkpoint/checkpoint.h"

char *dir;

void
make_dir (void)
{
  dir = make_folder ();
}

void
remove_dir (void)
{
  remove_tree (dir);
  g_clear_pointer (&dir, g_free);
}

char *
in_dir (const char *name)
{
  return g_build_filename (dir, name, NULL);
}

void
outcome_clear (Outcome *self)
{
  g_free (self->out);
  g_free (self->err);
}

Outcome
tool (const char *first, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  Outcome outcome = { 0 };
  gint status;
  va_list args;

  ck_assert_msg (g_getenv ("CCSTEREO_TOOL") != NULL,
                 "CCSTEREO_TOOL is not set");
  g_ptr_array_add (argv, (gpointer)g_getenv ("CCSTEREO_TOOL"));
  va_start (args, first);
  for (const char *at = first; at; at = va_arg (args, const char *))
    g_ptr_array_add (argv, (gpointer)at);
  va_end (args);
  g_ptr_array_add (argv, NULL);
  ck_assert (g_spawn_sync (NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT,
                           NULL, NULL, &outcome.out, &outcome.err, &status,
                           &error));
  ck_assert_msg (WIFEXITED (status), "killed: %s", outcome.err);
  outcome.code = WEXITSTATUS (status);
  return outcome;
}

CcsTensor *
small_random_tensor (GRand *rand, const CcsParamInfo *info)
{
  gint64 n = ccs_shape_elements (&info->shape);
  gboolean variance = g_str_has_suffix (info->name, "running_var");
  float *data;

  if (info->dtype == CCS_S64)
    return ccs_tensor_new_take (CCS_S64, &info->shape, g_new0 (gint64, n));
  data = g_new (float, n);
  for (gint64 i = 0; i < n; i++)
    data[i] = (variance ? 1.0 : 0.0) + 0.05 * g_rand_double_range (rand, -1, 1);
  return ccs_tensor_new_take (CCS_F32, &info->shape, data);
}

char *
model_file (void)
{
  CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  g_autoptr (GPtrArray) infos = ccs_model_config_params (&config);
  g_autoptr (CcsStateDict) params = ccs_state_dict_new ();
  GRand *rand = g_rand_new_with_seed (5);
  char *path = in_dir ("model.safetensors");

  for (guint i = 0; i < infos->len; i++) {
    const CcsParamInfo *info = g_ptr_array_index (infos, i);
    ccs_state_dict_insert (params, info->name,
                           small_random_tensor (rand, info));
  }
  g_rand_free (rand);
  ck_assert (ccs_checkpoint_save (path, params, NULL, CCS_F32,
                                  CCS_OUTPUT_OVERWRITE, NULL));
  return path;
}
