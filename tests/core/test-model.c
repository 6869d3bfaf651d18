/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parts of the network and loaded models: properties that do not depend on
 * the weights. The suite reference tests the values. */
#include <check.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "model-support.h"
#include "backend/registry.h"
#include "model/net.h"
#include "nn/passes.h"
#include "plan/plan.h"
#include "../folder.h"
#include "../suite.h"
#include "checkpoint/checkpoint.h"
#include "model/model-private.h"

/* -- level of the audio --------------------------------------------------- */

START_TEST (the_difference_follows_the_level_of_the_mix)
{
  g_autoptr (CcsModel) model = published_model ();
  g_auto (Items) items = items_new (model, 2);
  float largest = 0;

  memcpy (items.features[1], items.features[0],
          items.feature_size * sizeof (float));
  for (gint i = 0; i < CCS_WINDOW; i++)
    items.mixes[1][i] = 2 * items.mixes[0][i];
  separate (model, &items, 0, 2);
  for (gint i = 0; i < CCS_WINDOW; i++)
    largest = MAX (largest, fabsf (items.differences[0][i]));
  ck_assert_float_gt (largest, 1e-3);
  for (gint i = 0; i < CCS_WINDOW; i++)
    ck_assert_float_eq_tol (items.differences[1][i],
                            2 * items.differences[0][i], 1e-5 * largest);
}
END_TEST

START_TEST (silence_has_no_difference)
{
  g_autoptr (CcsModel) model = published_model ();
  g_auto (Items) items = items_new (model, 1);

  memset (items.mixes[0], 0, CCS_WINDOW * sizeof (float));
  separate (model, &items, 0, 1);
  for (gint i = 0; i < CCS_WINDOW; i++)
    ck_assert_float_le (fabsf (items.differences[0][i]), 1e-12f);
}
END_TEST

/* -- the network's parts -------------------------------------------------- */

START_TEST (a_signal_survives_transform_and_inverse)
{
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, FALSE);
  g_autoptr (CcsBackend) backend = cpu (2);
  g_autoptr (CcsPlan) plan = NULL;
  g_autoptr (GError) error = NULL;
  float signal[CCS_WINDOW], result[CCS_WINDOW];
  CcsValueId in, out;

  in = ccs_program_input (p, "samples", CCS_F32, CCS_SHAPE (1, CCS_WINDOW));
  out = ccs_program_output (p, "back", ccs_net_istft (p, ccs_net_stft (p, in)));
  assert_ok (ccs_program_check (p, &error), error);
  ccs_program_optimize (p);
  plan = ccs_plan_new (backend, p, CCS_PLAN_NONE, &error);
  assert_ok (plan != NULL, error);

  for (gint i = 0; i < CCS_WINDOW; i++)
    signal[i] = sin (0.03 * i) + 0.3 * cos (1.7 * i);
  assert_ok (ccs_plan_write (plan, in, signal, sizeof signal, &error), error);
  assert_ok (ccs_plan_run (plan, CCS_PHASE_FORWARD, &error), error);
  assert_ok (ccs_plan_read (plan, out, result, sizeof result, &error), error);
  for (gint i = 0; i < CCS_WINDOW; i++)
    ck_assert_float_eq_tol (result[i], signal[i], 3e-6);
}
END_TEST

static const CcsModelConfig configurations[] = {
  { 18, 1, { TRUE, TRUE, TRUE, TRUE } },
  { 18, 1, { FALSE, FALSE, FALSE, FALSE } },
  { 18, 2, { FALSE, TRUE, FALSE, FALSE } },
  { 50, 3, { TRUE, FALSE, FALSE, TRUE } },
};

START_TEST (every_parameter_in_use_is_asked_for)
{
  const CcsModelConfig *config = &configurations[_i];
  g_autoptr (GPtrArray) infos = ccs_model_config_params (config);
  g_autoptr (CcsStateDict) params = random_params (config, 1);
  g_autoptr (CcsProgram) visual = ccs_program_new (params, FALSE);
  g_autoptr (CcsProgram) window = ccs_program_new (params, FALSE);
  g_autoptr (GError) error = NULL;
  CcsShape shape = CCS_SHAPE (1, CCS_CROP_HEIGHT, CCS_CROP_WIDTH, 3);

  ccs_net_visual (visual, config,
                  ccs_program_input (visual, "frames", CCS_F32, shape), 1);
  ccs_net_window (window, config, 1);
  assert_ok (ccs_program_check (visual, &error), error);
  assert_ok (ccs_program_check (window, &error), error);
  for (guint i = 0; i < infos->len; i++) {
    const CcsParamInfo *info = g_ptr_array_index (infos, i);
    gboolean expected
        = info->role == CCS_PARAM_WEIGHT || info->role == CCS_PARAM_BUFFER;
    gboolean found = ccs_program_find (visual, info->name) != CCS_NONE
                     || ccs_program_find (window, info->name) != CCS_NONE;
    ck_assert_msg (found == expected, "%s", info->name);
  }
}
END_TEST

START_TEST (every_configuration_runs)
{
  g_autoptr (CcsStateDict) params = random_params (&configurations[_i], 1);
  g_autoptr (CcsModel) model = model_of (params);
  g_auto (Items) items = items_new (model, 1);
  float largest = 0;

  ck_assert (
      ccs_model_config_equal (ccs_model_config (model), &configurations[_i]));
  encode (model, &items, 0, 1);
  separate (model, &items, 0, 1);
  for (gint i = 0; i < CCS_WINDOW; i++) {
    ck_assert (isfinite (items.differences[0][i]));
    largest = MAX (largest, fabsf (items.differences[0][i]));
  }
  ck_assert_float_gt (largest, 1e-3);
}
END_TEST

/* -- files and sharing ---------------------------------------------------- */

static char *scratch_dir;

static void
make_scratch_dir (void)
{
  scratch_dir = make_folder ();
}

static void
remove_scratch_dir (void)
{
  remove_tree (scratch_dir);
  g_clear_pointer (&scratch_dir, g_free);
}

/* Saves @params in a new file called @name, with @config (nullable) as its
 * declared configuration. */
static char *
saved (CcsStateDict *params, const char *name, CcsDType storage,
       const char *config)
{
  g_autoptr (GHashTable) metadata = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (scratch_dir, name, NULL);

  if (config)
    g_hash_table_insert (metadata, (gpointer)CCS_META_CONFIG, (gpointer)config);
  assert_ok (ccs_checkpoint_save (path, params, metadata, storage,
                                  CCS_OUTPUT_OVERWRITE, &error),
             error);
  return path;
}

static CcsModel *
loaded (const char *path)
{
  g_autoptr (GError) error = NULL;
  CcsModel *model = ccs_model_load (path, "cpu", NULL, &error);

  assert_ok (model != NULL, error);
  return model;
}

START_TEST (users_of_one_file_share_one_model)
{
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autofree char *path = saved (params, "a", CCS_F32, NULL);
  g_autofree char *roundabout = g_build_filename (scratch_dir, ".", "a", NULL);
  g_autoptr (CcsModel) first = loaded (path);
  g_autoptr (CcsModel) second = loaded (path);
  g_autoptr (CcsModel) third = loaded (roundabout);

  ck_assert_ptr_eq (first, second);
  ck_assert_ptr_eq (first, third);
}
END_TEST

START_TEST (a_file_that_was_replaced_is_loaded_anew)
{
  g_autoptr (CcsStateDict) old_params = published_params (1);
  g_autoptr (CcsStateDict) new_params = published_params (2);
  g_autofree char *path = saved (old_params, "a", CCS_F32, NULL);
  g_autoptr (CcsModel) old_model = loaded (path);
  g_autofree char *again = saved (new_params, "a", CCS_F32, NULL);
  g_autoptr (CcsModel) new_model = loaded (again);

  ck_assert_str_ne (ccs_model_id (old_model), ccs_model_id (new_model));
}
END_TEST

START_TEST (a_model_in_use_ignores_changes_of_its_file)
{
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autofree char *path = saved (params, "a", CCS_F32, NULL);
  g_autoptr (CcsModel) model = loaded (path);
  g_autofree char *other = saved (params, "b", CCS_F32, NULL);
  g_autoptr (CcsModel) untouched = loaded (other);
  g_auto (Items) expected = items_new (untouched, 1);
  g_auto (Items) found = items_new (model, 1);

  ck_assert_int_eq (truncate (path, 4096), 0);
  encode (untouched, &expected, 0, 1);
  separate (untouched, &expected, 0, 1);
  encode (model, &found, 0, 1);
  separate (model, &found, 0, 1);
  ck_assert (
      same_rows (found.differences, expected.differences, 1, CCS_WINDOW));
}
END_TEST

START_TEST (the_id_tells_content_and_not_file)
{
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autofree char *path = saved (params, "a", CCS_F32, NULL);
  g_autoptr (CcsModel) in_memory = model_of (params);
  g_autoptr (CcsModel) from_file = loaded (path);

  ck_assert_uint_eq (strlen (ccs_model_id (from_file)), 16);
  ck_assert_ptr_ne (in_memory, from_file);
  ck_assert_str_eq (ccs_model_id (in_memory), ccs_model_id (from_file));
}
END_TEST

START_TEST (one_changed_weight_changes_the_id)
{
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autoptr (CcsModel) before = model_of (params);
  g_autoptr (CcsModel) after = NULL;
  const char *name = "net_audio.aud_pos_embed.weight";
  CcsTensor *tensor = ccs_state_dict_lookup (params, name);
  float *data = g_memdup2 (tensor->data, ccs_tensor_size (tensor));

  data[5] = -data[5];
  ccs_state_dict_set (params, name,
                      ccs_tensor_new_take (CCS_F32, &tensor->shape, data));
  after = model_of (params);
  ck_assert_str_ne (ccs_model_id (before), ccs_model_id (after));
}
END_TEST

START_TEST (half_precision_files_run)
{
  static const CcsDType storage[] = { CCS_F16, CCS_BF16 };
  /* Relative to the largest difference. The formats have 11 and 8
   * significant bits. */
  static const float tolerance[] = { 0.02, 0.2 };
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autofree char *path = saved (params, "half", storage[_i], NULL);
  g_autoptr (CcsModel) exact = model_of (params);
  g_autoptr (CcsModel) half = loaded (path);
  g_auto (Items) expected = items_new (exact, 1);
  g_auto (Items) found = items_new (half, 1);
  float largest = 0;

  separate (exact, &expected, 0, 1);
  separate (half, &found, 0, 1);
  for (gint i = 0; i < CCS_WINDOW; i++)
    largest = MAX (largest, fabsf (expected.differences[0][i]));
  for (gint i = 0; i < CCS_WINDOW; i++)
    ck_assert_float_eq_tol (found.differences[0][i], expected.differences[0][i],
                            tolerance[_i] * largest);
}
END_TEST

static void
assert_load_fails_naming (const char *path, const char *what)
{
  g_autoptr (GError) error = NULL;
  CcsModel *model = ccs_model_load (path, "cpu", NULL, &error);

  ck_assert_ptr_null (model);
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (strstr (error->message, path) && strstr (error->message, what),
                 "%s", error->message);
}

START_TEST (a_file_that_declares_another_configuration_is_refused)
{
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autofree char *path
      = saved (params, "a", CCS_F32, "backbone=50 dim_scale=1 avad=1000");

  assert_load_fails_naming (path, "backbone=50");
}
END_TEST

START_TEST (a_file_that_declares_what_it_holds_is_loaded)
{
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autofree char *path
      = saved (params, "a", CCS_F32, "backbone=18 dim_scale=1 avad=1000");
  g_autoptr (CcsModel) model = loaded (path);

  ck_assert_int_eq (ccs_model_config (model)->backbone, 18);
}
END_TEST

START_TEST (a_missing_tensor_is_named_with_its_file)
{
  const char *missing = "net_audio.conv1x1_rgb.0.bias";
  g_autoptr (CcsStateDict) params = published_params (1);
  g_autoptr (CcsStateDict) rest = ccs_state_dict_new ();
  g_autofree char *path = NULL;

  for (guint i = 0; i < ccs_state_dict_size (params); i++) {
    const char *name = ccs_state_dict_name (params, i);
    if (strcmp (name, missing) != 0)
      ccs_state_dict_insert (
          rest, name, ccs_tensor_ref (ccs_state_dict_tensor (params, i)));
  }
  path = saved (rest, "a", CCS_F32, NULL);
  assert_load_fails_naming (path, missing);
}
END_TEST

START_TEST (a_missing_file_is_named)
{
  g_autofree char *path = g_build_filename (scratch_dir, "nothing", NULL);

  assert_load_fails_naming (path, "No such file");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("model");
  TCase *level = tcase_create ("level");
  TCase *parts = tcase_create ("parts");
  TCase *files = tcase_create ("files");

  tcase_add_test (level, the_difference_follows_the_level_of_the_mix);
  tcase_add_test (level, silence_has_no_difference);
  suite_add_tcase (suite, level);

  tcase_add_test (parts, a_signal_survives_transform_and_inverse);
  tcase_add_loop_test (parts, every_parameter_in_use_is_asked_for, 0,
                       G_N_ELEMENTS (configurations));
  tcase_add_loop_test (parts, every_configuration_runs, 0,
                       G_N_ELEMENTS (configurations));
  suite_add_tcase (suite, parts);

  tcase_add_checked_fixture (files, make_scratch_dir, remove_scratch_dir);
  tcase_add_test (files, users_of_one_file_share_one_model);
  tcase_add_test (files, a_file_that_was_replaced_is_loaded_anew);
  tcase_add_test (files, a_model_in_use_ignores_changes_of_its_file);
  tcase_add_test (files, the_id_tells_content_and_not_file);
  tcase_add_test (files, one_changed_weight_changes_the_id);
  tcase_add_loop_test (files, half_precision_files_run, 0, 2);
  tcase_add_test (files, a_file_that_declares_another_configuration_is_refused);
  tcase_add_test (files, a_file_that_declares_what_it_holds_is_loaded);
  tcase_add_test (files, a_missing_tensor_is_named_with_its_file);
  tcase_add_test (files, a_missing_file_is_named);
  suite_add_tcase (suite, files);

  return run_suite (suite);
}
