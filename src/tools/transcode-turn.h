/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turned pictures in Matroska, which says so by a flat projection with a pose:
 * libavformat 59 reads that, but writes projections of spheres only. */
#pragma once

#include <gio/gio.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

/* Before the header of a Matroska file is written, without checksums: puts in
 * the place of @stream's display matrix what the muxer does write. FALSE where
 * it has none. */
gboolean transcode_turn_prepare (AVStream *stream);
/* When the file at @path is finished: makes that mean the turn. @track: of
 * those in the file, from 0. */
gboolean transcode_turn_write (const char *path, guint track, GError **error);

G_END_DECLS
