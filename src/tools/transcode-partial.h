/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The output of `ccstereo-transcode` has a hidden name beside its own until it
 * is complete. Errors name the file. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Whether @in can be read and @out written: a name that is taken is better
 * known before the work than after it. */
gboolean transcode_partial_check (const char *in, const char *out,
                                  gboolean overwrite, GError **error);
/* Makes an empty file to be called @out one day. Returns its path (transfer
 * full). */
char *transcode_partial_make (const char *out, GError **error);
/* Gives the complete file @partial its name. A file that appeared under it
 * meanwhile stays, unless @overwrite. */
gboolean transcode_partial_name (const char *partial, const char *out,
                                 gboolean overwrite, GError **error);

G_END_DECLS
