/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prepare-media.h"

#include <ccstereo/error.h>
#include <ccstereo/vision.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

#include "media-input.h"
#include "model/config.h"

#define MOST_CHANNELS 64
#define MOST_BROKEN 16 /* damaged packets after which reading fails */

typedef struct
{
  int index; /* index of the stream */
  AVRational time_base;
  AVCodecContext *decoder;
} Track;

struct _CcsMedia
{
  char *path;
  guint rate;
  AVFormatContext *format;
  Track sound, picture;
  AVPacket *packet;
  AVFrame *frame, *kept;
  gboolean draining;
  guint broken;
  double start;      /* start time of the file, seconds */
  double next_sound; /* time of the next sample */
  guint channels;    /* constant */
  SwrContext *swr;
  int swr_format, swr_rate; /* format and rate of its input */
  float *planes[MOST_CHANNELS];
  gsize capacity; /* capacity of a plane in samples */
  struct SwsContext *sws;
  guint8 *rgb; /* the frame in its own size */
  CcsResize *resize;
  int width, height, pixels; /* for which sws, rgb and resize were made */
};

static gboolean
fail (const CcsMedia *self, GError **error, const char *what, int code)
{
  char reason[AV_ERROR_MAX_STRING_SIZE] = "";

  if (code < 0)
    av_strerror (code, reason, sizeof reason);
  g_set_error (error, CCS_ERROR,
               code == AVERROR (ENOENT) || code == AVERROR (EACCES)
                   ? CCS_ERROR_IO
                   : CCS_ERROR_FORMAT,
               "%s: %s%s%s", self->path, what, *reason ? ": " : "", reason);
  return FALSE;
}

/* Checks all streams of @type: no decoder may be known for an encrypted one. */
static gboolean
check_encryption (const CcsMedia *self, enum AVMediaType type, GError **error)
{
  for (guint i = 0; i < self->format->nb_streams; i++)
    if (self->format->streams[i]->codecpar->codec_type == type
        && !ccs_media_input_check_encryption (self->format->streams[i],
                                              self->path, error))
      return FALSE;
  return TRUE;
}

static gboolean
open_track (CcsMedia *self, enum AVMediaType type, Track *track, GError **error)
{
  const AVCodec *codec = NULL;
  const char *kind = av_get_media_type_string (type);
  g_autofree char *none = g_strdup_printf ("has no %s that can be decoded",
                                           kind ? kind : "stream");
  int status;

  track->index = av_find_best_stream (self->format, type, -1, -1, &codec, 0);
  if (track->index < 0)
    return check_encryption (self, type, error) && fail (self, error, none, 0);
  if (!ccs_media_input_check_encryption (self->format->streams[track->index],
                                         self->path, error))
    return FALSE;
  track->decoder = avcodec_alloc_context3 (codec);
  status = avcodec_parameters_to_context (
      track->decoder, self->format->streams[track->index]->codecpar);
  if (status >= 0)
    status = avcodec_open2 (track->decoder, codec, NULL);
  if (status < 0)
    return fail (self, error, none, status);
  track->time_base = self->format->streams[track->index]->time_base;
  return TRUE;
}

/* Makes a converter for frames of this format and rate. */
static gboolean
open_swr (CcsMedia *self, int format, int rate, GError **error)
{
  AVChannelLayout plain = { 0 };
  int status;

  if (rate < 1)
    return fail (self, error, "its sound states no rate", 0);
  /* channels are not mixed, whatever their layout is */
  plain.order = AV_CHANNEL_ORDER_UNSPEC;
  plain.nb_channels = (int)self->channels;
  swr_free (&self->swr);
  self->swr_format = format;
  self->swr_rate = rate;
  status = swr_alloc_set_opts2 (&self->swr, &plain, AV_SAMPLE_FMT_FLTP,
                                self->rate, &plain, format, rate, 0, NULL);
  if (status >= 0)
    status = swr_init (self->swr);
  return status >= 0
             ? TRUE
             : fail (self, error, "its sound cannot be converted", status);
}

/* Makes a converter for the format in the file's header; frames may have
 * another. */
static gboolean
begin_sound (CcsMedia *self, GError **error)
{
  const AVCodecContext *from = self->sound.decoder;

  if (from->ch_layout.nb_channels < 1
      || from->ch_layout.nb_channels > MOST_CHANNELS)
    return fail (self, error, "its sound states no channels", 0);
  self->channels = (guint)from->ch_layout.nb_channels;
  return open_swr (self, from->sample_fmt, from->sample_rate, error);
}

CcsMedia *
ccs_media_open (const char *path, guint rate, gboolean allow_playlists,
                GError **error)
{
  g_autoptr (CcsMedia) self = g_new0 (CcsMedia, 1);

  self->path = g_strdup (path);
  self->rate = rate;
  self->sound.index = self->picture.index = -1;
  /* keeps libav from printing errors, which are reported here */
  av_log_set_level (AV_LOG_QUIET);
  self->format = avformat_alloc_context ();
  if (!ccs_media_input_open (&self->format, path, allow_playlists, error)
      || !open_track (self, AVMEDIA_TYPE_VIDEO, &self->picture, error)
      || !open_track (self, AVMEDIA_TYPE_AUDIO, &self->sound, error)
      || !begin_sound (self, error))
    return NULL;
  if (self->format->start_time != AV_NOPTS_VALUE)
    self->start = (double)self->format->start_time / AV_TIME_BASE;
  self->packet = av_packet_alloc ();
  self->frame = av_frame_alloc ();
  self->kept = av_frame_alloc ();
  return g_steal_pointer (&self);
}

void
ccs_media_free (CcsMedia *self)
{
  if (!self)
    return;
  avcodec_free_context (&self->sound.decoder);
  avcodec_free_context (&self->picture.decoder);
  avformat_close_input (&self->format);
  av_packet_free (&self->packet);
  av_frame_free (&self->frame);
  av_frame_free (&self->kept);
  swr_free (&self->swr);
  sws_freeContext (self->sws);
  g_free (self->rgb);
  ccs_resize_free (self->resize);
  for (guint c = 0; c < MOST_CHANNELS; c++)
    g_free (self->planes[c]);
  g_free (self->path);
  g_free (self);
}

guint
ccs_media_channels (const CcsMedia *self)
{
  return self->channels;
}

double
ccs_media_picture_duration (const CcsMedia *self)
{
  AVRational rate = self->format->streams[self->picture.index]->avg_frame_rate;

  return rate.num > 0 && rate.den > 0 ? (double)rate.den / rate.num : 0;
}

/* -- sound -- */

/* Converts @frame, or without one the samples in the converter, and appends
 * them to the first *@n samples of the planes. */
static gboolean
convert (CcsMedia *self, const AVFrame *frame, gsize *n, GError **error)
{
  const int in = frame ? frame->nb_samples : 0;
  const int most = swr_get_out_samples (self->swr, in);
  guint8 *to[MOST_CHANNELS];
  int got;

  if (most < 0)
    return fail (self, error, "its sound cannot be converted", most);
  if (*n + (gsize)most > self->capacity) {
    self->capacity = *n + (gsize)most;
    for (guint c = 0; c < self->channels; c++)
      self->planes[c] = g_renew (float, self->planes[c], self->capacity);
  }
  for (guint c = 0; c < self->channels; c++)
    to[c] = (guint8 *)(self->planes[c] + *n);
  got = swr_convert (self->swr, to, most,
                     frame ? (const guint8 **)frame->extended_data : NULL, in);
  if (got < 0)
    return fail (self, error, "its sound cannot be converted", got);
  *n += (gsize)got;
  return TRUE;
}

/* Handles a change of sample format or rate: drains the converter and makes
 * another. */
static gboolean
fit_converter (CcsMedia *self, const AVFrame *frame, gsize *n, GError **error)
{
  if (frame->ch_layout.nb_channels != (int)self->channels)
    return fail (self, error, "its sound changes its channels", 0);
  if (frame->format == self->swr_format && frame->sample_rate == self->swr_rate)
    return TRUE;
  return convert (self, NULL, n, error)
         && open_swr (self, frame->format, frame->sample_rate, error);
}

/* Converts the decoded frame, or without one the samples in the converter. */
static gboolean
convert_sound (CcsMedia *self, const AVFrame *frame, CcsMediaChunk *chunk,
               GError **error)
{
  gsize n = 0;

  if ((frame && !fit_converter (self, frame, &n, error))
      || !convert (self, frame, &n, error))
    return FALSE;
  chunk->kind = CCS_MEDIA_SOUND;
  chunk->time = self->next_sound;
  chunk->n = n;
  chunk->samples = (const float *const *)self->planes;
  self->next_sound += (double)n / self->rate;
  return TRUE;
}

static double
time_of (const CcsMedia *self, const Track *track, const AVFrame *frame)
{
  if (frame->best_effort_timestamp == AV_NOPTS_VALUE)
    return -1;
  return frame->best_effort_timestamp * av_q2d (track->time_base) - self->start;
}

/* Follows the file's timestamps instead of the sample count after a gap or an
 * overlap that is larger than the jitter of a frame. */
static void
follow_clock (CcsMedia *self)
{
  double time = time_of (self, &self->sound, self->frame);
  double held = (double)swr_get_delay (self->swr, 1000000) * 1e-6;

  if (time >= 0 && ABS (time - held - self->next_sound) > 0.05)
    self->next_sound = time - held;
}

/* -- what comes next -- */

/* Returns whether a frame is ready. */
static gboolean
receive (CcsMedia *self, Track *track)
{
  int status;

  if (!track->decoder)
    return FALSE;
  status = avcodec_receive_frame (track->decoder, self->frame);
  if (status < 0 && status != AVERROR (EAGAIN) && status != AVERROR_EOF)
    self->broken++;
  return status == 0;
}

/* Sends the next packet to its decoder; at the end of the file, the end to
 * both. */
static void
feed (CcsMedia *self)
{
  int status = av_read_frame (self->format, self->packet);

  if (status < 0) {
    if (status != AVERROR_EOF)
      self->broken++;
    avcodec_send_packet (self->sound.decoder, NULL);
    avcodec_send_packet (self->picture.decoder, NULL);
    self->draining = TRUE;
    return;
  }
  status = 0;
  if (self->packet->stream_index == self->sound.index)
    status = avcodec_send_packet (self->sound.decoder, self->packet);
  else if (self->packet->stream_index == self->picture.index)
    status = avcodec_send_packet (self->picture.decoder, self->packet);
  if (status < 0)
    self->broken++;
  av_packet_unref (self->packet);
}

gboolean
ccs_media_next (CcsMedia *self, CcsMediaChunk *chunk, GError **error)
{
  for (;;) {
    if (self->broken > MOST_BROKEN)
      return fail (self, error, "is damaged", 0);
    if (receive (self, &self->sound)) {
      follow_clock (self);
      if (!convert_sound (self, self->frame, chunk, error))
        return FALSE;
      if (chunk->n > 0)
        return TRUE;
      continue;
    }
    if (receive (self, &self->picture)) {
      chunk->kind = CCS_MEDIA_PICTURE;
      chunk->time = time_of (self, &self->picture, self->frame);
      return TRUE;
    }
    if (self->draining) {
      if (!convert_sound (self, NULL, chunk, error))
        return FALSE;
      if (chunk->n == 0)
        chunk->kind = CCS_MEDIA_END;
      return TRUE;
    }
    feed (self);
  }
}

/* -- pictures -- */

void
ccs_media_keep_picture (CcsMedia *self)
{
  av_frame_unref (self->kept);
  av_frame_move_ref (self->kept, self->frame);
}

static gboolean
plan_picture (CcsMedia *self, GError **error)
{
  const AVFrame *from = self->kept;
  const int *matrix;

  if (self->sws && self->width == from->width && self->height == from->height
      && self->pixels == from->format)
    return TRUE;
  if (from->width < 1 || from->height < 1 || from->width > 32768
      || from->height > 32768)
    return fail (self, error, "a picture's size is out of bounds", 0);
  sws_freeContext (self->sws);
  self->sws = sws_getContext (
      from->width, from->height, from->format, from->width, from->height,
      AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT,
      NULL, NULL, NULL);
  if (!self->sws)
    return fail (self, error, "its pictures cannot be converted", 0);
  matrix = sws_getCoefficients (from->colorspace == AVCOL_SPC_UNSPECIFIED
                                        && from->height > 576
                                    ? SWS_CS_ITU709
                                    : (int)from->colorspace);
  sws_setColorspaceDetails (self->sws, matrix,
                            from->color_range == AVCOL_RANGE_JPEG, matrix, 1, 0,
                            1 << 16, 1 << 16);
  self->width = from->width;
  self->height = from->height;
  self->pixels = from->format;
  g_free (self->rgb);
  /* libswscale may write a vector past the end */
  self->rgb = g_malloc ((gsize)3 * from->width * from->height + 64);
  g_clear_pointer (&self->resize, ccs_resize_free);
  self->resize = ccs_resize_new (from->width, from->height, CCS_RESIZE_WIDTH,
                                 CCS_RESIZE_HEIGHT, error);
  return self->resize != NULL;
}

gboolean
ccs_media_render_picture (CcsMedia *self, guint8 *rgb, GError **error)
{
  guint8 *planes[1];
  int strides[1];

  if (!plan_picture (self, error))
    return FALSE;
  planes[0] = self->rgb;
  strides[0] = 3 * self->width;
  sws_scale (self->sws, (const guint8 *const *)self->kept->data,
             self->kept->linesize, 0, self->height, planes, strides);
  ccs_resize_run (self->resize, self->rgb, strides[0], rgb,
                  3 * CCS_RESIZE_WIDTH);
  return TRUE;
}
