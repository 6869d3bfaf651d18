/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Converts text subtitles for another container: text, times and, if both
 * formats support it, styles. Only for streams that cannot be copied. */
#pragma once

#include <glib.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

typedef struct _TranscodeText TranscodeText;

/* Makes a converter. Returns NULL if @from is not text, or if libavcodec cannot
 * write a text format of @format. */
TranscodeText *transcode_text_new (const AVStream *from,
                                   const AVOutputFormat *format);
void transcode_text_free (TranscodeText *self);

/* Sets the parameters of the converted stream. */
gboolean transcode_text_parameters (const TranscodeText *self,
                                    AVCodecParameters *params);
/* Converts @packet and keeps its times. Returns NULL if it has no text.
 * (transfer full) */
AVPacket *transcode_text_convert (TranscodeText *self, AVPacket *packet);

G_END_DECLS
