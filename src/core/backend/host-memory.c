/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host-memory.h"
#include <ccstereo/error.h>
#include <stdlib.h>
#include <string.h>

void *
ccs_host_alloc (CcsBackend *self, gsize bytes, GError **error)
{
  gsize rounded = (bytes + CCS_ARENA_ALIGNMENT) / CCS_ARENA_ALIGNMENT
                  * CCS_ARENA_ALIGNMENT;
  void *memory
      = rounded > bytes ? aligned_alloc (CCS_ARENA_ALIGNMENT, rounded) : NULL;

  if (memory == NULL) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_MEMORY,
                 "no memory for %" G_GSIZE_FORMAT " bytes", bytes);
    return NULL;
  }
  return memset (memory, 0, rounded);
}

void
ccs_host_release (CcsBackend *self, void *memory)
{
  free (memory);
}

gboolean
ccs_host_upload (CcsBackend *self, void *to, const gconstpointer *rows, guint n,
                 gsize bytes, GError **error)
{
  for (guint i = 0; i < n; i++)
    memcpy ((char *)to + i * bytes, rows[i], bytes);
  return TRUE;
}

gboolean
ccs_host_download (CcsBackend *self, const gpointer *rows, guint n, gsize bytes,
                   gconstpointer from, GError **error)
{
  for (guint i = 0; i < n; i++)
    memcpy (rows[i], (const char *)from + i * bytes, bytes);
  return TRUE;
}
