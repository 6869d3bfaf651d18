/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens backends by name, and shares open ones. */
#pragma once

#include "backend.h"

G_BEGIN_DECLS

/* Whether a backend can be called @name here: CCS_ERROR_ARGUMENT listing the
 * names for any other. Whether it can be opened is another matter. */
gboolean ccs_backend_name_check (const char *name, GError **error);

/* Opens a backend: "auto" (the fastest that works; the choice is logged at
 * INFO), "cpu", "cuda" or "reference". @options NULL: all cores, any device,
 * fp32. Opening the same name with the same options again gives the same
 * object, but never one that was opened before this process was forked off:
 * that one's runs fail there. Thread-safe. (transfer full) */
CcsBackend *ccs_backend_open (const char *name,
                              const CcsBackendOptions *options, GError **error);
CcsBackend *ccs_backend_ref (CcsBackend *self);
void ccs_backend_unref (CcsBackend *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsBackend, ccs_backend_unref)

G_END_DECLS
