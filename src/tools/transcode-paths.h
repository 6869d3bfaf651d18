/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The input and the output that `ccstereo-transcode` is called with. */
#pragma once

#include <gio/gio.h>

#include "output-file.h"

G_BEGIN_DECLS

/* Checks that @in can be read and @out be written with @flags, before the work
 * rather than after it. Errors name the file. */
gboolean transcode_paths_check (const char *in, const char *out,
                                CcsOutputFlags flags, GError **error);

G_END_DECLS
