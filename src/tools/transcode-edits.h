/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The MP4 edit list that makes players skip an encoder's delay. libavformat
 * writes it only for tracks that start at 0; in others the delay would be
 * audible. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Makes track @track, from 0, of the MP4 or MOV file @path start at @first and
 * skip its first @delay samples. Times are in samples, the time unit of file
 * and track. */
gboolean transcode_edits_write (const char *path, guint track, gint64 first,
                                gint64 delay, GError **error);

G_END_DECLS
