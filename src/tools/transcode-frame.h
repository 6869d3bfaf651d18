/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Converts decoded frames for GStreamer: formats, colorimetry and channels as
 * caps, the data as a buffer without timestamp. Formats that GStreamer lacks
 * are converted. */
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

typedef struct _TranscodeFrames TranscodeFrames;

/* Makes a converter for the frames of @stream (transfer none). @field_channel
 * is the channel to use, the omnidirectional one of a sound field; -1: all
 * channels. */
TranscodeFrames *transcode_frames_new (const AVStream *stream,
                                       gint field_channel);
void transcode_frames_free (TranscodeFrames *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TranscodeFrames, transcode_frames_free)

/* Converts a video frame; shares its data if possible. (transfer full) */
GstSample *transcode_frames_picture (TranscodeFrames *self,
                                     const AVFrame *frame, GError **error);
/* Converts audio to interleaved floats. More than two channels are mixed down
 * to two; of a sound field one channel is used. (transfer full) */
GstSample *transcode_frames_sound (TranscodeFrames *self, const AVFrame *frame,
                                   GError **error);
/* Returns the rotation or flip that makes @stream's frames upright. */
GstVideoOrientationMethod transcode_stream_direction (const AVStream *stream);

G_END_DECLS
