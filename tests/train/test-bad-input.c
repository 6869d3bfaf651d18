/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the programs say to broken files, wrong words and full disks: one line
 * that names the culprit, the right exit code, and nothing lost. */
#include <errno.h>
#include <signal.h>
#include <sndfile.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataset-layout.h"
#include "dataset-support.h"
#include "file-write.h"
#include "initial.h"
#include "program-support.h"
#include "run-files.h"

#define RATE 48000
#define NOBODY 65534
#define SAMPLES RATE
#define FRAMES 10
#define PICTURE_WIDTH 24
#define PICTURE_HEIGHT 12
#define WAV_DATA_SIZE 40     /* where a plain header has its sound's length */
#define FULL_DISK (20 << 20) /* bytes: less than a model */

static char *root; /* a good data set, made anew for every test */

/* -- a data set of one clip -- */

static char *
in_root (const char *name)
{
  return g_build_filename (root, name, NULL);
}

static void
write_frames (const char *id)
{
  g_autofree char *folder = ccs_layout_frames (root, id);
  g_autofree guint8 *grey = g_malloc (3 * PICTURE_WIDTH * PICTURE_HEIGHT);

  memset (grey, 128, 3 * PICTURE_WIDTH * PICTURE_HEIGHT);
  ck_assert_int_eq (g_mkdir_with_parents (folder, 0777), 0);
  for (guint k = 1; k <= FRAMES; k++) {
    g_autofree char *path = g_strdup_printf ("%s/%06u.png", folder, k);
    g_autoptr (GError) error = NULL;

    assert_ok (
        ccs_frame_write (path, PICTURE_WIDTH, PICTURE_HEIGHT, grey, &error),
        error);
  }
}

static void
make_data (void)
{
  static const char *const splits[] = { "train", "val", "test" };
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autofree char *sound = NULL;

  root = make_folder ();
  g_ptr_array_add (ids, ccs_layout_id (1));
  assert_ok (ccs_layout_make (root, &error), error);
  sound = ccs_layout_sound (root, ids->pdata[0]);
  write_sweep (sound, RATE, SAMPLES);
  write_frames (ids->pdata[0]);
  for (guint i = 0; i < G_N_ELEMENTS (splits); i++)
    assert_ok (ccs_layout_write_lists (root, splits[i], ids, &error), error);
}

static void
drop_data (void)
{
  remove_tree (root);
  g_clear_pointer (&root, g_free);
}

/* -- what is done to it -- */

static void
write_text (const char *name, const char *text)
{
  g_autofree char *path = in_root (name);

  ck_assert (g_file_set_contents (path, text, -1, NULL));
}

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
#define PICTURE "frames/000001.mp4/000003.png"
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

/* As programs write that cannot go back to the header. */
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
  const char *named; /* in the message */
} BadData;

static const BadData bad_data[] = {
  { spoil_sound, "", SOUND },
  { cut_sound, "", "bytes of the sound" },
  { make_mono, "", SOUND },
  { make_telephone, "", "8000 Hz" },
  { spoil_list, "", LIST },
  { cut_list, "", LIST },
  { empty_text_list, "--setup 5splits", TEXT_LIST },
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

/* Root may read everything. */
static void
become_nobody (gpointer unused)
{
  if (geteuid () == 0 && setresuid (NOBODY, NOBODY, NOBODY) != 0)
    _exit (99);
}

static const char *const hidden[]
    = { LIST, "splits", SOUND, "binaural_audios", "frames/000001.mp4" };

START_TEST (what_may_not_be_read_is_told_with_the_reason)
{
  g_autofree char *path = in_root (hidden[_i]);
  g_auto (Outcome) outcome = { 0 };

  ck_assert_int_eq (g_chmod (root, 0777), 0);
  ck_assert_int_eq (g_chmod (path, 0), 0);
  outcome
      = run_program ("CCSTEREO_EVAL", become_nobody,
                     "--dataset fairplay --split train --data-root %s", root);
  ck_assert_int_eq (g_chmod (path, 0777), 0);
  assert_refused (&outcome, 1, hidden[_i]);
  assert_refused (&outcome, 1, g_strerror (EACCES));
}
END_TEST

/* -- wrong words -- */

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

/* -- where nothing can be written -- */

START_TEST (a_folder_that_cannot_be_made_is_named)
{
  g_auto (Outcome) outcome = { 0 };

  write_text ("file", "in the way");
  outcome
      = run_program ("CCSTEREO_TRAIN", NULL, "--save_dir %s/file/run", root);
  assert_refused (&outcome, 1, "file/run");
}
END_TEST

static const struct
{
  const char *program, *words;
} unwritable[] = {
  { "CCSTEREO_TRAIN", "--scene-count 1 --backend cpu --save_dir locked" },
  { "CCSTEREO_TRAIN", "--save_dir locked/run" },
  { "CCSTEREO_EVAL", "--json locked/figures.json" },
  { "CCSTEREO_EVAL", "--save-audio locked" },
  { "CCSTEREO_EVAL", "--save-audio locked/sounds" },
};

START_TEST (what_may_not_be_written_is_told_before_the_work)
{
  g_autofree char *locked = in_root ("locked");
  g_autofree char *metrics = in_root ("locked/" CCS_RUN_METRICS);
  g_auto (Outcome) outcome = { 0 };

  ck_assert_int_eq (g_mkdir (locked, 0555), 0);
  ck_assert_int_eq (g_chmod (root, 0777), 0);
  ck_assert_int_eq (g_chdir (root), 0);
  outcome = run_program (unwritable[_i].program, become_nobody, "%s",
                         unwritable[_i].words);
  assert_refused (&outcome, 1, "locked");
  assert_refused (&outcome, 1, g_strerror (EACCES));
  ck_assert (!g_file_test (metrics, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST (resuming_nothing_is_told)
{
  g_auto (Outcome) outcome = run_program ("CCSTEREO_TRAIN", NULL,
                                          "--save_dir %s/none --resume", root);

  assert_refused (&outcome, 1, CCS_RUN_STATE);
}
END_TEST

static void
leave_room_for (rlim_t bytes)
{
  struct rlimit limit = { bytes, bytes };

  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &limit);
}

static void
fill_the_disk (gpointer unused)
{
  leave_room_for (FULL_DISK);
}

START_TEST (a_full_disk_ends_the_run_and_leaves_no_half_file)
{
  g_autofree char *run = in_root ("run");
  g_autofree char *metrics = g_build_filename (run, CCS_RUN_METRICS, NULL);
  g_autoptr (GDir) dir = NULL;
  const char *name;
  g_auto (Outcome) outcome = run_program (
      "CCSTEREO_TRAIN", fill_the_disk,
      "--save_dir %s --backend cpu --batch_size 2 --no-scl --max-steps 1 "
      "--scene-count 1 --quiet --no-report --validation_freq 0",
      run);

  assert_refused (&outcome, 1, CCS_RUN_STATE);
  dir = g_dir_open (run, 0, NULL);
  while ((name = g_dir_read_name (dir)))
    ck_assert_msg (strstr (name, "safetensors") == NULL, "%s is left", name);
  ck_assert (g_file_test (metrics, G_FILE_TEST_EXISTS));
}
END_TEST

/* From no room for the header on. */
static const rlim_t rooms[] = { 0, 10, 1000 };

START_TEST (a_full_disk_leaves_no_half_sound)
{
  static const float silence[SAMPLES];
  g_autofree char *path = in_root ("sound.wav");
  g_autofree char *part = in_root ("sound.wav.part");
  g_autoptr (GError) error = NULL;

  leave_room_for (rooms[_i]);
  ck_assert (!ccs_sound_write (path, RATE, SAMPLES, silence, silence, &error));
  assert_names (error, path);
  ck_assert (!g_file_test (path, G_FILE_TEST_EXISTS));
  ck_assert (!g_file_test (part, G_FILE_TEST_EXISTS));
}
END_TEST

/* Devices and pipes are written into, not replaced. */

START_TEST (figures_on_a_full_device_are_told)
{
  struct stat about;
  g_auto (Outcome) outcome = run_program (
      "CCSTEREO_TRAIN", NULL,
      "--backend cpu --batch_size 2 --no-scl --scene-count 1 --benchmark "
      "--benchmark-steps 1 --json /dev/full --save_dir %s/none",
      root);

  assert_refused (&outcome, 1, "/dev/full");
  assert_refused (&outcome, 1, g_strerror (ENOSPC));
  ck_assert (stat ("/dev/full", &about) == 0 && S_ISCHR (about.st_mode));
}
END_TEST

static gpointer
read_pipe (gpointer path)
{
  char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

START_TEST (a_pipe_is_written_into)
{
  g_autofree char *pipe = in_root ("pipe");
  g_autofree char *read = NULL;
  g_autoptr (GError) error = NULL;
  struct stat about;
  GThread *reader;

  ck_assert_int_eq (mkfifo (pipe, 0600), 0);
  assert_ok (ccs_file_writable (pipe, &error), error);
  reader = g_thread_new ("reader", read_pipe, pipe);
  assert_ok (ccs_file_write (pipe, "figures\n", -1, &error), error);
  read = g_thread_join (reader);
  ck_assert_str_eq (read ? read : "", "figures\n");
  ck_assert (stat (pipe, &about) == 0 && S_ISFIFO (about.st_mode));
}
END_TEST

START_TEST (a_link_stays_one_to_what_is_written)
{
  g_autofree char *file = in_root ("figures");
  g_autofree char *link = in_root ("link");
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  write_text ("figures", "a longer text than the new one");
  ck_assert_int_eq (symlink (file, link), 0);
  assert_ok (ccs_file_write (link, "new", -1, &error), error);
  ck_assert (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  ck_assert (g_file_get_contents (file, &text, NULL, NULL));
  ck_assert_str_eq (text, "new");
}
END_TEST

static CcsRunState
state_at (gint64 step)
{
  CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  CcsShape scalar = CCS_SHAPE_SCALAR;
  CcsRunState state = { .params = ccs_initial_params (&config, 1),
                        .optimizer = ccs_state_dict_new (),
                        .identity = g_strdup ("a run") };

  ccs_state_dict_set (
      state.optimizer, "step",
      ccs_tensor_new_take (CCS_S64, &scalar, g_memdup2 (&step, sizeof step)));
  return state;
}

START_TEST (a_full_disk_leaves_the_last_state)
{
  g_autoptr (GError) error = NULL;
  CcsRunState first = state_at (1), second = state_at (2), loaded = { 0 };

  assert_ok (ccs_run_state_save (&first, root, &error), error);
  fill_the_disk (NULL);
  ck_assert (!ccs_run_state_save (&second, root, &error));
  assert_names (error, CCS_RUN_STATE);
  g_clear_error (&error);
  assert_ok (ccs_run_state_load (&loaded, root, &error), error);
  ck_assert_uint_eq (loaded.step, 1);
  ccs_run_state_clear (&first);
  ccs_run_state_clear (&second);
  ccs_run_state_clear (&loaded);
}
END_TEST

START_TEST (a_model_is_no_state)
{
  CcsRunState state = state_at (1), loaded = { 0 };
  CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  g_autoptr (GError) error = NULL;

  assert_ok (ccs_run_save_model (state.params, &config, "none", root,
                                 CCS_RUN_STATE, &error),
             error);
  ck_assert (!ccs_run_state_load (&loaded, root, &error));
  assert_names (error, "no state of a training run");
  ccs_run_state_clear (&state);
  ccs_run_state_clear (&loaded);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("bad-input");
  TCase *tcase = tcase_create ("programs");
  SRunner *runner;
  int failed;

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
  tcase_add_loop_test (tcase, wrong_words_are_named, 0,
                       G_N_ELEMENTS (wrong_words));
  tcase_add_loop_test (tcase, bad_configurations_are_named, 0,
                       G_N_ELEMENTS (bad_configs));
  tcase_add_test (tcase, the_command_line_goes_before_the_configuration);
  tcase_add_test (tcase, a_folder_that_cannot_be_made_is_named);
  tcase_add_loop_test (tcase, what_may_not_be_written_is_told_before_the_work,
                       0, G_N_ELEMENTS (unwritable));
  tcase_add_test (tcase, resuming_nothing_is_told);
  tcase_add_test (tcase, a_full_disk_ends_the_run_and_leaves_no_half_file);
  tcase_add_loop_test (tcase, a_full_disk_leaves_no_half_sound, 0,
                       G_N_ELEMENTS (rooms));
  tcase_add_test (tcase, figures_on_a_full_device_are_told);
  tcase_add_test (tcase, a_pipe_is_written_into);
  tcase_add_test (tcase, a_link_stays_one_to_what_is_written);
  tcase_add_test (tcase, a_full_disk_leaves_the_last_state);
  tcase_add_test (tcase, a_model_is_no_state);
  suite_add_tcase (suite, tcase);
  runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed > 0;
}
