/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads lists of clips from HDF5 files, one data set of strings each. Disables
 * HDF5's own error output. */
#include "dataset-hdf5.h"

#include <ccstereo/error.h>
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataset-files.h"
#include "output-file.h"

#define LONGEST_ENTRY 4096 /* bytes of a string of fixed size */

/* Distributions build libhdf5 without thread-safety. */
static GMutex hdf5_lock;

typedef struct
{
  hid_t file, set, space, type;
} OpenList;

static void
open_list_clear (OpenList *self)
{
  if (self->type >= 0)
    H5Tclose (self->type);
  if (self->space >= 0)
    H5Sclose (self->space);
  if (self->set >= 0)
    H5Dclose (self->set);
  if (self->file >= 0)
    H5Fclose (self->file);
}

/* -- files that a file names -- */

/* Called by libhdf5 before it opens the file that a link names. */
static herr_t
reject_link (const char *file, const char *group, const char *other_file,
             const char *object, unsigned *flags, hid_t access, void *data)
{
  *(gboolean *)data = TRUE;
  return -1;
}

/* Opens the data set unless the way to it leads through another file. */
static hid_t
open_set (hid_t file, const char *name, gboolean *is_elsewhere)
{
  hid_t access = H5Pcreate (H5P_DATASET_ACCESS), set;

  H5Pset_elink_cb (access, reject_link, is_elsewhere);
  set = H5Dopen2 (file, name, access);
  H5Pclose (access);
  return set;
}

/* Returns what other files hold the elements, or NULL. To be called before
 * anything that reads them. */
static const char *
find_other_files (hid_t set)
{
  hid_t creation = H5Dget_create_plist (set);
  const char *wrong = NULL;

  if (creation < 0)
    return "holds no such data set";
  if (H5Pget_external_count (creation) != 0)
    wrong = "its data is in other files (external storage), which are not read";
  else if (H5Pget_layout (creation) == H5D_VIRTUAL)
    wrong = "is a virtual data set of other files, which are not read";
  H5Pclose (creation);
  return wrong;
}

/* Opens a list. Returns NULL, or what is wrong with the file. */
static const char *
open_list (OpenList *self, const char *path, const char *name, gsize *count)
{
  gboolean is_elsewhere = FALSE;
  const char *wrong;

  self->set = self->space = self->type = -1;
  H5PLset_loading_state (0); /* filters from modules that the file names */
  self->file = H5Fopen (path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (self->file < 0)
    return "not an HDF5 file, or a damaged one";
  self->set = open_set (self->file, name, &is_elsewhere);
  if (is_elsewhere)
    return "is a link to another file, which is not read";
  if (self->set < 0)
    return "holds no such data set";
  wrong = find_other_files (self->set);
  if (wrong)
    return wrong;
  self->space = H5Dget_space (self->set);
  self->type = H5Dget_type (self->set);
  if (self->type < 0 || H5Tget_class (self->type) != H5T_STRING)
    return "the data set does not hold strings";
  if (self->space < 0 || H5Sget_simple_extent_ndims (self->space) != 1)
    return "the data set is not one-dimensional";
  if (H5Sget_simple_extent_npoints (self->space) > CCS_LIST_MAX)
    return "the data set is too long";
  *count = H5Sget_simple_extent_npoints (self->space);
  return NULL;
}

static const char *
read_variable (const OpenList *from, gsize count, GPtrArray *entries)
{
  g_autofree char **strings = g_new0 (char *, count + 1);
  hid_t type = H5Tcopy (H5T_C_S1);
  const char *wrong = NULL;

  H5Tset_size (type, H5T_VARIABLE);
  H5Tset_cset (type, H5Tget_cset (from->type));
  if (H5Dread (from->set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, strings) < 0) {
    wrong = "its strings cannot be read";
  } else {
    for (gsize i = 0; i < count; i++)
      g_ptr_array_add (entries, g_strdup (strings[i] ? strings[i] : ""));
    H5Dvlen_reclaim (type, from->space, H5P_DEFAULT, strings);
  }
  H5Tclose (type);
  return wrong;
}

static const char *
read_fixed (const OpenList *from, gsize count, GPtrArray *entries)
{
  gsize size = H5Tget_size (from->type);
  g_autofree char *bytes = NULL;

  if (size == 0 || size > LONGEST_ENTRY)
    return "its strings are too long";
  bytes = g_malloc0 (count * size + 1);
  if (H5Dread (from->set, from->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0)
    return "its strings cannot be read";
  for (gsize i = 0; i < count; i++)
    g_ptr_array_add (entries, g_strndup (bytes + i * size, size));
  return NULL;
}

/* -- in a process of its own -- */

/* libhdf5 1.10 does not check files: a damaged one makes it access invalid
 * memory, loop for ever or allocate gigabytes. So a child process reads the
 * file. It answers with ANSWER_WRONG and a reason, or with ANSWER_LIST, the
 * strings, each with its terminating zero, and ANSWER_END, which shows that the
 * answer is complete. */
#define ANSWER_WRONG 'w'
#define ANSWER_LIST 'l'
#define ANSWER_END 'e'
#define CHILD_SECONDS 20.
#define CHILD_BYTES                                                            \
  (G_GUINT64_CONSTANT (512) << 20) /* in addition to the parent's memory */

static void
confine_child (double seconds)
{
  static const int ends[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGPROF };
  double whole = floor (seconds);
  const struct itimerval once
      = { .it_value = { .tv_sec = (time_t)whole,
                        .tv_usec = (suseconds_t)(1e6 * (seconds - whole)) } };
  struct rlimit core = { 0, 0 };
  int nowhere = open ("/dev/null", O_WRONLY);
  unsigned long pages = 0;
  FILE *statm = fopen ("/proc/self/statm", "r");

  /* a crash writes no core file and no message, and runs no handler of the
   * parent */
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    signal (ends[i], SIG_DFL);
  dup2 (nowhere, STDERR_FILENO);
  setrlimit (RLIMIT_CORE, &core);
  setitimer (ITIMER_PROF, &once, NULL);
  if (statm && fscanf (statm, "%lu", &pages) == 1) {
    rlim_t most = pages * (guint64)sysconf (_SC_PAGESIZE) + CHILD_BYTES;
    struct rlimit bytes = { most, most };

    setrlimit (RLIMIT_AS, &bytes);
  }
}

static void
put (int to, gconstpointer data, gsize bytes)
{
  const guint8 *from = data;

  while (bytes > 0) {
    gssize put = write (to, from, bytes);

    if (put <= 0)
      _exit (1);
    from += put;
    bytes -= put;
  }
}

static void
answer (int to, const char *path, const char *name, double seconds)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func (g_free);
  OpenList list;
  const char *wrong;
  gsize count = 0;

  confine_child (seconds);
  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  wrong = open_list (&list, path, name, &count);
  if (!wrong)
    wrong = H5Tis_variable_str (list.type) > 0
                ? read_variable (&list, count, entries)
                : read_fixed (&list, count, entries);
  put (to, (char[]){ wrong ? ANSWER_WRONG : ANSWER_LIST }, 1);
  if (wrong)
    put (to, wrong, strlen (wrong) + 1);
  for (guint i = 0; !wrong && i < entries->len; i++)
    put (to, entries->pdata[i], strlen (entries->pdata[i]) + 1);
  put (to, (char[]){ ANSWER_END }, 1);
  _exit (0);
}

GByteArray *
ccs_hdf5_ask (const char *path, const char *name, double seconds)
{
  GByteArray *said = g_byte_array_new ();
  guint8 piece[4096];
  gssize got;
  int ends[2];
  pid_t child;

  if (pipe2 (ends, O_CLOEXEC) != 0)
    return said;
  child = fork ();
  if (child == 0)
    answer (ends[1], path, name, seconds);
  close (ends[1]);
  while (child > 0 && (got = read (ends[0], piece, sizeof piece)) != 0)
    if (got > 0)
      g_byte_array_append (said, piece, got);
    else if (errno != EINTR)
      break;
  close (ends[0]);
  while (child > 0 && waitpid (child, NULL, 0) < 0 && errno == EINTR)
    ;
  return said;
}

/* -- in the parent -- */

static gboolean
is_whole (const GByteArray *said)
{
  return said->len >= 2 && said->data[said->len - 1] == ANSWER_END
         && (said->len == 2 || said->data[said->len - 2] == '\0');
}

/* Accepts any bytes: the file may have overwritten the child's memory. */
GPtrArray *
ccs_hdf5_understand (const GByteArray *said, const char *path, const char *name,
                     GError **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func (g_free);
  const char *at, *end;

  if (!is_whole (said)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT, "%s: a damaged HDF5 file",
                 path);
    return NULL;
  }
  at = (const char *)said->data + 1;
  end = (const char *)said->data + said->len - 1;
  if (said->data[0] != ANSWER_LIST) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT, "%s, data set '%s': %s",
                 path, name, at < end ? at : "a damaged HDF5 file");
    return NULL;
  }
  for (; at < end; at += strlen (at) + 1)
    g_ptr_array_add (entries, g_strdup (at));
  return g_steal_pointer (&entries);
}

GPtrArray *
ccs_list_read_hdf5 (const char *path, const char *name, GError **error)
{
  g_autoptr (GByteArray) said = NULL;

  if (!ccs_file_readable (path, error))
    return NULL;
  g_mutex_lock (&hdf5_lock);
  said = ccs_hdf5_ask (path, name, CHILD_SECONDS);
  g_mutex_unlock (&hdf5_lock);
  return ccs_hdf5_understand (said, path, name, error);
}

/* -- writing -- */

static gboolean
write_list (const char *path, const char *name, const GPtrArray *entries)
{
  hsize_t count = entries->len;
  OpenList list = { -1, -1, -1, -1 };
  gboolean written = FALSE;

  g_mutex_lock (&hdf5_lock);
  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  list.type = H5Tcopy (H5T_C_S1);
  H5Tset_size (list.type, H5T_VARIABLE);
  list.space = H5Screate_simple (1, &count, NULL);
  list.file = H5Fcreate (path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  if (list.file >= 0)
    list.set = H5Dcreate2 (list.file, name, list.type, list.space, H5P_DEFAULT,
                           H5P_DEFAULT, H5P_DEFAULT);
  if (list.set >= 0)
    written = count == 0
              || H5Dwrite (list.set, list.type, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                           entries->pdata)
                     >= 0;
  written = written && H5Fflush (list.file, H5F_SCOPE_LOCAL) >= 0;
  open_list_clear (&list);
  g_mutex_unlock (&hdf5_lock);
  return written;
}

gboolean
ccs_list_write_hdf5 (const char *path, const char *name,
                     const GPtrArray *entries, GError **error)
{
  g_autoptr (CcsOutputFile) file
      = ccs_output_file_new (path, CCS_OUTPUT_OVERWRITE, error);

  if (!file)
    return FALSE;
  if (write_list (ccs_output_file_partial (file), name, entries))
    return ccs_output_file_commit (file, error);
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: the list cannot be written",
               path);
  return FALSE;
}
