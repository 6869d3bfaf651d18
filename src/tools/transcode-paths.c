/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transcode-paths.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local-path.h"

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

/* Checks the input, which is opened several times: for audio, video and
 * copying. */
static gboolean
check_input (const char *in, GError **error)
{
  GStatBuf status;

  if (!ccs_path_check_local (in, error))
    return FALSE;
  if (g_access (in, R_OK) != 0 || g_stat (in, &status) != 0)
    return fail_errno (error, in, "cannot be read");
  if (S_ISREG (status.st_mode) || S_ISBLK (status.st_mode))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
               "%s: is not a file that can be read more than once", in);
  return FALSE;
}

gboolean
transcode_paths_check (const char *in, const char *out, CcsOutputFlags flags,
                       GError **error)
{
  if (!check_input (in, error))
    return FALSE;
  if (!same_file (in, out))
    return ccs_output_file_check (out, flags, error);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
               "%s: is the input itself; name another output", out);
  return FALSE;
}
