/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The output of `ccstereo-transcode` has a hidden name beside its own until it
 * is complete. Errors name the file. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Checks before the work that @in can be read and @out can be written. */
gboolean transcode_partial_check (const char *in, const char *out,
                                  gboolean overwrite, GError **error);
/* Creates an empty file, to be renamed to @out. Returns its path (transfer
 * full). */
char *transcode_partial_make (const char *out, GError **error);
/* Renames the complete file @partial to @out. Without @overwrite keeps a file
 * that appeared under this name in the meantime. */
gboolean transcode_partial_name (const char *partial, const char *out,
                                 gboolean overwrite, GError **error);

G_END_DECLS
