/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Output files: they are written completely or not at all, even if other
 * processes write to the same folder. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint-support.h"
#include "output-file.h"
#include "../folder.h"
#include "../suite.h"

/* -- support -- */

/* If set, renameat2() behaves like a file system without RENAME_NOREPLACE. */
static gboolean cannot_keep;

/* Replaces the function of libc. */
int
renameat2 (int from_folder, const char *from, int to_folder, const char *to,
           unsigned int flags)
{
  if (cannot_keep && flags != 0) {
    errno = EINVAL;
    return -1;
  }
  return (int)syscall (SYS_renameat2, from_folder, from, to_folder, to, flags);
}

static char *folder, *path;

static void
set_up (void)
{
  folder = make_folder ();
  path = g_build_filename (folder, "out", NULL);
}

static void
tear_down (void)
{
  remove_tree (folder);
  g_clear_pointer (&folder, g_free);
  g_clear_pointer (&path, g_free);
}

static guint
count_files (void)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

/* (transfer full) */
static CcsOutputFile *
begin (CcsOutputFlags flags)
{
  g_autoptr (GError) error = NULL;
  CcsOutputFile *file = ccs_output_file_new (path, flags, &error);

  ck_assert_msg (file != NULL, "%s", error ? error->message : "");
  ck_assert (ccs_output_file_write (file, "new", 3, NULL));
  return file;
}

static void
assert_content (const char *of, const char *expected)
{
  g_autofree char *content = NULL;

  ck_assert (g_file_get_contents (of, &content, NULL, NULL));
  ck_assert_str_eq (content, expected);
}

/* -- names -- */

START_TEST (a_file_has_its_name_when_it_is_complete)
{
  g_autoptr (CcsOutputFile) file = begin (CCS_OUTPUT_NEW);
  g_autofree char *name = g_path_get_basename (ccs_output_file_partial (file));

  ck_assert (ccs_output_file_is_partial (name, "out"));
  ck_assert (!ccs_output_file_is_partial (name, "other"));
  ck_assert (!ccs_output_file_is_partial ("out", "out"));
  ck_assert (!g_file_test (path, G_FILE_TEST_EXISTS));
  ck_assert (ccs_output_file_commit (file, NULL));
  assert_content (path, "new");
  ck_assert_uint_eq (count_files (), 1);
}
END_TEST

START_TEST (a_file_that_is_not_committed_is_removed)
{
  ccs_output_file_free (begin (CCS_OUTPUT_NEW));
  ck_assert_uint_eq (count_files (), 0);
}
END_TEST

START_TEST (of_two_at_once_the_second_fails)
{
  g_autoptr (CcsOutputFile) first = begin (CCS_OUTPUT_NEW);
  g_autoptr (CcsOutputFile) second = begin (CCS_OUTPUT_NEW);
  g_autoptr (GError) error = NULL;

  cannot_keep = _i;
  ck_assert (ccs_output_file_write (first, "er", 2, NULL));
  ck_assert (ccs_output_file_commit (first, NULL));
  ck_assert (!ccs_output_file_commit (second, &error));
  assert_error (error, CCS_ERROR_IO, path, "exists already (--overwrite");
  assert_content (path, "newer");
  ck_assert_uint_eq (count_files (), 1);
}
END_TEST

START_TEST (a_taken_name_is_an_error_from_the_start)
{
  g_autoptr (GError) error = NULL;

  ck_assert (g_file_set_contents (path, "old", -1, NULL));
  ck_assert_ptr_null (ccs_output_file_new (path, CCS_OUTPUT_NEW, &error));
  assert_error (error, CCS_ERROR_IO, path, "exists already (--overwrite");
  assert_content (path, "old");
  ck_assert_uint_eq (count_files (), 1);
}
END_TEST

START_TEST (a_link_is_replaced_and_its_target_kept)
{
  g_autofree char *target = g_build_filename (folder, "target", NULL);
  g_autoptr (CcsOutputFile) file = NULL;

  ck_assert (g_file_set_contents (target, "old", -1, NULL));
  ck_assert_int_eq (symlink ("target", path), 0);
  ck_assert_ptr_null (ccs_output_file_new (path, CCS_OUTPUT_NEW, NULL));
  file = begin (CCS_OUTPUT_OVERWRITE);
  ck_assert (ccs_output_file_commit (file, NULL));
  assert_content (target, "old");
  assert_content (path, "new");
  ck_assert (!g_file_test (path, G_FILE_TEST_IS_SYMLINK));
}
END_TEST

START_TEST (a_replaced_file_keeps_its_mode)
{
  static const mode_t modes[] = { 0640, 0600, 0664, 0755 };
  g_autoptr (CcsOutputFile) file = NULL;
  struct stat about;

  umask (022);
  ck_assert (g_file_set_contents (path, "old", -1, NULL));
  ck_assert_int_eq (g_chmod (path, modes[_i]), 0);
  file = begin (CCS_OUTPUT_OVERWRITE);
  ck_assert (ccs_output_file_commit (file, NULL));
  ck_assert_int_eq (g_stat (path, &about), 0);
  ck_assert_uint_eq (about.st_mode & 0777, modes[_i]);
}
END_TEST

START_TEST (the_longest_name_can_be_written)
{
  char name[256] = "";
  g_autofree char *long_path = NULL;
  g_autoptr (CcsOutputFile) file = NULL;

  memset (name, 'x', 255);
  long_path = g_build_filename (folder, name, NULL);
  file = ccs_output_file_new (long_path, CCS_OUTPUT_NEW, NULL);
  ck_assert_ptr_nonnull (file);
  ck_assert (ccs_output_file_commit (file, NULL));
  ck_assert (g_file_test (long_path, G_FILE_TEST_EXISTS));
}
END_TEST

/* -- termination of the program -- */

static void
limit_size (rlim_t bytes)
{
  struct rlimit limit;

  getrlimit (RLIMIT_FSIZE, &limit);
  limit.rlim_cur = MIN (bytes, limit.rlim_max);
  setrlimit (RLIMIT_FSIZE, &limit);
}

/* Runs @child, which does not return, in a child process. Returns its wait
 * status. */
static int
end_of (void (*child) (int), int argument)
{
  pid_t pid = fork ();
  int status;

  if (pid == 0) {
    struct rlimit no_core = { 0, 0 };

    setrlimit (RLIMIT_CORE, &no_core);
    child (argument);
    _exit (99);
  }
  ck_assert_int_gt (pid, 0);
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  return status;
}

static void
die_of (int number)
{
  signal (number, SIG_DFL);
  ccs_output_files_guard (NULL);
  begin (CCS_OUTPUT_NEW);
  begin (CCS_OUTPUT_NEW);
  raise (number);
}

static const int deadly[] = { SIGINT,  SIGTERM, SIGHUP, SIGQUIT, SIGABRT,
                              SIGTRAP, SIGSEGV, SIGBUS, SIGXCPU };

START_TEST (a_signal_leaves_no_incomplete_file)
{
  int status = end_of (die_of, deadly[_i]);

  ck_assert_msg (WIFSIGNALED (status) && WTERMSIG (status) == deadly[_i],
                 "signal %d: status %x", deadly[_i], status);
  ck_assert_uint_eq (count_files (), 0);
}
END_TEST

static void
leave (int code)
{
  static CcsOutputFile *volatile kept; /* so that it counts as no leak */

  ccs_output_files_guard (NULL);
  kept = begin (CCS_OUTPUT_NEW);
  exit (kept ? code : 99);
}

START_TEST (a_library_that_calls_exit_leaves_no_incomplete_file)
{
  int status = end_of (leave, 3);

  ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == 3);
  ck_assert_uint_eq (count_files (), 0);
}
END_TEST

/* Aborts as g_malloc() does if there is no memory. */
static void
run_out_of_memory (int unused)
{
  g_log_set_default_handler (g_log_default_handler, NULL);
  ck_assert (freopen ("/dev/null", "w", stderr) != NULL);
  ccs_output_files_guard (NULL);
  begin (CCS_OUTPUT_NEW);
  g_error ("failed to allocate");
}

START_TEST (an_abort_of_glib_leaves_no_incomplete_file)
{
  ck_assert (WIFSIGNALED (end_of (run_out_of_memory, 0)));
  ck_assert_uint_eq (count_files (), 0);
}
END_TEST

static volatile sig_atomic_t stops;

static void
count_stop (int number)
{
  stops++;
}

static void
stop_twice (int number)
{
  ccs_output_files_guard (count_stop);
  begin (CCS_OUTPUT_NEW);
  raise (number);
  if (stops != 1 || count_files () != 1)
    _exit (98);
  raise (number);
}

START_TEST (the_second_signal_ends_a_program_that_was_asked_to_stop)
{
  int status = end_of (stop_twice, SIGTERM);

  ck_assert_msg (WIFSIGNALED (status) && WTERMSIG (status) == SIGTERM,
                 "status %x", status);
  ck_assert_uint_eq (count_files (), 0);
}
END_TEST

/* Ignores a signal, as nohup does with SIGHUP and a shell with SIGINT for
 * background jobs. */
static void
ignore (int number)
{
  signal (number, SIG_IGN);
  ccs_output_files_guard (count_stop);
  raise (number);
  raise (number);
  _exit (stops);
}

START_TEST (an_ignored_signal_stays_ignored)
{
  static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
  int status = end_of (ignore, numbers[_i]);

  ck_assert_msg (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %x",
                 status);
}
END_TEST

static void
outgrow (int by_stream)
{
  g_autofree char *large = g_malloc0 (100000);
  g_autoptr (CcsOutputFile) file = NULL;
  g_autoptr (GError) error = NULL;
  gboolean ok;

  ccs_output_files_guard (NULL);
  file = begin (CCS_OUTPUT_NEW);
  limit_size (1000);
  if (by_stream) {
    fwrite (large, 1, 100000, ccs_output_file_stream (file));
    ok = ccs_output_file_commit (file, &error);
  } else {
    ok = ccs_output_file_write (file, large, 100000, &error);
  }
  _exit (!ok && strstr (error->message, path) ? 0 : 1);
}

START_TEST (a_file_that_may_not_grow_is_an_error_and_no_signal)
{
  int status = end_of (outgrow, _i);

  ck_assert_msg (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %x",
                 status);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("output-file");
  TCase *names = tcase_create ("names");
  TCase *ends = tcase_create ("ends");

  tcase_add_checked_fixture (names, set_up, tear_down);
  tcase_add_test (names, a_file_has_its_name_when_it_is_complete);
  tcase_add_test (names, a_file_that_is_not_committed_is_removed);
  tcase_add_loop_test (names, of_two_at_once_the_second_fails, FALSE, TRUE + 1);
  tcase_add_test (names, a_taken_name_is_an_error_from_the_start);
  tcase_add_test (names, a_link_is_replaced_and_its_target_kept);
  tcase_add_loop_test (names, a_replaced_file_keeps_its_mode, 0, 4);
  tcase_add_test (names, the_longest_name_can_be_written);
  suite_add_tcase (suite, names);

  tcase_add_checked_fixture (ends, set_up, tear_down);
  tcase_add_loop_test (ends, a_signal_leaves_no_incomplete_file, 0,
                       G_N_ELEMENTS (deadly));
  tcase_add_test (ends, a_library_that_calls_exit_leaves_no_incomplete_file);
  tcase_add_test (ends, an_abort_of_glib_leaves_no_incomplete_file);
  tcase_add_test (ends,
                  the_second_signal_ends_a_program_that_was_asked_to_stop);
  tcase_add_loop_test (ends, an_ignored_signal_stays_ignored, 0, 3);
  tcase_add_loop_test (ends, a_file_that_may_not_grow_is_an_error_and_no_signal,
                       0, 2);
  suite_add_tcase (suite, ends);
  return run_suite (suite);
}
