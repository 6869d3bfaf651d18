/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of the programs about broken data sets: one line that names the
 * file, and the right exit code. A training run keeps all steps that it
 * made. */
#include <errno.h>
#include <sndfile.h>

#include "bad-input-support.h"
#include "run-files.h"
#include "../suite.h"

#define WAV_DATA_SIZE 40 /* offset of the audio's size in a plain header */

static void
cut (const char *name)
{
  g_autofree char *path = in_root (name);
  g_autofree char *content = NULL;
  gsize size;

  ck_assert (g_file_get_contents (path, &content, &size, NULL));
  ck_assert (g_file_set_contents (path, content, size / 2, NULL));
}

static void
write_wav (const char *name, int channels, int rate, int frames)
{
  g_autofree char *path = in_root (name);
  g_autofree float *silence = g_new0 (float, channels *frames);
  SF_INFO info = { .samplerate = rate,
                   .channels = channels,
                   .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };
  SNDFILE *file = sf_open (path, SFM_WRITE, &info);

  sf_writef_float (file, silence, frames);
  sf_close (file);
}

#define SOUND "binaural_audios/000001.wav"
#define LIST "splits/split1/train.h5"
#define TEXT_LIST "five_splits/split1/train.txt"

static void
spoil_sound (void)
{
  write_text (SOUND, "RIFF, but no sound");
}

static void
cut_sound (void)
{
  write_wav (SOUND, 2, RATE, 2 * SAMPLES);
  cut (SOUND);
}

/* Leaves the length in the header open, as programs do that write to a pipe
 * and cannot seek back. */
static void
leave_length_open (void)
{
  g_autofree char *path = in_root (SOUND);
  g_autofree char *content = NULL;
  gsize size;

  ck_assert (g_file_get_contents (path, &content, &size, NULL));
  memset (content + WAV_DATA_SIZE, 0xff, 4);
  ck_assert (g_file_set_contents (path, content, size, NULL));
}

static void
make_mono (void)
{
  write_wav (SOUND, 1, RATE, SAMPLES);
}

static void
make_telephone (void)
{
  write_wav (SOUND, 2, 8000, SAMPLES);
}

static void
spoil_list (void)
{
  write_text (LIST, "no HDF5");
}

static void
cut_list (void)
{
  cut (LIST);
}

static void
empty_text_list (void)
{
  write_text (TEXT_LIST, "\n\n");
}

/* Writes a list whose second line is an extension without a name. */
static void
name_nothing (void)
{
  write_text (TEXT_LIST, "000001.mp3\n.mp3\n");
}

static void
empty_list (void)
{
  g_autofree char *path = in_root (LIST);
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  assert_ok (ccs_list_write_hdf5 (path, CCS_LAYOUT_LIST, none, &error), error);
}

static void
remove_sounds (void)
{
  g_autofree char *path = in_root ("binaural_audios");

  remove_tree (path);
}

static void
spoil_pictures (void)
{
  g_autofree char *folder = ccs_layout_frames (root, "000001");

  for (guint k = 1; k <= FRAMES; k++) {
    g_autofree char *path = g_strdup_printf ("%s/%06u.png", folder, k);

    ck_assert (g_file_set_contents (path, "\x89PNG and no more", -1, NULL));
  }
}

typedef struct
{
  void (*spoil) (void);
  const char *options;
  const char *named; /* must be in the message */
} BadData;

static const BadData bad_data[] = {
  { spoil_sound, "", SOUND },
  { cut_sound, "", "bytes of the sound" },
  { make_mono, "", SOUND },
  { make_telephone, "", "8000 Hz" },
  { spoil_list, "", LIST },
  { cut_list, "", LIST },
  { empty_text_list, "--setup 5splits", TEXT_LIST },
  { name_nothing, "--setup 5splits", TEXT_LIST },
  { empty_list, "", LIST },
  { remove_sounds, "", SOUND },
  { spoil_pictures, "", "000001.mp4" },
};

START_TEST (training_on_bad_data_ends_with_the_file_s_name)
{
  const BadData *bad = &bad_data[_i];
  g_auto (Outcome) outcome = { 0 };

  bad->spoil ();
  outcome = run_program ("CCSTEREO_TRAIN", NULL,
                         "--dataset fairplay --data-root %s --save_dir %s/run "
                         "--backend cpu --batch_size 2 --no-scl --max-steps 1 "
                         "--quiet --no-report --validation_freq 0%s%s",
                         root, root, *bad->options ? " " : "", bad->options);
  assert_refused (&outcome, 1, bad->named);
}
END_TEST

static const char *const later_lists[] = { "val.h5", "test.h5" };

START_TEST (a_list_missing_later_is_told_before_the_first_step)
{
  g_autofree char *list
      = g_build_filename (root, "splits/split1", later_lists[_i], NULL);
  g_autofree char *metrics = in_root ("run/" CCS_RUN_METRICS);
  g_auto (Outcome) outcome = { 0 };

  ck_assert_int_eq (g_unlink (list), 0);
  outcome = run_program ("CCSTEREO_TRAIN", NULL,
                         "--dataset fairplay --data-root %s --save_dir %s/run "
                         "--backend cpu --batch_size 2 --no-scl --max-steps 9 "
                         "--quiet",
                         root, root);
  assert_refused (&outcome, 1, later_lists[_i]);
  ck_assert (!g_file_test (metrics, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST (a_sound_of_open_length_is_read)
{
  g_autofree char *path = in_root (SOUND);
  g_autoptr (GError) error = NULL;
  CcsSoundFile sound;

  leave_length_open ();
  assert_ok (ccs_sound_probe (path, &sound, &error), error);
  ck_assert_uint_eq (sound.frames, SAMPLES);
}
END_TEST

static void
spoil_validation (void)
{
  g_autofree char *list = in_root ("splits/split1/val.h5");
  g_autofree char *folder = ccs_layout_frames (root, "000002");
  g_autofree char *sound = ccs_layout_sound (root, "000002");
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  write_sweep (sound, RATE, SAMPLES);
  write_frames ("000002");
  g_ptr_array_add (ids, (gpointer) "000002");
  assert_ok (ccs_list_write_hdf5 (list, CCS_LAYOUT_LIST, ids, &error), error);
  for (guint k = 2; k <= FRAMES; k++) {
    g_autofree char *path = g_strdup_printf ("%s/%06u.png", folder, k);

    ck_assert (g_file_set_contents (path, "broken", -1, NULL));
  }
}

START_TEST (a_clip_that_fails_later_costs_no_step)
{
  g_autofree char *run = in_root ("run");
  g_autoptr (GError) error = NULL;
  CcsRunState state = { 0 };
  g_auto (Outcome) outcome = { 0 };

  spoil_validation ();
  outcome = run_program ("CCSTEREO_TRAIN", NULL,
                         "--dataset fairplay --data-root %s --save_dir %s "
                         "--backend cpu --batch_size 2 --no-scl --max-steps 9 "
                         "--quiet --no-report --validation_freq 2",
                         root, run);
  assert_refused (&outcome, 1, "000002.mp4");
  assert_ok (ccs_run_state_load (&state, run, &error), error);
  ck_assert_uint_eq (state.step, 2);
  ccs_run_state_clear (&state);
}
END_TEST

static const char *const hidden[]
    = { LIST, "splits", SOUND, "binaural_audios", "frames/000001.mp4" };

START_TEST (what_may_not_be_read_is_told_with_the_reason)
{
  g_autofree char *path = in_root (hidden[_i]);
  g_auto (Outcome) outcome = { 0 };

  ck_assert_int_eq (g_chmod (path, 0), 0);
  outcome
      = run_program ("CCSTEREO_EVAL", obey_file_modes,
                     "--dataset fairplay --split train --data-root %s", root);
  ck_assert_int_eq (g_chmod (path, 0777), 0);
  assert_refused (&outcome, 1, hidden[_i]);
  assert_refused (&outcome, 1, g_strerror (EACCES));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("bad-data");
  TCase *tcase = tcase_create ("programs");

  tcase_add_checked_fixture (tcase, make_data, drop_data);
  tcase_add_loop_test (tcase, training_on_bad_data_ends_with_the_file_s_name, 0,
                       G_N_ELEMENTS (bad_data));
  tcase_add_test (tcase, a_sound_of_open_length_is_read);
  tcase_add_loop_test (tcase,
                       a_list_missing_later_is_told_before_the_first_step, 0,
                       G_N_ELEMENTS (later_lists));
  tcase_add_test (tcase, a_clip_that_fails_later_costs_no_step);
  tcase_add_loop_test (tcase, what_may_not_be_read_is_told_with_the_reason, 0,
                       G_N_ELEMENTS (hidden));
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
