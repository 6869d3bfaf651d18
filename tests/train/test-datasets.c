/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data sets: what is read is what was written, at the right time, and broken
 * files are named. */
#include <hdf5.h>
#include <sndfile.h>

#include "dataset-layout.h"
#include "dataset-support.h"

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

/* -- sound files -- */

START_TEST (a_range_of_a_file_is_that_range_of_the_whole)
{
  static const guint rates[] = { 16000, 44100, 48000 };
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "sweep.wav", NULL);
  float whole[2][32000], part[2][CCS_WINDOW];

  write_sweep (path, rates[_i], 2 * rates[_i]);
  assert_ok (ccs_sound_read (path, 0, 32000, whole[0], whole[1], &error),
             error);
  for (gsize start = 0; start <= 32000 - CCS_WINDOW; start += 4384) {
    assert_ok (
        ccs_sound_read (path, start, CCS_WINDOW, part[0], part[1], &error),
        error);
    for (gsize i = 0; i < CCS_WINDOW; i++)
      for (guint c = 0; c < 2; c++)
        ck_assert_float_eq_tol (part[c][i], whole[c][start + i], 1e-5);
  }
  remove_tree (folder);
}
END_TEST

START_TEST (sound_keeps_its_channels_and_time)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "sweep.wav", NULL);
  float left[32000], right[32000];

  write_sweep (path, 48000, 96000);
  assert_ok (ccs_sound_read (path, 0, 32000, left, right, &error), error);
  for (gsize i = 2000; i < 30000; i++) {
    double time = i / 16000.;

    ck_assert_float_eq_tol (
        left[i], 0.5 * sin (2 * G_PI * (200 + 200 * time) * time), 1e-3);
    ck_assert_float_eq_tol (right[i], 0.5 * left[i], 1e-4);
  }
  remove_tree (folder);
}
END_TEST

typedef struct
{
  const char *what;
  int channels, rate, frames;
  const char *reason;
} BadSound;

static const BadSound bad_sounds[] = {
  { "mono", 1, 48000, 96000, "1 channel" },
  { "surround", 6, 48000, 96000, "6 channels" },
  { "telephone", 2, 8000, 16000, "8000 Hz" },
  { "empty", 2, 48000, 0, "no sound" },
};

START_TEST (sound_of_another_form_is_refused)
{
  const BadSound *bad = &bad_sounds[_i];
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, bad->what, NULL);
  g_autofree float *silence
      = g_new0 (float, (gsize)bad->channels * bad->frames + 1);
  SF_INFO info = { .samplerate = bad->rate,
                   .channels = bad->channels,
                   .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };
  SNDFILE *file = sf_open (path, SFM_WRITE, &info);
  CcsSoundFile sound;

  sf_writef_float (file, silence, bad->frames);
  sf_close (file);
  ck_assert (!ccs_sound_probe (path, &sound, &error));
  assert_names (error, path);
  assert_names (error, bad->reason);
  remove_tree (folder);
}
END_TEST

START_TEST (cut_off_sound_is_refused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "cut.wav", NULL);
  g_autofree char *bytes = NULL;
  gsize length;
  float left[CCS_WINDOW], right[CCS_WINDOW];

  write_sweep (path, 16000, 32000);
  ck_assert (g_file_get_contents (path, &bytes, &length, NULL));
  ck_assert (g_file_set_contents (path, bytes, length / 4, NULL));
  ck_assert (!ccs_sound_read (path, 20000, CCS_WINDOW, left, right, &error));
  assert_names (error, path);
  remove_tree (folder);
}
END_TEST

/* A header of few bytes may state billions of frames, and memory would be asked
 * for all of them. */
START_TEST (sound_of_a_length_that_it_has_not_is_refused)
{
  const gsize length_field = 21; /* in FLAC: its last 36 bits begin here */
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "lie.flac", NULL);
  g_autofree char *bytes = NULL;
  g_autofree float *silence = g_new0 (float, 2 * 32000);
  SF_INFO info = { .samplerate = 16000,
                   .channels = 2,
                   .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16 };
  SNDFILE *file = sf_open (path, SFM_WRITE, &info);
  CcsSoundFile sound;
  gsize size;

  sf_writef_float (file, silence, 32000);
  sf_close (file);
  ck_assert (ccs_sound_probe (path, &sound, NULL));
  ck_assert (g_file_get_contents (path, &bytes, &size, NULL));
  bytes[length_field] |= 0x0f;
  memset (bytes + length_field + 1, 0xff, 4);
  ck_assert (g_file_set_contents (path, bytes, size, NULL));
  ck_assert (!ccs_sound_probe (path, &sound, &error));
  assert_names (error, path);
  remove_tree (folder);
}
END_TEST

START_TEST (sound_that_is_not_finite_is_refused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "nan.wav", NULL);
  g_autofree float *samples = g_new0 (float, 2 * 32000);
  float left[CCS_WINDOW], right[CCS_WINDOW];
  SF_INFO info = { .samplerate = 16000,
                   .channels = 2,
                   .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT };
  SNDFILE *file = sf_open (path, SFM_WRITE, &info);

  samples[20000] = NAN;
  sf_writef_float (file, samples, 32000);
  sf_close (file);
  ck_assert (!ccs_sound_read (path, 5000, CCS_WINDOW, left, right, &error));
  assert_names (error, path);
  assert_names (error, "finite");
  remove_tree (folder);
}
END_TEST

/* -- lists -- */

START_TEST (hdf5_list_comes_back)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "train.h5", NULL);
  g_autoptr (GPtrArray) out = g_ptr_array_new ();
  g_autoptr (GPtrArray) in = NULL;

  g_ptr_array_add (out, (gpointer) "binaural_audios/000001.wav");
  g_ptr_array_add (out, (gpointer) "x");
  assert_ok (ccs_list_write_hdf5 (path, "audio", out, &error), error);
  in = ccs_list_read_hdf5 (path, "audio", &error);
  assert_ok (in != NULL, error);
  ck_assert_uint_eq (in->len, 2);
  ck_assert_str_eq (in->pdata[0], out->pdata[0]);
  ck_assert_str_eq (in->pdata[1], "x");
  remove_tree (folder);
}
END_TEST

/* As Python's h5py writes an array of byte strings. */
START_TEST (hdf5_list_of_fixed_strings_is_read)
{
  static const char words[2][6] = { "000123", "ab" };
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "fixed.h5", NULL);
  g_autoptr (GPtrArray) in = NULL;
  hsize_t count = 2;
  hid_t file = H5Fcreate (path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t type = H5Tcopy (H5T_C_S1), space = H5Screate_simple (1, &count, NULL);
  hid_t set;

  H5Tset_size (type, 6);
  H5Tset_strpad (type, H5T_STR_NULLPAD);
  set = H5Dcreate2 (file, "audio", type, space, H5P_DEFAULT, H5P_DEFAULT,
                    H5P_DEFAULT);
  H5Dwrite (set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, words);
  H5Dclose (set);
  H5Sclose (space);
  H5Tclose (type);
  H5Fclose (file);
  in = ccs_list_read_hdf5 (path, "audio", &error);
  assert_ok (in != NULL, error);
  ck_assert_uint_eq (in->len, 2);
  ck_assert_str_eq (in->pdata[0], "000123");
  ck_assert_str_eq (in->pdata[1], "ab");
  remove_tree (folder);
}
END_TEST

START_TEST (hdf5_list_without_the_data_set_is_refused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "other.h5", NULL);
  g_autoptr (GPtrArray) out = g_ptr_array_new ();

  g_ptr_array_add (out, (gpointer) "x");
  assert_ok (ccs_list_write_hdf5 (path, "video", out, &error), error);
  ck_assert_ptr_null (ccs_list_read_hdf5 (path, "audio", &error));
  assert_names (error, path);
  remove_tree (folder);
}
END_TEST

START_TEST (damaged_hdf5_list_is_refused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "bad.h5", NULL);

  ck_assert (g_file_set_contents (path, "\211HDF\r\n\032\n0000", 12, NULL));
  ck_assert_ptr_null (ccs_list_read_hdf5 (path, "audio", &error));
  assert_names (error, path);
  remove_tree (folder);
}
END_TEST

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
  "a recording whose name tells its place, its people, the day, the tune and " \
  "how it was taken"

/* The first exported clip's frames and list, with a sound of @n samples. */
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
    { CCS_WINDOW, 0.6, 6 }, /* 0.63 s: six whole ones */
    { 159744, 9.98, 99 },   /* 9.984 s */
    { 192000, 11.5, 116 },  /* beyond the ten seconds of most */
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
  /* the first window, one at a tie (to even), and beyond both ends */
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

/* A copy of the exported folder through links, to be damaged. */
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

/* One video of 45 frames with chunks at 0, 1, 2 and (dropped) 3 seconds. */
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
  /* PNG data under the published name: the kind is told from the content */
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
  TCase *files = tcase_create ("files");
  TCase *fair = tcase_create ("fairplay");
  TCase *clean = tcase_create ("yt_clean");
  SRunner *runner = srunner_create (suite);
  int failed;

  tcase_add_loop_test (files, a_range_of_a_file_is_that_range_of_the_whole, 0,
                       3);
  tcase_add_test (files, sound_keeps_its_channels_and_time);
  tcase_add_loop_test (files, sound_of_another_form_is_refused, 0,
                       G_N_ELEMENTS (bad_sounds));
  tcase_add_test (files, cut_off_sound_is_refused);
  tcase_add_test (files, sound_of_a_length_that_it_has_not_is_refused);
  tcase_add_test (files, sound_that_is_not_finite_is_refused);
  tcase_add_test (files, hdf5_list_comes_back);
  tcase_add_test (files, hdf5_list_of_fixed_strings_is_read);
  tcase_add_test (files, hdf5_list_without_the_data_set_is_refused);
  tcase_add_test (files, damaged_hdf5_list_is_refused);
  suite_add_tcase (suite, files);

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

  srunner_run_all (runner, CK_ENV);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
