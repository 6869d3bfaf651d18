/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of the programs about invalid command lines and configurations:
 * they name the invalid word, and the exit code is right. */
#include "bad-input-support.h"
#include "../suite.h"

typedef struct
{
  const char *program;
  const char *words;
  gint code;
  const char *named;
} WrongWords;

static const WrongWords wrong_words[] = {
  { "CCSTEREO_TRAIN", "--batch 4", 2, "--batch" },
  { "CCSTEREO_TRAIN", "--batch_size four", 2, "four" },
  { "CCSTEREO_TRAIN", "--batch-size 1", 2, "--batch_size" },
  { "CCSTEREO_TRAIN", "--lr_aud nan", 2, "--lr_aud" },
  { "CCSTEREO_TRAIN", "--dataset film", 2, "film" },
  { "CCSTEREO_TRAIN", "--dataset fairplay", 2, "--data-root" },
  { "CCSTEREO_TRAIN", "--hdf5FolderPath first", 2, "first" },
  { "CCSTEREO_TRAIN", "--protocol published", 2, "published" },
  { "CCSTEREO_TRAIN", "more", 2, "more" },
  { "CCSTEREO_TRAIN", "--dim_scale 9", 2, "dim_scale" },
  { "CCSTEREO_TRAIN", "--backbone 34", 2, "34" },
  { "CCSTEREO_TRAIN", "--avad 100", 2, "avad" },
  { "CCSTEREO_TRAIN", "--backend tpu", 2, "tpu" },
  { "CCSTEREO_TRAIN", "--gpu_ids -2", 2, "--gpu_ids" },
  { "CCSTEREO_TRAIN", "--json run.json", 2, "--benchmark" },
  { "CCSTEREO_TRAIN", "--config nowhere.ini", 2, "nowhere.ini" },
  { "CCSTEREO_TRAIN", "--config one.ini --config=nowhere.ini", 2,
    "nowhere.ini" },
  { "CCSTEREO_TRAIN", "--config=", 2, "--config" },
  { "CCSTEREO_TRAIN", "--save_dir=", 2, "--save_dir" },
  { "CCSTEREO_EVAL", "--checkpoint=", 2, "--checkpoint" },
  { "CCSTEREO_EVAL", "--limit -1", 2, "--limit" },
  { "CCSTEREO_EVAL", "--protocol published", 2, "published" },
  { "CCSTEREO_TRAIN", "--precision fp8", 2, "--precision" },
  { "CCSTEREO_TRAIN", "--backend reference --precision bf16 --save_dir none", 1,
    "bf16" },
  { "CCSTEREO_EVAL", "--split dev", 2, "dev" },
  { "CCSTEREO_EVAL", "--backend tpu", 2, "tpu" },
  { "CCSTEREO_EVAL", "--dataset film", 2, "film" },
  { "CCSTEREO_EVAL", "--setup 7splits", 2, "7splits" },
  { "CCSTEREO_EVAL", "--precision half", 2, "half" },
  { "CCSTEREO_EVAL", "--checkpoint nowhere.pth", 1, "nowhere.pth" },
  { "CCSTEREO_EVAL", "--dataset fairplay", 2, "--data-root" },
  { "CCSTEREO_EVAL", "--json nowhere/a.json", 1, "nowhere/a.json" },
  { "CCSTEREO_EVAL", "--json frames", 1, "frames" },
  { "CCSTEREO_EVAL", "--threads 100000", 2, "--threads" },
  { "CCSTEREO_TRAIN", "--num_workers 100000", 2, "--num_workers" },
  { "CCSTEREO_TRAIN", "--batch_size 1000000", 2, "--batch_size" },
  { "CCSTEREO_EVAL", "--save-audio splits/split1/test.h5", 1, "test.h5" },
};

START_TEST (wrong_words_are_named)
{
  const WrongWords *wrong = &wrong_words[_i];
  g_auto (Outcome) outcome = { 0 };

  ck_assert_int_eq (g_chdir (root), 0);
  outcome = run_program (wrong->program, NULL, "%s", wrong->words);
  assert_refused (&outcome, wrong->code, wrong->named);
}
END_TEST

typedef struct
{
  const char *text;
  const char *named;
} BadConfig;

static const BadConfig bad_configs[] = {
  { "[train]\nbatch_sise=4\n", "batch_sise" },
  { "[train]\nbatch_size=four\n", "batch_size" },
  { "[train]\nseed=12345678901234567890\n", "seed" },
  { "[recipe]\nbatch_size=4\n", "train" },
  { "batch_size=4\n", "run.ini" },
};

START_TEST (bad_configurations_are_named)
{
  g_auto (Outcome) outcome = { 0 };

  write_text ("run.ini", bad_configs[_i].text);
  outcome = run_program ("CCSTEREO_TRAIN", NULL, "--config %s/run.ini", root);
  assert_refused (&outcome, 2, bad_configs[_i].named);
  ck_assert_ptr_nonnull (strstr (outcome.err, "run.ini"));
}
END_TEST

START_TEST (the_command_line_goes_before_the_configuration)
{
  g_auto (Outcome) outcome = { 0 };

  write_text ("run.ini", "[train]\nbatch-size=0\ndataset=scenes\n");
  outcome = run_program ("CCSTEREO_TRAIN", NULL,
                         "--config=%s/run.ini --batch_size 2 --epochs 0", root);
  assert_refused (&outcome, 2, "--epochs");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("wrong-words");
  TCase *tcase = tcase_create ("programs");

  tcase_add_checked_fixture (tcase, make_data, drop_data);
  tcase_add_loop_test (tcase, wrong_words_are_named, 0,
                       G_N_ELEMENTS (wrong_words));
  tcase_add_loop_test (tcase, bad_configurations_are_named, 0,
                       G_N_ELEMENTS (bad_configs));
  tcase_add_test (tcase, the_command_line_goes_before_the_configuration);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
