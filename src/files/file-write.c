/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "file-write.h"

#include <ccstereo/error.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
refuse (const char *path, int reason, GError **error)
{
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: cannot be written: %s",
               path, g_strerror (reason));
  return FALSE;
}

/* Returns whether @path is standard output: opening that file again would
 * overwrite it from its beginning. */
static gboolean
is_standard_output (const char *path)
{
  struct stat here, there;

  return stat (path, &here) == 0 && fstat (STDOUT_FILENO, &there) == 0
         && here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

gboolean
ccs_file_is_replaced (const char *path)
{
  struct stat about;

  if (lstat (path, &about) != 0 || S_ISREG (about.st_mode))
    return TRUE;
  return S_ISLNK (about.st_mode) && !is_standard_output (path)
         && (stat (path, &about) != 0 || S_ISREG (about.st_mode));
}

static gboolean
write_into (const char *path, const char *text, gsize length, GError **error)
{
  gboolean own = is_standard_output (path);
  int file
      = own ? dup (STDOUT_FILENO)
            : g_open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  gboolean written;
  int reason;

  if (file < 0)
    return refuse (path, errno, error);
  written = (!own || fflush (stdout) == 0)
            && ccs_output_write_all (file, text, length);
  reason = errno;
  if (close (file) != 0 && written) {
    written = FALSE;
    reason = errno;
  }
  return written || refuse (path, reason, error);
}

gboolean
ccs_file_write (const char *path, const char *text, gssize length,
                CcsOutputFlags flags, GError **error)
{
  const gsize size = length < 0 ? strlen (text) : (gsize)length;
  g_autoptr (CcsOutputFile) file = NULL;

  if (!ccs_file_is_replaced (path))
    return write_into (path, text, size, error);
  file = ccs_output_file_new (path, flags, error);
  return file && ccs_output_file_write (file, text, size, error)
         && ccs_output_file_commit (file, error);
}

/* -- beforehand -- */

gboolean
ccs_folder_writable (const char *folder, GError **error)
{
  if (g_access (folder, W_OK | X_OK) == 0)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO,
               "%s: nothing can be written there: %s", folder,
               g_strerror (errno));
  return FALSE;
}

gboolean
ccs_file_writable (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);

  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return refuse (path, EISDIR, error);
  if (!ccs_file_is_replaced (path) && g_file_test (path, G_FILE_TEST_EXISTS))
    return g_access (path, W_OK) == 0 || refuse (path, errno, error);
  if (ccs_folder_writable (folder, error))
    return TRUE;
  g_prefix_error (error, "%s: ", path);
  return FALSE;
}
