/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders, and checks that files can be read. Lists are in dataset-list.c and
 * dataset-hdf5.c, audio in dataset-sound.c, frames in dataset-picture.c. */
#include "dataset-files.h"

#include <ccstereo/error.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
ccs_file_readable (const char *path, GError **error)
{
  int file = g_open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  struct stat about;
  gboolean regular;

  if (file < 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: %s", path,
                 g_strerror (errno));
    return FALSE;
  }
  regular = fstat (file, &about) == 0 && S_ISREG (about.st_mode);
  close (file);
  if (!regular)
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: not a regular file",
                 path);
  return regular;
}

/* -- folders -- */

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *
ccs_folder_list (const char *folder, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
  g_autoptr (GPtrArray) names = NULL;
  const char *name;

  if (!dir)
    return NULL;
  names = g_ptr_array_new_with_free_func (g_free);
  while ((name = g_dir_read_name (dir)))
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  return g_steal_pointer (&names);
}

gboolean
ccs_folder_make (const char *folder, GError **error)
{
  if (g_mkdir_with_parents (folder, 0777) == 0)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO,
               "%s: the folder cannot be made: %s", folder, g_strerror (errno));
  return FALSE;
}

/* The kernel releases the lock when the process ends. */
int
ccs_folder_occupy (const char *path, GError **error)
{
  int folder;

  if (!ccs_folder_make (path, error))
    return -1;
  folder = g_open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (folder < 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: %s", path,
                 g_strerror (errno));
    return -1;
  }
  if (flock (folder, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
    return folder;
  close (folder);
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "%s: another program is at work in this folder", path);
  return -1;
}
