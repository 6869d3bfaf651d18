/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results as text, put where the user says: into a file, which is whole or not
 * there, or into a device or a pipe, which stays what it is. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether what is written to @path takes its place: it is a file, or nothing
 * yet. A link is followed, not replaced. */
gboolean ccs_file_is_replaced (const char *path);

/* Puts @text (@length bytes, -1: up to its end) at @path: a file is replaced in
 * one step; anything else is written into, the program's own standard output in
 * its turn. Errors name @path; a full disk or device is one. */
gboolean ccs_file_write (const char *path, const char *text, gssize length,
                         GError **error);

/* Whether that can work, for those who write much later. */
gboolean ccs_file_writable (const char *path, GError **error);
/* Whether files may be put into @folder. */
gboolean ccs_folder_writable (const char *folder, GError **error);

G_END_DECLS
