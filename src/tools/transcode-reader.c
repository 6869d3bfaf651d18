/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets in, frames out. What a container says about samples to leave out
 * (edit lists, encoders' delays) libavcodec applies. */
#include "transcode-reader.h"

#include <math.h>

#include "libav-version.h"
#include "transcode-file.h"
#include "transcode-time.h"

#define SECOND G_GINT64_CONSTANT (1000000000)
/* Times further from 0, 146 years, are damage. */
#define FURTHEST (G_MAXINT64 / 2)
/* Frames in a row that a decoder may fail at after the last packet. */
#define MOST_BROKEN 64
/* A stream is of constant rate where its two rates, the mean and the one of
 * which its times are multiples, differ by less than this share. */
#define RATE_SLACK 0.01
/* Of evenly spaced frames the nearest to any time is half a frame away, or
 * less; the rest is for times that were rounded. In frames. */
#define NEAR 0.75

struct _TranscodeReader
{
  char *path;
  AVFormatContext *in;
  AVStream *stream;
  AVCodecContext *decoder;
  AVPacket *packet;
  AVFrame *frame;
  gboolean draining;
  GArray *waiting; /* of gint64: decoding times of packets without another */
  gint64 next;     /* the time at which the last frame ends, ns */
  gint64 period;   /* of needed frames, ns; 0: all are */
  gint64 near;     /* how far from it a frame can be needed, ns */
  gint64 offset;   /* of the periods, ns */
};

static gboolean
fail (const TranscodeReader *self, GError **error, const char *what, int code)
{
  return transcode_file_fail (error, self->path, what, code);
}

/* -- life ----------------------------------------------------------------- */

static gboolean
open_decoder (TranscodeReader *self, int threads, GError **error)
{
  const AVCodecParameters *params = self->stream->codecpar;
  const AVCodec *codec = avcodec_find_decoder (params->codec_id);
  g_autofree char *what
      = g_strdup_printf ("its %s stream (%s) cannot be decoded",
                         av_get_media_type_string (params->codec_type),
                         avcodec_get_name (params->codec_id));
  int ret;

  if (codec == NULL)
    return fail (self, error, what, AVERROR_DECODER_NOT_FOUND);
  self->decoder = avcodec_alloc_context3 (codec);
  self->decoder->thread_count = threads;
  self->decoder->pkt_timebase = self->stream->time_base;
  if ((ret = avcodec_parameters_to_context (self->decoder, params)) < 0
      || (ret = avcodec_open2 (self->decoder, codec, NULL)) < 0)
    return fail (self, error, what, ret);
  return TRUE;
}

/* libavformat fills in presentation times that are missing, but not well where
 * B frames are shown in between. */
static void
fill_in_times (TranscodeReader *self)
{
  const enum AVCodecID codec = self->stream->codecpar->codec_id;

  if (codec != AV_CODEC_ID_H264 && codec != AV_CODEC_ID_HEVC)
    self->in->flags |= AVFMT_FLAG_GENPTS;
}

TranscodeReader *
transcode_reader_open (const char *path, int index, int threads,
                       const volatile sig_atomic_t *stop, GError **error)
{
  g_autoptr (TranscodeReader) self = g_new0 (TranscodeReader, 1);

  self->path = g_strdup (path);
  self->packet = av_packet_alloc ();
  self->frame = av_frame_alloc ();
  self->waiting = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->in = transcode_file_open_input (path, stop, error);
  if (self->in == NULL)
    return NULL;
  if (index >= (int)self->in->nb_streams) {
    fail (self, error, "its streams are not always the same",
          AVERROR_STREAM_NOT_FOUND);
    return NULL;
  }
  self->stream = self->in->streams[index];
  fill_in_times (self);
  for (unsigned i = 0; i < self->in->nb_streams; i++)
    if ((int)i != index)
      self->in->streams[i]->discard = AVDISCARD_ALL;
  if (!open_decoder (self, threads, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
transcode_reader_free (TranscodeReader *self)
{
  if (self == NULL)
    return;
  avcodec_free_context (&self->decoder);
  avformat_close_input (&self->in);
  av_packet_free (&self->packet);
  av_frame_free (&self->frame);
  g_array_unref (self->waiting);
  g_free (self->path);
  g_free (self);
}

AVStream *
transcode_reader_stream (TranscodeReader *self)
{
  return self->stream;
}

/* -- what is needed -------------------------------------------------------- */

AVRational
transcode_reader_rate (const AVStream *stream)
{
  const AVRational mean = stream->avg_frame_rate, real = stream->r_frame_rate;
  const AVRational none = { 0, 1 };

  if (mean.num <= 0 || mean.den <= 0 || real.num <= 0 || real.den <= 0)
    return none;
  return fabs (av_q2d (mean) / av_q2d (real) - 1) < RATE_SLACK ? mean : none;
}

void
transcode_reader_thin_out (TranscodeReader *self, int rate, gint64 offset)
{
  const AVRational fps = transcode_reader_rate (self->stream);

  if (fps.num == 0)
    return;
  self->period = SECOND / rate;
  self->near = (gint64)(NEAR * (double)SECOND / av_q2d (fps));
  self->offset = offset;
}

/* Converts @stamp, in the stream's time base, to @time in ns. Returns FALSE if
 * the result is not a valid time. */
static gboolean
to_time (const TranscodeReader *self, gint64 stamp, gint64 *time)
{
  if (stamp == AV_NOPTS_VALUE)
    return FALSE;
  *time = transcode_time_rescale (stamp, self->stream->time_base,
                                  TRANSCODE_TIME_NS);
  return *time > -FURTHEST && *time < FURTHEST;
}

/* Pictures that no other depends on are not even decoded. */
static void
pass_over (TranscodeReader *self, const AVPacket *packet)
{
  gint64 time, after; /* the last period's beginning */

  self->decoder->skip_frame = AVDISCARD_DEFAULT;
  if (self->period == 0 || !to_time (self, packet->pts, &time))
    return;
  after = transcode_time_add (time, self->offset) % self->period;
  if (MIN (after, self->period - after) > self->near)
    self->decoder->skip_frame = AVDISCARD_NONREF;
}

/* -- frames --------------------------------------------------------------- */

/* Hands the decoder the stream's next packet, or the end. */
static gboolean
send_packet (TranscodeReader *self, GError **error)
{
  int ret;

  do {
    av_packet_unref (self->packet);
    ret = av_read_frame (self->in, self->packet);
  } while (ret >= 0 && self->packet->stream_index != self->stream->index);
  if (ret == AVERROR_EOF) {
    self->draining = TRUE;
    avcodec_send_packet (self->decoder, NULL);
    return TRUE;
  }
  if (ret < 0)
    return transcode_file_fail (
        error, av_get_media_type_string (self->stream->codecpar->codec_type),
        "reading", ret);
  if (self->packet->pts == AV_NOPTS_VALUE
      && self->packet->dts != AV_NOPTS_VALUE)
    g_array_append_val (self->waiting, self->packet->dts);
  pass_over (self, self->packet);
  /* One that is damaged is as one that is missing. */
  avcodec_send_packet (self->decoder, self->packet);
  av_packet_unref (self->packet);
  return TRUE;
}

/* Returns the duration; 0: unknown. */
static gint64
duration_of (const TranscodeReader *self)
{
  const AVFrame *frame = self->frame;
  gint64 duration;

  if (frame->nb_samples > 0 && frame->sample_rate > 0)
    return av_rescale (frame->nb_samples, SECOND, frame->sample_rate);
  return to_time (self, libav_frame_duration (frame), &duration)
             ? MAX (duration, 0)
             : 0;
}

/* The frame's time by the stream's clock. Where packets have decoding times
 * alone, the n-th frame has the n-th of these. */
static gint64
stamp_of (TranscodeReader *self)
{
  const AVFrame *frame = self->frame;
  gint64 stamp;

  if (frame->pts != AV_NOPTS_VALUE || self->waiting->len == 0)
    return frame->best_effort_timestamp;
  stamp = g_array_index (self->waiting, gint64, 0);
  g_array_remove_index (self->waiting, 0);
  return stamp;
}

/* A frame without a time follows the last. */
static gint64
time_of (TranscodeReader *self)
{
  gint64 time;

  if (!to_time (self, stamp_of (self), &time))
    time = self->next;
  self->next = MIN (time + duration_of (self), FURTHEST);
  return time;
}

gboolean
transcode_reader_next (TranscodeReader *self, AVFrame **frame, gint64 *time,
                       GError **error)
{
  *frame = NULL;
  for (guint broken = 0; broken < MOST_BROKEN;) {
    int ret = avcodec_receive_frame (self->decoder, self->frame);

    if (ret >= 0) {
      *frame = self->frame;
      *time = time_of (self);
      return TRUE;
    }
    if (ret == AVERROR_EOF)
      return TRUE;
    /* Anything else but EAGAIN is damage: go on behind it. */
    if (self->draining)
      broken++;
    else if (!send_packet (self, error))
      return FALSE;
  }
  return TRUE;
}
