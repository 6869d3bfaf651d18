/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rotated video in Matroska, which stores the rotation as a flat projection
 * with a pose: libavformat 59 reads that, but writes spherical projections
 * only. */
#pragma once

#include <gio/gio.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

/* Replaces @stream's display matrix by data that the muxer writes. Call it
 * before the header is written, without checksums. Returns FALSE if @stream has
 * no rotation. */
gboolean transcode_turn_prepare (AVStream *stream);
/* Changes that data in the finished file @path to the rotation of track @track,
 * from 0. */
gboolean transcode_turn_write (const char *path, guint track, GError **error);

G_END_DECLS
