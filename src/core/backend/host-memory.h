/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory functions of backends that work in the host's memory. */
#pragma once

#include "backend.h"

G_BEGIN_DECLS

void *ccs_host_alloc (CcsBackend *self, gsize bytes, GError **error);
void ccs_host_release (CcsBackend *self, void *memory);
gboolean ccs_host_upload (CcsBackend *self, void *to, const gconstpointer *rows,
                          guint n, gsize bytes, GError **error);
gboolean ccs_host_download (CcsBackend *self, const gpointer *rows, guint n,
                            gsize bytes, gconstpointer from, GError **error);

G_END_DECLS
