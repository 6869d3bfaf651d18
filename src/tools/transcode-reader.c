/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decodes packets to frames. libavcodec skips samples that the container marks
 * (edit lists, encoder delays). */
#include "transcode-reader.h"

#include <math.h>

#include "libav-version.h"
#include "transcode-file.h"
#include "transcode-time.h"

#define SECOND G_GINT64_CONSTANT (1000000000)
/* Times further from 0 than this, 146 years, are damaged. */
#define FURTHEST (G_MAXINT64 / 2)
/* Decoding errors in a row after the last packet before the reader gives up. */
#define MOST_BROKEN 64
/* A stream has a constant rate if its mean rate and the rate of which its times
 * are multiples differ by less than this share. */
#define RATE_SLACK 0.01
/* Distance in frames within which a frame may be needed: the nearest of evenly
 * spaced frames is at most half a frame away; the rest allows for rounding. */
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
  GArray *waiting; /* gint64: decoding times of packets without a presentation
                      time */
  gint64 next;     /* end of the last frame, ns */
  gint64 period;   /* period of needed frames, ns; 0: all are needed */
  gint64 near; /* distance from a multiple of it within which a frame is needed,
                  ns */
  gint64 offset; /* offset of the periods, ns */
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

/* Sets missing presentation times. libavformat sets them wrong if there are B
 * frames. */
static void
fill_in_times (TranscodeReader *self)
{
  const enum AVCodecID codec = self->stream->codecpar->codec_id;

  if (codec != AV_CODEC_ID_H264 && codec != AV_CODEC_ID_HEVC)
    self->in->flags |= AVFMT_FLAG_GENPTS;
}

TranscodeReader *
transcode_reader_open (const char *path, int index, int threads,
                       gboolean playlists, const volatile sig_atomic_t *stop,
                       GError **error)
{
  g_autoptr (TranscodeReader) self = g_new0 (TranscodeReader, 1);

  self->path = g_strdup (path);
  self->packet = av_packet_alloc ();
  self->frame = av_frame_alloc ();
  self->waiting = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->in = transcode_file_open_input (path, playlists, stop, error);
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

/* Skips decoding of frames that no other frame depends on, if they are not
 * needed. */
static void
pass_over (TranscodeReader *self, const AVPacket *packet)
{
  gint64 time, after; /* start of the last period */

  self->decoder->skip_frame = AVDISCARD_DEFAULT;
  if (self->period == 0 || !to_time (self, packet->pts, &time))
    return;
  after = transcode_time_add (time, self->offset) % self->period;
  if (MIN (after, self->period - after) > self->near)
    self->decoder->skip_frame = AVDISCARD_NONREF;
}

/* -- frames --------------------------------------------------------------- */

/* Sends the stream's next packet, or the end, to the decoder. */
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
  /* A damaged packet is treated as a missing one. */
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

/* Returns the frame's time in the stream's time base. If packets have decoding
 * times alone, the n-th frame gets the n-th of these. */
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

/* Returns the frame's time in ns. A frame without a time follows the last. */
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
    /* Errors other than EAGAIN are damage: continues after it. */
    if (self->draining)
      broken++;
    else if (!send_packet (self, error))
      return FALSE;
  }
  return TRUE;
}
