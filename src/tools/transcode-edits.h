/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The edit list by which players of movies leave out an encoder's delay.
 * libavformat's does so only in tracks that begin with the movie: later ones
 * would begin with the delay. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Makes track number @track, from 0, of the movie @path begin at @first and
 * leave out its first @delay samples. Times are in samples, which the movie
 * and the track count in. */
gboolean transcode_edits_write (const char *path, guint track, gint64 first,
                                gint64 delay, GError **error);

G_END_DECLS
