/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Converts text subtitles with libavcodec, whose decoders and encoders exchange
 * ASS events. */
#include "transcode-text.h"

#include <libavutil/opt.h>

/* Largest event: a few lines of text. */
#define MOST_BYTES (64 * 1024)

struct _TranscodeText
{
  AVCodecContext *decoder, *encoder;
  AVRational time_base; /* time base of packets */
};

/* Text codecs, the simplest first. A container supports one of them. */
static const enum AVCodecID forms[]
    = { AV_CODEC_ID_MOV_TEXT, AV_CODEC_ID_SUBRIP, AV_CODEC_ID_WEBVTT };

static const AVCodec *
encoder_for (const AVOutputFormat *format)
{
  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    if (avformat_query_codec (format, forms[i], FF_COMPLIANCE_NORMAL) == 1)
      return avcodec_find_encoder (forms[i]);
  return NULL;
}

static gboolean
is_text (enum AVCodecID id)
{
  const AVCodecDescriptor *codec = avcodec_descriptor_get (id);

  return codec && (codec->props & AV_CODEC_PROP_TEXT_SUB);
}

static gboolean
open_decoder (TranscodeText *self, const AVStream *from)
{
  const AVCodec *codec = avcodec_find_decoder (from->codecpar->codec_id);

  if (codec == NULL)
    return FALSE;
  self->decoder = avcodec_alloc_context3 (codec);
  self->decoder->pkt_timebase = self->time_base;
  return avcodec_parameters_to_context (self->decoder, from->codecpar) >= 0
         && avcodec_open2 (self->decoder, codec, NULL) >= 0;
}

static gboolean
open_encoder (TranscodeText *self, const AVCodec *codec)
{
  AVCodecContext *encoder = avcodec_alloc_context3 (codec);

  self->encoder = encoder;
  encoder->time_base = AV_TIME_BASE_Q;
  if (self->decoder->subtitle_header) {
    encoder->subtitle_header = av_memdup (self->decoder->subtitle_header,
                                          self->decoder->subtitle_header_size);
    encoder->subtitle_header_size = self->decoder->subtitle_header_size;
  }
  return avcodec_open2 (encoder, codec, NULL) >= 0;
}

TranscodeText *
transcode_text_new (const AVStream *from, const AVOutputFormat *format)
{
  const AVCodec *codec = encoder_for (format);
  TranscodeText *self;

  if (codec == NULL || !is_text (from->codecpar->codec_id))
    return NULL;
  self = g_new0 (TranscodeText, 1);
  self->time_base = from->time_base;
  if (open_decoder (self, from) && open_encoder (self, codec))
    return self;
  transcode_text_free (self);
  return NULL;
}

void
transcode_text_free (TranscodeText *self)
{
  if (self == NULL)
    return;
  avcodec_free_context (&self->decoder);
  avcodec_free_context (&self->encoder);
  g_free (self);
}

gboolean
transcode_text_parameters (const TranscodeText *self, AVCodecParameters *params)
{
  return avcodec_parameters_from_context (params, self->encoder) >= 0;
}

/* Encodes @subtitle. Encoders need events that start at the time of their
 * packet. */
static AVPacket *
encode (TranscodeText *self, AVSubtitle *subtitle, const AVPacket *like)
{
  AVPacket *packet = av_packet_alloc ();
  int size;

  subtitle->pts = av_rescale_q (like->pts, self->time_base, AV_TIME_BASE_Q);
  subtitle->end_display_time -= subtitle->start_display_time;
  subtitle->start_display_time = 0;
  if (av_new_packet (packet, MOST_BYTES) < 0
      || (size = avcodec_encode_subtitle (self->encoder, packet->data,
                                          packet->size, subtitle))
             <= 0) {
    av_packet_free (&packet);
    return NULL;
  }
  av_shrink_packet (packet, size);
  packet->pts = packet->dts = like->pts;
  packet->duration = like->duration;
  packet->flags = like->flags;
  packet->stream_index = like->stream_index;
  return packet;
}

AVPacket *
transcode_text_convert (TranscodeText *self, AVPacket *packet)
{
  AVSubtitle subtitle = { 0 };
  AVPacket *converted = NULL;
  int got = 0;

  if (packet->pts == AV_NOPTS_VALUE
      || avcodec_decode_subtitle2 (self->decoder, &subtitle, &got, packet) < 0
      || !got)
    return NULL;
  if (subtitle.num_rects > 0)
    converted = encode (self, &subtitle, packet);
  avsubtitle_free (&subtitle);
  return converted;
}
