/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Boxes in sample entries of MP4 and MOV that libavformat does not copy:
 * projections, spatial video, sound fields. */
#pragma once

#include <gio/gio.h>
#include <libavformat/avformat.h>

#include "transcode-notice.h"

G_BEGIN_DECLS

typedef struct _TranscodeEntries TranscodeEntries;

/* Reads the sample entries of the file @path, demuxed as @format; NULL if it is
 * neither MP4 nor MOV. */
TranscodeEntries *transcode_entries_read (const char *path,
                                          const AVInputFormat *format);
void transcode_entries_free (TranscodeEntries *self);

/* Returns whether @stream is encrypted. @self is nullable. */
gboolean transcode_entries_is_encrypted (const TranscodeEntries *self,
                                         const AVStream *stream);
/* Returns the index of the omnidirectional channel of @stream, or -1 if the
 * file does not declare it ambisonic. @self is nullable. */
gint transcode_entries_field_channel (const TranscodeEntries *self,
                                      const AVStream *stream);
/* Adds to track @track, from 0, of the finished MP4 or MOV file @path the boxes
 * of @stream that it lacks. @self is nullable. */
gboolean transcode_entries_copy (const TranscodeEntries *self,
                                 const AVStream *stream, const char *path,
                                 guint track, GError **error);
/* Reports the boxes of @stream that a .@extension file cannot have. @self is
 * nullable; @name is the input's. */
void transcode_entries_report (const TranscodeEntries *self,
                               const AVStream *stream, const char *name,
                               const char *extension, TranscodeNotice notice);

G_END_DECLS
