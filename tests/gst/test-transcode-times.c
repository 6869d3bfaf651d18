/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereo-transcode on files with unusual timestamps: audio before 0,
 * overlapping audio, clocks that start at any time. */
#include <math.h>
#include <string.h>

#include "clip.h"
#include "gst-test-support.h"
#include "reference-support.h"
#include "transcode-tool.h"

#define RATE 48000
#define BLOCK 960 /* samples of an audio packet of a clip */
#define EPOCH G_GINT64_CONSTANT (1700000000)

static const ClipOptions plain
    = { .rate = RATE, .channels = 1, .audio_samples = 2 * RATE, .n_audio = 1 };

/* Transcodes a clip to Matroska with PCM. Returns the audio, and the
 * messages in @said. */
static GArray *
transcode_clip (const char *name, const ClipOptions *clip, const char *to,
                const char *codec, double *start, char **said)
{
  g_autofree char *in_name = g_strconcat (name, ".mkv", NULL);
  g_autofree char *out_name = g_strconcat (name, "-out.", to, NULL);
  g_autofree char *in = tool_path (in_name);
  g_autofree char *out = tool_path (out_name);
  int rate, status;

  clip_write (in, clip);
  status = tool_run (
      TOOL_ARGUMENTS ("--hop", "10080", "--audio-codec", codec, in, out), said);
  ck_assert_msg (status == 0, "%s to .%s: %s", name, to, *said);
  return clip_decode (out, start, &rate);
}

/* Checks that sample @i of @audio, which starts at @start, is sample @of of
 * the clip. */
static void
assert_sample (const GArray *audio, double start, gint64 i, gint64 of)
{
  const gint64 k = i - llround (start * RATE);

  ck_assert_msg (k >= 0 && k < audio->len,
                 "sample %" G_GINT64_FORMAT " is missing", i);
  ck_assert_msg (fabs (g_array_index (audio, float, k) - gst_test_sample (of))
                     < 1e-3,
                 "sample %" G_GINT64_FORMAT
                 " is %g, not sample %" G_GINT64_FORMAT " of the clip, %g",
                 i, g_array_index (audio, float, k), of, gst_test_sample (of));
}

/* -- audio before 0 -------------------------------------------------------- */

/* In samples, each a whole number of milliseconds, as Matroska stores them. */
static const gint64 early_starts[] = { -48, -144, -960, -4560, -9600 };

START_TEST (every_sample_from_0_on_is_heard)
{
  static const char *const codecs[] = { "pcm", "flac" };
  const gint64 early = early_starts[_i / 2];
  g_autofree char *name = g_strdup_printf ("early-%d", _i);
  g_autofree char *said = NULL;
  g_autoptr (GArray) audio = NULL;
  ClipOptions clip = plain;
  double start;

  clip.audio_start = early;
  audio = transcode_clip (name, &clip, "mkv", codecs[_i % 2], &start, &said);
  ck_assert_double_le (start, 0);
  for (gint64 i = 0; i < RATE; i++)
    assert_sample (audio, start, i, i - early);
}
END_TEST

/* -- audio that overlaps --------------------------------------------------- */

START_TEST (overlapping_audio_is_counted_and_what_follows_keeps_its_time)
{
  g_autofree char *said = NULL;
  g_autoptr (GArray) audio = NULL;
  ClipOptions clip = plain;
  double start;

  clip.overlap = 864; /* shorter than a packet, as muxers require */
  audio = transcode_clip ("overlap", &clip, "mkv", "pcm", &start, &said);
  ck_assert_ptr_nonnull (strstr (said, "0.018 s of audio"));
  for (gint64 i = 0; i < RATE; i++)
    assert_sample (audio, start, i, i);
  for (gint64 i = RATE; i < 2 * RATE - clip.overlap; i++)
    assert_sample (audio, start, i, i + clip.overlap);
}
END_TEST

/* Each jump alone is shorter than what is treated as a discontinuity. */
START_TEST (small_overlaps_do_not_add_up)
{
  const gint64 most_off = 20 * RATE / 1000;
  const gint64 at = 3 * RATE / 2;
  g_autofree char *said = NULL;
  g_autoptr (GArray) audio = NULL;
  ClipOptions clip = plain;
  double start, best = 0;
  gint64 found = 0, expected;

  clip.squeeze = 48; /* 1 ms of the 20 ms of a packet */
  audio = transcode_clip ("squeeze", &clip, "mkv", "pcm", &start, &said);
  ck_assert_ptr_nonnull (strstr (said, "of audio"));
  expected = at + at / (BLOCK - clip.squeeze) * clip.squeeze;
  for (gint64 of = expected - 2 * most_off; of < expected + 2 * most_off;
       of++) {
    double sum = 0;

    for (gint64 i = 0; i < BLOCK / 2; i++)
      sum += g_array_index (audio, float, at + i) * gst_test_sample (of + i);
    if (sum > best) {
      best = sum;
      found = of;
    }
  }
  ck_assert_int_le (ABS (found - expected), most_off);
}
END_TEST

/* -- clocks that start at any time ----------------------------------------- */

static const struct
{
  gint64 clock;
  const char *to, *codec;
} clocks[] = {
  { 1, "mkv", "pcm" },     { 3600, "mkv", "flac" }, { 100000, "mov", "pcm" },
  { EPOCH, "mkv", "pcm" }, { EPOCH, "mov", "pcm" }, { EPOCH, "mp4", "flac" },
};

START_TEST (a_file_s_own_start_is_its_zero)
{
  g_autofree char *name = g_strdup_printf ("clock-%d", _i);
  g_autofree char *out_name
      = g_strdup_printf ("clock-%d-out.%s", _i, clocks[_i].to);
  g_autofree char *out = tool_path (out_name);
  g_autofree char *said = NULL;
  g_autoptr (GArray) audio = NULL;
  ClipOptions clip = plain;
  AVFormatContext *file;
  double start;

  clip.clock = clocks[_i].clock;
  audio = transcode_clip (name, &clip, clocks[_i].to, clocks[_i].codec, &start,
                          &said);
  for (gint64 i = RATE / 10; i < 2 * RATE - RATE / 10; i++)
    assert_sample (audio, start, i, i);
  file = clip_open (out);
  ck_assert_double_eq_tol ((double)file->duration / AV_TIME_BASE, CLIP_SECONDS,
                           0.3);
  avformat_close_input (&file);
}
END_TEST

/* -- frames without presentation times ------------------------------------- */

/* Returns the presentation timestamp of packet @i of @packets in ms. */
static gint64
shown_at (const GPtrArray *packets, guint i, const AVFormatContext *file)
{
  const AVPacket *packet = g_ptr_array_index (packets, i);

  return av_rescale_q (packet->pts, file->streams[0]->time_base,
                       (AVRational){ 1, 1000 });
}

START_TEST (frames_of_avi_are_shown_in_the_order_of_a_decoder)
{
  static const char *const names[] = { "avi-out.mkv", "avi-out.mp4" };
  g_autofree char *in = tool_path ("b-frames.avi");
  g_autofree char *same = tool_path ("b-frames.mkv");
  g_autofree char *out = tool_path (names[_i]);
  g_autoptr (GPtrArray) expected = NULL, found = NULL;
  AVFormatContext *a, *b;
  gint64 offset;

  clip_write (in, &plain);
  clip_write (same, &plain); /* the same frames with timestamps */
  tool_transcode (in, out, _i ? "aac" : "pcm");
  a = clip_open (same);
  b = clip_open (out);
  expected = clip_packets (a, 0);
  found = clip_packets (b, 0);
  ck_assert_uint_eq (found->len, expected->len);
  offset = shown_at (found, 0, b) - shown_at (expected, 0, a);
  ck_assert_int_le (ABS (offset), 100); /* the duration of a frame */
  for (guint i = 0; i < found->len; i++)
    ck_assert_int_eq (shown_at (found, i, b),
                      shown_at (expected, i, a) + offset);
  avformat_close_input (&a);
  avformat_close_input (&b);
}
END_TEST

static Suite *
times_suite (void)
{
  Suite *suite = suite_create ("transcode-times");
  TCase *tests = tcase_create ("times");

  tcase_add_loop_test (tests, every_sample_from_0_on_is_heard, 0,
                       2 * G_N_ELEMENTS (early_starts));
  tcase_add_test (tests,
                  overlapping_audio_is_counted_and_what_follows_keeps_its_time);
  tcase_add_test (tests, small_overlaps_do_not_add_up);
  tcase_add_loop_test (tests, a_file_s_own_start_is_its_zero, 0,
                       G_N_ELEMENTS (clocks));
  tcase_add_loop_test (tests, frames_of_avi_are_shown_in_the_order_of_a_decoder,
                       0, 2);
  suite_add_tcase (suite, tests);
  return suite;
}

int
main (int argc, char **argv)
{
  gst_test_init (&argc, &argv);
  gst_test_model_file ();
  av_log_set_level (AV_LOG_ERROR);
  return gst_test_run (times_suite ());
}
