/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inputs are local files: the programs read nothing over a network. */
#pragma once

#include <ccstereo/error.h>
#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

/* Rejects a URL, unless a file has that name. CCS_ERROR_ARGUMENT, naming @path.
 */
static inline gboolean
ccs_path_check_local (const char *path, GError **error)
{
  g_autofree char *scheme = g_uri_parse_scheme (path);

  if (scheme == NULL || strstr (path, "://") == NULL
      || g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "%s: is a URL: files alone are read, so download it first",
               path);
  return FALSE;
}

G_END_DECLS
