/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares ccstereo-eval with the published loader, network, test step and
 * metrics. The published code was run on two clips, of 2 s and of 1.984 s,
 * which are generated here from their names (see tests/data/README.md). */
#include "dataset-files.h"
#include "dataset-layout.h"
#include "evaluate.h"
#include "published-support.h"

#define RATE 48000
#define CLIPS 2
#define PICTURE_WIDTH 24
#define PICTURE_HEIGHT 12
/* Minimum change of the STFT distance of the shorter clip if its last second
 * were evaluated wrongly. */
#define VISIBLE 1e-4

static const guint lengths[CLIPS] = { 96000, 95232 };

static char *folder;
static JsonNode *official, *corrected, *published;

/* -- clips generated from names -- */

static void
write_frames (const char *id, guint count)
{
  g_autofree char *frames = ccs_layout_frames (folder, id);

  ck_assert_int_eq (g_mkdir_with_parents (frames, 0777), 0);
  for (guint k = 1; k <= count; k++) {
    g_autofree char *name = g_strdup_printf ("%s.frame.%u", id, k);
    g_autofree char *path = g_strdup_printf ("%s/%06u.png", frames, k);
    g_autofree guint8 *rgb
        = reference_pixels ("", name, 3 * PICTURE_WIDTH * PICTURE_HEIGHT);
    g_autoptr (GError) error = NULL;

    assert_ok (
        ccs_frame_write (path, PICTURE_WIDTH, PICTURE_HEIGHT, rgb, &error),
        error);
  }
}

static void
write_clips (void)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;

  assert_ok (ccs_layout_make (folder, &error), error);
  for (guint i = 0; i < CLIPS; i++) {
    char *id = ccs_layout_id (i + 1);
    g_autofree char *sound = ccs_layout_sound (folder, id);

    g_ptr_array_add (ids, id);
    published_write_sound (sound, id, RATE, lengths[i]);
    write_frames (id, (guint)ceil (lengths[i] * 10.0 / RATE));
  }
  assert_ok (ccs_layout_write_lists (folder, "test", ids, &error), error);
}

/* -- evaluations, each run once -- */

static void
evaluate_all (void)
{
  folder = make_folder ();
  write_clips ();
  published_write_model (folder);
  published = reference_load_json (TEST_DATA_DIR "/published-evaluation.json");
  official = published_evaluate (folder, "fairplay", "official", "10splits");
  corrected = published_evaluate (folder, "fairplay", "corrected", "5splits");
}

static void
drop_all (void)
{
  remove_tree (folder);
  g_clear_pointer (&folder, g_free);
  g_clear_pointer (&published, json_node_unref);
  g_clear_pointer (&official, json_node_unref);
  g_clear_pointer (&corrected, json_node_unref);
}

static JsonObject *
clip_scores (JsonNode *evaluation, guint clip, const char *which)
{
  return json_object_get_object_member (published_clip (evaluation, clip),
                                        which);
}

static void
assert_as_published (JsonNode *evaluation, const char *protocol)
{
  JsonArray *want = json_object_get_array_member (
      json_node_get_object (published), protocol);

  ck_assert_uint_eq (json_array_get_length (want), CLIPS);
  for (guint i = 0; i < CLIPS; i++)
    published_assert_metrics (clip_scores (evaluation, i, "prediction"),
                              json_array_get_object_element (want, i));
}

static double
stft_of_clip (JsonNode *evaluation, guint clip)
{
  return json_object_get_double_member (
      clip_scores (evaluation, clip, "prediction"),
      ccs_metric_name (CCS_METRIC_STFT));
}

/* -- tests -- */

START_TEST (official_protocol_gives_the_published_metrics)
{
  assert_as_published (official, "official");
}
END_TEST

START_TEST (corrected_protocol_is_the_published_one_with_true_durations)
{
  assert_as_published (corrected, "corrected");
}
END_TEST

START_TEST (protocols_differ_only_on_clips_of_broken_seconds)
{
  ck_assert_double_eq (stft_of_clip (official, 0), stft_of_clip (corrected, 0));
  ck_assert_double_gt (
      fabs (stft_of_clip (official, 1) / stft_of_clip (corrected, 1) - 1),
      VISIBLE);
}
END_TEST

START_TEST (averages_are_those_of_the_clips)
{
  static const char *const judged[] = { "prediction", "mono" };
  JsonObject *root = json_node_get_object (official);

  for (guint k = 0; k < G_N_ELEMENTS (judged); k++) {
    JsonObject *mean = json_object_get_object_member (root, judged[k]);
    g_autoptr (GList) names = json_object_get_members (mean);

    ck_assert_uint_eq (g_list_length (names), CCS_N_METRICS + 2);
    for (GList *l = names; l; l = l->next) {
      double sum = 0;

      for (guint i = 0; i < CLIPS; i++)
        sum += json_object_get_double_member (
            clip_scores (official, i, judged[k]), l->data);
      ck_assert_double_eq_tol (json_object_get_double_member (mean, l->data),
                               sum / CLIPS, 1e-6 * fabs (sum));
    }
  }
}
END_TEST

/* Checks that the two channels of the saved prediction add up to the mix. */
static void
assert_sum_is_the_mix (const char *wav, guint n)
{
  SF_INFO info = { 0 };
  SNDFILE *file = sf_open (wav, SFM_READ, &info);
  g_autofree float *frames = g_new (float, 2 * n);
  double power = 0;

  ck_assert_ptr_nonnull (file);
  ck_assert_int_eq (info.samplerate, CCS_MODEL_RATE);
  ck_assert_int_eq (info.channels, 2);
  ck_assert_int_eq (sf_readf_float (file, frames, n + 1), n);
  sf_close (file);
  for (guint i = 0; i < n; i++)
    power += fabs (frames[2 * i] - frames[2 * i + 1]);
  ck_assert_double_gt (power / n, 1e-3); /* not mono */
}

START_TEST (limit_and_saved_audio_are_what_was_asked)
{
  g_autofree char *wavs = g_build_filename (folder, "wavs", NULL);
  g_autofree char *first = g_build_filename (wavs, "000001.wav", NULL);
  g_autofree char *second = g_build_filename (wavs, "000002.wav", NULL);
  g_autofree char *json = g_build_filename (folder, "limit.json", NULL);
  g_autoptr (JsonNode) result = NULL;
  g_auto (Outcome) outcome = run_program (
      "CCSTEREO_EVAL", NULL,
      "--dataset fairplay --data_root %s --split test --checkpoint "
      "%s/model.pth --limit 1 --save_audio %s --json %s",
      folder, folder, wavs, json);

  assert_done (&outcome);
  ck_assert_ptr_nonnull (strstr (outcome.out, "stft_l2_dist"));
  result = reference_load_json (json);
  ck_assert_double_eq (stft_of_clip (result, 0), stft_of_clip (corrected, 0));
  assert_sum_is_the_mix (first, CCS_MODEL_RATE * 2);
  ck_assert (!g_file_test (second, G_FILE_TEST_EXISTS));
}
END_TEST

/* (transfer full) */
static GBytes *
content_of (const char *path)
{
  char *content;
  gsize size;

  ck_assert (g_file_get_contents (path, &content, &size, NULL));
  return g_bytes_new_take (content, size);
}

/* Cuts a frame of clip @id in half. Returns its previous content. (transfer
 * full) */
static GBytes *
break_frame (const char *id, char **path)
{
  GBytes *content;

  *path = g_build_filename (folder, "frames", id, "000005.png", NULL);
  content = content_of (*path);
  ck_assert (g_file_set_contents (*path, g_bytes_get_data (content, NULL),
                                  g_bytes_get_size (content) / 2, NULL));
  return content;
}

static void
mend (const char *path, GBytes *content)
{
  ck_assert (g_file_set_contents (path, g_bytes_get_data (content, NULL),
                                  g_bytes_get_size (content), NULL));
}

START_TEST (what_was_judged_before_a_failure_is_written_down)
{
  g_autofree char *path = NULL;
  g_autoptr (GBytes) frame = break_frame ("000002.mp4", &path);
  g_autofree char *json = g_build_filename (folder, "part.json", NULL);
  g_autoptr (JsonNode) part = NULL;
  JsonObject *root;
  g_auto (Outcome) outcome
      = run_program ("CCSTEREO_EVAL", NULL,
                     "--dataset fairplay --data-root %s --checkpoint "
                     "%s/model.pth --json %s",
                     folder, folder, json);

  mend (path, frame);
  assert_refused (&outcome, 1, "000002.mp4/000005.png");
  part = reference_load_json (json);
  root = json_node_get_object (part);
  ck_assert_int_eq (json_object_get_int_member (root, "count"), 1);
  ck_assert_int_eq (json_object_get_int_member (root, "of"), CLIPS);
  ck_assert_ptr_nonnull (
      strstr (json_object_get_string_member (root, "error"), "000005.png"));
  ck_assert_double_eq (stft_of_clip (part, 0), stft_of_clip (corrected, 0));
  ck_assert_double_eq (json_object_get_double_member (
                           json_object_get_object_member (root, "prediction"),
                           ccs_metric_name (CCS_METRIC_STFT)),
                       stft_of_clip (part, 0));
}
END_TEST

START_TEST (figures_go_to_the_standard_output_as_asked)
{
  g_autofree char *out = g_build_filename (folder, "out.json", NULL);
  g_autoptr (JsonNode) node = NULL;
  g_auto (Outcome) outcome
      = run_program ("CCSTEREO_EVAL", NULL,
                     "--dataset fairplay --data-root %s --checkpoint "
                     "%s/model.pth --limit 1 --quiet --json /dev/stdout",
                     folder, folder);

  assert_done (&outcome);
  ck_assert (g_file_set_contents (out, outcome.out, -1, NULL));
  node = reference_load_json (out);
  ck_assert_double_eq (stft_of_clip (node, 0), stft_of_clip (corrected, 0));
}
END_TEST

START_TEST (a_broken_frame_fails_or_is_skipped_as_asked)
{
  g_autofree char *path = NULL;
  g_autoptr (GBytes) frame = break_frame ("000001.mp4", &path);
  g_auto (Outcome) fatal = { 0 };
  g_auto (Outcome) skipped = { 0 };

  fatal = run_program ("CCSTEREO_EVAL", NULL,
                       "--dataset fairplay --data-root %s --checkpoint "
                       "%s/model.pth --limit 1 -q",
                       folder, folder);
  assert_refused (&fatal, 1, "000001.mp4/000005.png");
  skipped = run_program ("CCSTEREO_EVAL", NULL,
                         "--dataset fairplay --data-root %s --checkpoint "
                         "%s/model.pth --skip-bad",
                         folder, folder);
  assert_done (&skipped);
  ck_assert_ptr_nonnull (strstr (skipped.err, "000005.png"));
  ck_assert_ptr_nonnull (strstr (skipped.out, "1 clip"));
  mend (path, frame);
}
END_TEST

/* The scores would not be finite, and JSON cannot represent such numbers. */
START_TEST (sound_beyond_all_scales_is_named)
{
  g_autofree char *path = ccs_layout_sound (folder, "000001");
  g_autoptr (GBytes) sound = content_of (path);
  g_autofree float *loud = g_new (float, RATE);
  g_auto (Outcome) outcome = { 0 };

  for (guint i = 0; i < RATE; i++)
    loud[i] = i % 2 ? 1e30f : -1e30f;
  ck_assert (ccs_sound_write_float (path, RATE, RATE, loud, loud, NULL));
  outcome = run_program ("CCSTEREO_EVAL", NULL,
                         "--dataset fairplay --data-root %s --checkpoint "
                         "%s/model.pth --limit 1 -q",
                         folder, folder);
  mend (path, sound);
  assert_refused (&outcome, 1, "000001");
  ck_assert_ptr_nonnull (strstr (outcome.err, "not finite"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("evaluate");
  TCase *program = tcase_create ("program");

  tcase_add_unchecked_fixture (program, evaluate_all, drop_all);
  tcase_add_test (program, official_protocol_gives_the_published_metrics);
  tcase_add_test (program,
                  corrected_protocol_is_the_published_one_with_true_durations);
  tcase_add_test (program, protocols_differ_only_on_clips_of_broken_seconds);
  tcase_add_test (program, averages_are_those_of_the_clips);
  tcase_add_test (program, limit_and_saved_audio_are_what_was_asked);
  tcase_add_test (program, a_broken_frame_fails_or_is_skipped_as_asked);
  tcase_add_test (program, what_was_judged_before_a_failure_is_written_down);
  tcase_add_test (program, sound_beyond_all_scales_is_named);
  tcase_add_test (program, figures_go_to_the_standard_output_as_asked);
  suite_add_tcase (suite, program);
  return reference_run (suite);
}
