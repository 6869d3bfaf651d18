/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host-memory.h"
#include "../error.h"
#include "../nn/passes.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Of x86-64 and of most others: fewer addresses to translate, which costs most
 * in a virtual machine. */
#define HUGE_PAGE ((gsize)2 << 20)

static void *
alloc_aligned (gsize bytes)
{
  const gsize alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : CCS_ARENA_ALIGNMENT;
  void *memory = NULL;

  if (posix_memalign (&memory, alignment, bytes) != 0)
    return NULL;
#ifdef MADV_HUGEPAGE
  if (bytes >= HUGE_PAGE)
    madvise (memory, bytes, MADV_HUGEPAGE); /* where there are none: as ever */
#endif
  return memory;
}

void *
ccs_host_alloc (CcsBackend *self, gsize bytes, GError **error)
{
  gsize rounded = (bytes + CCS_ARENA_ALIGNMENT) / CCS_ARENA_ALIGNMENT
                  * CCS_ARENA_ALIGNMENT;
  void *memory = rounded > bytes ? alloc_aligned (rounded) : NULL;

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
