/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transcode-partial.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Template of the hidden name. It has only as much of the name as file systems
 * allow. */
#define PARTIAL_NAME ".%.200s.XXXXXX.part"

static gboolean
fail_errno (GError **error, const char *path, const char *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s: %s", path, what,
               g_strerror (errno));
  return FALSE;
}

static gboolean
same_file (const char *a, const char *b)
{
  GStatBuf of_a, of_b;

  return g_stat (a, &of_a) == 0 && g_stat (b, &of_b) == 0
         && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

/* Returns whether @name is a URL and not a file. */
static gboolean
is_url (const char *name)
{
  g_autofree char *scheme = g_uri_parse_scheme (name);

  return scheme && strstr (name, "://")
         && !g_file_test (name, G_FILE_TEST_EXISTS);
}

/* Checks the input, which is opened several times: for audio, video and
 * copying. */
static gboolean
check_input (const char *in, GError **error)
{
  GStatBuf status;

  if (is_url (in)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 "%s: is a URL: files alone are read, so download it first",
                 in);
    return FALSE;
  }
  if (g_access (in, R_OK) != 0 || g_stat (in, &status) != 0)
    return fail_errno (error, in, "cannot be read");
  if (S_ISREG (status.st_mode) || S_ISBLK (status.st_mode))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
               "%s: is not a file that can be read more than once", in);
  return FALSE;
}

gboolean
transcode_partial_check (const char *in, const char *out, gboolean overwrite,
                         GError **error)
{
  GStatBuf status;

  if (!check_input (in, error))
    return FALSE;
  if (g_lstat (out, &status) != 0)
    return TRUE;
  if (same_file (in, out))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                 "%s: is the input itself; name another output", out);
  else if (!S_ISREG (status.st_mode) && !S_ISLNK (status.st_mode))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                 "%s: is not a regular file", out);
  else if (!overwrite)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                 "%s: exists already (--overwrite replaces it)", out);
  else
    return TRUE;
  return FALSE;
}

char *
transcode_partial_make (const char *out, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (out);
  g_autofree char *name = g_path_get_basename (out);
  g_autofree char *hidden = g_strdup_printf (PARTIAL_NAME, name);
  g_autofree char *path = g_build_filename (folder, hidden, NULL);
  int fd = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0666);

  if (fd < 0) {
    fail_errno (error, out, "cannot be written");
    return NULL;
  }
  close (fd);
  return g_steal_pointer (&path);
}

gboolean
transcode_partial_name (const char *partial, const char *out,
                        gboolean overwrite, GError **error)
{
  int ret = -1;

  if (overwrite)
    ret = g_rename (partial, out);
  else if ((ret
            = renameat2 (AT_FDCWD, partial, AT_FDCWD, out, RENAME_NOREPLACE))
               != 0
           && (errno == EINVAL || errno == ENOSYS))
    ret = g_rename (partial, out);
  return ret == 0 || fail_errno (error, out, "cannot be written");
}
