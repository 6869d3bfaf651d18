/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Converts times to sample positions, resamples if the codec needs it, splits
 * audio into frames of the encoder's size and encodes them. */
#include "transcode-track.h"

#include <gio/gio.h>
#include <libavutil/opt.h>
#include <math.h>
#include <string.h>

#include "audio/resampler.h"
#include "libav-version.h"

#define CHANNELS 2
#define SECOND G_GINT64_CONSTANT (1000000000)
/* Smaller differences of times are rounding errors of containers. */
#define TIME_SLACK (5 * SECOND / 1000)
/* Longer gaps are not encoded as silence: packet times show them. */
#define LONGEST_SILENCE (600 * SECOND)
/* Longest time between packets, so that it fits 31 bits in MP4 at any rate. */
#define LONGEST_LEAP (3600 * SECOND)
/* Frame size for encoders that accept any, and samples of silence pushed at a
 * time. */
#define FRAME_SAMPLES 1024
#define FULL_SCALE_24 8388608.f

struct _TranscodeTrack
{
  AVCodecContext *encoder;
  AVFrame *frame;
  GQueue packets; /* AVPacket */
  gboolean delay_told;
  guint tick; /* Hz; 0: any time */

  /* input: a run of samples without a break at one rate */
  guint rate;
  gint64 run_time;   /* time of its first sample, ns */
  gint64 run_frames; /* frames pushed so far */
  CcsResampler *resampler[CHANNELS];

  /* at the encoder's rate */
  GArray *channel[CHANNELS]; /* float samples that are not encoded yet */
  gboolean started;
  gint64 position; /* position of the first of these */
  gint64 overlap;  /* audio dropped so far, ns */

  double gain;
  gboolean is_float; /* no clipping */
  double peak;       /* largest encoded sample */
  guint64 n_clipped;
};

static const TranscodeCodec codecs[] = {
  { "aac", AV_CODEC_ID_AAC, "aac", AV_SAMPLE_FMT_FLTP, 0, 192000, 0 },
  { "opus", AV_CODEC_ID_OPUS, "libopus", AV_SAMPLE_FMT_FLT, 0, 160000, 48000,
    TRUE },
  { "flac", AV_CODEC_ID_FLAC, "flac", AV_SAMPLE_FMT_S32, 24, 0, 0 },
  { "pcm", AV_CODEC_ID_PCM_S24LE, "pcm_s24le", AV_SAMPLE_FMT_S32, 24, 0, 0 },
  { "pcm_f32le", AV_CODEC_ID_PCM_F32LE, "pcm_f32le", AV_SAMPLE_FMT_FLT, 0, 0, 0,
    FALSE, TRUE },
};

const TranscodeCodec *
transcode_codec_find (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    if (g_str_equal (codecs[i].name, name))
      return &codecs[i];
  return NULL;
}

/* -- coding --------------------------------------------------------------- */

static gboolean
fail (GError **error, const char *what, int code)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", what,
               av_err2str (code));
  return FALSE;
}

/* Collects the packets that the encoder has ready. */
static gboolean
collect_packets (TranscodeTrack *self, GError **error)
{
  for (;;) {
    AVPacket *packet = av_packet_alloc ();
    int ret = avcodec_receive_packet (self->encoder, packet);

    if (ret >= 0) {
      g_queue_push_tail (&self->packets, packet);
      continue;
    }
    av_packet_free (&packet);
    return ret == AVERROR (EAGAIN) || ret == AVERROR_EOF
           || fail (error, "the audio encoder failed", ret);
  }
}

/* Converts @value in [-1, 1) to an integer of @full_scale; clamps louder
 * values. */
static gint32
quantised (float value, float full_scale)
{
  return (gint32)lrintf (
      CLAMP (value * full_scale, -full_scale, full_scale - 1));
}

/* Applies the gain to the first samples of both channels, and counts those that
 * are too loud. */
static void
scale (TranscodeTrack *self, int samples)
{
  for (int c = 0; c < CHANNELS; c++) {
    float *x = (float *)self->channel[c]->data;

    for (int i = 0; i < samples; i++) {
      x[i] = (float)(x[i] * self->gain);
      self->peak = MAX (self->peak, fabsf (x[i]));
      self->n_clipped += !self->is_float && fabsf (x[i]) > 1.f;
    }
  }
}

/* Fills a frame with the first samples of both channels, in the encoder's
 * format. */
static void
fill_frame (TranscodeTrack *self, int samples)
{
  const gint32 shift = 1 << 8; /* 24 bits at the top of 32 */
  guint8 **data = self->frame->data;

  for (int c = 0; c < CHANNELS; c++) {
    const float *from = (const float *)self->channel[c]->data;

    switch (self->encoder->sample_fmt) {
    case AV_SAMPLE_FMT_FLTP:
      memcpy (data[c], from, samples * sizeof *from);
      break;
    case AV_SAMPLE_FMT_FLT:
      for (int i = 0; i < samples; i++)
        ((float *)data[0])[CHANNELS * i + c] = from[i];
      break;
    default:
      for (int i = 0; i < samples; i++)
        ((gint32 *)data[0])[CHANNELS * i + c]
            = shift * quantised (from[i], FULL_SCALE_24);
    }
  }
}

static gboolean
code_frame (TranscodeTrack *self, int samples, GError **error)
{
  AVFrame *frame = self->frame;
  int ret;

  av_frame_unref (frame);
  frame->format = self->encoder->sample_fmt;
  frame->sample_rate = self->encoder->sample_rate;
  frame->nb_samples = samples;
  av_channel_layout_copy (&frame->ch_layout, &self->encoder->ch_layout);
  if ((ret = av_frame_get_buffer (frame, 0)) < 0)
    return fail (error, "no memory for a frame of sound", ret);
  scale (self, samples);
  fill_frame (self, samples);
  frame->pts = self->position;
  self->position += samples;
  for (int c = 0; c < CHANNELS; c++)
    g_array_remove_range (self->channel[c], 0, samples);
  if ((ret = avcodec_send_frame (self->encoder, frame)) < 0)
    return fail (error, "the audio encoder failed", ret);
  return collect_packets (self, error);
}

static int
frame_size (const TranscodeTrack *self)
{
  return self->encoder->frame_size ? self->encoder->frame_size : FRAME_SAMPLES;
}

static gboolean
code_full_frames (TranscodeTrack *self, GError **error)
{
  const int size = frame_size (self);

  while (self->channel[0]->len >= (guint)size)
    if (!code_frame (self, size, error))
      return FALSE;
  return TRUE;
}

/* -- runs of samples ------------------------------------------------------ */

static gint64
end_position (TranscodeTrack *self)
{
  return self->position + self->channel[0]->len;
}

/* Returns the end of the audio pushed so far, ns. */
static gint64
end_of_run (const TranscodeTrack *self)
{
  return self->run_time + av_rescale (self->run_frames, SECOND, self->rate);
}

/* Pushes samples; NULL @samples: silence. */
static gboolean
push_samples (TranscodeTrack *self, const float *samples, gsize frames,
              GError **error)
{
  g_autofree float *one = g_new0 (float, frames);

  for (int c = 0; c < CHANNELS; c++) {
    for (gsize i = 0; samples && i < frames; i++)
      one[i] = samples[CHANNELS * i + c];
    if (!ccs_resampler_push (self->resampler[c], one, frames, self->channel[c],
                             error))
      return FALSE;
  }
  self->run_frames += frames;
  return code_full_frames (self, error);
}

static gboolean
push_silence (TranscodeTrack *self, gint64 frames, GError **error)
{
  for (; frames > 0; frames -= FRAME_SAMPLES)
    if (!push_samples (self, NULL, MIN (frames, FRAME_SAMPLES), error))
      return FALSE;
  return TRUE;
}

static gboolean
end_run (TranscodeTrack *self, GError **error)
{
  for (int c = 0; c < CHANNELS; c++) {
    if (self->resampler[c]
        && !ccs_resampler_drain (self->resampler[c], self->channel[c], error))
      return FALSE;
    g_clear_pointer (&self->resampler[c], ccs_resampler_free);
  }
  return TRUE;
}

static gint64
frames_in (gint64 time, gint64 rate)
{
  return av_rescale_q (time, (AVRational){ 1, SECOND },
                       (AVRational){ 1, rate });
}

/* Starts the track at the container's tick before the first sample, with
 * silence up to that sample, so that the container can store the times of
 * samples exactly. Containers that do not store the encoder's delay use the
 * time of the first packet. */
static void
start_track (TranscodeTrack *self, gint64 first)
{
  const gint64 rate = self->encoder->sample_rate;
  const gint64 delay = self->delay_told ? 0 : self->encoder->initial_padding;
  gint64 silence = 0;

  if (self->tick) {
    gint64 step = rate / av_gcd (rate, self->tick);

    silence = (first >= delay ? first - delay : first) % step;
    if (silence < 0) /* a track may start before 0 */
      silence += step;
  }
  self->position = first - silence;
  for (int c = 0; c < CHANNELS; c++)
    g_array_set_size (self->channel[c], silence);
  self->started = TRUE;
}

/* Starts a run of audio at @rate, which begins at @time, ns. */
static gboolean
begin_run (TranscodeTrack *self, guint rate, gint64 time, GError **error)
{
  if (!end_run (self, error))
    return FALSE;
  if (!self->started)
    start_track (self, frames_in (time, self->encoder->sample_rate));
  for (int c = 0; c < CHANNELS; c++)
    if ((self->resampler[c]
         = ccs_resampler_new (rate, self->encoder->sample_rate, error))
        == NULL)
      return FALSE;
  self->rate = rate;
  self->run_frames = 0;
  self->run_time = av_rescale_q (end_position (self), self->encoder->time_base,
                                 (AVRational){ 1, SECOND });
  return TRUE;
}

/* Ends the audio so far with silence that completes a codec frame, and restarts
 * the track at @time, or before it if the silence in between is too long. */
static gboolean
leap_to (TranscodeTrack *self, gint64 time, GError **error)
{
  const guint size = (guint)frame_size (self);
  const gint64 end = end_of_run (self);

  if (!end_run (self, error))
    return FALSE;
  for (int c = 0; c < CHANNELS; c++)
    g_array_set_size (self->channel[c],
                      (self->channel[c]->len / size + 1) * size);
  self->started = FALSE;
  return code_full_frames (self, error)
         && begin_run (self, self->rate, MIN (time, end + LONGEST_LEAP), error);
}

/* Drops the first @frames of @piece. */
static void
skip_frames (TranscodePiece *piece, gint64 frames)
{
  const gsize n = (gsize)MIN (frames, (gint64)piece->frames);

  piece->samples += n * CHANNELS;
  piece->frames -= n;
  piece->time += av_rescale (n, SECOND, piece->rate);
}

/* Drops samples before 0: Matroska cannot store them, and the whole first
 * packet would have to be dropped. */
static void
skip_before_zero (const TranscodeTrack *self, TranscodePiece *piece)
{
  if (self->tick && !self->started && piece->time < 0)
    skip_frames (
        piece, av_rescale_rnd (-piece->time, piece->rate, SECOND, AV_ROUND_UP));
}

/* Drops the part of @piece that overlaps the audio so far. */
static void
skip_overlap (TranscodeTrack *self, TranscodePiece *piece)
{
  const gint64 overlap = end_of_run (self) - piece->time;
  const gint64 frames = frames_in (overlap, self->rate);

  if (overlap <= TIME_SLACK)
    return;
  self->overlap
      += MIN (overlap, av_rescale (piece->frames, SECOND, piece->rate));
  skip_frames (piece, frames);
}

gboolean
transcode_track_push (TranscodeTrack *self, const TranscodePiece *given,
                      GError **error)
{
  TranscodePiece piece = *given;
  gint64 ahead;

  skip_before_zero (self, &piece);
  if (piece.frames == 0)
    return TRUE;
  if ((!self->started || piece.rate != self->rate)
      && !begin_run (self, piece.rate, piece.time, error))
    return FALSE;
  while (piece.time - end_of_run (self) > LONGEST_SILENCE)
    if (!leap_to (self, piece.time, error))
      return FALSE;
  ahead = piece.time - end_of_run (self);
  if (ahead > TIME_SLACK
      && !push_silence (self, frames_in (ahead, self->rate), error))
    return FALSE;
  skip_overlap (self, &piece);
  return push_samples (self, piece.samples, piece.frames, error);
}

guint64
transcode_track_clipped (const TranscodeTrack *self, double *peak)
{
  *peak = self->peak;
  return self->n_clipped;
}

gint64
transcode_track_overlap (const TranscodeTrack *self)
{
  return self->overlap;
}

gboolean
transcode_track_finish (TranscodeTrack *self, GError **error)
{
  int ret;

  if (!end_run (self, error) || !code_full_frames (self, error)
      || (self->channel[0]->len > 0
          && !code_frame (self, self->channel[0]->len, error)))
    return FALSE;
  if ((ret = avcodec_send_frame (self->encoder, NULL)) < 0)
    return fail (error, "the audio encoder failed", ret);
  return collect_packets (self, error);
}

AVPacket *
transcode_track_pop (TranscodeTrack *self)
{
  return g_queue_pop_head (&self->packets);
}

/* -- life ----------------------------------------------------------------- */

const AVCodecContext *
transcode_track_encoder (const TranscodeTrack *self)
{
  return self->encoder;
}

/* Returns the lowest rate of the encoder that is at least @rate, or its
 * highest. */
static int
rate_for (const AVCodec *encoder, int rate)
{
  const int *rates = libav_sample_rates (encoder);
  int best = 0, highest = 0;

  if (rates == NULL)
    return rate;
  for (const int *one = rates; *one; one++) {
    if (*one >= rate && (best == 0 || *one < best))
      best = *one;
    highest = MAX (highest, *one);
  }
  return best ? best : highest;
}

static void
configure (AVCodecContext *encoder, const TranscodeTrackOptions *options)
{
  const TranscodeCodec *codec = options->codec;

  encoder->sample_fmt = codec->format;
  encoder->sample_rate = codec->rate
                             ? (int)codec->rate
                             : rate_for (encoder->codec, (int)options->rate);
  encoder->time_base = (AVRational){ 1, encoder->sample_rate };
  encoder->bits_per_raw_sample = codec->bits;
  encoder->bit_rate = options->bitrate ? options->bitrate : codec->bitrate;
  av_channel_layout_default (&encoder->ch_layout, CHANNELS);
  if (options->global_header)
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  if (codec->id == AV_CODEC_ID_AAC) {
    /* Intensity stereo and noise substitution replace the waveform of one
     * channel, which would destroy the differences between the channels. */
    av_opt_set_int (encoder->priv_data, "aac_is", 0, 0);
    av_opt_set_int (encoder->priv_data, "aac_pns", 0, 0);
  }
}

TranscodeTrack *
transcode_track_new (const TranscodeTrackOptions *options, GError **error)
{
  const AVCodec *codec = avcodec_find_encoder_by_name (options->codec->encoder);
  g_autoptr (TranscodeTrack) self = g_new0 (TranscodeTrack, 1);
  int ret;

  g_queue_init (&self->packets);
  self->tick = options->tick;
  self->delay_told = options->codec->delay_told;
  self->is_float = options->codec->is_float;
  self->gain = options->gain;
  for (int c = 0; c < CHANNELS; c++)
    self->channel[c] = g_array_new (FALSE, TRUE, sizeof (float));
  if (codec == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 "this libavcodec has no encoder \"%s\"",
                 options->codec->encoder);
    return NULL;
  }
  self->frame = av_frame_alloc ();
  self->encoder = avcodec_alloc_context3 (codec);
  configure (self->encoder, options);
  if ((ret = avcodec_open2 (self->encoder, codec, NULL)) < 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "%s at %u Hz and %" G_GINT64_FORMAT
                 " bits a second cannot be encoded: %s",
                 options->codec->name, options->rate, self->encoder->bit_rate,
                 av_err2str (ret));
    return NULL;
  }
  return g_steal_pointer (&self);
}

static void
free_packet (gpointer packet)
{
  av_packet_free ((AVPacket **)&packet);
}

void
transcode_track_free (TranscodeTrack *self)
{
  g_queue_clear_full (&self->packets, free_packet);
  for (int c = 0; c < CHANNELS; c++) {
    g_clear_pointer (&self->resampler[c], ccs_resampler_free);
    g_array_unref (self->channel[c]);
  }
  av_frame_free (&self->frame);
  avcodec_free_context (&self->encoder);
  g_free (self);
}
