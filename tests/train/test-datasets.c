/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data sets: clips and frames are read as they were written and at the right
 * time, and errors name missing or broken files. */
#include "dataset-layout.h"
#include "dataset-support.h"
#include "../suite.h"

static char *fairplay; /* exported once */

static void
make_fairplay (void)
{
  fairplay = make_folder ();
  export_scenes (fairplay);
}

static void
drop_fairplay (void)
{
  remove_tree (fairplay);
  g_clear_pointer (&fairplay, g_free);
}

static CcsDatasetOptions
options_of (const char *kind, const char *root)
{
  CcsDatasetOptions options = CCS_DATASET_OPTIONS_INIT;

  options.kind = kind;
  options.root = root;
  options.scene_seed = SCENE_SEED;
  options.scene_count = 2;
  return options;
}

static CcsDataset *
open_or_fail (const CcsDatasetOptions *options)
{
  g_autoptr (GError) error = NULL;
  CcsDataset *dataset = ccs_dataset_open (options, &error);

  assert_ok (dataset != NULL, error);
  return dataset;
}

static void
assert_cannot_open (const CcsDatasetOptions *options, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsDataset) dataset = ccs_dataset_open (options, &error);

  ck_assert_ptr_null (dataset);
  assert_names (error, part);
}

/* -- fairplay -- */

START_TEST (exported_scenes_read_back_as_fairplay)
{
  static const char *const setups[] = { "10splits", "5splits" };
  CcsDatasetOptions options = options_of ("fairplay", fairplay);
  CcsDatasetOptions direct = options_of ("scenes", NULL);
  g_autoptr (CcsDataset) files = NULL;
  g_autoptr (CcsDataset) scenes = open_or_fail (&direct);
  g_autofree guint8 *file_rgb = g_malloc (PICTURE_BYTES);
  g_autofree guint8 *scene_rgb = g_malloc (PICTURE_BYTES);
  g_autofree float *sound = g_new (float, 4 * SOUND_SAMPLES);
  g_autoptr (GError) error = NULL;

  options.setup = setups[_i];
  files = open_or_fail (&options);
  ck_assert_uint_eq (ccs_dataset_length (files), 2);
  for (gsize item = 0; item < 2; item++) {
    CcsDatasetItem a, b;

    ccs_dataset_item (files, item, &a);
    ccs_dataset_item (scenes, item, &b);
    ck_assert_uint_eq (a.samples, b.samples);
    ck_assert_double_eq (a.duration, b.duration);
    ck_assert_int_eq (ccs_dataset_frame_at (&a, 3.21),
                      ccs_dataset_frame_at (&b, 3.21));
    assert_ok (ccs_dataset_load_frame (files, item, 37, file_rgb, &error),
               error);
    assert_ok (ccs_dataset_load_frame (scenes, item, 37, scene_rgb, &error),
               error);
    ck_assert_int_eq (memcmp (file_rgb, scene_rgb, PICTURE_BYTES), 0);
    assert_ok (ccs_dataset_load_audio (files, item, 0, SOUND_SAMPLES, sound,
                                       sound + SOUND_SAMPLES, &error),
               error);
    assert_ok (ccs_dataset_load_audio (scenes, item, 0, SOUND_SAMPLES,
                                       sound + 2 * SOUND_SAMPLES,
                                       sound + 3 * SOUND_SAMPLES, &error),
               error);
    for (gsize i = 0; i < 2 * SOUND_SAMPLES; i++)
      ck_assert_float_eq_tol (
          sound[i], CLAMP (sound[i + 2 * SOUND_SAMPLES], -1, 1), 5e-5);
  }
}
END_TEST

#define LONG_NAME                                                              \
  "a recording whose name has the place, the people, the day, the tune and "   \
  "the equipment"

/* Makes a data set that links to the first exported clip's frames and list,
 * and has audio of @n samples. */
static char *
link_with_sound (const char *id, gsize n)
{
  g_autofree char *frames = ccs_layout_frames (fairplay, "000001");
  char *folder = make_folder ();
  g_autofree char *sound = ccs_layout_sound (folder, id);
  g_autofree char *link = ccs_layout_frames (folder, id);
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (ids, (gpointer)id);
  assert_ok (ccs_layout_make (folder, &error), error);
  assert_ok (ccs_layout_write_lists (folder, "train", ids, &error), error);
  write_sweep (sound, CCS_MODEL_RATE, n);
  ck_assert (symlink (frames, link) == 0);
  return folder;
}

START_TEST (a_clip_has_the_frames_that_its_sound_lasts_for)
{
  static const struct
  {
    gsize samples;
    double center;
    gint64 number;
  } clips[] = {
    { CCS_WINDOW, 0.6, 6 }, /* 0.63 s: six whole frames */
    { 159744, 9.98, 99 },   /* 9.984 s */
    { 192000, 11.5, 116 },  /* longer than the usual 10 s */
    { 192000, 12.5, 120 },
  };
  g_autofree char *folder = link_with_sound ("long", clips[_i].samples);
  CcsDatasetOptions options = options_of ("fairplay", folder);
  g_autoptr (CcsDataset) dataset = open_or_fail (&options);
  CcsDatasetItem item;

  ccs_dataset_item (dataset, 0, &item);
  ck_assert_int_eq (ccs_dataset_frame_at (&item, clips[_i].center),
                    clips[_i].number);
  remove_tree (folder);
}
END_TEST

START_TEST (a_long_name_is_kept_whole)
{
  g_autofree char *folder = link_with_sound (LONG_NAME, CCS_WINDOW);
  CcsDatasetOptions options = options_of ("fairplay", folder);
  g_autoptr (CcsDataset) dataset = open_or_fail (&options);
  CcsDatasetItem item;

  ccs_dataset_item (dataset, 0, &item);
  ck_assert_str_eq (item.name, LONG_NAME);
  remove_tree (folder);
}
END_TEST

START_TEST (window_takes_the_published_frame)
{
  CcsDatasetOptions options = options_of ("fairplay", fairplay);
  g_autoptr (CcsDataset) dataset = open_or_fail (&options);
  CcsDatasetItem item;

  ccs_dataset_item (dataset, 0, &item);
  /* Times of the first window, of a tie, which rounds to even, and before
   * the start and after the end of the clip. */
  ck_assert_int_eq (ccs_dataset_frame_at (&item, 0.315), 4);
  ck_assert_int_eq (ccs_dataset_frame_at (&item, 0.75), 8);
  ck_assert_int_eq (ccs_dataset_frame_at (&item, 9.99), 100);
  ck_assert_int_eq (ccs_dataset_frame_at (&item, -3), 1);
}
END_TEST

START_TEST (range_beyond_the_clip_is_refused)
{
  static const char *const kinds[] = { "fairplay", "scenes" };
  CcsDatasetOptions options = options_of (kinds[_i], fairplay);
  g_autoptr (CcsDataset) dataset = open_or_fail (&options);
  g_autoptr (GError) error = NULL;
  float left[100], right[100];

  ck_assert (!ccs_dataset_load_audio (dataset, 0, SOUND_SAMPLES - 99, 100, left,
                                      right, &error));
  ck_assert_ptr_nonnull (error);
}
END_TEST

/* Makes a copy of the exported folder from links, in which a test damages
 * files. */
static char *
link_fairplay (void)
{
  static const char *const parts[]
      = { "splits", "five_splits", "binaural_audios", "frames" };
  char *folder = make_folder ();

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    g_autofree char *from = g_build_filename (fairplay, parts[i], NULL);
    g_autofree char *to = g_build_filename (folder, parts[i], NULL);
    g_autoptr (GPtrArray) names = ccs_folder_list (from, NULL);

    ck_assert (g_mkdir (to, 0755) == 0);
    for (guint j = 0; j < names->len; j++) {
      g_autofree char *target = g_build_filename (from, names->pdata[j], NULL);
      g_autofree char *link = g_build_filename (to, names->pdata[j], NULL);

      ck_assert (symlink (target, link) == 0);
    }
  }
  return folder;
}

START_TEST (missing_sound_is_fatal_or_left_out_as_asked)
{
  g_autofree char *folder = link_fairplay ();
  g_autofree char *lost
      = g_build_filename (folder, "binaural_audios", "000001.wav", NULL);
  CcsDatasetOptions options = options_of ("fairplay", folder);
  g_autoptr (CcsDataset) rest = NULL;

  g_unlink (lost);
  assert_cannot_open (&options, lost);
  options.on_bad = CCS_ON_BAD_SKIP;
  rest = open_or_fail (&options);
  ck_assert_uint_eq (ccs_dataset_length (rest), 1);
  ck_assert_uint_eq (ccs_dataset_skipped (rest), 1);
  remove_tree (folder);
}
END_TEST

START_TEST (missing_frames_are_named)
{
  g_autofree char *folder = link_fairplay ();
  g_autofree char *lost
      = g_build_filename (folder, "frames", "000002.mp4", NULL);
  CcsDatasetOptions options = options_of ("fairplay", folder);

  g_unlink (lost);
  assert_cannot_open (&options, lost);
  remove_tree (folder);
}
END_TEST

START_TEST (sound_shorter_than_a_window_is_named)
{
  g_autofree char *folder = link_fairplay ();
  g_autofree char *path
      = g_build_filename (folder, "binaural_audios", "000001.wav", NULL);
  CcsDatasetOptions options = options_of ("fairplay", folder);

  g_unlink (path);
  write_sweep (path, 16000, CCS_WINDOW - 1);
  assert_cannot_open (&options, path);
  remove_tree (folder);
}
END_TEST

START_TEST (damaged_frame_is_named)
{
  g_autofree char *folder = link_fairplay ();
  g_autofree char *frames
      = g_build_filename (folder, "frames", "000001.mp4", NULL);
  g_autofree char *frame = g_build_filename (frames, "000001.png", NULL);
  CcsDatasetOptions options = options_of ("fairplay", folder);
  g_autofree guint8 *rgb = g_malloc (PICTURE_BYTES);
  g_autoptr (CcsDataset) dataset = NULL;
  g_autoptr (GError) error = NULL;

  g_unlink (frames);
  g_mkdir (frames, 0755);
  ck_assert (g_file_set_contents (frame, "\211PNG\r\n\032\ncut", -1, NULL));
  dataset = open_or_fail (&options);
  ck_assert (!ccs_dataset_load_frame (dataset, 0, 1, rgb, &error));
  assert_names (error, frame);
  remove_tree (folder);
}
END_TEST

START_TEST (missing_list_is_named)
{
  CcsDatasetOptions options = options_of ("fairplay", fairplay);

  options.split_number = 9;
  assert_cannot_open (&options, "split9");
  options.setup = "5splits";
  assert_cannot_open (&options, "split9");
}
END_TEST

START_TEST (empty_list_is_an_error)
{
  CcsDatasetOptions options = options_of ("fairplay", fairplay);

  options.split = CCS_SPLIT_TEST;
  assert_cannot_open (&options, "test.h5");
  options.setup = "5splits";
  assert_cannot_open (&options, "test.txt");
}
END_TEST

START_TEST (unknown_choices_are_named)
{
  CcsDatasetOptions options = options_of ("fairplay", fairplay);

  options.setup = "7splits";
  assert_cannot_open (&options, "7splits");
  options = options_of ("music", fairplay);
  assert_cannot_open (&options, "music");
  options = options_of ("fairplay", "/nowhere");
  assert_cannot_open (&options, "/nowhere");
}
END_TEST

/* -- yt_clean -- */

/* Makes a data set with one video of 45 frames and chunks at 0, 1, 2 and 3
 * seconds; the last chunk is not used. */
static char *
make_yt_clean (void)
{
  char *folder = make_folder ();
  g_autofree char *sounds
      = g_build_filename (folder, "frames", "vid", "cipic_subj3", NULL);
  g_autofree char *frames
      = g_build_filename (folder, "frames", "vid", "video", NULL);
  g_autofree char *list
      = g_build_filename (folder, "YT-Clean.test.1.lst", NULL);
  g_autofree guint8 *rgb = g_malloc0 (PICTURE_BYTES);

  ck_assert (g_mkdir_with_parents (sounds, 0755) == 0);
  ck_assert (g_mkdir_with_parents (frames, 0755) == 0);
  ck_assert (g_file_set_contents (list, "vid\n\n", -1, NULL));
  for (guint second = 0; second < 4; second++) {
    g_autofree char *path = g_strdup_printf ("%s/%u.wav", sounds, second);

    write_sweep (path, 48000, 96000);
  }
  /* The .jpg files contain PNG data: the format is detected from the
   * content. */
  for (guint k = 0; k < 45; k++) {
    g_autofree char *path = g_strdup_printf ("%s/%06u.jpg", frames, k);

    rgb[0] = k;
    ck_assert (
        ccs_frame_write (path, CCS_RESIZE_WIDTH, CCS_RESIZE_HEIGHT, rgb, NULL));
  }
  return folder;
}

START_TEST (chunks_are_paired_with_their_own_frames)
{
  g_autofree char *folder = make_yt_clean ();
  CcsDatasetOptions options = options_of ("yt_clean", folder);
  g_autoptr (CcsDataset) dataset = NULL;
  g_autofree guint8 *rgb = g_malloc (PICTURE_BYTES);
  g_autoptr (GError) error = NULL;
  CcsDatasetItem item;

  options.split = CCS_SPLIT_TEST;
  dataset = open_or_fail (&options);
  ck_assert_uint_eq (ccs_dataset_length (dataset), 3);
  ccs_dataset_item (dataset, 2, &item);
  ck_assert_str_eq (item.name, "vid/2");
  ck_assert_int_eq (ccs_dataset_frame_at (&item, 0.7), 20 + 8);
  ck_assert_int_eq (ccs_dataset_frame_at (&item, 9), 44);
  assert_ok (ccs_dataset_load_frame (dataset, 2, 28, rgb, &error), error);
  ck_assert_uint_eq (rgb[0], 28);
  remove_tree (folder);
}
END_TEST

START_TEST (official_chunks_take_the_first_frames)
{
  g_autofree char *folder = make_yt_clean ();
  CcsDatasetOptions options = options_of ("yt_clean", folder);
  g_autoptr (CcsDataset) dataset = NULL;
  CcsDatasetItem item;

  options.split = CCS_SPLIT_TEST;
  options.official = TRUE;
  dataset = open_or_fail (&options);
  ccs_dataset_item (dataset, 2, &item);
  ck_assert_int_eq (ccs_dataset_frame_at (&item, 0.7), 8);
  remove_tree (folder);
}
END_TEST

START_TEST (video_without_sound_is_fatal_or_left_out)
{
  g_autofree char *folder = make_yt_clean ();
  g_autofree char *list
      = g_build_filename (folder, "YT-Clean.test.1.lst", NULL);
  CcsDatasetOptions options = options_of ("yt_clean", folder);
  g_autoptr (CcsDataset) dataset = NULL;

  ck_assert (g_file_set_contents (list, "lost\nvid\n", -1, NULL));
  options.split = CCS_SPLIT_TEST;
  assert_cannot_open (&options, "lost");
  options.on_bad = CCS_ON_BAD_SKIP;
  dataset = open_or_fail (&options);
  ck_assert_uint_eq (ccs_dataset_length (dataset), 3);
  ck_assert_uint_eq (ccs_dataset_skipped (dataset), 1);
  remove_tree (folder);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("datasets");
  TCase *fair = tcase_create ("fairplay");
  TCase *clean = tcase_create ("yt_clean");

  tcase_add_unchecked_fixture (fair, make_fairplay, drop_fairplay);
  tcase_add_loop_test (fair, exported_scenes_read_back_as_fairplay, 0, 2);
  tcase_add_test (fair, window_takes_the_published_frame);
  tcase_add_loop_test (fair, a_clip_has_the_frames_that_its_sound_lasts_for, 0,
                       4);
  tcase_add_test (fair, a_long_name_is_kept_whole);
  tcase_add_loop_test (fair, range_beyond_the_clip_is_refused, 0, 2);
  tcase_add_test (fair, missing_sound_is_fatal_or_left_out_as_asked);
  tcase_add_test (fair, missing_frames_are_named);
  tcase_add_test (fair, sound_shorter_than_a_window_is_named);
  tcase_add_test (fair, damaged_frame_is_named);
  tcase_add_test (fair, missing_list_is_named);
  tcase_add_test (fair, empty_list_is_an_error);
  tcase_add_test (fair, unknown_choices_are_named);
  suite_add_tcase (suite, fair);

  tcase_add_test (clean, chunks_are_paired_with_their_own_frames);
  tcase_add_test (clean, official_chunks_take_the_first_frames);
  tcase_add_test (clean, video_without_sound_is_fatal_or_left_out);
  suite_add_tcase (suite, clean);

  return run_suite (suite);
}
