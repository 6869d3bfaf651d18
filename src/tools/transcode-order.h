/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Timestamps of copied video packets, in a form that every muxer accepts:
 * decoding times that increase, none after the presentation time. */
#pragma once

#include <glib.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

typedef struct _TranscodeOrder TranscodeOrder;

/* For the packets of @stream. */
TranscodeOrder *transcode_order_new (const AVStream *stream);
void transcode_order_free (TranscodeOrder *self);

/* Adds the next packet in decoding order (transfer full). */
void transcode_order_push (TranscodeOrder *self, AVPacket *packet);
/* No more packets are pushed. */
void transcode_order_end (TranscodeOrder *self);
/* Returns the next packet in decoding order, or NULL if more input is needed.
 * Missing presentation times are those in which a decoder outputs the frames;
 * frames keep the others, unless they go back behind frames already returned.
 * (transfer full) (nullable) */
AVPacket *transcode_order_pop (TranscodeOrder *self);
/* Returns how many frames did not keep their presentation time. */
guint64 transcode_order_moved (const TranscodeOrder *self);

G_END_DECLS
