/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Corrects timestamps of copied video packets, so that every muxer accepts
 * them: decoding times increase, and none is after the presentation time. */
#pragma once

#include <glib.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

typedef struct _TranscodeOrder TranscodeOrder;

/* Makes a corrector for the packets of @stream. */
TranscodeOrder *transcode_order_new (const AVStream *stream);
void transcode_order_free (TranscodeOrder *self);

/* Adds the next packet in decoding order (transfer full). */
void transcode_order_push (TranscodeOrder *self, AVPacket *packet);
/* Ends the input. */
void transcode_order_end (TranscodeOrder *self);
/* Returns the next packet in decoding order, or NULL if more input is needed.
 * Missing presentation times are set to when a decoder outputs the frames;
 * others are kept unless they are before frames that were already returned.
 * (transfer full) (nullable) */
AVPacket *transcode_order_pop (TranscodeOrder *self);
/* Returns the number of frames whose presentation time was changed. */
guint64 transcode_order_moved (const TranscodeOrder *self);

G_END_DECLS
