/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "output-file.h"

#include <ccstereo/error.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Hidden, so that no program takes it for one of the folder's files. A long
 * name is cut to leave room for the rest. */
#define PARTIAL_PREFIX ".%.200s."
#define PARTIAL_RANDOM "XXXXXX"
#define PARTIAL_SUFFIX ".part"
#define FILE_MODE 0666 /* less the umask */

/* -- incomplete files, for signal handlers -- */

/* Never freed: a handler may read it at any time. */
typedef struct _Entry Entry;
struct _Entry
{
  Entry *next;
  gint state;
  char path[PATH_MAX];
};

enum
{
  ENTRY_FREE,
  ENTRY_CLAIMED,
  ENTRY_IN_USE,
};

static Entry *entries;
static pid_t guarded; /* the process that removes them: not a forked child */
static void (*stop_handler) (int number);

static Entry *
entry_new (void)
{
  Entry *entry;

  for (entry = g_atomic_pointer_get (&entries); entry; entry = entry->next)
    if (g_atomic_int_compare_and_exchange (&entry->state, ENTRY_FREE,
                                           ENTRY_CLAIMED))
      return entry;
  entry = g_new0 (Entry, 1);
  entry->state = ENTRY_CLAIMED;
  do
    entry->next = g_atomic_pointer_get (&entries);
  while (!g_atomic_pointer_compare_and_exchange (&entries, entry->next, entry));
  return entry;
}

static void
remove_incomplete (void)
{
  if (getpid () != guarded)
    return;
  for (Entry *entry = g_atomic_pointer_get (&entries); entry;
       entry = entry->next)
    if (g_atomic_int_get (&entry->state) == ENTRY_IN_USE)
      unlink (entry->path);
}

/* The default action follows: SA_RESETHAND. */
static void
end_with (int number)
{
  int reason = errno;

  remove_incomplete ();
  errno = reason;
  raise (number);
}

static void
ask_to_stop (int number)
{
  static volatile sig_atomic_t asked;

  if (asked) {
    signal (number, SIG_DFL);
    end_with (number);
    return;
  }
  asked = 1;
  stop_handler (number);
}

static void
handle (int number, void (*handler) (int), int flags)
{
  struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
  struct sigaction now;

  if (sigaction (number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
    sigaction (number, &action, NULL);
}

void
ccs_output_files_guard (void (*stop) (int number))
{
  static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
  static const int crashes[]
      = { SIGQUIT, SIGABRT, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGXCPU };

  guarded = getpid ();
  stop_handler = stop;
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    if (stop)
      handle (ends[i], ask_to_stop, SA_RESTART);
    else
      handle (ends[i], end_with, SA_RESETHAND);
  for (guint i = 0; i < G_N_ELEMENTS (crashes); i++) {
    struct sigaction now;

    /* a sanitizer's handler remains */
    if (sigaction (crashes[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
      handle (crashes[i], end_with, SA_RESETHAND);
  }
  atexit (remove_incomplete);
}

/* -- one file -- */

struct _CcsOutputFile
{
  char *path;
  CcsOutputFlags flags;
  int fd; /* -1: closed */
  FILE *stream;
  Entry *entry; /* NULL: committed or removed */
};

static gboolean
fail (const char *path, const char *what, int reason, GError **error)
{
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: %s: %s", path, what,
               g_strerror (reason));
  return FALSE;
}

static gboolean
fail_to_write (const char *path, int reason, GError **error)
{
  if (reason == EEXIST) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO,
                 "%s: exists already (--overwrite replaces it)", path);
    return FALSE;
  }
  return fail (path, "cannot be written", reason, error);
}

gboolean
ccs_output_file_check (const char *path, CcsOutputFlags flags, GError **error)
{
  struct stat about;

  if (lstat (path, &about) != 0)
    return errno == ENOENT || fail_to_write (path, errno, error);
  if (S_ISREG (about.st_mode) || S_ISLNK (about.st_mode))
    return (flags & CCS_OUTPUT_OVERWRITE) != 0
           || fail_to_write (path, EEXIST, error);
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: is not a regular file",
               path);
  return FALSE;
}

/* Makes the file and notes it for the signal handlers, with which this thread
 * is not interrupted in between. */
static gboolean
create (CcsOutputFile *self, const char *template)
{
  sigset_t all, before;
  int reason;

  if (strlen (template) >= sizeof self->entry->path) {
    errno = ENAMETOOLONG;
    return FALSE;
  }
  self->entry = entry_new ();
  strcpy (self->entry->path, template);
  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, &before);
  self->fd = g_mkstemp_full (self->entry->path, O_RDWR | O_CLOEXEC, FILE_MODE);
  reason = errno;
  g_atomic_int_set (&self->entry->state,
                    self->fd >= 0 ? ENTRY_IN_USE : ENTRY_FREE);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (self->fd < 0)
    self->entry = NULL;
  errno = reason;
  return self->fd >= 0;
}

CcsOutputFile *
ccs_output_file_new (const char *path, CcsOutputFlags flags, GError **error)
{
  g_autoptr (CcsOutputFile) self = NULL;
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *hidden
      = g_strdup_printf (PARTIAL_PREFIX PARTIAL_RANDOM PARTIAL_SUFFIX, name);
  g_autofree char *template = g_build_filename (folder, hidden, NULL);

  if (!ccs_output_file_check (path, flags, error))
    return NULL;
  self = g_new0 (CcsOutputFile, 1);
  self->path = g_strdup (path);
  self->flags = flags;
  self->fd = -1;
  if (create (self, template))
    return g_steal_pointer (&self);
  fail (path, "cannot be created", errno, error);
  return NULL;
}

const char *
ccs_output_file_partial (const CcsOutputFile *self)
{
  return self->entry->path;
}

int
ccs_output_file_fd (const CcsOutputFile *self)
{
  return self->fd;
}

FILE *
ccs_output_file_stream (CcsOutputFile *self)
{
  if (!self->stream)
    self->stream = fdopen (self->fd, "w+b");
  return self->stream;
}

gboolean
ccs_output_write_all (int fd, gconstpointer data, gsize size)
{
  const guint8 *p = data;

  while (size > 0) {
    gssize done = write (fd, p, MIN (size, G_MAXINT));

    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return FALSE;
    p += done;
    size -= (gsize)done;
  }
  return TRUE;
}

gboolean
ccs_output_file_write (CcsOutputFile *self, gconstpointer data, gsize size,
                       GError **error)
{
  return ccs_output_write_all (self->fd, data, size)
         || fail (self->path, "writing failed", errno, error);
}

/* -- completion -- */

static void
discard (CcsOutputFile *self)
{
  if (self->stream)
    fclose (self->stream);
  else if (self->fd >= 0)
    close (self->fd);
  self->stream = NULL;
  self->fd = -1;
  if (self->entry) {
    unlink (self->entry->path);
    g_atomic_int_set (&self->entry->state, ENTRY_FREE);
    self->entry = NULL;
  }
}

void
ccs_output_file_free (CcsOutputFile *self)
{
  if (!self)
    return;
  discard (self);
  g_free (self->path);
  g_free (self);
}

/* Some file systems cannot force a file or a folder to the disk. */
static gboolean
sync_fd (int fd)
{
  return g_fsync (fd) == 0 || errno == EINVAL || errno == ENOTSUP;
}

/* Makes the new name itself survive a power cut. */
static gboolean
sync_folder_of (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = g_open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  gboolean ok = fd >= 0 && sync_fd (fd);
  int reason = errno;

  if (fd >= 0)
    close (fd);
  errno = reason;
  /* a folder may be open for writing alone */
  return ok || reason == EACCES;
}

gboolean
ccs_output_folder_sync (const char *folder, GError **error)
{
  int fd = g_open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  gboolean ok = fd >= 0 && syncfs (fd) == 0;
  int reason = errno;

  if (fd >= 0)
    close (fd);
  return ok
         || fail (folder, "forcing its files to the disk failed", reason,
                  error);
}

static void
keep_mode (const CcsOutputFile *self)
{
  struct stat about;

  if ((self->flags & CCS_OUTPUT_OVERWRITE) && lstat (self->path, &about) == 0
      && S_ISREG (about.st_mode))
    fchmod (self->fd, about.st_mode & 0777);
}

static gboolean
close_file (CcsOutputFile *self)
{
  int status = self->stream ? fclose (self->stream) : close (self->fd);

  self->stream = NULL;
  self->fd = -1;
  return status == 0;
}

/* Where the file system cannot rename without replacing, an empty file claims
 * the name first. */
static gboolean
take_new_name (const char *from, const char *to)
{
  int claim, reason;

  if (renameat2 (AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
    return TRUE;
  if (errno != EINVAL && errno != ENOSYS)
    return FALSE;
  claim = g_open (to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
  if (claim < 0)
    return FALSE;
  close (claim);
  if (g_rename (from, to) == 0)
    return TRUE;
  reason = errno;
  g_unlink (to);
  errno = reason;
  return FALSE;
}

static gboolean
take_name (const CcsOutputFile *self)
{
  return self->flags & CCS_OUTPUT_OVERWRITE
             ? g_rename (self->entry->path, self->path) == 0
             : take_new_name (self->entry->path, self->path);
}

static gboolean
flush_stream (const CcsOutputFile *self)
{
  if (!self->stream)
    return TRUE;
  if (fflush (self->stream) != 0)
    return FALSE;
  errno = EIO; /* of an earlier write: the reason is lost */
  return !ferror (self->stream);
}

gboolean
ccs_output_file_commit (CcsOutputFile *self, GError **error)
{
  const gboolean sync = !(self->flags & CCS_OUTPUT_UNSYNCED);

  if (!flush_stream (self))
    fail (self->path, "writing failed", errno, error);
  else if (sync && !sync_fd (self->fd))
    fail (self->path, "forcing the file to the disk failed", errno, error);
  else {
    keep_mode (self);
    if (!close_file (self))
      fail (self->path, "closing failed", errno, error);
    else if (!take_name (self))
      fail_to_write (self->path, errno, error);
    else {
      g_atomic_int_set (&self->entry->state, ENTRY_FREE);
      self->entry = NULL;
      return !sync || sync_folder_of (self->path)
             || fail (self->path, "forcing the folder to the disk failed",
                      errno, error);
    }
  }
  discard (self);
  return FALSE;
}

gboolean
ccs_output_file_is_partial (const char *name, const char *target)
{
  g_autofree char *prefix = g_strdup_printf (PARTIAL_PREFIX, target);

  return strlen (name)
             == strlen (prefix) + strlen (PARTIAL_RANDOM PARTIAL_SUFFIX)
         && g_str_has_prefix (name, prefix)
         && g_str_has_suffix (name, PARTIAL_SUFFIX);
}
