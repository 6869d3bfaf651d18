/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes video of moving noise and 16-bit PCM audio with the samples of
 * gst_test_sample(), in any container. */
#include "clip.h"

#include <check.h>
#include <libavcodec/avcodec.h>
#include <libavutil/display.h>
#include <libavutil/spherical.h>
#include <libavutil/stereo3d.h>
#include <string.h>

#include "gst-test-support.h"
#include "libav-version.h"

#define WIDTH 64
#define HEIGHT 48
#define FPS 10
#define TICKS 1000 /* the video's time base */
#define BLOCK 960  /* samples per audio packet */

static void
ok (int ret)
{
  ck_assert_msg (ret >= 0, "%s", av_err2str (ret));
}

/* -- writing -------------------------------------------------------------- */

static gboolean
is_program_stream (const AVFormatContext *file)
{
  return strcmp (file->oformat->name, "mpeg") == 0;
}

/* Returns whether frame times are multiples of their duration. */
static gboolean
has_even_times (const AVFormatContext *file)
{
  return is_program_stream (file) || strcmp (file->oformat->name, "avi") == 0;
}

static AVCodecContext *
open_video (AVFormatContext *file, const ClipOptions *options)
{
  const AVCodec *codec = avcodec_find_encoder (
      options->lossless          ? AV_CODEC_ID_QTRLE
      : is_program_stream (file) ? AV_CODEC_ID_MPEG2VIDEO
                                 : AV_CODEC_ID_MPEG4);
  AVCodecContext *video = avcodec_alloc_context3 (codec);

  video->width = options->turned ? HEIGHT : WIDTH;
  video->height = options->turned ? WIDTH : HEIGHT;
  video->pix_fmt = options->lossless ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_YUV420P;
  video->time_base = (AVRational){ 1, has_even_times (file) ? FPS : TICKS };
  video->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL; /* allows 10 Hz */
  if (options->wide)
    video->sample_aspect_ratio = (AVRational){ 1, 1 };
  video->max_b_frames = options->lossless ? 0 : 2;
  if (file->oformat->flags & AVFMT_GLOBALHEADER)
    video->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  ok (avcodec_open2 (video, codec, NULL));
  return video;
}

static void
add_spherical (AVStream *stream, gboolean swapped)
{
  size_t size;
  AVSphericalMapping *sphere = av_spherical_alloc (&size);
  AVStereo3D *stereo = av_stereo3d_alloc ();

  sphere->projection = AV_SPHERICAL_EQUIRECTANGULAR;
  sphere->yaw = 30 * (1 << 16);
  stereo->type = AV_STEREO3D_TOPBOTTOM;
  stereo->flags = swapped ? AV_STEREO3D_FLAG_INVERT : 0;
  ck_assert (libav_add_side_data (stream, AV_PKT_DATA_SPHERICAL, sphere, size));
  ck_assert (libav_add_side_data (stream, AV_PKT_DATA_STEREO3D, stereo,
                                  sizeof *stereo));
}

/* Adds a display matrix that rotates by 90 degrees counter-clockwise. */
static void
add_turn (AVStream *stream)
{
  const size_t size = 9 * sizeof (gint32);
  gint32 *matrix = av_malloc (size);

  av_display_rotation_set (matrix, -90);
  ck_assert (
      libav_add_side_data (stream, AV_PKT_DATA_DISPLAYMATRIX, matrix, size));
}

static void
add_chapters (AVFormatContext *file)
{
  file->chapters = av_calloc (CLIP_SECONDS, sizeof *file->chapters);
  for (int i = 0; i < CLIP_SECONDS; i++) {
    AVChapter *chapter = av_mallocz (sizeof *chapter);

    chapter->id = i + 1;
    chapter->time_base = (AVRational){ 1, TICKS };
    chapter->start = i * TICKS;
    chapter->end = (i + 1) * TICKS;
    av_dict_set (&chapter->metadata, "title", i ? "second" : "first", 0);
    file->chapters[file->nb_chapters++] = chapter;
  }
}

static void
write_packet (AVFormatContext *file, AVPacket *packet, int stream,
              AVRational base)
{
  packet->stream_index = stream;
  av_packet_rescale_ts (packet, base, file->streams[stream]->time_base);
  ok (av_interleaved_write_frame (file, packet));
}

static void
add_text (AVFormatContext *file, enum AVCodecID codec)
{
  AVStream *stream = avformat_new_stream (file, NULL);

  stream->time_base = (AVRational){ 1, TICKS };
  stream->codecpar->codec_type = AVMEDIA_TYPE_SUBTITLE;
  stream->codecpar->codec_id = codec;
}

const guint8 clip_cover[]
    = { 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d,
        0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01,
        0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00, 0x00, 0x00,
        0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x00, 0x01, 0x00, 0x00,
        0x05, 0x00, 0x01, 0x0d, 0x0a, 0x2d, 0xb4, 0x00, 0x00, 0x00, 0x00, 0x49,
        0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82 };
const int clip_cover_size = sizeof clip_cover;

static void
add_cover (AVFormatContext *file)
{
  AVCodecParameters *params = avformat_new_stream (file, NULL)->codecpar;
  AVStream *stream = file->streams[file->nb_streams - 1];

  params->codec_type = AVMEDIA_TYPE_ATTACHMENT;
  params->codec_id = AV_CODEC_ID_PNG;
  params->extradata_size = clip_cover_size;
  params->extradata
      = av_mallocz (params->extradata_size + AV_INPUT_BUFFER_PADDING_SIZE);
  memcpy (params->extradata, clip_cover, params->extradata_size);
  av_dict_set (&stream->metadata, "filename", "front.png", 0);
  av_dict_set (&stream->metadata, "mimetype", "image/png", 0);
}

/* Writes the only event of the last stream. */
static void
write_text (AVFormatContext *file, const ClipOptions *options)
{
  const gboolean is_mov = options->text == AV_CODEC_ID_MOV_TEXT;
  const char *words = is_mov ? "\0\5" CLIP_WORDS : CLIP_WORDS;
  const int size = (int)strlen (CLIP_WORDS) + (is_mov ? 2 : 0);
  AVPacket *packet = av_packet_alloc ();

  ok (av_new_packet (packet, size));
  memcpy (packet->data, words, size);
  packet->pts = packet->dts = TICKS / 2;
  packet->duration = options->endless ? G_MAXUINT32 : TICKS;
  packet->flags |= AV_PKT_FLAG_KEY;
  write_packet (file, packet, (int)file->nb_streams - 1,
                (AVRational){ 1, TICKS });
  av_packet_free (&packet);
}

static void
add_audio (AVFormatContext *file, const ClipOptions *options)
{
  AVStream *stream = avformat_new_stream (file, NULL);

  stream->time_base = (AVRational){ 1, options->rate };
  stream->codecpar->codec_type = AVMEDIA_TYPE_AUDIO;
  stream->codecpar->codec_id = is_program_stream (file) ? AV_CODEC_ID_PCM_S16BE
                                                        : AV_CODEC_ID_PCM_S16LE;
  stream->codecpar->format = AV_SAMPLE_FMT_S16;
  stream->codecpar->sample_rate = options->rate;
  stream->codecpar->bits_per_coded_sample = 16;
  stream->codecpar->block_align = 2 * options->channels;
  av_channel_layout_default (&stream->codecpar->ch_layout, options->channels);
  av_dict_set (&stream->metadata, "language", "fre", 0);
}

/* Returns the time of the packet that starts with sample @first. */
static gint64
audio_time (const ClipOptions *options, gint64 first)
{
  return options->clock * options->rate + options->audio_start + first
         - first / BLOCK * options->squeeze
         - (first >= options->audio_samples / 2 ? options->overlap : 0);
}

static void
write_audio (AVFormatContext *file, int stream, const ClipOptions *options,
             gint64 first)
{
  gint64 n = MIN (BLOCK, options->audio_samples - first);
  AVPacket *packet = av_packet_alloc ();

  ok (av_new_packet (packet, (int)n * 2 * options->channels));
  for (gint64 i = 0; i < n; i++)
    for (int c = 0; c < options->channels; c++)
      ((gint16 *)packet->data)[i * options->channels + c]
          = (gint16)(32767
                     * gst_test_sample (
                         first + i + (options->apart ? CLIP_APART * c : 0)));
  packet->pts = packet->dts = audio_time (options, first);
  packet->duration = n;
  packet->flags |= AV_PKT_FLAG_KEY;
  write_packet (file, packet, stream, (AVRational){ 1, options->rate });
  av_packet_free (&packet);
}

/* Encodes @frame, or flushes the encoder if @frame is NULL. */
static void
write_video (AVFormatContext *file, AVCodecContext *video, AVFrame *frame)
{
  AVPacket *packet = av_packet_alloc ();

  ok (avcodec_send_frame (video, frame));
  while (avcodec_receive_packet (video, packet) >= 0)
    write_packet (file, packet, 0, video->time_base);
  av_packet_free (&packet);
}

static void
draw (AVFrame *frame, int k)
{
  for (int plane = 0; plane < 3; plane++)
    for (int i = 0; i < frame->linesize[plane] * HEIGHT / (plane ? 2 : 1); i++)
      frame->data[plane][i] = (guint8)(i * 3 + k * (7 + plane));
}

/* Draws a frame whose upright image is bright on one side and dark on the
 * other. */
static void
draw_lossless (AVFrame *frame, int k, gboolean turned)
{
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) {
      const int row = turned ? x : y, column = turned ? HEIGHT - 1 - y : x;

      for (int c = 0; c < 3; c++)
        frame->data[0][row * frame->linesize[0] + 3 * column + c]
            = (guint8)(4 * x + (y + k) % 4 + c);
    }
}

static void
write_picture (AVFormatContext *file, AVCodecContext *video, int k,
               const ClipOptions *options)
{
  AVFrame *frame = av_frame_alloc ();

  frame->format = video->pix_fmt;
  frame->width = video->width;
  frame->height = video->height;
  ok (av_frame_get_buffer (frame, 0));
  if (options->lossless)
    draw_lossless (frame, k, options->turned);
  else
    draw (frame, k);
  frame->pts = av_rescale (k - options->hidden, video->time_base.den, FPS)
               + (options->vfr ? 13 * (k % 5) : 0)
               + options->clock * video->time_base.den;
  write_video (file, video, frame);
  av_frame_free (&frame);
}

static void
write_content (AVFormatContext *file, AVCodecContext *video,
               const ClipOptions *options)
{
  const int seconds = options->seconds ? options->seconds : CLIP_SECONDS;
  gint64 written = 0;

  for (int k = 0; k < seconds * FPS; k++) {
    if (video)
      write_picture (file, video, k, options);
    while (options->rate && written < options->audio_samples
           && options->audio_start + written
                  <= (gint64)(k + 1) * options->rate / FPS) {
      for (int i = 0; i < options->n_audio; i++)
        write_audio (file, (video != NULL) + i, options, written);
      written += BLOCK;
    }
  }
  if (video)
    write_video (file, video, NULL);
}

void
clip_write (const char *path, const ClipOptions *options)
{
  AVFormatContext *file = NULL;
  AVCodecContext *video = NULL;

  ok (avformat_alloc_output_context2 (&file, NULL, NULL, path));
  file->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
  if (!options->no_video) {
    AVStream *stream = avformat_new_stream (file, NULL);

    video = open_video (file, options);
    ok (avcodec_parameters_from_context (stream->codecpar, video));
    stream->time_base = video->time_base;
    if (options->wide)
      stream->sample_aspect_ratio = stream->codecpar->sample_aspect_ratio
          = (AVRational){ 2, 1 };
    if (options->spherical)
      add_spherical (stream, options->swapped);
    if (options->turned)
      add_turn (stream);
  }
  for (int i = 0; options->rate && i < options->n_audio; i++)
    add_audio (file, options);
  if (options->text)
    add_text (file, options->text);
  if (options->cover)
    add_cover (file);
  if (options->chapters)
    add_chapters (file);
  av_dict_set (&file->metadata, "title", "a clip", 0);
  if (options->audio_start < 0)
    file->avoid_negative_ts = 0;
  ok (avio_open (&file->pb, path, AVIO_FLAG_WRITE));
  ok (avformat_write_header (file, NULL));
  if (options->text)
    write_text (file, options);
  write_content (file, video, options);
  ok (av_write_trailer (file));
  avcodec_free_context (&video);
  avio_closep (&file->pb);
  avformat_free_context (file);
}

/* -- reading -------------------------------------------------------------- */

AVFormatContext *
clip_open (const char *path)
{
  AVFormatContext *file = NULL;

  ok (avformat_open_input (&file, path, NULL, NULL));
  ok (avformat_find_stream_info (file, NULL));
  return file;
}

int
clip_find (AVFormatContext *file, enum AVMediaType type)
{
  for (unsigned i = 0; i < file->nb_streams; i++)
    if (file->streams[i]->codecpar->codec_type == type)
      return (int)i;
  return -1;
}

static void
free_packet (gpointer packet)
{
  av_packet_free ((AVPacket **)&packet);
}

GPtrArray *
clip_packets (AVFormatContext *file, int index)
{
  GPtrArray *packets = g_ptr_array_new_with_free_func (free_packet);
  AVPacket *packet = av_packet_alloc ();

  while (av_read_frame (file, packet) >= 0) {
    if (packet->stream_index == index)
      g_ptr_array_add (packets, av_packet_clone (packet));
    av_packet_unref (packet);
  }
  av_packet_free (&packet);
  return packets;
}

/* Returns one sample of channel @c in any of the decoder's sample formats. */
static float
sample_of (const AVFrame *frame, int i, int c)
{
  const int n = frame->ch_layout.nb_channels;

  switch (frame->format) {
  case AV_SAMPLE_FMT_FLTP:
    return ((float *)frame->extended_data[c])[i];
  case AV_SAMPLE_FMT_FLT:
    return ((float *)frame->data[0])[i * n + c];
  case AV_SAMPLE_FMT_S16:
    return ((gint16 *)frame->data[0])[i * n + c] / 32768.f;
  case AV_SAMPLE_FMT_S32:
    return (float)(((gint32 *)frame->data[0])[i * n + c] / 2147483648.);
  default:
    ck_abort_msg ("a sample format that this test does not read");
  }
}

/* Appends the sum of the first @channels channels; 0 means all channels. */
static void
take_frames (AVCodecContext *decoder, AVFrame *frame, AVRational base,
             int channels, GArray *samples, double *start)
{
  while (avcodec_receive_frame (decoder, frame) >= 0) {
    if (samples->len == 0)
      *start = frame->best_effort_timestamp * av_q2d (base);
    for (int i = 0; i < frame->nb_samples; i++) {
      float sum = 0;

      for (int c = 0; c < (channels ? channels : frame->ch_layout.nb_channels);
           c++)
        sum += sample_of (frame, i, c);
      g_array_append_val (samples, sum);
    }
  }
}

static GArray *
decode (const char *path, int channels, double *start, int *rate)
{
  AVFormatContext *file = clip_open (path);
  int index = clip_find (file, AVMEDIA_TYPE_AUDIO);
  AVStream *stream = file->streams[index];
  AVCodecContext *decoder = avcodec_alloc_context3 (NULL);
  AVFrame *frame = av_frame_alloc ();
  GArray *samples = g_array_new (FALSE, FALSE, sizeof (float));
  g_autoptr (GPtrArray) packets = NULL;

  ok (avcodec_parameters_to_context (decoder, stream->codecpar));
  decoder->pkt_timebase = stream->time_base;
  ok (avcodec_open2 (decoder, avcodec_find_decoder (decoder->codec_id), NULL));
  packets = clip_packets (file, index);
  for (guint i = 0; i <= packets->len; i++) {
    ok (avcodec_send_packet (
        decoder, i < packets->len ? g_ptr_array_index (packets, i) : NULL));
    take_frames (decoder, frame, stream->time_base, channels, samples, start);
  }
  *rate = decoder->sample_rate;
  av_frame_free (&frame);
  avcodec_free_context (&decoder);
  avformat_close_input (&file);
  return samples;
}

GArray *
clip_decode (const char *path, double *start, int *rate)
{
  return decode (path, 0, start, rate);
}

GArray *
clip_decode_left (const char *path, double *start, int *rate)
{
  return decode (path, 1, start, rate);
}
