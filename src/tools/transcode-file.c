/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Containers, the input file, and copying packets to the output. */
#include "transcode-file.h"

#include <string.h>

#include "libav-version.h"
#include "media-input.h"
#include "transcode-time.h"

static const char *const mp4_codecs[] = { "aac", "opus", "flac", NULL };
static const char *const mov_codecs[] = { "aac", "pcm", "pcm_f32le", NULL };
static const char *const mkv_codecs[]
    = { "opus", "aac", "flac", "pcm", "pcm_f32le", NULL };
static const char *const webm_codecs[] = { "opus", NULL };

static const TranscodeContainer containers[] = {
  { "mp4", "mp4", mp4_codecs, 0 },
  { "m4v", "mp4", mp4_codecs, 0 },
  { "mov", "mov", mov_codecs, 0 },
  { "mkv", "matroska", mkv_codecs, 1000 },
  { "webm", "webm", webm_codecs, 1000 },
};

const TranscodeContainer *
transcode_container_find (const char *path)
{
  const char *dot = strrchr (path, '.');

  for (guint i = 0; dot && i < G_N_ELEMENTS (containers); i++)
    if (g_ascii_strcasecmp (dot + 1, containers[i].extension) == 0)
      return &containers[i];
  return NULL;
}

gboolean
transcode_container_takes (const TranscodeContainer *self, const char *codec)
{
  return g_strv_contains (self->codecs, codec);
}

gboolean
transcode_file_fail (GError **error, const char *path, const char *what,
                     int code)
{
  if (code == AVERROR_EXIT)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s: %s", path, what,
                 av_err2str (code));
  return FALSE;
}

/* How much of a file is read to detect its streams, µs and bytes: a stream may
 * start late. */
#define LONGEST_SEARCH (60 * AV_TIME_BASE)
#define LARGEST_SEARCH (64 << 20)

/* -- input ---------------------------------------------------------------- */

static int
is_stopped (void *stop)
{
  return *(const volatile sig_atomic_t *)stop != 0;
}

gboolean
transcode_file_is_picture (const AVStream *stream)
{
  return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO
         && !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);
}

static gboolean
find_streams (TranscodeFile *self, guint wanted, GError **error)
{
  for (guint i = 0; i < self->in->nb_streams; i++) {
    AVStream *stream = self->in->streams[i];

    if (self->video == NULL && transcode_file_is_picture (stream))
      self->video = stream;
    if (stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO
        && self->n_audio++ == wanted)
      self->audio = stream;
  }
  if (self->n_audio == 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s: no audio stream", self->in_path);
  else if (self->audio == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s: no audio stream %u: it has %u, counted from 0",
                 self->in_path, wanted, self->n_audio);
  else if (self->video == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s: no video stream: the model needs video to predict where "
                 "a sound comes from",
                 self->in_path);
  return self->audio && self->video;
}

static gboolean
check_encryption (const TranscodeFile *self, const AVStream *stream,
                  GError **error)
{
  if (!ccs_media_input_check_encryption (stream, self->in_path, error))
    return FALSE;
  if (!transcode_entries_is_encrypted (self->entries, stream))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
               "%s: its %s is encrypted (copy protection), and no key is known",
               self->in_path,
               av_get_media_type_string (stream->codecpar->codec_type));
  return FALSE;
}

AVFormatContext *
transcode_file_open_input (const char *path, gboolean playlists,
                           const volatile sig_atomic_t *stop, GError **error)
{
  AVFormatContext *in = avformat_alloc_context ();

  in->interrupt_callback = (AVIOInterruptCB){ is_stopped, (void *)stop };
  in->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
  in->max_analyze_duration = LONGEST_SEARCH;
  in->probesize = LARGEST_SEARCH;
  return ccs_media_input_open (&in, path, playlists, error) ? in : NULL;
}

/* Finds how long before 0 stream @index of @path starts, in AV_TIME_BASE. MP4
 * files hide such frames with edit lists, because the first visible frame
 * depends on them. */
static gboolean
find_hidden (const char *path, int index, gboolean playlists,
             const volatile sig_atomic_t *stop, gint64 *hidden, GError **error)
{
  AVFormatContext *in
      = transcode_file_open_input (path, playlists, stop, error);
  AVPacket *packet = av_packet_alloc ();
  const gboolean opened = in != NULL;
  gboolean more = opened && index < (int)in->nb_streams;

  *hidden = 0;
  while (more && av_read_frame (in, packet) >= 0) {
    if (packet->stream_index == index && packet->pts != AV_NOPTS_VALUE) {
      const gint64 time = transcode_time_rescale (
          packet->pts, in->streams[index]->time_base, AV_TIME_BASE_Q);

      *hidden = MAX (*hidden, transcode_time_negate (time));
      more = time < 0;
    }
    av_packet_unref (packet);
  }
  av_packet_free (&packet);
  avformat_close_input (&in);
  return opened;
}

/* Finds the offset that makes the output start at 0. Transport streams start at
 * any time, and their clock may wrap; recordings may start long after 0. Frames
 * before 0 in other files are hidden by edit lists. */
static gboolean
find_offset (TranscodeFile *self, gboolean playlists,
             const volatile sig_atomic_t *stop, GError **error)
{
  const gint64 start = self->in->start_time;
  const gboolean is_known = start != AV_NOPTS_VALUE;

  if (is_known
      && (start > 0 || (self->in->iformat->flags & AVFMT_TS_DISCONT) != 0)) {
    self->offset = transcode_time_negate (start);
    return TRUE;
  }
  if (self->container->tick
      && !find_hidden (self->in_path, self->video->index, playlists, stop,
                       &self->hidden, error))
    return FALSE;
  self->offset = self->hidden;
  return TRUE;
}

TranscodeFile *
transcode_file_open (const char *path, guint stream, gboolean playlists,
                     const TranscodeContainer *container,
                     const volatile sig_atomic_t *stop, GError **error)
{
  g_autoptr (TranscodeFile) self = g_new0 (TranscodeFile, 1);

  self->in_path = g_strdup (path);
  self->container = container;
  self->in = transcode_file_open_input (path, playlists, stop, error);
  if (self->in == NULL)
    return NULL;
  self->entries = transcode_entries_read (path, self->in->iformat);
  if (!find_streams (self, stream, error)
      || !check_encryption (self, self->audio, error)
      || !check_encryption (self, self->video, error)
      || !find_offset (self, playlists, stop, error))
    return NULL;
  self->field_channel
      = transcode_entries_field_channel (self->entries, self->audio);
  return g_steal_pointer (&self);
}

void
transcode_file_free (TranscodeFile *self)
{
  if (self->out)
    avio_closep (&self->out->pb);
  avformat_free_context (self->out);
  avformat_close_input (&self->in);
  for (guint i = 0; self->text && i < self->n_map; i++) {
    transcode_text_free (self->text[i]);
    transcode_order_free (self->order[i]);
    transcode_params_free (self->params[i]);
  }
  g_free (self->text);
  g_free (self->order);
  g_free (self->params);
  g_free (self->is_turned);
  g_free (self->map);
  g_free (self->last_dts);
  transcode_entries_free (self->entries);
  g_free (self->in_path);
  g_free (self->name);
  g_free (self);
}

/* -- packets -------------------------------------------------------------- */

/* Converts @packet (transfer full) for the output; NULL if nothing remains. */
static AVPacket *
in_new_form (TranscodeFile *self, AVPacket *packet)
{
  TranscodeText *text = self->text[packet->stream_index];
  AVPacket *converted;

  if (text == NULL)
    return packet;
  converted = transcode_text_convert (text, packet);
  av_packet_free (&packet);
  return converted;
}

/* Converts times and format of @packet, which was read from the input. */
static AVPacket *
take_packet (TranscodeFile *self, AVPacket *packet)
{
  const AVStream *stream = self->in->streams[packet->stream_index];
  const gint64 offset = transcode_time_rescale (self->offset, AV_TIME_BASE_Q,
                                                stream->time_base);
  TranscodeOrder *order = self->order[packet->stream_index];

  packet->pts = transcode_time_add (packet->pts, offset);
  packet->dts = transcode_time_add (packet->dts, offset);
  if (order == NULL)
    return in_new_form (self, packet);
  transcode_order_push (order, packet);
  return transcode_order_pop (order);
}

/* Returns the next packet that waits after the end of the input. */
static AVPacket *
take_waiting (TranscodeFile *self)
{
  AVPacket *packet = NULL;

  for (guint i = 0; i < self->n_map && packet == NULL; i++)
    if (self->order[i]) {
      transcode_order_end (self->order[i]);
      packet = transcode_order_pop (self->order[i]);
    }
  return packet;
}

/* Handles codec parameters that change within a stream. Returns FALSE if later
 * packets could not be decoded. */
static gboolean
follow_params (TranscodeFile *self, AVPacket *packet, GError **error)
{
  const gint index = packet->stream_index;
  const AVStream *stream = self->in->streams[index];
  const double time = (double)MAX (packet->dts, 0) * av_q2d (stream->time_base);
  g_autofree char *text = NULL;

  if (self->params[index] == NULL
      || transcode_params_apply (self->params[index], packet))
    return TRUE;
  text = g_strdup_printf ("%s: stream %d (%s) changes its codec parameters at "
                          "%.3f s, which a copy cannot follow",
                          self->in_path, index,
                          avcodec_get_name (stream->codecpar->codec_id), time);
  if (transcode_file_is_picture (stream)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, text);
    return FALSE;
  }
  self->notice (text);
  g_clear_pointer (&self->params[index], transcode_params_free);
  return TRUE;
}

gboolean
transcode_file_read (TranscodeFile *self, AVPacket **packet, GError **error)
{
  AVPacket *read = av_packet_alloc ();
  int ret;

  *packet = NULL;
  while ((ret = av_read_frame (self->in, read)) >= 0) {
    /* Streams that appear after the header was written cannot be added. */
    if ((guint)read->stream_index >= self->n_map
        || self->map[read->stream_index] < 0) {
      av_packet_unref (read);
      continue;
    }
    if (!follow_params (self, read, error)) {
      av_packet_free (&read);
      return FALSE;
    }
    *packet = take_packet (self, read);
    if (*packet)
      return TRUE;
    read = av_packet_alloc ();
  }
  av_packet_free (&read);
  if (ret != AVERROR_EOF)
    return transcode_file_fail (error, self->in_path, "reading", ret);
  *packet = take_waiting (self);
  return TRUE;
}

/* Checks the time since the last packet: MP4 has 31 bits for it, and
 * libavformat would shift later packets. */
static gboolean
check_step (const TranscodeFile *self, const AVPacket *packet, GError **error)
{
  const gint64 last = self->last_dts[packet->stream_index];

  if (self->container->tick || packet->dts == AV_NOPTS_VALUE
      || last == AV_NOPTS_VALUE || packet->dts - last < G_MAXINT32)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
               "%s: stream %d pauses for longer than .%s files can tell",
               self->in_path, packet->stream_index, self->container->extension);
  return FALSE;
}

/* Limits the duration of a packet to 31 bits. A longer one, of subtitles
 * without an end, lasts until the next packet. */
static void
limit_duration (const TranscodeFile *self, AVPacket *packet)
{
  if (self->container->tick == 0 && packet->duration > G_MAXINT32)
    packet->duration = 0;
}

/* Makes decoding times increase, which muxers require; converting the time base
 * can make two equal. */
static void
keep_order (TranscodeFile *self, AVPacket *packet)
{
  const int step = !(self->out->oformat->flags & AVFMT_TS_NONSTRICT);
  gint64 *last = &self->last_dts[packet->stream_index];

  /* A packet without any time follows the last. */
  if (packet->dts == AV_NOPTS_VALUE && packet->pts == AV_NOPTS_VALUE)
    packet->pts = packet->dts
        = *last == AV_NOPTS_VALUE ? 0 : *last + MAX (step, packet->duration);
  if (packet->dts == AV_NOPTS_VALUE)
    return;
  if (*last != AV_NOPTS_VALUE && packet->dts < *last + step) {
    packet->dts = *last + step;
  }
  if (packet->pts != AV_NOPTS_VALUE)
    packet->pts = MAX (packet->pts, packet->dts);
  *last = packet->dts;
}

gboolean
transcode_file_write (TranscodeFile *self, AVPacket *packet, gint stream,
                      AVRational time_base, GError **error)
{
  int ret;

  packet->stream_index = stream;
  packet->pos = -1;
  av_packet_rescale_ts (packet, time_base,
                        self->out->streams[stream]->time_base);
  if (!check_step (self, packet, error)) {
    av_packet_free (&packet);
    return FALSE;
  }
  limit_duration (self, packet);
  keep_order (self, packet);
  ret = av_interleaved_write_frame (self->out, packet);
  av_packet_free (&packet);
  return ret >= 0 || transcode_file_fail (error, self->name, "writing", ret);
}

guint64
transcode_file_moved (const TranscodeFile *self)
{
  guint64 moved = 0;

  for (guint i = 0; i < self->n_map; i++)
    if (self->order[i])
      moved += transcode_order_moved (self->order[i]);
  return moved;
}

/* Converts @time of a packet of @track, in units of @base, to a Matroska
 * track's. Returns FALSE where the packet holds nothing but the encoder's
 * delay: stored, it would move every other stream. Opus' delay is stored beside
 * the packets (CodecDelay, which players subtract from their times). */
static gboolean
matroska_time (const AVStream *track, AVRational base, gint64 *time)
{
  const gint64 delay = track->codecpar->initial_padding;

  if (delay == 0 && *time < 0)
    return FALSE;
  *time = av_rescale_q (*time + delay, base, track->time_base);
  if (LIBAV_MATROSKA_ADDS_DELAY)
    *time -= av_rescale_q (delay, base, track->time_base);
  return TRUE;
}

gboolean
transcode_file_write_sound (TranscodeFile *self, AVPacket *packet,
                            GError **error)
{
  const AVRational out = self->track->time_base;
  gint64 time = packet->pts;

  if (self->track_start == AV_NOPTS_VALUE)
    self->track_start = time;
  if (self->container->tick == 0)
    return transcode_file_write (self, packet, self->track->index,
                                 self->track_base, error);
  if (!matroska_time (self->track, self->track_base, &time)) {
    av_packet_free (&packet);
    return TRUE;
  }
  packet->duration = av_rescale_q (packet->duration, self->track_base, out);
  packet->pts = packet->dts = time;
  return transcode_file_write (self, packet, self->track->index, out, error);
}
