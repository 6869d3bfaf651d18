/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where installed files are. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Returns the path of @folder, which is relative to the installation prefix.
 * The prefix is the one under which the library or program that contains this
 * code lies, so that an installation can be moved or staged with DESTDIR; code
 * that is not installed uses the configured prefix. Thread-safe.
 * (transfer full) */
char *ccs_install_path (const char *folder);

G_END_DECLS
