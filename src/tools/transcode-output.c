/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The output of a TranscodeFile: its streams and its header. libavformat copies
 * display matrix, spherical and stereo 3D data (also from GSpherical boxes),
 * chapters, dispositions and metadata. What it drops is added to the finished
 * file. */
#include "transcode-file.h"

#include <libavutil/avstring.h>

#include "libav-version.h"
#include "transcode-edits.h"
#include "transcode-sphere.h"
#include "transcode-time.h"
#include "transcode-turn.h"

/* Tags of MOV tracks that libavformat makes itself, from chapters and from
 * metadata of the video. */
#define TAG_CHAPTER_TEXT MKTAG ('t', 'e', 'x', 't')
#define TAG_TIME_CODE MKTAG ('t', 'm', 'c', 'd')

/* -- output --------------------------------------------------------------- */

static gboolean
is_matroska (const AVOutputFormat *format)
{
  return g_str_equal (format->name, "matroska")
         || g_str_equal (format->name, "webm");
}

static gboolean
is_mov (const AVOutputFormat *format)
{
  return g_str_equal (format->name, "mp4") || g_str_equal (format->name, "mov");
}

/* Returns whether a data track can be copied. libavformat cannot identify its
 * codec; some can be copied from MOV to MOV. */
static gboolean
can_carry_data (TranscodeFile *self, const AVStream *stream)
{
  if (!is_mov (self->out->oformat)
      || !av_match_name ("mov", self->in->iformat->name))
    return FALSE;
  switch (stream->codecpar->codec_tag) {
  case TAG_TIME_CODE:
    return g_str_equal (self->out->oformat->name, "mov");
  case MKTAG ('g', 'p', 'm', 'd'):
    return TRUE;
  default:
    return FALSE;
  }
}

/* Returns whether @stream is a cover image. */
static gboolean
is_cover (const AVStream *stream)
{
  return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO
         && !transcode_file_is_picture (stream);
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
  case AVMEDIA_TYPE_VIDEO:
    /* libavformat accepts these, but drops them or writes something that no
     * player reads. */
    if (g_str_equal (format->name, "mov")
        && (!transcode_file_is_picture (stream)
            || (stream->codecpar->codec_id == AV_CODEC_ID_RAWVIDEO
                && !av_match_name ("mov", self->in->iformat->name))))
      return FALSE;
    /* A damaged cover is left out instead of failing. */
    if (is_cover (stream) && stream->codecpar->width == 0)
      return FALSE;
    G_GNUC_FALLTHROUGH;
  default:
    return avformat_query_codec (format, stream->codecpar->codec_id,
                                 FF_COMPLIANCE_EXPERIMENTAL)
           != 0;
  }
}

/* Returns the codec tag; 0, which lets the muxer choose, if the input's tag has
 * another meaning in the output. */
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

static void
describe_copy (AVStream *to, const AVStream *from)
{
  to->id = from->id;
  to->time_base = from->time_base;
  to->duration = from->duration;
  to->disposition = from->disposition;
  av_dict_copy (&to->metadata, from->metadata, 0);
}

static gboolean
add_copy (TranscodeFile *self, const AVStream *from, GError **error)
{
  AVStream *to = avformat_new_stream (self->out, NULL);
  int ret;

  if (to == NULL
      || (ret = avcodec_parameters_copy (to->codecpar, from->codecpar)) < 0
      || !libav_copy_side_data (to, from))
    return transcode_file_fail (
        error, self->in_path, "its streams cannot be copied", AVERROR (ENOMEM));
  /* If container and codec disagree, the container is right. Muxers do not
   * accept different values. */
  to->sample_aspect_ratio = to->codecpar->sample_aspect_ratio
      = av_guess_sample_aspect_ratio (self->in, self->in->streams[from->index],
                                      NULL);
  to->codecpar->codec_tag = tag_for (self->out->oformat, from->codecpar);
  to->avg_frame_rate = from->avg_frame_rate;
  to->r_frame_rate = from->r_frame_rate;
  describe_copy (to, from);
  if (is_matroska (self->out->oformat))
    self->is_turned[from->index] = transcode_turn_prepare (to);
  if (is_mov (self->out->oformat))
    transcode_sphere_remove (to);
  if (transcode_file_is_picture (from))
    self->order[from->index] = transcode_order_new (from);
  self->params[from->index] = transcode_params_new (from->codecpar);
  self->map[from->index] = to->index;
  return TRUE;
}

/* Adds a cover. Matroska stores covers as attachments; as a track it would be
 * video. */
static gboolean
add_cover (TranscodeFile *self, AVStream *from)
{
  const AVPacket *image = &from->attached_pic;
  AVStream *to = avformat_new_stream (self->out, NULL);
  AVCodecParameters *params = to ? to->codecpar : NULL;

  if (params == NULL
      || (params->extradata
          = av_mallocz (image->size + AV_INPUT_BUFFER_PADDING_SIZE))
             == NULL)
    return FALSE;
  if (image->size > 0)
    memcpy (params->extradata, image->data, image->size);
  params->extradata_size = image->size;
  params->codec_type = AVMEDIA_TYPE_ATTACHMENT;
  params->codec_id = from->codecpar->codec_id;
  av_dict_copy (&to->metadata, from->metadata, 0);
  av_dict_set (&to->metadata, "filename",
               params->codec_id == AV_CODEC_ID_PNG ? "cover.png" : "cover.jpg",
               AV_DICT_DONT_OVERWRITE);
  from->discard = AVDISCARD_ALL;
  return TRUE;
}

/* Removes metadata about codec and size of the stream that is replaced. */
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
  /* In Matroska only readers of Opus skip CodecDelay. For other codecs the
   * delay is not stored, and its packets are left out. */
  if (self->container->tick && encoder->codec_id != AV_CODEC_ID_OPUS)
    to->codecpar->initial_padding = 0;
  to->time_base = self->track_base = encoder->time_base;
  self->track_start = AV_NOPTS_VALUE;
  to->disposition = self->audio->disposition;
  av_dict_copy (&to->metadata, self->audio->metadata, 0);
  drop_statistics (&to->metadata);
  self->track = to;
  return TRUE;
}

/* Adds a text stream, converted to a codec of the output container. Returns
 * FALSE if there is no such codec. */
static gboolean
add_text (TranscodeFile *self, const AVStream *from, TranscodeNotice notice)
{
  TranscodeText *text = transcode_text_new (from, self->out->oformat);
  AVStream *to = text ? avformat_new_stream (self->out, NULL) : NULL;
  g_autofree char *words = NULL;

  self->text[from->index] = text;
  if (to == NULL || !transcode_text_parameters (text, to->codecpar))
    return FALSE;
  describe_copy (to, from);
  self->map[from->index] = to->index;
  words = g_strdup_printf (
      "%s: stream %d (%s) becomes %s: .%s files cannot "
      "have it as it is",
      self->in_path, from->index, avcodec_get_name (from->codecpar->codec_id),
      avcodec_get_name (to->codecpar->codec_id), self->container->extension);
  notice (words);
  return TRUE;
}

/* Returns whether libavformat writes the content of @stream itself. */
static gboolean
is_written_by_muxer (TranscodeFile *self, const AVStream *stream)
{
  switch (stream->codecpar->codec_tag) {
  case TAG_CHAPTER_TEXT:
    return self->in->nb_chapters > 0;
  case TAG_TIME_CODE:
    return is_mov (self->out->oformat)
           && av_dict_get (self->video->metadata, "timecode", NULL, 0);
  default:
    return FALSE;
  }
}

/* Reports that a stream is left out. Returns FALSE if the output would be
 * useless without it. */
static gboolean
leave_out (TranscodeFile *self, AVStream *stream, TranscodeNotice notice,
           GError **error)
{
  const char *type
      = is_cover (stream)
            ? "cover"
            : av_get_media_type_string (stream->codecpar->codec_type);
  const char *codec = avcodec_get_name (stream->codecpar->codec_id);
  g_autofree char *text = NULL;

  if (transcode_file_is_picture (stream)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 "%s: .%s files cannot have its video (%s): .mkv files can "
                 "have any",
                 self->in_path, self->container->extension, codec);
    return FALSE;
  }
  text = g_strdup_printf (
      "%s: stream %d (%s, %s) is left out: .%s files cannot have it",
      self->in_path, stream->index, type ? type : "unknown", codec,
      self->container->extension);
  stream->discard = AVDISCARD_ALL;
  if (!is_written_by_muxer (self, stream))
    notice (text);
  return TRUE;
}

static gboolean
add_stream (TranscodeFile *self, AVStream *stream, gboolean keep_original,
            TranscodeNotice notice, GError **error)
{
  const gboolean is_source = stream == self->audio;

  if (is_source && !keep_original) {
    stream->discard = AVDISCARD_ALL;
    return TRUE;
  }
  if (is_cover (stream) && g_str_equal (self->out->oformat->name, "matroska"))
    return add_cover (self, stream)
           || transcode_file_fail (error, self->in_path,
                                   "its cover cannot be copied",
                                   AVERROR (ENOMEM));
  if (!can_carry (self, stream))
    return add_text (self, stream, notice)
           || leave_out (self, stream, notice, error);
  if (!add_copy (self, stream, error))
    return FALSE;
  if (!is_mov (self->out->oformat))
    transcode_entries_report (self->entries, stream, self->in_path,
                              self->container->extension, notice);
  if (is_source) /* players choose the new track */
    self->out->streams[self->map[stream->index]]->disposition
        &= ~AV_DISPOSITION_DEFAULT;
  return TRUE;
}

static gboolean
add_streams (TranscodeFile *self, const AVCodecContext *encoder,
             gboolean keep_original, TranscodeNotice notice, GError **error)
{
  for (guint i = 0; i < self->n_map; i++) {
    AVStream *stream = self->in->streams[i];

    self->map[i] = -1;
    if ((stream == self->audio && !add_track (self, encoder, error))
        || !add_stream (self, stream, keep_original, notice, error))
      return FALSE;
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
    shift = transcode_time_rescale (self->offset, AV_TIME_BASE_Q,
                                    from->time_base);
    to->id = from->id;
    to->time_base = from->time_base;
    to->start = transcode_time_add (from->start, shift);
    to->end = transcode_time_add (from->end, shift);
    av_dict_copy (&to->metadata, from->metadata, 0);
    self->out->chapters[self->out->nb_chapters++] = to;
  }
  return TRUE;
}

/* Copies the metadata, except keys that describe the input's container, which
 * the muxer writes itself. */
static void
copy_metadata (TranscodeFile *self, AVDictionary **muxer_options)
{
  static const char *const own[]
      = { "major_brand", "minor_version", "compatible_brands", "encoder" };
  AVDictionary **metadata = &self->out->metadata;

  av_dict_copy (metadata, self->in->metadata, 0);
  for (guint i = 0; i < G_N_ELEMENTS (own); i++)
    av_dict_set (metadata, own[i], NULL, 0);
  /* Keys such as com.apple.quicktime.make cannot be stored as iTunes tags. */
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
  /* Edit lists with a resolution of one sample. */
  if (is_mov (out->oformat))
    av_dict_set_int (&options, "movie_timescale",
                     self->track->codecpar->sample_rate, 0);
  /* Rotations are written later, which the checksums would not match. */
  else
    av_dict_set_int (&options, "write_crc", 0, 0);
  if ((ret = avio_open2 (&out->pb, url, AVIO_FLAG_WRITE,
                         &self->in->interrupt_callback, NULL))
      >= 0)
    ret = avformat_write_header (out, &options);
  av_dict_free (&options);
  return ret >= 0
         || transcode_file_fail (error, self->name, "cannot be written", ret);
}

gboolean
transcode_file_create (TranscodeFile *self, const char *path, const char *name,
                       const AVCodecContext *encoder, gboolean keep_original,
                       TranscodeNotice notice, GError **error)
{
  if (avformat_alloc_output_context2 (&self->out, NULL, self->container->muxer,
                                      path)
      < 0)
    return transcode_file_fail (error, name, "cannot be written",
                                AVERROR_MUXER_NOT_FOUND);
  self->name = g_strdup (name);
  /* libavformat treats spherical data in MP4 as unofficial, FLAC as
   * experimental. */
  self->out->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
  self->n_map = self->in->nb_streams;
  /* The new track needs no negative timestamps; 0 keeps the muxer from shifting
   * the others. */
  self->out->avoid_negative_ts = 0;
  self->map = g_new0 (gint, self->n_map);
  self->text = g_new0 (TranscodeText *, self->n_map);
  self->order = g_new0 (TranscodeOrder *, self->n_map);
  self->params = g_new0 (TranscodeParams *, self->n_map);
  self->notice = notice;
  self->is_turned = g_new0 (gboolean, self->n_map);
  if (!add_streams (self, encoder, keep_original, notice, error))
    return FALSE;
  if (!copy_chapters (self))
    return transcode_file_fail (error, name, "chapters", AVERROR (ENOMEM));
  self->last_dts = g_new (gint64, self->out->nb_streams);
  for (guint i = 0; i < self->out->nb_streams; i++)
    self->last_dts[i] = AV_NOPTS_VALUE;
  return write_header (self, path, error);
}

/* -- what libavformat does not write --------------------------------------- */

/* Returns the index of the track in the file; attachments are not tracks. */
static guint
track_of (const TranscodeFile *self, gint stream)
{
  guint track = 0;

  for (gint i = 0; i < stream; i++)
    track += self->out->streams[i]->codecpar->codec_type
             != AVMEDIA_TYPE_ATTACHMENT;
  return track;
}

/* If the new track starts after 0, writes its start: that of its first sample,
 * without the encoder's delay. */
static gboolean
write_beginning (TranscodeFile *self, GError **error)
{
  const gint64 delay = self->track->codecpar->initial_padding;
  const gint64 first = self->track_start + delay;

  if (!is_mov (self->out->oformat) || self->track_start == AV_NOPTS_VALUE
      || delay == 0 || first <= 0)
    return TRUE;
  return transcode_edits_write (
      self->out->url, track_of (self, self->track->index), first, delay, error);
}

static gboolean
add_missing (TranscodeFile *self, GError **error)
{
  for (guint i = 0; i < self->n_map; i++) {
    const AVStream *stream = self->in->streams[i];

    if (self->map[i] < 0)
      continue;
    if ((is_mov (self->out->oformat) && transcode_sphere_is_in (stream)
         && !transcode_sphere_write (
             self->out->url, track_of (self, self->map[i]), stream, error))
        || (self->is_turned[i]
            && !transcode_turn_write (self->out->url,
                                      track_of (self, self->map[i]), error))
        || (is_mov (self->out->oformat)
            && !transcode_entries_copy (self->entries, stream, self->out->url,
                                        track_of (self, self->map[i]), error)))
      return FALSE;
  }
  return write_beginning (self, error);
}

gboolean
transcode_file_finish (TranscodeFile *self, GError **error)
{
  int ret = av_write_trailer (self->out), closed;

  avio_flush (self->out->pb);
  if (ret >= 0)
    ret = self->out->pb->error;
  closed = avio_closep (&self->out->pb);
  if (ret >= 0)
    ret = closed;
  if (ret < 0)
    return transcode_file_fail (error, self->name, "writing", ret);
  return add_missing (self, error);
}
