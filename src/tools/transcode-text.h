/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Subtitles of text in another container's form: the words, their times and,
 * where both forms have them, their looks. Streams are copied where they can
 * be; this is for those that the output could not have otherwise. */
#pragma once

#include <glib.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

typedef struct _TranscodeText TranscodeText;

/* NULL where @from is not text, or @format has no text that this libavcodec
 * writes. */
TranscodeText *transcode_text_new (const AVStream *from,
                                   const AVOutputFormat *format);
void transcode_text_free (TranscodeText *self);

/* Of the stream that packets become. */
gboolean transcode_text_parameters (const TranscodeText *self,
                                    AVCodecParameters *params);
/* @packet in the new form, with its times; NULL where it says nothing.
 * (transfer full) */
AVPacket *transcode_text_convert (TranscodeText *self, AVPacket *packet);

G_END_DECLS
