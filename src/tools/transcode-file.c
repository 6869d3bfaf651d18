/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libavformat on both sides. What it keeps is kept: display matrix, spherical
 * and stereo 3D data (which it also reads from GSpherical boxes), chapters,
 * dispositions, metadata. */
#include "transcode-file.h"

#include <libavutil/avstring.h>
#include <string.h>

/* Of movie tracks that libavformat makes from chapters. */
#define TAG_CHAPTER_TEXT MKTAG ('t', 'e', 'x', 't')

static const char *const mp4_codecs[] = { "aac", "opus", "flac", NULL };
static const char *const mov_codecs[] = { "aac", "pcm", NULL };
static const char *const mkv_codecs[] = { "opus", "aac", "flac", "pcm", NULL };
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

/* -- input ---------------------------------------------------------------- */

static int
is_stopped (void *stop)
{
  return *(const volatile sig_atomic_t *)stop != 0;
}

static gboolean
is_picture (const AVStream *stream)
{
  return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO
         && !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);
}

static gboolean
find_streams (TranscodeFile *self, guint wanted, GError **error)
{
  for (guint i = 0; i < self->in->nb_streams; i++) {
    AVStream *stream = self->in->streams[i];

    if (self->video == NULL && is_picture (stream))
      self->video = stream;
    if (stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO
        && self->n_audio++ == wanted)
      self->audio = stream;
  }
  if (self->n_audio == 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s: there is no audio stream", self->in_path);
  else if (self->audio == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s: there is no audio stream %u: it has %u, counted from 0",
                 self->in_path, wanted, self->n_audio);
  else if (self->video == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s: there is no video stream: the picture tells where a "
                 "sound comes from, so sound alone cannot be made binaural",
                 self->in_path);
  return self->audio && self->video;
}

AVFormatContext *
transcode_file_open_input (const char *path, const volatile sig_atomic_t *stop,
                           GError **error)
{
  AVFormatContext *in = avformat_alloc_context ();
  g_autofree char *url = g_strdup_printf ("file:%s", path);
  int ret;

  in->interrupt_callback = (AVIOInterruptCB){ is_stopped, (void *)stop };
  in->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
  /* Program streams give times to some packets only. */
  in->flags |= AVFMT_FLAG_GENPTS;
  if ((ret = avformat_open_input (&in, url, NULL, NULL)) < 0) {
    transcode_file_fail (error, path, "cannot be opened", ret);
    return NULL;
  }
  if ((ret = avformat_find_stream_info (in, NULL)) < 0) {
    transcode_file_fail (error, path, "cannot be read", ret);
    avformat_close_input (&in);
  }
  return in;
}

TranscodeFile *
transcode_file_open (const char *path, guint stream,
                     const volatile sig_atomic_t *stop, GError **error)
{
  g_autoptr (TranscodeFile) self = g_new0 (TranscodeFile, 1);

  self->in_path = g_strdup (path);
  self->in = transcode_file_open_input (path, stop, error);
  if (self->in == NULL || !find_streams (self, stream, error))
    return NULL;
  /* Transport streams begin at any time; files at 0. */
  if ((self->in->iformat->flags & AVFMT_TS_DISCONT)
      && self->in->start_time != AV_NOPTS_VALUE)
    self->offset = -self->in->start_time;
  return g_steal_pointer (&self);
}

void
transcode_file_free (TranscodeFile *self)
{
  if (self->out)
    avio_closep (&self->out->pb);
  avformat_free_context (self->out);
  avformat_close_input (&self->in);
  g_free (self->map);
  g_free (self->last_dts);
  g_free (self->in_path);
  g_free (self);
}

/* -- output --------------------------------------------------------------- */

static gboolean
is_mov (const AVOutputFormat *format)
{
  return g_str_equal (format->name, "mp4") || g_str_equal (format->name, "mov");
}

/* Data tracks have no codec by which libavformat would know them; a movie can
 * take some over from a movie. Chapter tracks it writes itself. */
static gboolean
can_carry_data (TranscodeFile *self, const AVStream *stream)
{
  if (!is_mov (self->out->oformat)
      || !av_match_name ("mov", self->in->iformat->name))
    return FALSE;
  switch (stream->codecpar->codec_tag) {
  case MKTAG ('t', 'm', 'c', 'd'):
  case MKTAG ('g', 'p', 'm', 'd'):
    return TRUE;
  default:
    return FALSE;
  }
}

static gboolean
can_carry (TranscodeFile *self, const AVStream *stream)
{
  const AVOutputFormat *format = self->out->oformat;

  switch (stream->codecpar->codec_type) {
  case AVMEDIA_TYPE_DATA:
    return can_carry_data (self, stream);
  case AVMEDIA_TYPE_ATTACHMENT:
    return g_str_equal (format->name, "matroska");
  case AVMEDIA_TYPE_UNKNOWN:
    return FALSE;
  default:
    return avformat_query_codec (format, stream->codecpar->codec_id,
                                 FF_COMPLIANCE_EXPERIMENTAL)
           != 0;
  }
}

static void
copy_side_data (AVStream *to, const AVStream *from)
{
  for (int i = 0; i < from->nb_side_data; i++) {
    const AVPacketSideData *data = &from->side_data[i];
    guint8 *copy = av_stream_new_side_data (to, data->type, data->size);

    if (copy)
      memcpy (copy, data->data, data->size);
  }
}

/* 0 lets the muxer choose, where the input's tag means another codec there. */
static guint32
tag_for (const AVOutputFormat *format, const AVCodecParameters *params)
{
  unsigned tag;

  if (format->codec_tag == NULL
      || av_codec_get_id (format->codec_tag, params->codec_tag)
             == params->codec_id
      || !av_codec_get_tag2 (format->codec_tag, params->codec_id, &tag))
    return params->codec_tag;
  return 0;
}

static gboolean
add_copy (TranscodeFile *self, const AVStream *from, GError **error)
{
  AVStream *to = avformat_new_stream (self->out, NULL);
  int ret;

  if (to == NULL
      || (ret = avcodec_parameters_copy (to->codecpar, from->codecpar)) < 0)
    return transcode_file_fail (
        error, self->in_path, "its streams cannot be copied", AVERROR (ENOMEM));
  to->codecpar->codec_tag = tag_for (self->out->oformat, from->codecpar);
  to->id = from->id;
  to->time_base = from->time_base;
  to->duration = from->duration;
  to->avg_frame_rate = from->avg_frame_rate;
  to->r_frame_rate = from->r_frame_rate;
  to->sample_aspect_ratio = from->sample_aspect_ratio;
  to->disposition = from->disposition;
  av_dict_copy (&to->metadata, from->metadata, 0);
  copy_side_data (to, from);
  self->map[from->index] = to->index;
  return TRUE;
}

/* Of movies libavformat writes the sphere to MP4 alone. */
static void
tell_lost_sphere (TranscodeFile *self, const AVStream *stream,
                  TranscodeNotice notice)
{
  g_autofree char *text = NULL;

  if (!g_str_equal (self->out->oformat->name, "mov")
      || (av_stream_get_side_data (stream, AV_PKT_DATA_SPHERICAL, NULL) == NULL
          && av_stream_get_side_data (stream, AV_PKT_DATA_STEREO3D, NULL)
                 == NULL))
    return;
  text = g_strdup_printf ("%s: its 360-degree or 3D data is left out: .mov "
                          "files cannot have it, .mp4 files can",
                          self->in_path);
  notice (text);
}

/* What a file says about the codec and the bytes of a stream that is replaced.
 */
static void
drop_statistics (AVDictionary **metadata)
{
  static const char *const keys[] = { "encoder",
                                      "BPS",
                                      "DURATION",
                                      "NUMBER_OF_BYTES",
                                      "NUMBER_OF_FRAMES",
                                      "_STATISTICS_TAGS",
                                      "_STATISTICS_WRITING_APP",
                                      "_STATISTICS_WRITING_DATE_UTC" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    for (AVDictionaryEntry *entry = NULL;
         (entry = av_dict_get (*metadata, keys[i], NULL, AV_DICT_IGNORE_SUFFIX))
         != NULL;)
      av_dict_set (metadata, entry->key, NULL, 0), entry = NULL;
}

static gboolean
add_track (TranscodeFile *self, const AVCodecContext *encoder, GError **error)
{
  AVStream *to = avformat_new_stream (self->out, NULL);

  if (to == NULL || avcodec_parameters_from_context (to->codecpar, encoder) < 0)
    return transcode_file_fail (error, self->in_path,
                                "no new track can be made", AVERROR (ENOMEM));
  to->time_base = self->track_base = encoder->time_base;
  to->disposition = self->audio->disposition;
  av_dict_copy (&to->metadata, self->audio->metadata, 0);
  drop_statistics (&to->metadata);
  self->track = to;
  return TRUE;
}

static gboolean
add_streams (TranscodeFile *self, const AVCodecContext *encoder,
             gboolean keep_original, TranscodeNotice notice, GError **error)
{
  for (guint i = 0; i < self->in->nb_streams; i++) {
    AVStream *stream = self->in->streams[i];
    const gboolean is_source = stream == self->audio;

    self->map[i] = -1;
    if (is_source && !add_track (self, encoder, error))
      return FALSE;
    if (is_source && !keep_original) {
      stream->discard = AVDISCARD_ALL;
    } else if (can_carry (self, stream)) {
      if (!add_copy (self, stream, error))
        return FALSE;
      tell_lost_sphere (self, stream, notice);
      if (is_source) /* players take the new one */
        self->out->streams[self->map[i]]->disposition
            &= ~AV_DISPOSITION_DEFAULT;
    } else {
      const char *type
          = av_get_media_type_string (stream->codecpar->codec_type);
      const char *codec = avcodec_get_name (stream->codecpar->codec_id);
      g_autofree char *text = g_strdup_printf (
          "%s: stream %u (%s, %s) is left out: .%s files cannot have it",
          self->in_path, i, type ? type : "unknown", codec,
          self->out->oformat->name);

      stream->discard = AVDISCARD_ALL;
      if (is_picture (stream)) {
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, text);
        return FALSE;
      }
      if (!(self->in->nb_chapters
            && stream->codecpar->codec_tag == TAG_CHAPTER_TEXT))
        notice (text);
    }
  }
  return TRUE;
}

static gboolean
copy_chapters (TranscodeFile *self)
{
  const unsigned n = self->in->nb_chapters;

  self->out->chapters = av_calloc (n, sizeof *self->out->chapters);
  if (n && self->out->chapters == NULL)
    return FALSE;
  for (unsigned i = 0; i < n; i++) {
    const AVChapter *from = self->in->chapters[i];
    AVChapter *to = av_mallocz (sizeof *to);
    gint64 shift;

    if (to == NULL)
      return FALSE;
    shift = av_rescale_q (self->offset, AV_TIME_BASE_Q, from->time_base);
    to->id = from->id;
    to->time_base = from->time_base;
    to->start = from->start + shift;
    to->end = from->end + shift;
    av_dict_copy (&to->metadata, from->metadata, 0);
    self->out->chapters[self->out->nb_chapters++] = to;
  }
  return TRUE;
}

/* Keys that describe the input's container, which the muxer writes anew. */
static void
copy_metadata (TranscodeFile *self, AVDictionary **muxer_options)
{
  static const char *const own[]
      = { "major_brand", "minor_version", "compatible_brands", "encoder" };
  AVDictionary **metadata = &self->out->metadata;

  av_dict_copy (metadata, self->in->metadata, 0);
  for (guint i = 0; i < G_N_ELEMENTS (own); i++)
    av_dict_set (metadata, own[i], NULL, 0);
  /* Keys of the form com.apple.quicktime.make have no place among iTunes' tags.
   */
  if (is_mov (self->out->oformat)
      && av_dict_get (*metadata, "com.", NULL, AV_DICT_IGNORE_SUFFIX))
    av_dict_set (muxer_options, "movflags", "use_metadata_tags", 0);
}

static gboolean
write_header (TranscodeFile *self, const char *path, GError **error)
{
  AVFormatContext *out = self->out;
  AVDictionary *options = NULL;
  g_autofree char *url = g_strdup_printf ("file:%s", path);
  int ret;

  copy_metadata (self, &options);
  /* Edit lists as fine as a sample. */
  if (is_mov (out->oformat))
    av_dict_set_int (&options, "movie_timescale",
                     self->track->codecpar->sample_rate, 0);
  if ((ret = avio_open2 (&out->pb, url, AVIO_FLAG_WRITE,
                         &self->in->interrupt_callback, NULL))
      >= 0)
    ret = avformat_write_header (out, &options);
  av_dict_free (&options);
  return ret >= 0
         || transcode_file_fail (error, path, "cannot be written", ret);
}

gboolean
transcode_file_create (TranscodeFile *self, const char *path,
                       const TranscodeContainer *container,
                       const AVCodecContext *encoder, gboolean keep_original,
                       TranscodeNotice notice, GError **error)
{
  if (avformat_alloc_output_context2 (&self->out, NULL, container->muxer, path)
      < 0)
    return transcode_file_fail (error, path, "cannot be written",
                                AVERROR_MUXER_NOT_FOUND);
  /* Spherical data in MP4 is unofficial to libavformat, FLAC experimental. */
  self->out->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
  self->tick = container->tick;
  self->n_map = self->in->nb_streams;
  /* The new track gets by without negative times; that nobody moves the rest.
   */
  self->out->avoid_negative_ts = 0;
  self->map = g_new0 (gint, self->n_map);
  if (!add_streams (self, encoder, keep_original, notice, error))
    return FALSE;
  if (!copy_chapters (self))
    return transcode_file_fail (error, path, "chapters", AVERROR (ENOMEM));
  self->last_dts = g_new (gint64, self->out->nb_streams);
  for (guint i = 0; i < self->out->nb_streams; i++)
    self->last_dts[i] = AV_NOPTS_VALUE;
  return write_header (self, path, error);
}

/* -- packets -------------------------------------------------------------- */

static void
shift (gint64 *time, gint64 offset)
{
  if (*time != AV_NOPTS_VALUE)
    *time += offset;
}

gboolean
transcode_file_read (TranscodeFile *self, AVPacket **packet, GError **error)
{
  AVPacket *read = av_packet_alloc ();
  gint64 offset;
  int ret;

  *packet = NULL;
  while ((ret = av_read_frame (self->in, read)) >= 0) {
    /* Streams may appear late; nobody has promised those to the output. */
    if ((guint)read->stream_index >= self->n_map
        || self->map[read->stream_index] < 0) {
      av_packet_unref (read);
      continue;
    }
    offset = av_rescale_q (self->offset, AV_TIME_BASE_Q,
                           self->in->streams[read->stream_index]->time_base);
    shift (&read->pts, offset);
    shift (&read->dts, offset);
    *packet = read;
    return TRUE;
  }
  av_packet_free (&read);
  return ret == AVERROR_EOF
         || transcode_file_fail (error, self->in_path, "reading", ret);
}

/* Muxers refuse decoding times that do not grow; rounding to another time base
 * can make two the same. */
static void
keep_order (TranscodeFile *self, AVPacket *packet)
{
  const int step = !(self->out->oformat->flags & AVFMT_TS_NONSTRICT);
  gint64 *last = &self->last_dts[packet->stream_index];

  if (packet->dts == AV_NOPTS_VALUE)
    return;
  if (*last != AV_NOPTS_VALUE && packet->dts < *last + step) {
    packet->dts = *last + step;
    if (packet->pts != AV_NOPTS_VALUE)
      packet->pts = MAX (packet->pts, packet->dts);
  }
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
  keep_order (self, packet);
  ret = av_interleaved_write_frame (self->out, packet);
  av_packet_free (&packet);
  return ret >= 0
         || transcode_file_fail (error, self->out->url, "writing", ret);
}

/* Of an encoder's delay MP4's edit list tells anything, Matroska only Opus'
 * (CodecDelay, which players take off the times stored). */
gboolean
transcode_file_write_sound (TranscodeFile *self, AVPacket *packet,
                            GError **error)
{
  const AVRational out = self->track->time_base;
  const gint64 delay = self->track->codecpar->initial_padding;
  gint64 time = packet->pts;

  if (self->tick == 0)
    return transcode_file_write (self, packet, self->track->index,
                                 self->track_base, error);
  if (self->track->codecpar->codec_id == AV_CODEC_ID_OPUS) {
    time = av_rescale_q (time + delay, self->track_base, out);
  } else if (time < 0) {
    /* Nothing but delay. Kept, it would move every other stream. */
    av_packet_free (&packet);
    return TRUE;
  } else {
    time = av_rescale_q (time, self->track_base, out);
  }
  packet->duration = av_rescale_q (packet->duration, self->track_base, out);
  packet->pts = packet->dts = time;
  return transcode_file_write (self, packet, self->track->index, out, error);
}

gboolean
transcode_file_finish (TranscodeFile *self, GError **error)
{
  int ret = av_write_trailer (self->out);
  int closed = avio_closep (&self->out->pb);

  if (ret >= 0)
    ret = closed;
  return ret >= 0
         || transcode_file_fail (error, self->out->url, "writing", ret);
}
