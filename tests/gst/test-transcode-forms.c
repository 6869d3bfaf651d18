/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereo-transcode: parts of files that are not plainly copied, such as
 * spherical video, rotation, chapters, subtitles, and packets without
 * timestamps. */
#include <libavutil/stereo3d.h>
#include <string.h>

#include "clip.h"
#include "gst-test-support.h"
#include "libav-version.h"
#include "reference-support.h"
#include "transcode-tool.h"

#define RATE 48000

static const ClipOptions plain
    = { .rate = RATE, .channels = 1, .audio_samples = 2 * RATE, .n_audio = 1 };

/* -- geometry of the video
 * --------------------------------------------------- */

static void
assert_same_side_data (AVFormatContext *a, AVFormatContext *b,
                       enum AVPacketSideDataType type)
{
  size_t of_a = 0, of_b = 0;
  const guint8 *x = libav_side_data (a->streams[0], type, &of_a);
  const guint8 *y = libav_side_data (b->streams[0], type, &of_b);

  ck_assert_msg (x != NULL, "the clip has none");
  ck_assert_msg (y != NULL, "%s is lost", av_packet_side_data_name (type));
  ck_assert_uint_eq (of_a, of_b);
  ck_assert_mem_eq (x, y, of_a);
}

static void
assert_chapters (AVFormatContext *file)
{
  ck_assert_uint_eq (file->nb_chapters, CLIP_SECONDS);
  for (guint i = 0; i < file->nb_chapters; i++) {
    AVChapter *chapter = file->chapters[i];

    ck_assert_int_eq (av_compare_ts (chapter->start, chapter->time_base, i,
                                     (AVRational){ 1, 1 }),
                      0);
    ck_assert_str_eq (av_dict_get (chapter->metadata, "title", NULL, 0)->value,
                      i ? "second" : "first");
  }
}

/* The input has PCM audio, for which it must be MOV or Matroska. If @again is
 * set, it is made from @out. */
static const struct
{
  const char *in, *out, *again;
  enum AVPacketSideDataType kept[2];
} extras[] = {
  { "turn.mov", "turn.mp4", NULL, { AV_PKT_DATA_DISPLAYMATRIX } },
  { "turn.mov", "turn-out.mov", NULL, { AV_PKT_DATA_DISPLAYMATRIX } },
  { "turn.mov", "turn.mkv", NULL, { AV_PKT_DATA_DISPLAYMATRIX } },
  { "turn.mov", "turn-2.mkv", "turn-3.mp4", { AV_PKT_DATA_DISPLAYMATRIX } },
  { "sphere.mkv",
    "sphere-out.mkv",
    NULL,
    { AV_PKT_DATA_SPHERICAL, AV_PKT_DATA_STEREO3D } },
  { "sphere.mkv",
    "sphere.mov",
    NULL,
    { AV_PKT_DATA_SPHERICAL, AV_PKT_DATA_STEREO3D } },
  { "sphere.mkv",
    "sphere.mp4",
    "sphere-out.mp4",
    { AV_PKT_DATA_SPHERICAL, AV_PKT_DATA_STEREO3D } },
};

START_TEST (sphere_turn_and_chapters_are_kept)
{
  ClipOptions clip = plain;
  g_autofree char *in = tool_path (extras[_i].in);
  g_autofree char *out = tool_path (extras[_i].out);
  AVFormatContext *a, *b;

  clip.chapters = TRUE;
  clip.turned = extras[_i].kept[0] == AV_PKT_DATA_DISPLAYMATRIX;
  clip.spherical = !clip.turned;
  clip_write (in, &clip);
  tool_transcode (in, out, "aac");
  if (extras[_i].again) {
    g_autofree char *first = g_steal_pointer (&out);

    out = tool_path (extras[_i].again);
    tool_transcode (first, out, "aac");
  }
  a = clip_open (in);
  b = clip_open (out);
  assert_same_side_data (a, b, extras[_i].kept[0]);
  if (extras[_i].kept[1])
    assert_same_side_data (a, b, extras[_i].kept[1]);
  assert_chapters (b);
  ck_assert_str_eq (av_dict_get (b->metadata, "title", NULL, 0)->value,
                    "a clip");
  avformat_close_input (&a);
  avformat_close_input (&b);
}
END_TEST

/* The box st3d cannot express swapped views. libavformat 61 and later write
 * another box that can. */
START_TEST (eyes_are_not_swapped)
{
  ClipOptions clip = plain;
  g_autofree char *in = tool_path ("swapped.mkv");
  g_autofree char *out = tool_path ("swapped.mov");
  const AVStereo3D *stereo;
  AVFormatContext *file;

  clip.spherical = clip.swapped = TRUE;
  clip_write (in, &clip);
  tool_transcode (in, out, "aac");
  file = clip_open (out);
  ck_assert_ptr_nonnull (
      libav_side_data (file->streams[0], AV_PKT_DATA_SPHERICAL, NULL));
  stereo = libav_side_data (file->streams[0], AV_PKT_DATA_STEREO3D, NULL);
  ck_assert (stereo == NULL || stereo->flags & AV_STEREO3D_FLAG_INVERT);
  avformat_close_input (&file);
}
END_TEST

static const struct
{
  const char *in, *out;
} wide[] = { { "wide.mov", "wide.mp4" }, { "wide.mkv", "wide-out.mkv" } };

START_TEST (points_have_the_shape_that_the_container_tells)
{
  ClipOptions clip = plain;
  g_autofree char *in = tool_path (wide[_i].in);
  g_autofree char *out = tool_path (wide[_i].out);
  AVFormatContext *file;
  AVRational shape;

  clip.wide = TRUE;
  clip_write (in, &clip);
  tool_transcode (in, out, "aac");
  file = clip_open (out);
  shape = file->streams[0]->sample_aspect_ratio;
  ck_assert_int_eq (shape.num, 2);
  ck_assert_int_eq (shape.den, 1);
  avformat_close_input (&file);
}
END_TEST

static GArray *
sound_of_pictures (const char *name, gboolean turned)
{
  ClipOptions clip = plain;
  g_autofree char *in_name = g_strconcat (name, ".mov", NULL);
  g_autofree char *out_name = g_strconcat (name, "-out.mov", NULL);
  g_autofree char *in = tool_path (in_name);
  g_autofree char *out = tool_path (out_name);
  double start;
  int rate;

  clip.lossless = TRUE;
  clip.turned = turned;
  clip_write (in, &clip);
  tool_transcode (in, out, "pcm");
  return clip_decode_left (out, &start, &rate);
}

START_TEST (pictures_are_looked_at_upright)
{
  g_autoptr (GArray) upright = sound_of_pictures ("upright", FALSE);
  g_autoptr (GArray) turned = sound_of_pictures ("turned", TRUE);

  gst_test_assert_same (turned, upright);
}
END_TEST

/* -- subtitles ------------------------------------------------------------- */

static const struct
{
  const char *in, *out;
  enum AVCodecID from, to;
} texts[] = {
  { "text.mov", "text.mkv", AV_CODEC_ID_MOV_TEXT, AV_CODEC_ID_SUBRIP },
  { "text.mkv", "text.mp4", AV_CODEC_ID_SUBRIP, AV_CODEC_ID_MOV_TEXT },
  { "same.mkv", "same-out.mkv", AV_CODEC_ID_SUBRIP, AV_CODEC_ID_SUBRIP },
};

START_TEST (subtitles_take_the_form_of_the_output)
{
  ClipOptions clip = plain;
  g_autofree char *in = tool_path (texts[_i].in);
  g_autofree char *out = tool_path (texts[_i].out);
  g_autoptr (GPtrArray) packets = NULL;
  gboolean found = FALSE;
  AVFormatContext *file;
  AVRational base;
  int index;

  clip.text = texts[_i].from;
  clip_write (in, &clip);
  tool_transcode (in, out, "aac");
  file = clip_open (out);
  index = clip_find (file, AVMEDIA_TYPE_SUBTITLE);
  ck_assert_int_ge (index, 0);
  ck_assert_int_eq (file->streams[index]->codecpar->codec_id, texts[_i].to);
  base = file->streams[index]->time_base;
  packets = clip_packets (file, index);
  for (guint i = 0; i < packets->len; i++) {
    const AVPacket *packet = g_ptr_array_index (packets, i);

    if (memmem (packet->data, packet->size, CLIP_WORDS, strlen (CLIP_WORDS))
        == NULL)
      continue;
    found = TRUE;
    ck_assert_double_eq_tol (packet->pts * av_q2d (base), 0.5, 1e-3);
    ck_assert_double_eq_tol (packet->duration * av_q2d (base), 1, 1e-3);
  }
  ck_assert_msg (found, "the words are lost");
  avformat_close_input (&file);
}
END_TEST

/* MP4 and MOV store the duration in 31 bits. */
START_TEST (subtitles_without_an_end_are_no_end)
{
  ClipOptions clip = plain;
  g_autofree char *in = tool_path ("endless.mkv");
  g_autofree char *out = tool_path ("endless-out.mp4");
  AVFormatContext *file;

  clip.text = AV_CODEC_ID_SUBRIP;
  clip.endless = TRUE;
  clip_write (in, &clip);
  tool_transcode (in, out, "aac");
  file = clip_open (out);
  ck_assert_int_ge (clip_find (file, AVMEDIA_TYPE_SUBTITLE), 0);
  avformat_close_input (&file);
}
END_TEST

/* -- covers ---------------------------------------------------------------- */

START_TEST (a_cover_is_no_second_video)
{
  static const char *const names[]
      = { "cover.mkv", "cover-1.mkv", "cover-1.mp4", "cover-2.mkv" };
  ClipOptions clip = plain;
  g_autofree char *in = tool_path (names[0]);
  g_autofree char *out = tool_path (names[_i + 1]);
  AVFormatContext *file;
  guint n_covers = 0;

  if (_i < 2) {
    clip.cover = TRUE;
    clip_write (in, &clip);
    tool_transcode (in, out, "aac");
  } else { /* to the other format and back */
    g_autofree char *first = tool_path (names[2]);

    clip.cover = TRUE;
    clip_write (in, &clip);
    tool_transcode (in, first, "aac");
    tool_transcode (first, out, "aac");
  }
  file = clip_open (out);
  for (guint i = 0; i < file->nb_streams; i++) {
    const AVStream *stream = file->streams[i];

    if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
      continue;
    if (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) {
      n_covers++;
      ck_assert_int_eq (stream->attached_pic.size, clip_cover_size);
      ck_assert_mem_eq (stream->attached_pic.data, clip_cover, clip_cover_size);
      continue;
    }
    ck_assert_uint_eq (stream->codecpar->codec_id, AV_CODEC_ID_MPEG4);
  }
  ck_assert_uint_eq (n_covers, 1);
  avformat_close_input (&file);
}
END_TEST

/* -- packets --------------------------------------------------------------- */

START_TEST (packets_without_times_get_some)
{
  g_autofree char *in = tool_path ("program.mpg");
  g_autofree char *out = tool_path ("program-out.mkv");
  g_autoptr (GPtrArray) before = NULL, after = NULL;
  AVFormatContext *a, *b;
  gint64 last = G_MININT64;

  clip_write (in, &plain);
  tool_transcode (in, out, "aac");
  a = clip_open (in);
  b = clip_open (out);
  before = clip_packets (a, clip_find (a, AVMEDIA_TYPE_VIDEO));
  after = clip_packets (b, 0);
  ck_assert_uint_eq (after->len, before->len);
  for (guint i = 0; i < after->len; i++) {
    const AVPacket *packet = g_ptr_array_index (after, i);

    ck_assert_int_ne (packet->pts, AV_NOPTS_VALUE);
    ck_assert_int_ne (packet->pts, last);
    last = packet->pts;
  }
  avformat_close_input (&a);
  avformat_close_input (&b);
}
END_TEST

/* Returns the timestamp of packet @i of @packets in seconds. */
static double
time_of (const GPtrArray *packets, guint i, const AVStream *stream)
{
  const AVPacket *packet = g_ptr_array_index (packets, i);

  return packet->pts * av_q2d (stream->time_base);
}

START_TEST (what_an_edit_list_hides_comes_before_the_sound)
{
  const double hidden = 0.4;
  ClipOptions clip = plain;
  g_autofree char *in = tool_path ("hidden.mov");
  g_autofree char *out = tool_path ("hidden-out.mkv");
  g_autoptr (GPtrArray) before = NULL, after = NULL;
  g_autoptr (GArray) sound = NULL;
  AVFormatContext *a, *b;
  double start;
  int rate;

  clip.hidden = (int)(10 * hidden);
  clip_write (in, &clip);
  tool_transcode (in, out, "pcm");
  a = clip_open (in);
  b = clip_open (out);
  before = clip_packets (a, 0);
  after = clip_packets (b, 0);
  ck_assert_uint_eq (after->len, before->len);
  for (guint i = 0; i < after->len; i++)
    ck_assert_double_eq_tol (time_of (after, i, b->streams[0]),
                             time_of (before, i, a->streams[0]) + hidden, 1e-3);
  sound = clip_decode (out, &start, &rate);
  ck_assert_double_eq_tol (start, hidden, 1e-3);
  avformat_close_input (&a);
  avformat_close_input (&b);
}
END_TEST

static Suite *
forms_suite (void)
{
  Suite *suite = suite_create ("transcode-forms");
  TCase *tests = tcase_create ("forms");

  tcase_add_loop_test (tests, sphere_turn_and_chapters_are_kept, 0,
                       G_N_ELEMENTS (extras));
  tcase_add_test (tests, eyes_are_not_swapped);
  tcase_add_loop_test (tests, points_have_the_shape_that_the_container_tells, 0,
                       G_N_ELEMENTS (wide));
  tcase_add_test (tests, pictures_are_looked_at_upright);
  tcase_add_loop_test (tests, subtitles_take_the_form_of_the_output, 0,
                       G_N_ELEMENTS (texts));
  tcase_add_test (tests, subtitles_without_an_end_are_no_end);
  tcase_add_loop_test (tests, a_cover_is_no_second_video, 0, 3);
  tcase_add_test (tests, packets_without_times_get_some);
  tcase_add_test (tests, what_an_edit_list_hides_comes_before_the_sound);
  suite_add_tcase (suite, tests);
  return suite;
}

int
main (int argc, char **argv)
{
  gst_test_init (&argc, &argv);
  gst_test_model_file ();
  av_log_set_level (AV_LOG_ERROR);
  return gst_test_run (forms_suite ());
}
