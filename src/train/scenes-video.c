/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scenes-video.h"

#include <ccstereo/error.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <math.h>

#include "output-file.h"
#include "scenes-private.h"

/* Bitrate for encoders without a quality setting. */
#define PICTURE_BITRATE 2000000
#define SOUND_BITRATE 192000

typedef struct
{
  AVCodecContext *encoder;
  AVStream *stream;
  AVFrame *frame;
  gint64 next; /* pts, in the encoder's time base */
} Track;

struct _CcsVideoWriter
{
  char *path;
  CcsVideoFormat format;
  AVFormatContext *muxer;
  Track picture, sound;
  struct SwsContext *sws;
  AVPacket *packet;
  gint filled; /* samples in the audio frame */
  CcsOutputFile *file;
};

static gboolean
check (const CcsVideoWriter *self, int status, const char *what, GError **error)
{
  char reason[AV_ERROR_MAX_STRING_SIZE] = "";

  if (status >= 0)
    return TRUE;
  av_strerror (status, reason, sizeof reason);
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: %s: %s", self->path, what,
               reason);
  return FALSE;
}

/* -- encoders -- */

static const AVCodec *
first_encoder (const enum AVCodecID *ids)
{
  const AVCodec *codec = NULL;

  for (; !codec && *ids != AV_CODEC_ID_NONE; ids++)
    codec = avcodec_find_encoder (*ids);
  return codec;
}

static gboolean
open_track (CcsVideoWriter *self, Track *track, const AVCodec *codec,
            GError **error)
{
  int status;

  if (self->muxer->oformat->flags & AVFMT_GLOBALHEADER)
    track->encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  track->encoder->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
  status = avcodec_open2 (track->encoder, codec, NULL);
  if (!check (self, status, codec->name, error))
    return FALSE;
  track->stream = avformat_new_stream (self->muxer, NULL);
  track->stream->time_base = track->encoder->time_base;
  status = avcodec_parameters_from_context (track->stream->codecpar,
                                            track->encoder);
  track->frame = av_frame_alloc ();
  return check (self, status, codec->name, error);
}

static gboolean
open_picture (CcsVideoWriter *self, GError **error)
{
  static const enum AVCodecID ids[]
      = { AV_CODEC_ID_H264, AV_CODEC_ID_MPEG4, AV_CODEC_ID_NONE };
  const AVCodec *codec = first_encoder (ids);
  const CcsVideoFormat *format = &self->format;
  AVCodecContext *encoder;
  AVFrame *frame;

  if (!codec)
    return check (self, AVERROR_ENCODER_NOT_FOUND, "pictures", error);
  encoder = self->picture.encoder = avcodec_alloc_context3 (codec);
  encoder->width = format->width;
  encoder->height = format->height;
  encoder->pix_fmt = AV_PIX_FMT_YUV420P;
  encoder->time_base = (AVRational){ 1, format->fps };
  encoder->framerate = (AVRational){ format->fps, 1 };
  encoder->bit_rate = PICTURE_BITRATE;
  /* for encoders with presets */
  av_opt_set (encoder->priv_data, "preset", "veryfast", 0);
  encoder->thread_count = 1; /* the same bytes on every machine */
  if (!open_track (self, &self->picture, codec, error))
    return FALSE;
  frame = self->picture.frame;
  frame->width = format->width;
  frame->height = format->height;
  frame->format = encoder->pix_fmt;
  self->sws = sws_getContext (format->width, format->height, AV_PIX_FMT_RGB24,
                              format->width, format->height, encoder->pix_fmt,
                              SWS_BICUBIC | SWS_ACCURATE_RND, NULL, NULL, NULL);
  if (!self->sws)
    return check (self, AVERROR (EINVAL), "pictures", error);
  return check (self, av_frame_get_buffer (frame, 0), "pictures", error);
}

static gboolean
open_sound (CcsVideoWriter *self, gboolean lossless, GError **error)
{
  static const enum AVCodecID lossy[] = { AV_CODEC_ID_AAC, AV_CODEC_ID_NONE };
  static const enum AVCodecID whole[] = { AV_CODEC_ID_FLAC, AV_CODEC_ID_NONE };
  const AVCodec *codec = first_encoder (lossless ? whole : lossy);
  AVCodecContext *encoder;
  AVFrame *frame;

  if (!codec)
    return check (self, AVERROR_ENCODER_NOT_FOUND, "sound", error);
  encoder = self->sound.encoder = avcodec_alloc_context3 (codec);
  encoder->sample_fmt = lossless ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_FLTP;
  encoder->sample_rate = self->format.rate;
  av_channel_layout_default (&encoder->ch_layout, self->format.channels);
  encoder->time_base = (AVRational){ 1, self->format.rate };
  encoder->bit_rate = lossless ? 0 : SOUND_BITRATE;
  if (!open_track (self, &self->sound, codec, error))
    return FALSE;
  frame = self->sound.frame;
  frame->nb_samples = encoder->frame_size;
  frame->format = encoder->sample_fmt;
  frame->sample_rate = encoder->sample_rate;
  av_channel_layout_copy (&frame->ch_layout, &encoder->ch_layout);
  return check (self, av_frame_get_buffer (frame, 0), "sound", error);
}

static gboolean
open_file (CcsVideoWriter *self, GError **error)
{
  g_autofree char *url = NULL;

  self->file = ccs_output_file_new (self->path, CCS_OUTPUT_OVERWRITE, error);
  if (!self->file)
    return FALSE;
  url = g_strconcat ("file:", ccs_output_file_partial (self->file), NULL);
  return check (self, avio_open (&self->muxer->pb, url, AVIO_FLAG_WRITE),
                "cannot be written", error);
}

CcsVideoWriter *
ccs_video_writer_new (const char *path, const CcsVideoFormat *format,
                      GError **error)
{
  g_autoptr (CcsVideoWriter) self = g_new0 (CcsVideoWriter, 1);
  gboolean lossless = g_str_has_suffix (path, ".mkv");

  self->path = g_strdup (path);
  self->format = *format;
  self->packet = av_packet_alloc ();
  if (!lossless && !g_str_has_suffix (path, ".mp4")) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "%s: a video is written as .mp4 or .mkv", path);
    return NULL;
  }
  /* keeps libav from printing errors, which are reported here */
  av_log_set_level (AV_LOG_QUIET);
  if (!check (self,
              avformat_alloc_output_context2 (&self->muxer, NULL, NULL, path),
              "cannot be written", error)
      || !open_picture (self, error) || !open_sound (self, lossless, error)
      || !open_file (self, error)
      || !check (self, avformat_write_header (self->muxer, NULL),
                 "cannot be written", error))
    return NULL;
  return g_steal_pointer (&self);
}

static void
track_clear (Track *self)
{
  avcodec_free_context (&self->encoder);
  av_frame_free (&self->frame);
}

void
ccs_video_writer_free (CcsVideoWriter *self)
{
  if (!self)
    return;
  track_clear (&self->picture);
  track_clear (&self->sound);
  sws_freeContext (self->sws);
  av_packet_free (&self->packet);
  if (self->muxer && self->muxer->pb)
    avio_closep (&self->muxer->pb);
  avformat_free_context (self->muxer);
  ccs_output_file_free (self->file);
  g_free (self->path);
  g_free (self);
}

/* -- writing -- */

/* Encodes the track's frame or, with @end, the remaining packets. */
static gboolean
encode (CcsVideoWriter *self, Track *track, gboolean end, GError **error)
{
  int status = avcodec_send_frame (track->encoder, end ? NULL : track->frame);

  while (status >= 0) {
    status = avcodec_receive_packet (track->encoder, self->packet);
    if (status == AVERROR (EAGAIN) || status == AVERROR_EOF)
      return TRUE;
    if (status < 0)
      break;
    self->packet->stream_index = track->stream->index;
    if (track == &self->picture)
      self->packet->duration = 1;
    av_packet_rescale_ts (self->packet, track->encoder->time_base,
                          track->stream->time_base);
    status = av_interleaved_write_frame (self->muxer, self->packet);
  }
  return check (self, status, "cannot be written", error);
}

gboolean
ccs_video_writer_picture (CcsVideoWriter *self, const guint8 *rgb,
                          GError **error)
{
  Track *track = &self->picture;
  const guint8 *planes[1] = { rgb };
  int strides[1] = { 3 * self->format.width };

  if (!check (self, av_frame_make_writable (track->frame), "pictures", error))
    return FALSE;
  sws_scale (self->sws, planes, strides, 0, self->format.height,
             track->frame->data, track->frame->linesize);
  track->frame->pts = track->next++;
  return encode (self, track, FALSE, error);
}

static void
put_sample (CcsVideoWriter *self, guint channel, float value)
{
  AVFrame *frame = self->sound.frame;

  if (frame->format == AV_SAMPLE_FMT_S16)
    ((gint16 *)frame->data[0])[self->filled * self->format.channels + channel]
        = (gint16)lrintf (CLAMP (value, -1, 1) * G_MAXINT16);
  else
    ((float *)frame->extended_data[channel])[self->filled] = value;
}

static gboolean
give_sound (CcsVideoWriter *self, GError **error)
{
  Track *track = &self->sound;

  track->frame->nb_samples = self->filled;
  track->frame->pts = track->next;
  track->next += self->filled;
  self->filled = 0;
  return encode (self, track, FALSE, error);
}

gboolean
ccs_video_writer_sound (CcsVideoWriter *self, const float *const *planes,
                        gsize n, GError **error)
{
  for (gsize i = 0; i < n; i++) {
    if (self->filled == 0
        && !check (self, av_frame_make_writable (self->sound.frame), "sound",
                   error))
      return FALSE;
    for (guint c = 0; c < self->format.channels; c++)
      put_sample (self, c, planes[c][i]);
    if (++self->filled == self->sound.encoder->frame_size
        && !give_sound (self, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
ccs_video_writer_finish (CcsVideoWriter *self, GError **error)
{
  if (self->filled > 0 && !give_sound (self, error))
    return FALSE;
  if (!encode (self, &self->picture, TRUE, error)
      || !encode (self, &self->sound, TRUE, error)
      || !check (self, av_write_trailer (self->muxer), "cannot be written",
                 error))
    return FALSE;
  avio_flush (self->muxer->pb);
  return check (self, self->muxer->pb->error, "cannot be written", error)
         && check (self, avio_closep (&self->muxer->pb), "cannot be written",
                   error)
         && ccs_output_file_commit (self->file, error);
}

/* -- scenes -- */

gboolean
ccs_scene_write_video (const CcsScene *scene, const char *path, guint fps,
                       gboolean mono, GError **error)
{
  guint rate = scene->scenery->rate;
  gsize n = (gsize)(CCS_SCENE_DURATION * rate);
  CcsVideoFormat format
      = { CCS_RESIZE_WIDTH, CCS_RESIZE_HEIGHT, fps, rate, mono ? 1 : 2 };
  g_autoptr (CcsVideoWriter) to = ccs_video_writer_new (path, &format, error);
  g_autofree guint8 *rgb = g_malloc (3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT);
  g_autofree float *left = g_new (float, n);
  g_autofree float *right = g_new (float, n);
  guint pictures = (guint)(fps * CCS_SCENE_DURATION);

  if (!to)
    return FALSE;
  ccs_scene_render_audio (scene, 0, n, left, right);
  for (gsize i = 0; mono && i < n; i++)
    left[i] = (left[i] + right[i]) / 2;
  for (guint number = 0; number < pictures; number++) {
    gsize first = (guint64)number * n / pictures;
    gsize end = (guint64)(number + 1) * n / pictures;
    const float *planes[] = { left + first, right + first };

    ccs_scene_render_frame (scene, (double)number / fps, rgb);
    if (!ccs_video_writer_picture (to, rgb, error)
        || !ccs_video_writer_sound (to, planes, end - first, error))
      return FALSE;
  }
  return ccs_video_writer_finish (to, error);
}
