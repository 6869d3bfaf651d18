/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MPEG-4 pictures of moving noise and 16-bit PCM sound that is
 * gst_test_sample(), in whatever container holds them. */
#include "clip.h"

#include <check.h>
#include <libavcodec/avcodec.h>
#include <libavutil/display.h>
#include <libavutil/spherical.h>
#include <libavutil/stereo3d.h>
#include <string.h>

#include "gst-test-support.h"

#define WIDTH 64
#define HEIGHT 48
#define FPS 10
#define TICKS 1000 /* the video's time base */
#define BLOCK 960  /* samples of sound a packet */

static void
ok (int ret)
{
  ck_assert_msg (ret >= 0, "%s", av_err2str (ret));
}

/* -- writing -------------------------------------------------------------- */

static AVCodecContext *
open_video (AVFormatContext *file)
{
  const AVCodec *codec = avcodec_find_encoder (AV_CODEC_ID_MPEG4);
  AVCodecContext *video = avcodec_alloc_context3 (codec);

  video->width = WIDTH;
  video->height = HEIGHT;
  video->pix_fmt = AV_PIX_FMT_YUV420P;
  video->time_base = (AVRational){ 1, TICKS };
  video->max_b_frames = 2;
  if (file->oformat->flags & AVFMT_GLOBALHEADER)
    video->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  ok (avcodec_open2 (video, codec, NULL));
  return video;
}

static void
add_spherical (AVStream *stream)
{
  size_t size;
  AVSphericalMapping *sphere = av_spherical_alloc (&size);
  AVStereo3D *stereo = av_stereo3d_alloc ();
  guint8 *matrix;

  sphere->projection = AV_SPHERICAL_EQUIRECTANGULAR;
  sphere->yaw = 30 * (1 << 16);
  stereo->type = AV_STEREO3D_TOPBOTTOM;
  ok (av_stream_add_side_data (stream, AV_PKT_DATA_SPHERICAL, (guint8 *)sphere,
                               size));
  ok (av_stream_add_side_data (stream, AV_PKT_DATA_STEREO3D, (guint8 *)stereo,
                               sizeof *stereo));
  matrix = av_stream_new_side_data (stream, AV_PKT_DATA_DISPLAYMATRIX,
                                    9 * sizeof (gint32));
  av_display_rotation_set ((gint32 *)matrix, 90);
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
add_audio (AVFormatContext *file, const ClipOptions *options)
{
  AVStream *stream = avformat_new_stream (file, NULL);

  stream->time_base = (AVRational){ 1, options->rate };
  stream->codecpar->codec_type = AVMEDIA_TYPE_AUDIO;
  stream->codecpar->codec_id = AV_CODEC_ID_PCM_S16LE;
  stream->codecpar->format = AV_SAMPLE_FMT_S16;
  stream->codecpar->sample_rate = options->rate;
  stream->codecpar->bits_per_coded_sample = 16;
  stream->codecpar->block_align = 2 * options->channels;
  av_channel_layout_default (&stream->codecpar->ch_layout, options->channels);
  av_dict_set (&stream->metadata, "language", "fre", 0);
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
write_audio (AVFormatContext *file, int stream, const ClipOptions *options,
             gint64 first)
{
  gint64 n = MIN (BLOCK, options->audio_samples - first);
  AVPacket *packet = av_packet_alloc ();

  ok (av_new_packet (packet, (int)n * 2 * options->channels));
  for (gint64 i = 0; i < n; i++)
    for (int c = 0; c < options->channels; c++)
      ((gint16 *)packet->data)[i * options->channels + c]
          = (gint16)(32767 * gst_test_sample (first + i));
  packet->pts = packet->dts = options->audio_start + first;
  packet->duration = n;
  packet->flags |= AV_PKT_FLAG_KEY;
  write_packet (file, packet, stream, (AVRational){ 1, options->rate });
  av_packet_free (&packet);
}

/* NULL @frame: the end. */
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
write_picture (AVFormatContext *file, AVCodecContext *video, int k,
               const ClipOptions *options)
{
  AVFrame *frame = av_frame_alloc ();

  frame->format = AV_PIX_FMT_YUV420P;
  frame->width = WIDTH;
  frame->height = HEIGHT;
  ok (av_frame_get_buffer (frame, 0));
  for (int plane = 0; plane < 3; plane++)
    for (int i = 0; i < frame->linesize[plane] * HEIGHT / (plane ? 2 : 1); i++)
      frame->data[plane][i] = (guint8)(i * 3 + k * (7 + plane));
  frame->pts = k * TICKS / FPS + (options->vfr ? 13 * (k % 5) : 0);
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

    video = open_video (file);
    ok (avcodec_parameters_from_context (stream->codecpar, video));
    stream->time_base = video->time_base;
    if (options->spherical)
      add_spherical (stream);
  }
  for (int i = 0; options->rate && i < options->n_audio; i++)
    add_audio (file, options);
  if (options->spherical)
    add_chapters (file);
  av_dict_set (&file->metadata, "title", "a clip", 0);
  ok (avio_open (&file->pb, path, AVIO_FLAG_WRITE));
  ok (avformat_write_header (file, NULL));
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

/* One sample of channel @c, whatever the decoder's format. */
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

static void
take_frames (AVCodecContext *decoder, AVFrame *frame, AVRational base,
             GArray *samples, double *start)
{
  while (avcodec_receive_frame (decoder, frame) >= 0) {
    if (samples->len == 0)
      *start = frame->best_effort_timestamp * av_q2d (base);
    for (int i = 0; i < frame->nb_samples; i++) {
      float sum = 0;

      for (int c = 0; c < frame->ch_layout.nb_channels; c++)
        sum += sample_of (frame, i, c);
      g_array_append_val (samples, sum);
    }
  }
}

GArray *
clip_decode (const char *path, double *start, int *rate)
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
    take_frames (decoder, frame, stream->time_base, samples, start);
  }
  *rate = decoder->sample_rate;
  av_frame_free (&frame);
  avcodec_free_context (&decoder);
  avformat_close_input (&file);
  return samples;
}
