/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes whole files: into a CcsOutputFile, or into a device or a pipe. */
#pragma once

#include <glib.h>

#include "output-file.h"

G_BEGIN_DECLS

/* Returns whether writing to @path replaces what is there: a regular file, a
 * link to one or to nothing, or nothing. A link to a device, a pipe or the
 * standard output is followed. */
gboolean ccs_file_is_replaced (const char *path);

/* Writes @text (@length bytes, -1: up to its end) to @path: a file is replaced
 * in one step, as @flags allow; anything else is written into, the program's
 * own standard output after what was printed before. CCS_ERROR_IO, naming
 * @path. */
gboolean ccs_file_write (const char *path, const char *text, gssize length,
                         CcsOutputFlags flags, GError **error);

/* Checks that ccs_file_write() can work, for callers that write later. */
gboolean ccs_file_writable (const char *path, GError **error);
/* Checks that files can be created in @folder. */
gboolean ccs_folder_writable (const char *folder, GError **error);

G_END_DECLS
