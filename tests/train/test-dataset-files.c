/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of data sets: audio and lists are read as they were written, and
 * errors name the broken file. */
#include <hdf5.h>
#include <sndfile.h>
#include <sys/stat.h>

#include "dataset-support.h"
#include "../suite.h"

static char *folder; /* empty, made for every test */

static void
set_up (void)
{
  folder = make_folder ();
}

static void
tear_down (void)
{
  remove_tree (folder);
  g_clear_pointer (&folder, g_free);
}

/* -- sound files -- */

START_TEST (a_range_of_a_file_is_that_range_of_the_whole)
{
  static const guint rates[] = { 16000, 44100, 48000 };
  g_autoptr (GError) error = NULL;
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
}
END_TEST

START_TEST (sound_keeps_its_channels_and_time)
{
  g_autoptr (GError) error = NULL;
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
}
END_TEST

/* libsndfile's PEAK chunk would store the time of writing. */
START_TEST (written_sound_is_the_same_whenever_it_is_written)
{
  const float channel[] = { 0.5f, -0.5f };
  g_autofree char *path = g_build_filename (folder, "two.wav", NULL);
  g_autofree char *bytes = NULL;
  gsize size;

  ck_assert (
      ccs_sound_write_float (path, CCS_MODEL_RATE, 2, channel, channel, NULL));
  ck_assert (g_file_get_contents (path, &bytes, &size, NULL));
  ck_assert_ptr_null (memmem (bytes, size, "PEAK", 4));
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
}
END_TEST

START_TEST (cut_off_sound_is_refused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder, "cut.wav", NULL);
  g_autofree char *bytes = NULL;
  gsize length;
  float left[CCS_WINDOW], right[CCS_WINDOW];

  write_sweep (path, 16000, 32000);
  ck_assert (g_file_get_contents (path, &bytes, &length, NULL));
  ck_assert (g_file_set_contents (path, bytes, length / 4, NULL));
  ck_assert (!ccs_sound_read (path, 20000, CCS_WINDOW, left, right, &error));
  assert_names (error, path);
}
END_TEST

/* A short header may state billions of frames. Memory for all of them must
 * not be allocated. */
START_TEST (sound_of_a_length_that_it_has_not_is_refused)
{
  const gsize length_field = 21; /* FLAC: its last 36 bits start here */
  g_autoptr (GError) error = NULL;
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
}
END_TEST

START_TEST (sound_that_is_not_finite_is_refused)
{
  g_autoptr (GError) error = NULL;
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
}
END_TEST

/* -- lists -- */

START_TEST (hdf5_list_comes_back)
{
  g_autoptr (GError) error = NULL;
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
}
END_TEST

/* h5py writes a Python array of byte strings in this form. */
START_TEST (hdf5_list_of_fixed_strings_is_read)
{
  static const char words[2 * 6 + 1] = "000123ab\0\0\0\0";
  g_autoptr (GError) error = NULL;
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
}
END_TEST

START_TEST (hdf5_list_without_the_data_set_is_refused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder, "other.h5", NULL);
  g_autoptr (GPtrArray) out = g_ptr_array_new ();

  g_ptr_array_add (out, (gpointer) "x");
  assert_ok (ccs_list_write_hdf5 (path, "video", out, &error), error);
  ck_assert_ptr_null (ccs_list_read_hdf5 (path, "audio", &error));
  assert_names (error, path);
}
END_TEST

START_TEST (damaged_hdf5_list_is_refused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder, "bad.h5", NULL);

  ck_assert (g_file_set_contents (path, "\211HDF\r\n\032\n0000", 12, NULL));
  ck_assert_ptr_null (ccs_list_read_hdf5 (path, "audio", &error));
  assert_names (error, path);
}
END_TEST

/* -- lists that name other files -- */

/* Makes a data set whose content is stored in another file, @secret, which
 * is readable text or a pipe. */
static void
make_external (hid_t file, const char *secret)
{
  hsize_t count = 1;
  hid_t type = H5Tcopy (H5T_C_S1);
  hid_t space = H5Screate_simple (1, &count, NULL);
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE);

  H5Tset_size (type, 8);
  ck_assert_int_ge (H5Pset_external (creation, secret, 0, 8), 0);
  ck_assert_int_ge (H5Dcreate2 (file, "audio", type, space, H5P_DEFAULT,
                                creation, H5P_DEFAULT),
                    0);
}

static void
make_virtual (hid_t file, const char *secret)
{
  hsize_t count = 1;
  hid_t type = H5Tcopy (H5T_C_S1);
  hid_t space = H5Screate_simple (1, &count, NULL);
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE);

  H5Tset_size (type, 8);
  ck_assert_int_ge (H5Pset_virtual (creation, space, secret, "audio", space),
                    0);
  ck_assert_int_ge (H5Dcreate2 (file, "audio", type, space, H5P_DEFAULT,
                                creation, H5P_DEFAULT),
                    0);
}

static void
make_link (hid_t file, const char *secret)
{
  ck_assert_int_ge (H5Lcreate_external (secret, "audio", file, "audio",
                                        H5P_DEFAULT, H5P_DEFAULT),
                    0);
}

/* Makes a link to another object of the same file, which is itself a link to
 * another file. */
static void
make_detour (hid_t file, const char *secret)
{
  ck_assert_int_ge (
      H5Lcreate_external (secret, "/", file, "out", H5P_DEFAULT, H5P_DEFAULT),
      0);
  ck_assert_int_ge (
      H5Lcreate_soft ("/out/audio", file, "audio", H5P_DEFAULT, H5P_DEFAULT),
      0);
}

static const struct
{
  void (*make) (hid_t file, const char *secret);
  const char *reason;
} other_files[] = {
  { make_external, "external storage" },
  { make_virtual, "a virtual data set" },
  { make_link, "a link to another file" },
  { make_detour, "a link to another file" },
};

/* No content of the other file is read or reported, and a pipe does not
 * block. */
START_TEST (an_hdf5_list_that_names_another_file_is_rejected)
{
  g_autofree char *path = g_build_filename (folder, "list.h5", NULL);
  g_autofree char *secret = g_build_filename (folder, "secret", NULL);
  g_autoptr (GPtrArray) entries = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  hid_t file;

  if (_i % 2) {
    ck_assert_int_eq (mkfifo (secret, 0600), 0);
  } else {
    g_ptr_array_add (entries, (gpointer) "password");
    assert_ok (ccs_list_write_hdf5 (secret, "audio", entries, &error), error);
  }
  file = H5Fcreate (path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  other_files[_i / 2].make (file, secret);
  H5Fclose (file);
  H5close ();
  alarm (30);
  ck_assert_ptr_null (ccs_list_read_hdf5 (path, "audio", &error));
  alarm (0);
  assert_names (error, path);
  assert_names (error, other_files[_i / 2].reason);
}
END_TEST

/* Text editors on Windows write CRLF line ends and a byte order mark. */
START_TEST (a_text_list_is_its_lines)
{
  static const char text[] = "\xef\xbb\xbf"
                             "000001.mp3\r\n\r\n000002.mp3";
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder, "train.txt", NULL);
  g_autoptr (GPtrArray) in = NULL;

  ck_assert (g_file_set_contents (path, text, -1, NULL));
  in = ccs_list_read_text (path, &error);
  assert_ok (in != NULL, error);
  ck_assert_uint_eq (in->len, 2);
  ck_assert_str_eq (in->pdata[0], "000001.mp3");
  ck_assert_str_eq (in->pdata[1], "000002.mp3");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("dataset-files");
  TCase *files = tcase_create ("files");

  tcase_add_checked_fixture (files, set_up, tear_down);
  tcase_add_loop_test (files, a_range_of_a_file_is_that_range_of_the_whole, 0,
                       3);
  tcase_add_test (files, sound_keeps_its_channels_and_time);
  tcase_add_test (files, written_sound_is_the_same_whenever_it_is_written);
  tcase_add_loop_test (files, sound_of_another_form_is_refused, 0,
                       G_N_ELEMENTS (bad_sounds));
  tcase_add_test (files, cut_off_sound_is_refused);
  tcase_add_test (files, sound_of_a_length_that_it_has_not_is_refused);
  tcase_add_test (files, sound_that_is_not_finite_is_refused);
  tcase_add_test (files, hdf5_list_comes_back);
  tcase_add_test (files, hdf5_list_of_fixed_strings_is_read);
  tcase_add_test (files, hdf5_list_without_the_data_set_is_refused);
  tcase_add_test (files, damaged_hdf5_list_is_refused);
  tcase_add_loop_test (files, an_hdf5_list_that_names_another_file_is_rejected,
                       0, 2 * G_N_ELEMENTS (other_files));
  tcase_add_test (files, a_text_list_is_its_lines);
  suite_add_tcase (suite, files);
  return run_suite (suite);
}
