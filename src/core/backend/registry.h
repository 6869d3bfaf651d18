/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens backends by name, and shares open ones. */
#pragma once

#include "backend.h"

G_BEGIN_DECLS

/* Checks that @name is the name of a backend; opening it may still fail.
 * CCS_ERROR_ARGUMENT lists the names. */
gboolean ccs_backend_name_check (const char *name, GError **error);

/* Opens a backend: "auto" (the fastest that works; the choice is logged at
 * INFO), "cpu", "cuda" or "reference". @options NULL: all cores, any device,
 * fp32. Opening the same name with the same options returns the same object. In
 * a child after fork() it returns a new one, because runs of the parent's
 * backends fail in the child. Thread-safe. (transfer full) */
CcsBackend *ccs_backend_open (const char *name,
                              const CcsBackendOptions *options, GError **error);
CcsBackend *ccs_backend_ref (CcsBackend *self);
void ccs_backend_unref (CcsBackend *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsBackend, ccs_backend_unref)

G_END_DECLS
