/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* 360-degree and 3D data (the boxes sv3d and st3d) for MP4 and MOV files. They
 * are added to the finished file, because what libavformat writes depends on
 * its version: nothing to MOV, or a second box (vexu) that holds no pose and
 * replaces the first in a reader. What the two boxes cannot hold is left to it.
 * https://github.com/google/spatial-media describes the boxes. */
#pragma once

#include <gio/gio.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

/* Returns whether @stream has data that the boxes hold. */
gboolean transcode_sphere_is_in (const AVStream *stream);
/* Removes that data from @stream, so that the muxer does not write it. */
void transcode_sphere_remove (AVStream *stream);
/* Writes the data of @stream to the sample entries of track @track, from 0, of
 * the MP4 or MOV file @path, whose header is its last box. */
gboolean transcode_sphere_write (const char *path, guint track,
                                 const AVStream *stream, GError **error);

G_END_DECLS
