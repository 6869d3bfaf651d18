/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A training run as users run it. One run is not interrupted; the others are
 * stopped or killed, resumed, and must end with the same files, bit for bit,
 * except for times in them. The environment variable CCSTEREO_KILLS sets how
 * often a run is killed. */
#include <json-glib/json-glib.h>
#include <signal.h>

#include "dataset-support.h"
#include "dataset-files.h"
#include "program-support.h"
#include "run-files.h"
#include "../suite.h"

#define LEAST_STEPS 20
#define KILLS_VARIABLE "CCSTEREO_KILLS"
#define KILLS 5
#define LONGEST_WAIT_MS 900
#define PATIENCE_S 900
#define POLL_US 2000

#define RECIPE                                                                 \
  "--backend cpu --batch_size 2 --scene-count 8 --validation_freq 0 --quiet "  \
  "--validation-clips 1"

static guint kills, steps; /* enough that each process ends in mid-run */
static char *folder;
static char *straight; /* folder of the uninterrupted run */

static char *
run_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
train_straight (void)
{
  const char *wanted = g_getenv (KILLS_VARIABLE);
  g_auto (Outcome) outcome = { 0 };

  kills = wanted ? (guint)g_ascii_strtoull (wanted, NULL, 10) : KILLS;
  steps = MAX (LEAST_STEPS, kills + 1);
  folder = make_folder ();
  straight = run_folder ("straight");
  outcome
      = run_program ("CCSTEREO_TRAIN", NULL,
                     RECIPE " --max-steps %u --save_dir %s", steps, straight);
  assert_done (&outcome);
}

static void
drop_runs (void)
{
  remove_tree (folder);
  g_clear_pointer (&folder, g_free);
  g_clear_pointer (&straight, g_free);
}

/* -- files of a run -- */

/* Returns the lines of metrics.jsonl without their last field, which is a
 * time. */
static char **
metrics_without_times (const char *dir)
{
  g_autofree char *path = g_build_filename (dir, CCS_RUN_METRICS, NULL);
  g_autofree char *text = NULL;
  char **lines;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return g_new0 (char *, 1);
  lines = g_strsplit (g_strchomp (text), "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    char *time = strstr (lines[i], ",\"seconds\":");

    if (time)
      *time = '\0';
  }
  return lines;
}

static guint
count_metrics (const char *dir)
{
  g_auto (GStrv) lines = metrics_without_times (dir);

  return g_strv_length (lines);
}

static void
assert_same_file (const char *a, const char *b, const char *name)
{
  g_autofree char *path_a = g_build_filename (a, name, NULL);
  g_autofree char *path_b = g_build_filename (b, name, NULL);
  g_autoptr (GMappedFile) file_a = g_mapped_file_new (path_a, FALSE, NULL);
  g_autoptr (GMappedFile) file_b = g_mapped_file_new (path_b, FALSE, NULL);

  ck_assert_ptr_nonnull (file_a);
  ck_assert_ptr_nonnull (file_b);
  ck_assert_uint_eq (g_mapped_file_get_length (file_a),
                     g_mapped_file_get_length (file_b));
  ck_assert_msg (memcmp (g_mapped_file_get_contents (file_a),
                         g_mapped_file_get_contents (file_b),
                         g_mapped_file_get_length (file_a))
                     == 0,
                 "%s differs", name);
}

/* Checks that parameters, optimiser moments, position and all metrics are
 * equal to those of the uninterrupted run. */
static void
assert_same_run (const char *dir)
{
  g_auto (GStrv) want = metrics_without_times (straight);
  g_auto (GStrv) got = metrics_without_times (dir);

  ck_assert_uint_eq (g_strv_length (want), steps);
  for (guint i = 0; i < steps; i++)
    ck_assert_str_eq (got[i] ? got[i] : "", want[i]);
  ck_assert_ptr_null (got[steps]);
  assert_same_file (straight, dir, CCS_RUN_STATE);
  assert_same_file (straight, dir, CCS_RUN_LAST);
}

static gboolean
has_state (const char *dir)
{
  g_autofree char *path = g_build_filename (dir, CCS_RUN_STATE, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* -- stopping -- */

/* Starts or resumes the run in @dir, with the additional @options, and does
 * not wait for its end. */
static GPid
start (const char *dir, const char *options)
{
  g_autofree char *words = g_strdup_printf (
      RECIPE " --max-steps %u --checkpoint_every 1 --no-report --save_dir %s%s"
             "%s",
      steps, dir, has_state (dir) ? " --resume" : "", options);
  g_auto (GStrv) argv = program_arguments ("CCSTEREO_TRAIN", words);
  g_autoptr (GError) error = NULL;
  GPid pid;

  assert_ok (g_spawn_async (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                            NULL, &pid, &error),
             error);
  return pid;
}

/* Waits until the run has written @lines lines of metrics. Returns FALSE if
 * it ended before. */
static gboolean
wait_for_metrics (GPid pid, const char *dir, guint lines, int *status)
{
  gint64 deadline = g_get_monotonic_time () + PATIENCE_S * G_USEC_PER_SEC;

  while (count_metrics (dir) < lines) {
    if (waitpid (pid, status, WNOHANG) == pid)
      return FALSE;
    ck_assert_msg (g_get_monotonic_time () < deadline, "no step was made");
    g_usleep (POLL_US);
  }
  return TRUE;
}

START_TEST (a_stopped_and_resumed_run_is_the_same_to_the_bit)
{
  g_autofree char *dir = run_folder ("stopped");
  g_auto (Outcome) rest = { 0 };
  GPid pid = start (dir, "");
  int status;

  ck_assert (wait_for_metrics (pid, dir, steps / 2, &status));
  kill (pid, SIGTERM);
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  ck_assert (WIFEXITED (status));
  ck_assert_int_eq (WEXITSTATUS (status), 130);
  ck_assert_uint_lt (count_metrics (dir), steps);
  rest = run_program ("CCSTEREO_TRAIN", NULL,
                      RECIPE " --max-steps %u --no-report --save_dir %s "
                             "--resume",
                      steps, dir);
  assert_done (&rest);
  assert_same_run (dir);
}
END_TEST

/* A step is recorded before its validation, which takes seconds, so the
 * signal arrives during the validation. */
START_TEST (a_stop_during_a_validation_makes_no_further_step)
{
  g_autofree char *dir = run_folder ("validating");
  g_auto (GStrv) lines = NULL;
  GPid pid = start (dir, " --validation_freq 1");
  int status;

  ck_assert (wait_for_metrics (pid, dir, 1, &status));
  kill (pid, SIGTERM);
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  ck_assert (WIFEXITED (status));
  ck_assert_int_eq (WEXITSTATUS (status), 130);
  lines = metrics_without_times (dir);
  ck_assert_uint_eq (g_strv_length (lines), 2);
  ck_assert_ptr_nonnull (strstr (lines[1], "validation_stft"));
}
END_TEST

static void
assert_loads (const char *dir)
{
  g_autoptr (GError) error = NULL;
  CcsRunState state = { 0 };

  assert_ok (ccs_run_state_load (&state, dir, &error), error);
  ccs_run_state_clear (&state);
}

/* Runs one process and kills it. Every other process is killed only after it
 * has made a step, so that the run makes progress. The others may be killed
 * while they open files. */
static void
live_and_die (const char *dir, gboolean makes_a_step, GRand *random)
{
  guint lines = count_metrics (dir) + (makes_a_step ? 1 : 0);
  GPid pid = start (dir, "");
  int status;

  if (!wait_for_metrics (pid, dir, lines, &status)) {
    ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    return;
  }
  g_usleep (1000 * g_rand_int_range (random, 0, LONGEST_WAIT_MS));
  kill (pid, SIGKILL);
  waitpid (pid, &status, 0);
}

START_TEST (kills_at_any_moment_lose_nothing)
{
  g_autofree char *dir = run_folder ("killed");
  g_auto (Outcome) rest = { 0 };
  GRand *random = g_rand_new_with_seed (1);

  for (guint i = 0; i < kills; i++) {
    live_and_die (dir, i % 2 == 0, random);
    if (has_state (dir))
      assert_loads (dir);
  }
  g_rand_free (random);
  rest = run_program ("CCSTEREO_TRAIN", NULL,
                      RECIPE " --max-steps %u --no-report --save_dir %s%s",
                      steps, dir, has_state (dir) ? " --resume" : "");
  assert_done (&rest);
  assert_same_run (dir);
}
END_TEST

START_TEST (what_killed_saves_left_is_cleared_away)
{
  g_autofree char *dir = make_folder ();
  g_autofree char *half
      = g_build_filename (dir, "." CCS_RUN_STATE ".ab12cd.part", NULL);
  g_autofree char *other
      = g_build_filename (dir, CCS_RUN_STATE ".backup", NULL);

  ck_assert (g_file_set_contents (half, "half", -1, NULL));
  ck_assert (g_file_set_contents (other, "mine", -1, NULL));
  ccs_run_drop_unfinished (dir);
  ck_assert (!g_file_test (half, G_FILE_TEST_EXISTS));
  ck_assert (g_file_test (other, G_FILE_TEST_EXISTS));
  remove_tree (dir);
}
END_TEST

START_TEST (another_recipe_is_not_resumed)
{
  static const char *const others[]
      = { "--lr_aud 0.1", "--seed 7", "--scene-seed 5", "--dim_scale 2",
          "--protocol official" };
  g_auto (Outcome) outcome
      = run_program ("CCSTEREO_TRAIN", NULL,
                     RECIPE " --max-steps %u --save_dir %s --resume %s", steps,
                     straight, others[_i]);

  assert_refused (&outcome, 1, "the run was begun with");
  assert_loads (straight);
}
END_TEST

START_TEST (a_folder_with_a_run_is_not_started_again)
{
  g_auto (Outcome) outcome
      = run_program ("CCSTEREO_TRAIN", NULL,
                     RECIPE " --max-steps %u --save_dir %s", steps, straight);

  assert_refused (&outcome, 1, "--resume");
  ck_assert_uint_eq (count_metrics (straight), steps);
}
END_TEST

START_TEST (a_folder_in_which_a_run_is_at_work_is_left_alone)
{
  g_autofree char *dir = run_folder ("occupied");
  g_autoptr (GError) error = NULL;
  int held = ccs_folder_occupy (dir, &error);
  g_auto (Outcome) outcome = { 0 };

  ck_assert_msg (held >= 0, "%s", error ? error->message : "");
  outcome = run_program ("CCSTEREO_TRAIN", NULL,
                         RECIPE " --max-steps 1 --save_dir %s", dir);
  assert_refused (&outcome, 1, dir);
  ck_assert_ptr_nonnull (strstr (outcome.err, "at work"));
  ck_assert (!has_state (dir));
  close (held);
}
END_TEST

START_TEST (another_seed_is_another_run)
{
  g_autofree char *dir = run_folder ("seed");
  g_auto (GStrv) want = metrics_without_times (straight);
  g_auto (GStrv) got = NULL;
  g_auto (Outcome) outcome = run_program (
      "CCSTEREO_TRAIN", NULL,
      RECIPE " --max-steps 1 --seed 7 --no-report --save_dir %s", dir);

  assert_done (&outcome);
  got = metrics_without_times (dir);
  ck_assert_str_ne (got[0], want[0]);
}
END_TEST

/* -- TensorBoard events and the report -- */

/* Computes the CRC-32C by its definition, independent of the tested code. */
static guint32
masked_crc (const guint8 *data, gsize n)
{
  guint32 crc = 0xffffffff;

  for (gsize i = 0; i < 8 * n; i++) {
    guint32 bit = (crc ^ data[i / 8] >> i % 8) & 1;

    crc = crc >> 1 ^ (bit ? 0x82f63b78 : 0);
  }
  crc ^= 0xffffffff;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
}

static guint32
le32 (const guint8 *p)
{
  return p[0] | p[1] << 8 | p[2] << 16 | (guint32)p[3] << 24;
}

static char *
find_events (const char *dir)
{
  g_autoptr (GDir) open = g_dir_open (dir, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (open)))
    if (strstr (name, "tfevents"))
      return g_build_filename (dir, name, NULL);
  ck_abort_msg ("no event file");
}

static gboolean
contains (const guint8 *data, gsize n, const char *text)
{
  return memmem (data, n, text, strlen (text)) != NULL;
}

START_TEST (the_event_file_is_whole_records_with_every_loss)
{
  g_autofree char *path = find_events (straight);
  g_autofree char *text = NULL;
  const guint8 *file;
  gsize size, at = 0;
  guint losses = 0, records = 0;

  ck_assert_uint_eq (masked_crc ((const guint8 *)"123456789", 9),
                     ((0xe3069283u >> 15) | (0xe3069283u << 17)) + 0xa282ead8u);
  ck_assert (g_file_get_contents (path, &text, &size, NULL));
  file = (const guint8 *)text;
  while (at < size) {
    guint32 length;

    ck_assert_uint_ge (size - at, 16);
    length = le32 (file + at);
    ck_assert_uint_eq (le32 (file + at + 4), 0);
    ck_assert_uint_eq (le32 (file + at + 8), masked_crc (file + at, 8));
    ck_assert_uint_ge (size - at - 16, length);
    ck_assert_uint_eq (le32 (file + at + 12 + length),
                       masked_crc (file + at + 12, length));
    if (records == 0)
      ck_assert (contains (file + at + 12, length, "brain.Event:2"));
    losses += contains (file + at + 12, length, "loss/all");
    records++;
    at += 16 + length;
  }
  ck_assert_uint_eq (losses, steps);
}
END_TEST

START_TEST (the_report_stands_on_its_own)
{
  static const char *const parts[] = { "<polyline",
                                       "stft_l2_dist",
                                       "phase_dist",
                                       "interaural level error",
                                       "data:image/png;base64,",
                                       "Prediction, left",
                                       "frequency, kHz",
                                       "left over right, dB",
                                       "prefers-color-scheme:dark",
                                       "</html>" };
  g_autofree char *path = g_build_filename (straight, CCS_RUN_REPORT, NULL);
  g_autofree char *html = NULL;

  ck_assert (g_file_get_contents (path, &html, NULL, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    ck_assert_msg (strstr (html, parts[i]) != NULL, "no %s", parts[i]);
  ck_assert_ptr_null (strstr (html, "src=\"http"));
  for (const char *at = html; (at = strstr (at, "href=\"")); at++)
    ck_assert (g_str_has_prefix (at, "href=\"data:"));
  ck_assert_ptr_null (strstr (html, "<script"));
  /* NaN must not occur in tables and curves. The letters may occur in the
   * base64 data of an image. */
  ck_assert_ptr_null (strstr (html, ">nan"));
  ck_assert_ptr_null (strstr (html, ",nan"));
}
END_TEST

START_TEST (the_benchmark_tells_the_parts_of_a_step)
{
  static const char *const parts[]
      = { "load_wait_seconds", "forward_seconds", "backward_seconds",
          "update_seconds",    "load_seconds",    "samples_per_second",
          "plan_mb",           "peak_rss_mb" };
  g_autofree char *json = g_build_filename (folder, "benchmark.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonObject *figures;
  double sum = 0, step;
  g_auto (Outcome) outcome
      = run_program ("CCSTEREO_TRAIN", NULL,
                     RECIPE " --no-scl --benchmark --benchmark-steps 1 "
                            "--json %s --save_dir %s/none",
                     json, folder);

  assert_done (&outcome);
  assert_ok (json_parser_load_from_file (parser, json, &error), error);
  figures = json_node_get_object (json_parser_get_root (parser));
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    ck_assert (json_object_has_member (figures, parts[i]));
  ck_assert_double_gt (json_object_get_double_member (figures, "load_seconds"),
                       0);
  for (guint i = 0; i < 4; i++)
    sum += json_object_get_double_member (figures, parts[i]);
  step = json_object_get_double_member (figures, "step_seconds");
  ck_assert_double_le (sum, step + 1e-3);
  ck_assert_double_gt (sum, 0.5 * step);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("trainer");
  TCase *tcase = tcase_create ("runs");

  tcase_add_unchecked_fixture (tcase, train_straight, drop_runs);
  tcase_add_test (tcase, a_stopped_and_resumed_run_is_the_same_to_the_bit);
  tcase_add_test (tcase, a_stop_during_a_validation_makes_no_further_step);
  tcase_add_test (tcase, kills_at_any_moment_lose_nothing);
  tcase_add_test (tcase, what_killed_saves_left_is_cleared_away);
  tcase_add_loop_test (tcase, another_recipe_is_not_resumed, 0, 5);
  tcase_add_test (tcase, a_folder_with_a_run_is_not_started_again);
  tcase_add_test (tcase, a_folder_in_which_a_run_is_at_work_is_left_alone);
  tcase_add_test (tcase, another_seed_is_another_run);
  tcase_add_test (tcase, the_event_file_is_whole_records_with_every_loss);
  tcase_add_test (tcase, the_report_stands_on_its_own);
  tcase_add_test (tcase, the_benchmark_tells_the_parts_of_a_step);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
