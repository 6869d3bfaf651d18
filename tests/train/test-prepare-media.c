/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decodes media in which the format of the decoder's output changes in
 * mid-stream: every sample has the right time, and no sample is added. */
#include <check.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <string.h>

#include "prepare-media.h"
#include "../folder.h"
#include "../suite.h"

#define RATE 48000
#define HZ 440.
#define LEVEL 0.5
#define PARTS 4
#define PART_FRAMES 24 /* packets of a part of the audio */
#define PACKET 1024

static char *folder;

static void
setup (void)
{
  folder = make_folder ();
}

static void
teardown (void)
{
  remove_tree (folder);
  g_free (folder);
}

static void
ok (int status)
{
  ck_assert_msg (status >= 0, "%s", av_err2str (status));
}

static float
tone (gint64 sample)
{
  return (float)(LEVEL * sin (2 * G_PI * HZ * (double)sample / RATE));
}

/* -- a file whose audio format changes ------------------------------------ */

static AVCodecContext *
open_encoder (enum AVCodecID id, enum AVSampleFormat format)
{
  const AVCodec *codec = avcodec_find_encoder (id);
  AVCodecContext *encoder = avcodec_alloc_context3 (codec);

  encoder->sample_fmt = format;
  encoder->sample_rate = RATE;
  encoder->time_base = (AVRational){ 1, RATE };
  encoder->frame_size = PACKET;
  av_channel_layout_default (&encoder->ch_layout, 2);
  ok (avcodec_open2 (encoder, codec, NULL));
  return encoder;
}

/* Returns packet @k of a tone that is the same in both channels. */
static AVFrame *
tone_frame (enum AVSampleFormat format, gint64 k)
{
  AVFrame *frame = av_frame_alloc ();

  frame->format = format;
  frame->sample_rate = RATE;
  frame->nb_samples = PACKET;
  frame->pts = k * PACKET;
  av_channel_layout_default (&frame->ch_layout, 2);
  ok (av_frame_get_buffer (frame, 0));
  for (int c = 0; c < 2; c++)
    for (int i = 0; i < PACKET; i++) {
      const float x = tone (frame->pts + i);

      if (format == AV_SAMPLE_FMT_S16P)
        ((gint16 *)frame->data[c])[i] = (gint16)lrintf (x * 32768);
      else
        ((gint32 *)frame->data[c])[i] = (gint32)lrint (x * 2147483648.);
    }
  return frame;
}

static void
write_packets (AVFormatContext *file, AVCodecContext *encoder, AVFrame *frame)
{
  AVPacket *packet = av_packet_alloc ();

  ok (avcodec_send_frame (encoder, frame));
  while (avcodec_receive_packet (encoder, packet) >= 0) {
    packet->stream_index = 1;
    av_packet_rescale_ts (packet, encoder->time_base,
                          file->streams[1]->time_base);
    ok (av_interleaved_write_frame (file, packet));
  }
  av_packet_free (&packet);
}

static AVStream *
add_video (AVFormatContext *file)
{
  AVStream *stream = avformat_new_stream (file, NULL);

  stream->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
  stream->codecpar->codec_id = AV_CODEC_ID_RAWVIDEO;
  stream->codecpar->format = AV_PIX_FMT_RGB24;
  stream->codecpar->codec_tag = avcodec_pix_fmt_to_codec_tag (AV_PIX_FMT_RGB24);
  stream->codecpar->width = stream->codecpar->height = 16;
  stream->time_base = (AVRational){ 1, 10 };
  return stream;
}

static void
write_image (AVFormatContext *file)
{
  AVPacket *packet = av_packet_alloc ();

  ok (av_new_packet (packet, 3 * 16 * 16));
  memset (packet->data, 128, packet->size);
  packet->pts = packet->dts = 0;
  packet->flags = AV_PKT_FLAG_KEY;
  ok (av_interleaved_write_frame (file, packet));
  av_packet_free (&packet);
}

/* Writes WavPack in NUT, with parts of 24 and 16 bits in turn. */
static char *
changing_file (void)
{
  static const enum AVSampleFormat formats[]
      = { AV_SAMPLE_FMT_S32P, AV_SAMPLE_FMT_S16P };
  char *path = g_build_filename (folder, "changing.nut", NULL);
  AVFormatContext *file = NULL;
  AVCodecContext *encoder[2];
  gint64 k = 0;

  ok (avformat_alloc_output_context2 (&file, NULL, NULL, path));
  add_video (file);
  for (guint i = 0; i < 2; i++)
    encoder[i] = open_encoder (AV_CODEC_ID_WAVPACK, formats[i]);
  ok (avcodec_parameters_from_context (
      avformat_new_stream (file, NULL)->codecpar, encoder[0]));
  file->streams[1]->time_base = encoder[0]->time_base;
  ok (avio_open (&file->pb, path, AVIO_FLAG_WRITE));
  ok (avformat_write_header (file, NULL));
  write_image (file);
  for (guint part = 0; part < PARTS; part++)
    for (guint i = 0; i < PART_FRAMES; i++, k++) {
      AVFrame *frame = tone_frame (formats[part % 2], k);

      write_packets (file, encoder[part % 2], frame);
      av_frame_free (&frame);
    }
  ok (av_write_trailer (file));
  for (guint i = 0; i < 2; i++)
    avcodec_free_context (&encoder[i]);
  avio_closep (&file->pb);
  avformat_free_context (file);
  return path;
}

/* -- tests ---------------------------------------------------------------- */

START_TEST (every_sample_is_read_where_the_sample_format_changes)
{
  g_autofree char *path = changing_file ();
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsMedia) media = ccs_media_open (path, RATE, FALSE, &error);
  CcsMediaChunk chunk;
  gint64 n = 0;

  ck_assert_msg (media != NULL, "%s", error ? error->message : "");
  for (;;) {
    ck_assert (ccs_media_next (media, &chunk, &error));
    if (chunk.kind == CCS_MEDIA_END)
      break;
    if (chunk.kind != CCS_MEDIA_SOUND)
      continue;
    for (gsize i = 0; i < chunk.n; i++, n++)
      for (guint c = 0; c < 2; c++)
        ck_assert_float_eq_tol (chunk.samples[c][i], tone (n), 1e-4);
  }
  ck_assert_int_eq (n, PARTS * PART_FRAMES * PACKET);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("prepare-media");
  TCase *changes = tcase_create ("changes");

  av_log_set_level (AV_LOG_QUIET);
  tcase_add_checked_fixture (changes, setup, teardown);
  tcase_add_test (changes,
                  every_sample_is_read_where_the_sample_format_changes);
  suite_add_tcase (suite, changes);
  return run_suite (suite);
}
