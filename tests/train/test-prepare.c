/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Converts videos to data sets: audio and frames keep their time, ambisonics
 * are rendered to the right channel, and errors name files that cannot be
 * used. */
#include <glib/gstdio.h>

#include "dataset-support.h"
#include "prepare-ambisonic.h"
#include "prepare.h"
#include "scenes-video.h"
#include "../suite.h"
#include "audio/resampler.h"

#define RATE 48000
#define FPS 20

static char *videos, *folder;

static void
make_folders (void)
{
  videos = make_folder ();
  folder = make_folder ();
}

static void
remove_folders (void)
{
  remove_tree (videos);
  remove_tree (folder);
  g_clear_pointer (&videos, g_free);
  g_clear_pointer (&folder, g_free);
}

static CcsPrepareOptions
options_of_folders (void)
{
  CcsPrepareOptions options = CCS_PREPARE_OPTIONS_INIT;

  options.videos = videos;
  options.folder = folder;
  return options;
}

/* Writes a video. The red value of a frame is 20 times its second. Audio
 * channel c has the level gains[c] in even seconds and is silent in odd
 * ones. */
static void
write_video (const char *name, guint seconds, guint channels,
             const float *gains)
{
  CcsVideoFormat format = { 64, 32, FPS, RATE, channels };
  g_autofree char *path = g_build_filename (videos, name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsVideoWriter) writer
      = ccs_video_writer_new (path, &format, &error);
  g_autofree float *noise = g_new (float, channels *RATE / FPS);
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  guint8 rgb[3 * 64 * 32];

  assert_ok (writer != NULL, error);
  for (guint k = 0; k < seconds * FPS; k++) {
    const float *planes[8];

    for (guint i = 0; i < RATE / FPS; i++) {
      float value = k / FPS % 2 ? 0 : g_rand_double_range (random, -0.5, 0.5);

      for (guint c = 0; c < channels; c++)
        noise[c * RATE / FPS + i] = gains[c] * value;
    }
    for (guint c = 0; c < channels; c++)
      planes[c] = noise + c * RATE / FPS;
    for (guint i = 0; i < sizeof rgb; i++)
      rgb[i] = i % 3 == 0 ? 20 * (k / FPS % 12) : 0;
    assert_ok (ccs_video_writer_picture (writer, rgb, &error), error);
    assert_ok (ccs_video_writer_sound (writer, planes, RATE / FPS, &error),
               error);
  }
  assert_ok (ccs_video_writer_finish (writer, &error), error);
}

static CcsDataset *
open_prepared (const char *kind, CcsSplit split)
{
  CcsDatasetOptions options = CCS_DATASET_OPTIONS_INIT;
  g_autoptr (GError) error = NULL;
  CcsDataset *dataset;

  options.kind = kind;
  options.root = folder;
  options.split = split;
  dataset = ccs_dataset_open (&options, &error);
  assert_ok (dataset != NULL, error);
  return dataset;
}

static double
level (const float *samples, gsize n)
{
  double energy = 0;

  for (gsize i = 0; i < n; i++)
    energy += (double)samples[i] * samples[i];
  return sqrt (energy / n);
}

/* Returns the levels of both channels over the second that starts at
 * @second. */
static void
levels_at (CcsDataset *dataset, gsize item, guint second, double *left_level,
           double *right_level)
{
  float left[CCS_MODEL_RATE], right[CCS_MODEL_RATE];
  g_autoptr (GError) error = NULL;

  assert_ok (ccs_dataset_load_audio (dataset, item, second * CCS_MODEL_RATE,
                                     CCS_MODEL_RATE, left, right, &error),
             error);
  /* Leaves out the edges, where the resampler's filter rings. */
  *left_level = level (left + 800, CCS_MODEL_RATE - 1600);
  *right_level = level (right + 800, CCS_MODEL_RATE - 1600);
}

/* Returns the mean red value of the frame at @time, divided by the step
 * between two seconds. */
static double
step_at (CcsDataset *dataset, gsize item, double time)
{
  g_autofree guint8 *rgb = g_malloc (PICTURE_BYTES);
  g_autoptr (GError) error = NULL;
  CcsDatasetItem about;
  double red = 0;

  ccs_dataset_item (dataset, item, &about);
  assert_ok (ccs_dataset_load_frame (dataset, item,
                                     ccs_dataset_frame_at (&about, time), rgb,
                                     &error),
             error);
  for (guint i = 0; i < PICTURE_BYTES; i += 3)
    red += rgb[i];
  return red / (PICTURE_BYTES / 3) / 20;
}

/* -- fairplay -- */

START_TEST (binaural_video_keeps_sound_and_frames_in_time)
{
  static const float gains[] = { 1, 0.25f };
  CcsPrepareOptions options = options_of_folders ();
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsDataset) dataset = NULL;
  CcsPrepareReport report;

  options.val_share = options.test_share = 0;
  write_video ("concert.mkv", 24, 2, gains);
  assert_ok (ccs_prepare_fairplay (&options, &report, &error), error);
  ck_assert_uint_eq (report.videos, 1);
  ck_assert_uint_eq (report.clips, 2);
  dataset = open_prepared ("fairplay", CCS_SPLIT_TRAIN);
  ck_assert_uint_eq (ccs_dataset_length (dataset), 2);
  for (guint item = 0; item < 2; item++) {
    for (guint second = 0; second < 9; second++) {
      double left, right;

      levels_at (dataset, item, second, &left, &right);
      if (second % 2 == 0) {
        ck_assert_double_gt (left, 0.1);
        ck_assert_double_eq_tol (right / left, 0.25, 0.01);
      } else {
        ck_assert_double_lt (left, 0.01);
      }
      ck_assert_double_eq_tol (step_at (dataset, item, second + 0.5),
                               (10 * item + second) % 12, 0.4);
    }
  }
}
END_TEST

START_TEST (scene_survives_the_way_through_a_video)
{
  g_autofree char *path = g_build_filename (videos, "scene.mkv", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsScenery) scenery
      = ccs_scenery_new (CCS_SPLIT_TRAIN, 1, RATE, NULL, &error);
  g_autoptr (CcsScene) scene = NULL;
  g_autoptr (CcsDataset) dataset = NULL;
  CcsPrepareOptions options = options_of_folders ();
  CcsPrepareReport report;
  g_autofree float *sound = g_new (float, 2 * SOUND_SAMPLES);
  g_autofree float *truth = g_new (float, 2 * 3 * SOUND_SAMPLES);
  g_autofree guint8 *rgb = g_malloc (2 * PICTURE_BYTES);
  double error_energy = 0, energy = 0, difference = 0;

  ck_assert_ptr_nonnull (scenery);
  scene = ccs_scene_new (scenery, 4);
  assert_ok (ccs_scene_write_video (scene, path, 10, FALSE, &error), error);
  options.val_share = options.test_share = 0;
  assert_ok (ccs_prepare_fairplay (&options, &report, &error), error);
  dataset = open_prepared ("fairplay", CCS_SPLIT_TRAIN);
  assert_ok (ccs_dataset_load_audio (dataset, 0, 0, SOUND_SAMPLES, sound,
                                     sound + SOUND_SAMPLES, &error),
             error);
  ccs_scene_render_audio (scene, 0, 3 * SOUND_SAMPLES, truth,
                          truth + 3 * SOUND_SAMPLES);
  for (guint channel = 0; channel < 2; channel++) {
    g_autoptr (GArray) low
        = ccs_resample (truth + channel * 3 * SOUND_SAMPLES, 3 * SOUND_SAMPLES,
                        RATE, CCS_MODEL_RATE, NULL);

    for (guint i = 0; i < SOUND_SAMPLES; i++) {
      double wanted = g_array_index (low, float, i);
      double got = sound[channel * SOUND_SAMPLES + i];

      energy += wanted * wanted;
      error_energy += (got - wanted) * (got - wanted);
    }
  }
  ck_assert_double_lt (error_energy, 1e-4 * energy);
  assert_ok (ccs_dataset_load_frame (dataset, 0, 43, rgb, &error), error);
  ccs_scene_render_frame (scene, 4.2, rgb + PICTURE_BYTES);
  for (guint i = 0; i < PICTURE_BYTES; i++)
    difference += abs (rgb[i] - rgb[i + PICTURE_BYTES]);
  ck_assert_double_lt (difference / PICTURE_BYTES, 6);
}
END_TEST

START_TEST (a_video_falls_into_one_split)
{
  static const float gains[] = { 1, 1 };
  CcsPrepareOptions options = options_of_folders ();
  g_autoptr (GError) error = NULL;
  CcsPrepareReport report;

  write_video ("a.mkv", 21, 2, gains);
  write_video ("b.mkv", 21, 2, gains);
  write_video ("c.mp4", 21, 2, gains);
  assert_ok (ccs_prepare_fairplay (&options, &report, &error), error);
  ck_assert_uint_eq (report.clips, 6);
  for (guint split = 0; split < 3; split++) {
    g_autoptr (CcsDataset) dataset = open_prepared ("fairplay", split);
    CcsDatasetItem one, two;

    ck_assert_uint_eq (ccs_dataset_length (dataset), 2);
    ccs_dataset_item (dataset, 0, &one);
    ccs_dataset_item (dataset, 1, &two);
    ck_assert_int_eq (atoi (one.name) % 2, 1);
    ck_assert_int_eq (atoi (two.name), atoi (one.name) + 1);
  }
}
END_TEST

/* -- bad videos -- */

START_TEST (mono_video_is_fatal_or_left_out_as_asked)
{
  static const float gains[] = { 1, 1 };
  CcsPrepareOptions options = options_of_folders ();
  g_autoptr (GError) error = NULL;
  CcsPrepareReport report;

  write_video ("mono.mkv", 11, 1, gains);
  write_video ("stereo.mkv", 11, 2, gains);
  ck_assert (!ccs_prepare_fairplay (&options, &report, &error));
  assert_names (error, "mono.mkv");
  assert_names (error, "1 channel");
  g_clear_error (&error);
  options.on_bad = CCS_ON_BAD_SKIP;
  assert_ok (ccs_prepare_fairplay (&options, &report, &error), error);
  ck_assert_uint_eq (report.videos, 1);
  ck_assert_uint_eq (report.skipped, 1);
  ck_assert_uint_eq (report.clips, 1);
}
END_TEST

START_TEST (short_video_leaves_nothing_behind)
{
  static const float gains[] = { 1, 1 };
  CcsPrepareOptions options = options_of_folders ();
  g_autofree char *sounds = g_build_filename (folder, "binaural_audios", NULL);
  g_autofree char *frames = g_build_filename (folder, "frames", NULL);
  g_autoptr (GPtrArray) sounds_left = NULL;
  g_autoptr (GPtrArray) frames_left = NULL;
  g_autoptr (GError) error = NULL;
  CcsPrepareReport report;

  write_video ("short.mkv", 5, 2, gains);
  ck_assert (!ccs_prepare_fairplay (&options, &report, &error));
  assert_names (error, "short.mkv");
  sounds_left = ccs_folder_list (sounds, NULL);
  frames_left = ccs_folder_list (frames, NULL);
  ck_assert_uint_eq (sounds_left->len, 0);
  ck_assert_uint_eq (frames_left->len, 0);
}
END_TEST

START_TEST (file_that_is_no_video_is_named)
{
  CcsPrepareOptions options = options_of_folders ();
  g_autofree char *path = g_build_filename (videos, "notes.mp4", NULL);
  g_autoptr (GError) error = NULL;
  CcsPrepareReport report;

  ck_assert (g_file_set_contents (path, "to be filmed", -1, NULL));
  ck_assert (!ccs_prepare_fairplay (&options, &report, &error));
  assert_names (error, path);
}
END_TEST

START_TEST (folder_without_videos_is_an_error)
{
  CcsPrepareOptions options = options_of_folders ();
  g_autoptr (GError) error = NULL;
  CcsPrepareReport report;

  ck_assert (!ccs_prepare_fairplay (&options, &report, &error));
  assert_names (error, videos);
  g_clear_error (&error);
  options.videos = "/nowhere";
  ck_assert (!ccs_prepare_fairplay (&options, &report, &error));
  assert_names (error, "/nowhere");
}
END_TEST

static guint32
be32 (const guint8 *p)
{
  return (guint32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Sets the duration of every frame of an MP4 file to @seconds: it is at byte 16
 * of the first "stts" box. */
static void
stretch_pictures (const char *name, guint seconds)
{
  g_autofree char *path = g_build_filename (videos, name, NULL);
  g_autofree char *bytes = NULL;
  gsize size;
  guint8 *box;
  guint32 lasts;

  ck_assert (g_file_get_contents (path, &bytes, &size, NULL));
  box = memmem (bytes, size, "stts", 4);
  ck_assert_ptr_nonnull (box);
  lasts = be32 (box + 16) * FPS * seconds;
  for (guint i = 0; i < 4; i++)
    box[16 + i] = lasts >> (24 - 8 * i) & 0xff;
  /* Disables the edit list, so that it does not cut off the end. */
  while ((box = memmem (bytes, size, "edts", 4)))
    memcpy (box, "free", 4);
  ck_assert (g_file_set_contents (path, bytes, size, NULL));
}

START_TEST (a_broken_clock_fills_no_disk)
{
  static const float gains[] = { 1, 1 };
  CcsPrepareOptions options = options_of_folders ();
  g_autoptr (GError) error = NULL;
  CcsPrepareReport report;

  write_video ("joined.mp4", 1, 2, gains);
  stretch_pictures ("joined.mp4", 3700);
  ck_assert (!ccs_prepare_fairplay (&options, &report, &error));
  assert_names (error, "joined.mp4");
  assert_names (error, "clock");
}
END_TEST

/* -- ambisonics -- */

/* Returns the levels of both channels for noise from @azimuth (positive to
 * the right). */
static void
ears_of_plane_wave (CcsAmbisonicOrder order, double azimuth, double *left,
                    double *right)
{
  enum
  {
    N = 24000
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsAmbisonic) ambisonic
      = ccs_ambisonic_new (order, RATE, NULL, &error);
  g_autoptr (GRand) random = g_rand_new_with_seed (2);
  double a = -azimuth * G_PI / 180;
  double ambix[4] = { 1, sin (a), 0, cos (a) };
  double fuma[4] = { G_SQRT2 / 2, cos (a), sin (a), 0 };
  const double *gains = order == CCS_AMBISONIC_FUMA ? fuma : ambix;
  g_autofree float *memory = g_new (float, 6 * N);
  float *planes[4];

  assert_ok (ambisonic != NULL, error);
  for (guint c = 0; c < 4; c++)
    planes[c] = memory + c * N;
  for (guint i = 0; i < N; i++) {
    double value = g_rand_double_range (random, -1, 1);

    for (guint c = 0; c < 4; c++)
      planes[c][i] = gains[c] * value;
  }
  ccs_ambisonic_render (ambisonic, planes, N, memory + 4 * N, memory + 5 * N);
  *left = level (memory + 4 * N, N);
  *right = level (memory + 5 * N, N);
}

START_TEST (ambisonic_sound_reaches_the_nearer_ear)
{
  double left, right;

  ears_of_plane_wave (_i, 60, &left, &right);
  ck_assert_double_gt (right, 1.5 * left);
  ears_of_plane_wave (_i, -60, &left, &right);
  ck_assert_double_gt (left, 1.5 * right);
  ears_of_plane_wave (_i, 0, &left, &right);
  /* Measured HRTFs are not quite symmetric. */
  ck_assert_double_eq_tol (left / right, 1, 0.1);
}
END_TEST

START_TEST (channel_orders_describe_the_same_sound)
{
  double left[2], right[2];

  for (guint order = 0; order < 2; order++)
    ears_of_plane_wave (order, 37, &left[order], &right[order]);
  ck_assert_double_eq_tol (left[0], left[1], 1e-5);
  ck_assert_double_eq_tol (right[0], right[1], 1e-5);
}
END_TEST

START_TEST (rendered_pieces_join_without_a_seam)
{
  enum
  {
    N = 5000
  };
  g_autoptr (CcsAmbisonic) whole = ccs_ambisonic_new (0, RATE, NULL, NULL);
  g_autoptr (CcsAmbisonic) pieces = ccs_ambisonic_new (0, RATE, NULL, NULL);
  g_autoptr (GRand) random = g_rand_new_with_seed (3);
  static float sound[4][N], one[2][N], other[2][N];
  float *planes[4], *rest[4];

  for (guint c = 0; c < 4; c++) {
    planes[c] = sound[c];
    rest[c] = sound[c] + 1711;
    for (guint i = 0; i < N; i++)
      sound[c][i] = g_rand_double_range (random, -1, 1);
  }
  ccs_ambisonic_render (whole, planes, N, one[0], one[1]);
  ccs_ambisonic_render (pieces, planes, 1711, other[0], other[1]);
  ccs_ambisonic_render (pieces, rest, N - 1711, other[0] + 1711,
                        other[1] + 1711);
  ck_assert_int_eq (memcmp (one, other, sizeof one), 0);
}
END_TEST

START_TEST (ambisonic_video_becomes_chunks_for_two_ears)
{
  /* W Y Z X of a source 60 degrees to the right */
  static const float gains[] = { 0.5f, -0.433f, 0, 0.25f };
  CcsPrepareOptions options = options_of_folders ();
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsDataset) dataset = NULL;
  CcsPrepareReport report;

  options.val_share = options.test_share = 0;
  write_video ("sphere.mkv", 23, 4, gains);
  assert_ok (ccs_prepare_yt_clean (&options, &report, &error), error);
  ck_assert_uint_eq (report.clips, 2);
  dataset = open_prepared ("yt_clean", CCS_SPLIT_TRAIN);
  ck_assert_uint_eq (ccs_dataset_length (dataset), 2);
  for (guint item = 0; item < 2; item++) {
    for (guint second = 0; second < 9; second++) {
      double left, right;

      levels_at (dataset, item, second, &left, &right);
      if (second % 2 == 0)
        ck_assert_double_gt (right, 1.5 * left);
      else
        ck_assert_double_lt (right, 0.01);
      ck_assert_double_eq_tol (step_at (dataset, item, second + 0.5),
                               (10 * item + second) % 12, 0.4);
    }
  }
}
END_TEST

START_TEST (stereo_video_is_not_taken_for_ambisonics)
{
  static const float gains[] = { 1, 1 };
  CcsPrepareOptions options = options_of_folders ();
  g_autoptr (GError) error = NULL;
  CcsPrepareReport report;

  write_video ("stereo.mkv", 11, 2, gains);
  ck_assert (!ccs_prepare_yt_clean (&options, &report, &error));
  assert_names (error, "stereo.mkv");
  assert_names (error, "2 channels");
}
END_TEST

/* Both videos would be written to the same folder. */
START_TEST (videos_of_one_name_are_not_mixed)
{
  static const float right[] = { 0.5f, -0.433f, 0, 0.25f };
  static const float left[] = { 0.5f, 0.433f, 0, 0.25f };
  CcsPrepareOptions options = options_of_folders ();
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsDataset) dataset = NULL;
  g_autofree char *other = g_build_filename (videos, "other.mkv", NULL);
  g_autofree char *second = g_build_filename (videos, "sphere.webm", NULL);
  CcsPrepareReport report;
  double at_left, at_right;

  options.val_share = options.test_share = 0;
  write_video ("sphere.mkv", 21, 4, right);
  write_video ("other.mkv", 21, 4, left);
  ck_assert_int_eq (g_rename (other, second), 0);
  ck_assert (!ccs_prepare_yt_clean (&options, &report, &error));
  assert_names (error, "sphere.webm");
  g_clear_error (&error);

  options.on_bad = CCS_ON_BAD_SKIP;
  assert_ok (ccs_prepare_yt_clean (&options, &report, &error), error);
  ck_assert_uint_eq (report.skipped, 1);
  dataset = open_prepared ("yt_clean", CCS_SPLIT_TRAIN);
  ck_assert_uint_eq (ccs_dataset_length (dataset), 2);
  levels_at (dataset, 0, 0, &at_left, &at_right);
  ck_assert_double_gt (at_right, at_left);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("prepare");
  TCase *cases[] = { tcase_create ("fairplay"), tcase_create ("bad videos"),
                     tcase_create ("ambisonics") };

  tcase_add_test (cases[0], binaural_video_keeps_sound_and_frames_in_time);
  tcase_add_test (cases[0], scene_survives_the_way_through_a_video);
  tcase_add_test (cases[0], a_video_falls_into_one_split);
  tcase_add_test (cases[1], mono_video_is_fatal_or_left_out_as_asked);
  tcase_add_test (cases[1], short_video_leaves_nothing_behind);
  tcase_add_test (cases[1], file_that_is_no_video_is_named);
  tcase_add_test (cases[1], folder_without_videos_is_an_error);
  tcase_add_test (cases[1], a_broken_clock_fills_no_disk);
  tcase_add_loop_test (cases[2], ambisonic_sound_reaches_the_nearer_ear, 0, 2);
  tcase_add_test (cases[2], channel_orders_describe_the_same_sound);
  tcase_add_test (cases[2], rendered_pieces_join_without_a_seam);
  tcase_add_test (cases[2], ambisonic_video_becomes_chunks_for_two_ears);
  tcase_add_test (cases[2], stereo_video_is_not_taken_for_ambisonics);
  tcase_add_test (cases[2], videos_of_one_name_are_not_mixed);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    tcase_add_checked_fixture (cases[i], make_folders, remove_folders);
    suite_add_tcase (suite, cases[i]);
  }
  return run_suite (suite);
}
