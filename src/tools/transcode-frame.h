/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decoded frames as GStreamer has them: libav's formats, colours and channels
 * in caps, the data in a buffer without a time. What GStreamer has no name for
 * is converted on the way. */
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

typedef struct _TranscodeFrames TranscodeFrames;

/* For the frames of @stream (transfer none). @field_channel: the channel that
 * is the audio, because it is the omnidirectional one of a sound field; -1: all
 * are. */
TranscodeFrames *transcode_frames_new (const AVStream *stream,
                                       gint field_channel);
void transcode_frames_free (TranscodeFrames *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TranscodeFrames, transcode_frames_free)

/* A picture; its data is shared, not copied, where it can be. (transfer full)
 */
GstSample *transcode_frames_picture (TranscodeFrames *self,
                                     const AVFrame *frame, GError **error);
/* Sound in interleaved floats, more than two channels mixed to two, a sound
 * field's channel alone. (transfer full) */
GstSample *transcode_frames_sound (TranscodeFrames *self, const AVFrame *frame,
                                   GError **error);
/* How @stream's pictures have to be turned to be upright. */
GstVideoOrientationMethod transcode_stream_direction (const AVStream *stream);

G_END_DECLS
