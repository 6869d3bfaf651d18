/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* 360-degree and 3D data (the boxes sv3d and st3d) for .mov files, to which
 * libavformat does not write them: they are put into a file that is finished.
 * https://github.com/google/spatial-media describes the boxes. */
#pragma once

#include <gio/gio.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

/* Whether @stream has such data. */
gboolean transcode_sphere_is_in (const AVStream *stream);
/* Writes what @stream says to the sample entries of track @track, from 0, of
 * the movie at @path, whose header is its last box. */
gboolean transcode_sphere_write (const char *path, guint track,
                                 const AVStream *stream, GError **error);

G_END_DECLS
