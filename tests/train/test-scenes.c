/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Synthetic scenes: all threads and all ways to split a scene give the same
 * result, and the audio agrees with the video and with the ground truth. */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "scenes.h"
#include "../suite.h"

#define SEED 7
#define PICTURE_BYTES (3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT)
#define SCENE_SAMPLES 160000

static CcsScenery *scenery[3];

static void
make_sceneries (void)
{
  for (guint split = 0; split < 3; split++) {
    g_autoptr (GError) error = NULL;

    scenery[split]
        = ccs_scenery_new (split, SEED, CCS_MODEL_RATE, NULL, &error);
    ck_assert_msg (scenery[split] != NULL, "%s",
                   error ? error->message : "no reason");
  }
}

static void
drop_sceneries (void)
{
  for (guint split = 0; split < 3; split++)
    g_clear_pointer (&scenery[split], ccs_scenery_free);
}

static double
energy (const float *samples, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += (double)samples[i] * samples[i];
  return sum;
}

/* -- independence of threads and splitting -- */

typedef struct
{
  float left[CCS_WINDOW], right[CCS_WINDOW];
  guint8 rgb[PICTURE_BYTES];
} Excerpt;

static gpointer
render_excerpt (gpointer index)
{
  g_autoptr (CcsScene) scene
      = ccs_scene_new (scenery[CCS_SPLIT_TRAIN], GPOINTER_TO_UINT (index));
  Excerpt *out = g_new0 (Excerpt, 1);

  ccs_scene_render_audio (scene, 30001, CCS_WINDOW, out->left, out->right);
  ccs_scene_render_frame (scene, 2.3, out->rgb);
  return out;
}

START_TEST (threads_render_the_same_scene)
{
  GThread *threads[4];
  g_autofree Excerpt *first = render_excerpt (GUINT_TO_POINTER (5));

  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("render", render_excerpt, GUINT_TO_POINTER (5));
  for (guint i = 0; i < 4; i++) {
    g_autofree Excerpt *again = g_thread_join (threads[i]);

    ck_assert_int_eq (memcmp (first, again, sizeof *first), 0);
  }
}
END_TEST

START_TEST (another_number_is_another_scene)
{
  g_autofree Excerpt *one = render_excerpt (GUINT_TO_POINTER (5));
  g_autofree Excerpt *other = render_excerpt (GUINT_TO_POINTER (6));

  ck_assert_int_ne (memcmp (one->left, other->left, sizeof one->left), 0);
  ck_assert_int_ne (memcmp (one->rgb, other->rgb, sizeof one->rgb), 0);
}
END_TEST

START_TEST (ranges_join_to_the_whole_bit_for_bit)
{
  enum
  {
    FIRST = 20000,
    ALL = 12000
  };
  static const gsize cuts[] = { 1, 159, 160, 1008, 4000, 6672 };
  g_autoptr (CcsScene) scene = ccs_scene_new (scenery[CCS_SPLIT_TRAIN], _i);
  float whole[2][ALL], joined[2][ALL];
  gsize at = 0;

  ccs_scene_render_audio (scene, FIRST, ALL, whole[0], whole[1]);
  for (guint i = 0; i < G_N_ELEMENTS (cuts); i++) {
    ccs_scene_render_audio (scene, FIRST + at, cuts[i], joined[0] + at,
                            joined[1] + at);
    at += cuts[i];
  }
  ck_assert_uint_eq (at, ALL);
  ck_assert_int_eq (memcmp (whole, joined, sizeof whole), 0);
}
END_TEST

START_TEST (splits_share_no_scene)
{
  g_autoptr (CcsScene) a = ccs_scene_new (scenery[0], 3);
  g_autoptr (CcsScene) b = ccs_scene_new (scenery[_i], 3);
  float sound[2][2][400];
  g_autofree guint8 *one = g_malloc (PICTURE_BYTES);
  g_autofree guint8 *other = g_malloc (PICTURE_BYTES);

  ccs_scene_render_audio (a, 30000, 400, sound[0][0], sound[0][1]);
  ccs_scene_render_audio (b, 30000, 400, sound[1][0], sound[1][1]);
  ck_assert_int_ne (memcmp (sound[0], sound[1], sizeof sound[0]), 0);
  ccs_scene_render_frame (a, 0, one);
  ccs_scene_render_frame (b, 0, other);
  ck_assert_int_ne (memcmp (one, other, PICTURE_BYTES), 0);
}
END_TEST

/* -- audio -- */

/* Returns the level of the right channel relative to the left, in dB, in the
 * window around @time. */
static double
interaural_level (const CcsScene *scene, double time)
{
  float left[CCS_WINDOW], right[CCS_WINDOW];

  ccs_scene_render_audio (scene,
                          (gint64)(time * CCS_MODEL_RATE) - CCS_WINDOW / 2,
                          CCS_WINDOW, left, right);
  return 10 * log10 (energy (right, CCS_WINDOW) / energy (left, CCS_WINDOW));
}

START_TEST (louder_ear_is_on_the_side_that_is_seen)
{
  guint clips = 0, right_side = 0;

  for (guint i = 0; i < 100; i++) {
    g_autoptr (CcsScene) scene = ccs_scene_new (scenery[_i], i);
    CcsSceneSource source;
    double level;

    ccs_scene_source_at (scene, 0, 4.0, &source);
    if (ccs_scene_n_sources (scene) != 1 || fabs (source.azimuth) < 15)
      continue;
    level = interaural_level (scene, 4.0);
    clips++;
    right_side += (level > 0) == (source.azimuth > 0);
  }
  ck_assert_uint_ge (clips, 20);
  ck_assert_uint_eq (right_side, clips);
}
END_TEST

START_TEST (level_difference_grows_with_azimuth)
{
  double near = 0, far = 0;
  guint n_near = 0, n_far = 0;

  for (guint i = 0; i < 150; i++) {
    g_autoptr (CcsScene) scene = ccs_scene_new (scenery[CCS_SPLIT_TRAIN], i);
    CcsSceneSource source;

    ccs_scene_source_at (scene, 0, 4.0, &source);
    if (ccs_scene_n_sources (scene) != 1)
      continue;
    if (fabs (source.azimuth) < 10) {
      near += fabs (interaural_level (scene, 4.0));
      n_near++;
    } else if (fabs (source.azimuth) > 35) {
      far += fabs (interaural_level (scene, 4.0));
      n_far++;
    }
  }
  ck_assert_uint_ge (n_near, 5);
  ck_assert_uint_ge (n_far, 5);
  ck_assert_double_gt (far / n_far, near / n_near + 3);
}
END_TEST

START_TEST (sound_is_finite_and_within_full_scale)
{
  g_autoptr (CcsScene) scene = ccs_scene_new (scenery[CCS_SPLIT_TRAIN], _i);
  g_autofree float *left = g_new (float, SCENE_SAMPLES);
  g_autofree float *right = g_new (float, SCENE_SAMPLES);

  ccs_scene_render_audio (scene, 0, SCENE_SAMPLES, left, right);
  for (guint i = 0; i < SCENE_SAMPLES; i++)
    ck_assert (fabsf (left[i]) <= 1 && fabsf (right[i]) <= 1);
  ck_assert_double_gt (energy (left, SCENE_SAMPLES) / SCENE_SAMPLES, 1e-5);
}
END_TEST

START_TEST (nothing_sounds_before_the_scene)
{
  g_autoptr (CcsScene) scene = ccs_scene_new (scenery[CCS_SPLIT_TRAIN], _i);
  float left[2000], right[2000];

  ccs_scene_render_audio (scene, -2000, 2000, left, right);
  ck_assert_double_lt (sqrt (energy (left, 2000) / 2000), 0.001);
}
END_TEST

/* -- video -- */

/* Returns the mean column of the saturated pixels. */
static double
colored_column (const guint8 *rgb)
{
  double sum = 0, weight = 0;

  for (guint i = 0; i < CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT; i++) {
    const guint8 *p = rgb + 3 * i;
    gint high = MAX (p[0], MAX (p[1], p[2]));
    gint low = MIN (p[0], MIN (p[1], p[2]));

    if (high > 100 && high - low > high / 2) {
      sum += i % CCS_RESIZE_WIDTH;
      weight++;
    }
  }
  return weight > 0 ? sum / weight : -1;
}

START_TEST (source_is_drawn_where_it_sounds_from)
{
  g_autofree guint8 *rgb = g_malloc (PICTURE_BYTES);
  guint seen = 0;

  for (guint i = 0; i < 40; i++) {
    g_autoptr (CcsScene) scene = ccs_scene_new (scenery[_i], i);
    CcsSceneSource source;

    if (ccs_scene_n_sources (scene) != 1)
      continue;
    ccs_scene_source_at (scene, 0, 3.0, &source);
    ck_assert_double_eq_tol (
        source.x, 240 + source.azimuth * CCS_RESIZE_WIDTH / CCS_SCENE_FOV,
        1e-9);
    ccs_scene_render_frame (scene, 3.0, rgb);
    ck_assert_double_eq_tol (colored_column (rgb), source.x, 20);
    seen++;
  }
  ck_assert_uint_ge (seen, 10);
}
END_TEST

START_TEST (picture_changes_with_time)
{
  g_autoptr (CcsScene) scene = ccs_scene_new (scenery[CCS_SPLIT_TRAIN], _i);
  g_autofree guint8 *now = g_malloc (PICTURE_BYTES);
  g_autofree guint8 *later = g_malloc (PICTURE_BYTES);

  ccs_scene_render_frame (scene, 1.0, now);
  ccs_scene_render_frame (scene, 2.0, later);
  ck_assert_int_ne (memcmp (now, later, PICTURE_BYTES), 0);
}
END_TEST

/* -- sources -- */

START_TEST (somebody_always_plays_and_some_are_silent)
{
  guint silent = 0, scenes[CCS_SCENE_MAX_SOURCES + 1] = { 0 };

  for (guint i = 0; i < 200; i++) {
    g_autoptr (CcsScene) scene = ccs_scene_new (scenery[CCS_SPLIT_TRAIN], i);
    guint n = ccs_scene_n_sources (scene);

    ck_assert (n >= 1 && n <= CCS_SCENE_MAX_SOURCES);
    scenes[n]++;
    for (double time = 0; time < CCS_SCENE_DURATION; time += 0.5) {
      guint sounding = 0;

      for (guint s = 0; s < n; s++) {
        CcsSceneSource source;

        ccs_scene_source_at (scene, s, time, &source);
        ck_assert_double_lt (fabs (source.azimuth), CCS_SCENE_FOV / 2);
        sounding += source.sounding;
      }
      ck_assert_uint_ge (sounding, 1);
      silent += n - sounding;
    }
  }
  ck_assert_uint_gt (silent, 100);
  ck_assert_uint_ge (scenes[1], 70);
  ck_assert_uint_ge (scenes[2], 20);
  ck_assert_uint_ge (scenes[3], 10);
}
END_TEST

START_TEST (a_look_has_one_kind_of_sound_in_every_split)
{
  gint kind_of[64];

  memset (kind_of, -1, sizeof kind_of);
  for (guint i = 0; i < 300; i++) {
    g_autoptr (CcsScene) scene = ccs_scene_new (scenery[i % 3], i);

    for (guint s = 0; s < ccs_scene_n_sources (scene); s++) {
      CcsSceneSource source;

      ccs_scene_source_at (scene, s, 0, &source);
      ck_assert_uint_lt (source.look, G_N_ELEMENTS (kind_of));
      if (kind_of[source.look] >= 0)
        ck_assert_int_eq (kind_of[source.look], source.kind);
      kind_of[source.look] = source.kind;
    }
  }
}
END_TEST

/* -- head-related transfer functions -- */

START_TEST (missing_sofa_file_is_named)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (
      ccs_scenery_new (0, 1, CCS_MODEL_RATE, "/nowhere/ears.sofa", &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_IO));
  ck_assert_ptr_nonnull (strstr (error->message, "/nowhere/ears.sofa"));
}
END_TEST

START_TEST (other_files_are_not_taken_for_ears)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  gint file = g_file_open_tmp ("ears-XXXXXX", &path, NULL);

  ck_assert_int_ge (file, 0);
  g_close (file, NULL);
  ck_assert (g_file_set_contents (path, "no impulse responses", -1, NULL));
  ck_assert_ptr_null (ccs_hrir_new (path, CCS_MODEL_RATE, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_FORMAT));
  ck_assert_ptr_nonnull (strstr (error->message, path));
  g_unlink (path);
}
END_TEST

START_TEST (right_is_positive)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsHrir) hrir = ccs_hrir_new (NULL, CCS_MODEL_RATE, &error);
  g_autofree float *left = NULL, *right = NULL;
  guint n;

  ck_assert_ptr_nonnull (hrir);
  n = ccs_hrir_length (hrir);
  left = g_new (float, n);
  right = g_new (float, n);
  ccs_hrir_get (hrir, 60, 0, left, right);
  ck_assert_double_gt (energy (right, n), 4 * energy (left, n));
  ccs_hrir_get (hrir, -60, 0, left, right);
  ck_assert_double_gt (energy (left, n), 4 * energy (right, n));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("scenes");
  TCase *scenes = tcase_create ("scenes");
  TCase *ears = tcase_create ("ears");

  tcase_add_unchecked_fixture (scenes, make_sceneries, drop_sceneries);
  tcase_add_test (scenes, threads_render_the_same_scene);
  tcase_add_test (scenes, another_number_is_another_scene);
  tcase_add_loop_test (scenes, ranges_join_to_the_whole_bit_for_bit, 0, 4);
  tcase_add_loop_test (scenes, splits_share_no_scene, 1, 3);
  tcase_add_loop_test (scenes, louder_ear_is_on_the_side_that_is_seen, 0, 3);
  tcase_add_test (scenes, level_difference_grows_with_azimuth);
  tcase_add_loop_test (scenes, sound_is_finite_and_within_full_scale, 0, 20);
  tcase_add_loop_test (scenes, nothing_sounds_before_the_scene, 0, 2);
  tcase_add_loop_test (scenes, source_is_drawn_where_it_sounds_from, 0, 3);
  tcase_add_loop_test (scenes, picture_changes_with_time, 0, 4);
  tcase_add_test (scenes, somebody_always_plays_and_some_are_silent);
  tcase_add_test (scenes, a_look_has_one_kind_of_sound_in_every_split);
  suite_add_tcase (suite, scenes);

  tcase_add_test (ears, missing_sofa_file_is_named);
  tcase_add_test (ears, other_files_are_not_taken_for_ears);
  tcase_add_test (ears, right_is_positive);
  suite_add_tcase (suite, ears);

  return run_suite (suite);
}
