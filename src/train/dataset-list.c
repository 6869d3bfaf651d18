/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads lists of clips from text files; dataset-hdf5.c reads HDF5 files. */
#include <ccstereo/error.h>
#include <string.h>

#include "dataset-files.h"

#define BYTE_ORDER_MARK                                                        \
  "\xef\xbb\xbf" /* at the start of texts from Windows editors */

GPtrArray *
ccs_list_read_text (const char *path, GError **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  const char *start;
  gsize length;

  if (!ccs_file_readable (path, error)
      || !g_file_get_contents (path, &text, &length, error))
    return NULL;
  if (strlen (text) != length || !g_utf8_validate (text, length, NULL)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT, "%s: not a text file",
                 path);
    return NULL;
  }
  start = g_str_has_prefix (text, BYTE_ORDER_MARK)
              ? text + strlen (BYTE_ORDER_MARK)
              : text;
  lines = g_strsplit (start, "\n", CCS_LIST_MAX);
  for (guint i = 0; lines[i]; i++) {
    g_strstrip (lines[i]);
    if (*lines[i])
      g_ptr_array_add (entries, g_strdup (lines[i]));
  }
  return g_steal_pointer (&entries);
}
