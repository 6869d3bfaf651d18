/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program `ccstereo` as users run it: exit codes, messages, and
 * conversion of parameter files. */
#include "tool-support.h"
#include "../suite.h"
#include "checkpoint/checkpoint.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* -- files ---------------------------------------------------------------- */

/* Writes a file as torchvision does for @backbone: the backbone's parameters
 * with torchvision's names, and a classifier. */
static char *
resnet_file (gint backbone)
{
  static const char *const parts[]
      = { "conv1", "bn1", NULL, NULL, "layer1", "layer2", "layer3", "layer4" };
  static const char trunk[] = "net_visual.backbone.feature_extraction.";
  CcsModelConfig config = { .backbone = backbone, .dim_scale = 1 };
  g_autoptr (GPtrArray) infos = ccs_model_config_params (&config);
  g_autoptr (CcsStateDict) params = ccs_state_dict_new ();
  GRand *rand = g_rand_new_with_seed (6);
  CcsParamInfo classifier
      = { .name = "fc.bias", .dtype = CCS_F32, .shape = CCS_SHAPE (10) };
  char *path = in_dir ("resnet.safetensors");

  for (guint i = 0; i < infos->len; i++) {
    const CcsParamInfo *info = g_ptr_array_index (infos, i);
    const char *rest = info->name + strlen (trunk);
    g_autofree char *name = NULL;
    if (!g_str_has_prefix (info->name, trunk))
      continue;
    name = g_strconcat (parts[*rest - '0'], rest + 1, NULL);
    ccs_state_dict_insert (params, name, small_random_tensor (rand, info));
  }
  ccs_state_dict_insert (params, classifier.name,
                         small_random_tensor (rand, &classifier));
  g_rand_free (rand);
  ck_assert (ccs_checkpoint_save (path, params, NULL, CCS_F32,
                                  CCS_OUTPUT_OVERWRITE, NULL));
  return path;
}

/* -- usage ---------------------------------------------------------------- */

static const char *const commands[]
    = { "info", "convert", "export", "run", "bench" };

START_TEST (every_command_explains_itself)
{
  g_auto (Outcome) outcome = tool (commands[_i], "--help", NULL);

  ck_assert_int_eq (outcome.code, 0);
  ck_assert_ptr_nonnull (strstr (outcome.out, "Usage:"));
  ck_assert_str_eq (outcome.err, "");
}
END_TEST

START_TEST (the_program_tells_its_version)
{
  g_auto (Outcome) outcome = tool ("--version", NULL);

  ck_assert_int_eq (outcome.code, 0);
  ck_assert (g_str_has_prefix (outcome.out, "ccstereo "));
  ck_assert (g_ascii_isdigit (outcome.out[strlen ("ccstereo ")]));
  ck_assert_str_eq (outcome.err, "");
}
END_TEST

static const char *const wrong_usages[][5] = {
  { NULL },
  { "paint", NULL },
  { "info", NULL },
  { "info", "--loudly", "x" },
  { "convert", "x", NULL },
  { "export", "x", NULL },
  { "export", "--onnx", "out", NULL },
  { "bench", "--threads=-1", NULL },
  { "bench", "--threads=100000", NULL },
  { "bench", "--backend=tpu", NULL },
  { "bench", "--precision=fp8", NULL },
  { "bench", "--max-batch=0", NULL },
  { "bench", "--streams=0", NULL },
  { "bench", "--seconds=inf", NULL },
  { "bench", "--seconds=nan", NULL },
  { "bench", "--backbone=34", NULL },
  { "bench", "--dim-scale=5", NULL },
  { "bench", "operand", NULL },
  { "run", "in.wav", NULL },
  { "run", "in.wav", "frames", "out.wav", "--fps=1e-9" },
};

START_TEST (wrong_usage_exits_with_2_and_says_so)
{
  const char *const *args = wrong_usages[_i];
  g_auto (Outcome) outcome
      = tool (args[0], args[1], args[2], args[3], args[4], NULL);

  ck_assert_int_eq (outcome.code, 2);
  ck_assert_str_eq (outcome.out, "");
  ck_assert_str_ne (outcome.err, "");
}
END_TEST

START_TEST (a_file_that_is_not_there_exits_with_1_and_is_named)
{
  g_autofree char *path = in_dir ("nothing.pth");
  g_autofree char *to = in_dir ("out");
  g_auto (Outcome) info = tool ("info", path, NULL);
  g_auto (Outcome) convert = tool ("convert", path, to, NULL);
  g_auto (Outcome) run = tool ("run", path, dir, to, NULL);

  ck_assert_int_eq (info.code, 1);
  ck_assert_ptr_nonnull (strstr (info.err, path));
  ck_assert_int_eq (convert.code, 1);
  ck_assert_ptr_nonnull (strstr (convert.err, path));
  ck_assert_int_eq (run.code, 1);
  ck_assert_ptr_nonnull (strstr (run.err, path));
}
END_TEST

static const char *const trainers_commands[] = { "prepare", "scenes" };

START_TEST (a_command_of_a_trainer_that_is_not_installed_names_its_program)
{
  ck_assert (g_setenv ("CCSTEREO_PROGRAMS_PATH", dir, TRUE));
  g_auto (Outcome) outcome = tool (trainers_commands[_i], "--help", NULL);

  ck_assert_int_eq (outcome.code, 1);
  ck_assert_ptr_nonnull (strstr (outcome.err, dir));
  ck_assert_ptr_nonnull (strstr (outcome.err, "not installed"));
}
END_TEST

START_TEST (an_operand_behind_two_dashes_may_begin_with_one)
{
  g_auto (Outcome) outcome = tool ("info", "--", "-v", NULL);

  ck_assert_int_eq (outcome.code, 1);
  ck_assert_ptr_nonnull (strstr (outcome.err, "-v: "));
}
END_TEST

/* Makes a locale with decimal commas in the test's folder and selects it for
 * the programs. Returns FALSE if the sources of locales are not installed. */
static gboolean
choose_decimal_commas (void)
{
  g_autofree char *path = in_dir ("de_DE.UTF-8");
  const char *const localedef[]
      = { "localedef", "-i", "de_DE", "-f", "UTF-8", path, NULL };
  g_autofree char *out = NULL, *err = NULL;
  gint status = -1;

  g_setenv ("LOCPATH", dir, TRUE);
  g_setenv ("LC_ALL", "de_DE.UTF-8", TRUE);
  return g_spawn_sync (NULL, (char **)localedef, NULL, G_SPAWN_SEARCH_PATH,
                       NULL, NULL, &out, &err, &status, NULL)
         && status == 0;
}

START_TEST (numbers_have_a_decimal_point_in_every_locale)
{
  g_autofree char *result = in_dir ("out.wav");

  if (!choose_decimal_commas ())
    g_printerr ("note: localedef cannot make a locale with decimal commas; "
                "the current one is tested\n");
  g_auto (Outcome) comma
      = tool ("run", "/nonexistent", dir, result, "--width", "0,5", NULL);
  g_auto (Outcome) point
      = tool ("run", "/nonexistent", dir, result, "--width", "0.5", NULL);
  ck_assert_int_eq (comma.code, 2);
  ck_assert_ptr_nonnull (strstr (comma.err, "0,5"));
  ck_assert_int_eq (point.code, 1);
  ck_assert_ptr_nonnull (strstr (point.err, "/nonexistent"));
}
END_TEST

START_TEST (a_result_that_cannot_be_written_is_told_before_the_work)
{
  g_autofree char *path = in_dir ("nowhere/bench.json");
  g_auto (Outcome) outcome = tool ("bench", "--json", path, NULL);

  ck_assert_int_eq (outcome.code, 1);
  ck_assert_str_eq (outcome.out, "");
  ck_assert_ptr_nonnull (strstr (outcome.err, path));
}
END_TEST

START_TEST (a_precision_that_the_backend_lacks_exits_with_1_and_is_named)
{
  g_auto (Outcome) outcome
      = tool ("bench", "--backend=reference", "--precision=bf16", NULL);

  ck_assert_int_eq (outcome.code, 1);
  ck_assert_ptr_nonnull (strstr (outcome.err, "reference"));
  ck_assert_ptr_nonnull (strstr (outcome.err, "bf16"));
}
END_TEST

/* -- info and convert ----------------------------------------------------- */

START_TEST (info_tells_the_configuration)
{
  g_autofree char *model = model_file ();
  g_auto (Outcome) outcome = tool ("info", model, NULL);

  ck_assert_int_eq (outcome.code, 0);
  ck_assert_ptr_nonnull (
      strstr (outcome.out, "backbone=18 dim_scale=1 avad=1000"));
}
END_TEST

START_TEST (info_tells_which_resnet)
{
  static const gint backbones[] = { 18, 50 };
  g_autofree char *resnet = resnet_file (backbones[_i]);
  g_autofree char *expected = g_strdup_printf ("ResNet-%d:", backbones[_i]);
  g_auto (Outcome) outcome = tool ("info", resnet, NULL);

  ck_assert_int_eq (outcome.code, 0);
  ck_assert_ptr_nonnull (strstr (outcome.out, expected));
}
END_TEST

/* The file has an additional block, so it does not match any supported
 * backbone. */
START_TEST (info_refuses_another_resnet)
{
  g_autofree char *resnet = resnet_file (18);
  g_autoptr (CcsCheckpoint) file = ccs_checkpoint_load (resnet, NULL);
  CcsTensor *weight
      = ccs_state_dict_lookup (file->tensors, "layer1.1.conv1.weight");

  ccs_state_dict_insert (file->tensors, "layer1.2.conv1.weight",
                         ccs_tensor_ref (weight));
  ck_assert (ccs_checkpoint_save (resnet, file->tensors, NULL, CCS_F32,
                                  CCS_OUTPUT_OVERWRITE, NULL));
  g_auto (Outcome) outcome = tool ("info", resnet, NULL);
  ck_assert_int_eq (outcome.code, 1);
  ck_assert_ptr_nonnull (strstr (outcome.err, "neither 18 nor 50"));
}
END_TEST

START_TEST (convert_writes_the_asked_type_and_metadata)
{
  g_autofree char *model = model_file ();
  g_autofree char *half = in_dir ("half.safetensors");
  g_auto (Outcome) outcome = tool ("convert", model, half, "--storage", "f16",
                                   "--licence", "CC0-1.0", NULL);
  g_autoptr (CcsCheckpoint) file = NULL;

  ck_assert_msg (outcome.code == 0, "%s", outcome.err);
  file = ccs_checkpoint_load (half, NULL);
  ck_assert_ptr_nonnull (file);
  ck_assert_int_eq (
      ccs_state_dict_lookup (file->tensors, "net_audio.aud_pos_embed.weight")
          ->dtype,
      CCS_F16);
  ck_assert_str_eq (g_hash_table_lookup (file->metadata, CCS_META_LICENCE),
                    "CC0-1.0");
  ck_assert_str_eq (g_hash_table_lookup (file->metadata, CCS_META_CONFIG),
                    "backbone=18 dim_scale=1 avad=1000");
}
END_TEST

/* The parameters keep torchvision's names, so the output is again a file of
 * a ResNet. */
START_TEST (convert_takes_resnets)
{
  g_autofree char *resnet = resnet_file (18);
  g_autofree char *half = in_dir ("half.safetensors");
  g_auto (Outcome) outcome
      = tool ("convert", resnet, half, "--storage", "bf16", NULL);
  ck_assert_msg (outcome.code == 0, "%s", outcome.err);
  g_auto (Outcome) info = tool ("info", half, NULL);
  ck_assert_int_eq (info.code, 0);
  ck_assert_ptr_nonnull (strstr (info.out, "ResNet-18:"));
}
END_TEST

START_TEST (convert_leaves_an_existing_file_alone_unless_told)
{
  g_autofree char *model = model_file ();
  g_autofree char *there = in_dir ("there");
  g_autofree char *content = NULL;

  ck_assert (g_file_set_contents (there, "mine", -1, NULL));
  {
    g_auto (Outcome) refused = tool ("convert", model, there, NULL);
    ck_assert_int_eq (refused.code, 1);
    ck_assert (g_file_get_contents (there, &content, NULL, NULL));
    ck_assert_str_eq (content, "mine");
  }
  {
    g_auto (Outcome) replaced
        = tool ("convert", model, there, "--overwrite", NULL);
    g_autoptr (CcsCheckpoint) file = ccs_checkpoint_load (there, NULL);
    ck_assert_int_eq (replaced.code, 0);
    ck_assert_ptr_nonnull (file);
  }
}
END_TEST

START_TEST (a_device_is_never_replaced)
{
  g_autofree char *model = model_file ();
  g_autofree char *fifo = in_dir ("fifo");
  GStatBuf info;

  ck_assert_int_eq (mkfifo (fifo, 0600), 0);
  g_auto (Outcome) outcome = tool ("convert", model, fifo, "--overwrite", NULL);
  ck_assert_int_eq (outcome.code, 1);
  ck_assert_ptr_nonnull (strstr (outcome.err, "not a regular file"));
  ck_assert_int_eq (g_lstat (fifo, &info), 0);
  ck_assert (S_ISFIFO (info.st_mode));
}
END_TEST

START_TEST (output_that_cannot_be_written_is_a_failure)
{
  g_autofree char *model = model_file ();
  g_autofree char *command = g_strdup_printf (
      "%s info %s >/dev/full", g_getenv ("CCSTEREO_TOOL"), model);
  const char *argv[] = { "/bin/sh", "-c", command, NULL };
  g_autofree char *err = NULL;
  gint status;

  ck_assert (g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL,
                           NULL, NULL, &err, &status, NULL));
  ck_assert_int_eq (WEXITSTATUS (status), 1);
  ck_assert_ptr_nonnull (strstr (err, "standard output"));
}
END_TEST

/* -- export -----------------------------------------------------------------
 */

START_TEST (export_writes_both_files)
{
  g_autofree char *model = model_file ();
  g_autofree char *out = in_dir (_i ? "out.onnx" : "out");
  g_autofree char *encoder = in_dir ("out-encoder.onnx");
  g_autofree char *audio = in_dir ("out-audio.onnx");
  g_auto (Outcome) outcome = tool ("export", model, "--onnx", out, NULL);

  ck_assert_msg (outcome.code == 0, "%s", outcome.err);
  ck_assert (g_file_test (encoder, G_FILE_TEST_IS_REGULAR));
  ck_assert (g_file_test (audio, G_FILE_TEST_IS_REGULAR));
}
END_TEST

START_TEST (export_leaves_existing_files_alone_unless_told)
{
  g_autofree char *model = model_file ();
  g_autofree char *out = in_dir ("out");
  g_autofree char *encoder = in_dir ("out-encoder.onnx");
  g_autofree char *audio = in_dir ("out-audio.onnx");
  g_autofree char *content = NULL;

  ck_assert (g_file_set_contents (audio, "mine", -1, NULL));
  {
    g_auto (Outcome) refused = tool ("export", model, "--onnx", out, NULL);
    ck_assert_int_eq (refused.code, 1);
    ck_assert_ptr_nonnull (strstr (refused.err, audio));
    ck_assert (g_file_get_contents (audio, &content, NULL, NULL));
    ck_assert_str_eq (content, "mine");
    ck_assert (!g_file_test (encoder, G_FILE_TEST_EXISTS));
  }
  {
    g_auto (Outcome) replaced
        = tool ("export", model, "--onnx", out, "--overwrite", NULL);
    ck_assert_int_eq (replaced.code, 0);
    g_clear_pointer (&content, g_free);
    ck_assert (g_file_get_contents (audio, &content, NULL, NULL));
    ck_assert_str_ne (content, "mine");
  }
}
END_TEST

START_TEST (export_refuses_a_resnet)
{
  g_autofree char *resnet = resnet_file (18);
  g_autofree char *out = in_dir ("out");
  g_auto (Outcome) outcome = tool ("export", resnet, "--onnx", out, NULL);

  ck_assert_int_eq (outcome.code, 1);
  ck_assert_ptr_nonnull (strstr (outcome.err, resnet));
  ck_assert_ptr_nonnull (strstr (outcome.err, "ResNet"));
}
END_TEST

START_TEST (export_names_a_folder_that_it_cannot_write_to)
{
  g_autofree char *model = model_file ();
  g_autofree char *out = in_dir ("nowhere/out");
  g_auto (Outcome) outcome = tool ("export", model, "--onnx", out, NULL);

  ck_assert_int_eq (outcome.code, 1);
  ck_assert_ptr_nonnull (strstr (outcome.err, out));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("tool");
  TCase *usage = tcase_create ("usage");
  TCase *models = tcase_create ("models");
  TCase *export = tcase_create ("export");

  tcase_add_checked_fixture (usage, make_dir, remove_dir);
  tcase_add_loop_test (usage, every_command_explains_itself, 0,
                       G_N_ELEMENTS (commands));
  tcase_add_test (usage, the_program_tells_its_version);
  tcase_add_loop_test (usage, wrong_usage_exits_with_2_and_says_so, 0,
                       G_N_ELEMENTS (wrong_usages));
  tcase_add_test (usage, a_file_that_is_not_there_exits_with_1_and_is_named);
  tcase_add_loop_test (
      usage, a_command_of_a_trainer_that_is_not_installed_names_its_program, 0,
      G_N_ELEMENTS (trainers_commands));
  tcase_add_test (usage, an_operand_behind_two_dashes_may_begin_with_one);
  tcase_add_test (usage, numbers_have_a_decimal_point_in_every_locale);
  tcase_add_test (usage,
                  a_result_that_cannot_be_written_is_told_before_the_work);
  tcase_add_test (usage,
                  a_precision_that_the_backend_lacks_exits_with_1_and_is_named);
  suite_add_tcase (suite, usage);

  tcase_add_checked_fixture (models, make_dir, remove_dir);
  tcase_add_test (models, info_tells_the_configuration);
  tcase_add_test (models, a_device_is_never_replaced);
  tcase_add_test (models, output_that_cannot_be_written_is_a_failure);
  tcase_add_loop_test (models, info_tells_which_resnet, 0, 2);
  tcase_add_test (models, info_refuses_another_resnet);
  tcase_add_test (models, convert_writes_the_asked_type_and_metadata);
  tcase_add_test (models, convert_takes_resnets);
  tcase_add_test (models, convert_leaves_an_existing_file_alone_unless_told);
  suite_add_tcase (suite, models);

  tcase_add_checked_fixture (export, make_dir, remove_dir);
  tcase_add_loop_test (export, export_writes_both_files, 0, 2);
  tcase_add_test (export, export_leaves_existing_files_alone_unless_told);
  tcase_add_test (export, export_refuses_a_resnet);
  tcase_add_test (export, export_names_a_folder_that_it_cannot_write_to);
  suite_add_tcase (suite, export);

  return run_suite (suite);
}
