/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Outputs that cannot be written: full disks, read-only folders, devices, pipes
 * and links. The programs report the reason and leave no partial file. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bad-input-support.h"
#include "file-write.h"
#include "initial.h"
#include "run-files.h"
#include "../suite.h"

#define FULL_DISK (20 << 20) /* bytes: less than a model */

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
  ck_assert_int_eq (g_chdir (root), 0);
  outcome = run_program (unwritable[_i].program, obey_file_modes, "%s",
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
  struct rlimit limit;

  getrlimit (RLIMIT_FSIZE, &limit);
  limit.rlim_cur = MIN (bytes, limit.rlim_max);
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

/* Index of the call of write() that fails, counted from 1; 0: no call fails. */
static guint failing_write, writes;

/* Replaces the function of libc. */
ssize_t
write (int fd, const void *data, size_t size)
{
  if (failing_write > 0 && ++writes == failing_write) {
    errno = ENOSPC;
    return -1;
  }
  return syscall (SYS_write, fd, data, size);
}

/* sf_close() does not report that the header could not be completed. */
START_TEST (a_sound_file_reports_each_write_that_fails)
{
  static const float silence[SAMPLES];
  g_autofree char *path = in_root ("sound.wav");
  gboolean written = FALSE;
  guint n = 0;

  while (!written) {
    g_autoptr (GError) error = NULL;

    failing_write = ++n;
    writes = 0;
    written = ccs_sound_write (path, RATE, SAMPLES, silence, silence, &error);
    failing_write = 0;
    if (written)
      break;
    assert_names (error, path);
    ck_assert_ptr_nonnull (strstr (error->message, g_strerror (ENOSPC)));
    ck_assert (!g_file_test (path, G_FILE_TEST_EXISTS));
  }
  ck_assert_uint_gt (n, 3); /* header, audio, final header */
}
END_TEST

/* Available bytes; the first two are too few for the header. */
static const rlim_t rooms[] = { 0, 10, 1000 };

START_TEST (a_full_disk_leaves_no_half_sound)
{
  static const float silence[SAMPLES];
  g_autofree char *path = in_root ("sound.wav");
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;
  gboolean written;

  leave_room_for (rooms[_i]);
  written = ccs_sound_write (path, RATE, SAMPLES, silence, silence, &error);
  leave_room_for (RLIM_INFINITY); /* Check writes files, too */
  ck_assert (!written);
  assert_names (error, path);
  dir = g_dir_open (root, 0, NULL);
  while ((name = g_dir_read_name (dir)))
    ck_assert_msg (!ccs_output_file_is_partial (name, "sound.wav"), "%s", name);
}
END_TEST

/* Devices and pipes are written to, but not replaced by a new file. */

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
  assert_ok (
      ccs_file_write (pipe, "figures\n", -1, CCS_OUTPUT_OVERWRITE, &error),
      error);
  read = g_thread_join (reader);
  ck_assert_str_eq (read ? read : "", "figures\n");
  ck_assert (stat (pipe, &about) == 0 && S_ISFIFO (about.st_mode));
}
END_TEST

START_TEST (a_link_is_replaced_not_followed)
{
  g_autofree char *file = in_root ("figures");
  g_autofree char *link = in_root ("link");
  g_autofree char *text = NULL, *linked = NULL;
  g_autoptr (GError) error = NULL;

  write_text ("figures", "of another run");
  ck_assert_int_eq (symlink (file, link), 0);
  assert_ok (ccs_file_write (link, "new", -1, CCS_OUTPUT_OVERWRITE, &error),
             error);
  ck_assert (!g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  ck_assert (g_file_get_contents (link, &text, NULL, NULL));
  ck_assert_str_eq (text, "new");
  ck_assert (g_file_get_contents (file, &linked, NULL, NULL));
  ck_assert_str_eq (linked, "of another run");
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
  Suite *suite = suite_create ("bad-output");
  TCase *tcase = tcase_create ("programs");
  TCase *files = tcase_create ("files");

  tcase_add_checked_fixture (tcase, make_data, drop_data);
  tcase_add_test (tcase, a_folder_that_cannot_be_made_is_named);
  tcase_add_loop_test (tcase, what_may_not_be_written_is_told_before_the_work,
                       0, G_N_ELEMENTS (unwritable));
  tcase_add_test (tcase, resuming_nothing_is_told);
  tcase_add_test (tcase, a_full_disk_ends_the_run_and_leaves_no_half_file);
  tcase_add_test (tcase, figures_on_a_full_device_are_told);
  tcase_add_test (tcase, a_full_disk_leaves_the_last_state);
  tcase_add_test (tcase, a_model_is_no_state);
  tcase_add_checked_fixture (files, make_data, drop_data);
  tcase_add_test (files, a_sound_file_reports_each_write_that_fails);
  tcase_add_loop_test (files, a_full_disk_leaves_no_half_sound, 0,
                       G_N_ELEMENTS (rooms));
  tcase_add_test (files, a_pipe_is_written_into);
  tcase_add_test (files, a_link_is_replaced_not_followed);
  suite_add_tcase (suite, files);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
