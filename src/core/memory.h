/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Allocations whose size comes from input: they may fail. */
#pragma once

#include <ccstereo/error.h>
#include <glib.h>

G_BEGIN_DECLS

/* Allocates @n elements of @size bytes, to be freed with g_free(). Returns NULL
 * with CCS_ERROR_MEMORY if there is no memory for them. */
static inline gpointer
ccs_try_alloc (gsize n, gsize size, GError **error)
{
  gpointer data = g_try_malloc_n (MAX (n, 1), size);

  if (data == NULL)
    g_set_error (error, CCS_ERROR, CCS_ERROR_MEMORY,
                 "no memory for %" G_GSIZE_FORMAT
                 " elements of %" G_GSIZE_FORMAT " bytes",
                 n, size);
  return data;
}

G_END_DECLS
