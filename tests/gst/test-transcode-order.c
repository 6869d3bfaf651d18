/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Timestamps of copied video, tested with random streams: every packet is
 * output once and in order, muxers accept the decoding timestamps,
 * presentation timestamps are kept where possible, and the others are
 * counted. */
#include <check.h>

#include "transcode-order.h"
#include "../suite.h"

#define SEEDS 200
#define MAX_FRAMES 300
#define STEP 3600 /* ticks of 90 kHz: 25 frames a second */
#define MAX_B 3

/* A stream of frames in decoding order. */
typedef struct
{
  guint n;
  gint64 pts[MAX_FRAMES], dts[MAX_FRAMES];
  gboolean is_key[MAX_FRAMES];
} Stream;

/* Makes random groups of pictures with up to MAX_B B-frames between two
 * anchor frames. */
static void
draw_stream (Stream *stream, GRand *rand)
{
  const guint gop = (guint)g_rand_int_range (rand, 1, 60);
  gint64 shown = 0;

  stream->n = 0;
  while (stream->n + MAX_B + 1 < MAX_FRAMES) {
    const guint left = gop - stream->n % gop;
    const guint n_b
        = MIN (left - 1, (guint)g_rand_int_range (rand, 0, 1 + MAX_B));
    const guint first = stream->n;

    stream->pts[first] = (shown + n_b) * STEP;
    for (guint b = 0; b < n_b; b++)
      stream->pts[first + 1 + b] = (shown + b) * STEP;
    for (guint i = 0; i <= n_b; i++)
      stream->is_key[first + i] = i == 0 && left == gop;
    stream->n += n_b + 1;
    shown += n_b + 1;
  }
  for (guint i = 0; i < stream->n; i++)
    stream->dts[i] = ((gint64)i - MAX_B) * STEP;
}

static AVStream *
describe (AVFormatContext *file)
{
  AVStream *stream = avformat_new_stream (file, NULL);

  stream->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
  stream->codecpar->codec_id = AV_CODEC_ID_RAWVIDEO; /* needs no parser */
  stream->time_base = (AVRational){ 1, 90000 };
  stream->avg_frame_rate = (AVRational){ 25, 1 };
  return stream;
}

/* Outputs the timestamps of all packets in @pts and @dts, arrays of
 * stream->n elements. Returns how many frames have a changed presentation
 * timestamp. */
static guint64
run (const Stream *stream, gint64 *pts, gint64 *dts)
{
  AVFormatContext *file = avformat_alloc_context ();
  TranscodeOrder *order = transcode_order_new (describe (file));
  AVPacket *packet;
  guint64 moved;
  guint n = 0;

  for (guint i = 0; i <= stream->n; i++) {
    if (i < stream->n) {
      packet = av_packet_alloc ();
      packet->pts = stream->pts[i];
      packet->dts = stream->dts[i];
      packet->pos = i;
      packet->flags = stream->is_key[i] ? AV_PKT_FLAG_KEY : 0;
      transcode_order_push (order, packet);
    } else {
      transcode_order_end (order);
    }
    while ((packet = transcode_order_pop (order)) != NULL) {
      ck_assert_int_eq (packet->pos, n); /* once each, in decoding order */
      pts[n] = packet->pts;
      dts[n++] = packet->dts;
      av_packet_free (&packet);
    }
  }
  ck_assert_uint_eq (n, stream->n);
  moved = transcode_order_moved (order);
  transcode_order_free (order);
  avformat_free_context (file);
  return moved;
}

static void
assert_acceptable (const Stream *stream, const gint64 *pts, const gint64 *dts)
{
  for (guint i = 0; i < stream->n; i++) {
    ck_assert_int_le (dts[i], pts[i]);
    if (i > 0)
      ck_assert_int_gt (dts[i], dts[i - 1]);
  }
}

START_TEST (good_times_stay_as_they_are)
{
  for (guint seed = 0; seed < SEEDS; seed++) {
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    gint64 pts[MAX_FRAMES], dts[MAX_FRAMES];
    Stream stream;

    draw_stream (&stream, rand);
    ck_assert_uint_eq (run (&stream, pts, dts), 0);
    for (guint i = 0; i < stream.n; i++) {
      ck_assert_int_eq (pts[i], stream.pts[i]);
      ck_assert_int_eq (dts[i], stream.dts[i]);
    }
  }
}
END_TEST

START_TEST (frames_shown_before_they_are_decoded_keep_their_time)
{
  for (guint seed = 0; seed < SEEDS; seed++) {
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    gint64 pts[MAX_FRAMES], dts[MAX_FRAMES];
    const guint kind = seed % 3;
    Stream stream;
    gint64 late;

    draw_stream (&stream, rand);
    late = g_rand_int_range (rand, 0, 90000);
    for (guint i = 0; i < stream.n; i++) {
      if (kind == 0) /* all timestamps */
        stream.dts[i] += late;
      else if (kind == 1) /* unknown ones */
        stream.dts[i] = AV_NOPTS_VALUE;
      else if (i + 1 == stream.n) /* only the last one */
        stream.dts[i] = stream.pts[i] + 1 + late % STEP;
    }
    ck_assert_uint_eq (run (&stream, pts, dts), 0);
    assert_acceptable (&stream, pts, dts);
    for (guint i = 0; i < stream.n; i++)
      ck_assert_int_eq (pts[i], stream.pts[i]);
  }
}
END_TEST

/* The timestamps jump back at a key frame, as in two concatenated
 * recordings. */
START_TEST (frames_behind_a_clock_that_goes_back_are_shown_in_their_order)
{
  for (guint seed = 0; seed < SEEDS; seed++) {
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    gint64 pts[MAX_FRAMES], dts[MAX_FRAMES], back, top = G_MININT64;
    Stream stream;
    guint cut, changed = 0;
    guint64 moved;

    draw_stream (&stream, rand);
    cut = stream.n / 2;
    while (cut < stream.n && !stream.is_key[cut])
      cut++;
    if (cut == stream.n)
      continue;
    back = MIN ((gint64)cut, g_rand_int_range (rand, 2 * MAX_B + 1, 40)) * STEP;
    for (guint i = cut; i < stream.n; i++) {
      stream.pts[i] -= back;
      stream.dts[i] -= back;
    }
    moved = run (&stream, pts, dts);
    assert_acceptable (&stream, pts, dts);
    for (guint i = 0; i < cut; i++)
      top = MAX (top, pts[i]);
    for (guint i = 0; i < stream.n; i++) {
      changed += pts[i] != stream.pts[i];
      if (i < cut)
        continue;
      ck_assert_int_gt (pts[i], top);
      for (guint j = cut; j < i; j++)
        if ((stream.pts[i] < stream.pts[j]) != (pts[i] < pts[j]))
          ck_abort_msg ("seed %u: frames %u and %u are swapped", seed, i, j);
    }
    ck_assert_uint_eq (moved, changed);
    ck_assert_uint_gt (moved, 0);
  }
}
END_TEST

/* For any input timestamps, each packet is output once, in an order that
 * muxers accept. */
START_TEST (any_times_give_acceptable_ones)
{
  static const gint64 extremes[]
      = { AV_NOPTS_VALUE, G_MININT64 + 1, G_MAXINT64, 0, -1 };

  for (guint seed = 0; seed < SEEDS; seed++) {
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    gint64 pts[MAX_FRAMES], dts[MAX_FRAMES];
    Stream stream;

    draw_stream (&stream, rand);
    for (guint i = 0; i < stream.n; i++) {
      gint64 *time = g_rand_boolean (rand) ? &stream.pts[i] : &stream.dts[i];

      if (g_rand_int_range (rand, 0, 10) == 0)
        *time = g_rand_int_range (rand, -1000000, 1000000);
      else if (seed % 5 == 0 && g_rand_int_range (rand, 0, 50) == 0)
        *time = extremes[g_rand_int_range (rand, 0, G_N_ELEMENTS (extremes))];
    }
    run (&stream, pts, dts);
    for (guint i = 0; i < stream.n; i++)
      ck_assert_int_le (dts[i], pts[i]);
    for (guint i = 1; i < stream.n; i++)
      ck_assert (dts[i] > dts[i - 1] || dts[i] == G_MAXINT64);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("transcode-order");
  TCase *tests = tcase_create ("order");

  tcase_add_test (tests, good_times_stay_as_they_are);
  tcase_add_test (tests, frames_shown_before_they_are_decoded_keep_their_time);
  tcase_add_test (
      tests, frames_behind_a_clock_that_goes_back_are_shown_in_their_order);
  tcase_add_test (tests, any_times_give_acceptable_ones);
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
