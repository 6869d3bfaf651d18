/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host-memory.h"
#include "../error.h"
#include "../nn/passes.h"
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
ccs_host_copy (CcsBackend *self, void *to, gconstpointer from, gsize bytes,
               GError **error)
{
  memcpy (to, from, bytes);
  return TRUE;
}
