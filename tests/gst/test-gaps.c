/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereodec with any times in a stream: gaps of any length and timestamps in
 * their whole range cost neither memory nor inference. */
#include <time.h>

#include "dec-harness.h"

#define RATE 16000
#define SECONDS(s) ((gsize)((s)*RATE))
/* Seconds of a gap that are filled with silence. The rest of the gap is
 * forwarded. */
#define SILENCE 5
#define PATIENCE 30 /* s */

/* -- output ---------------------------------------------------------------- */

typedef struct
{
  guint64 frames, audible; /* audible: frames whose mix is not 0 */
  GstClockTime resumed;    /* start of the last buffer after a break */
  GstClockTime gap_start, gap_end;
  guint gaps;
  gboolean holes; /* gaps that are not adjacent */
  gboolean ended;
} Output;

static void
count_buffer (Output *self, GstBuffer *buffer)
{
  GstMapInfo map;

  if (GST_BUFFER_IS_DISCONT (buffer))
    self->resumed = GST_BUFFER_PTS (buffer);
  gst_buffer_map (buffer, &map, GST_MAP_READ);
  for (gsize i = 0; i < map.size / sizeof (float); i += 2)
    self->audible
        += ((const float *)map.data)[i] + ((const float *)map.data)[i + 1] != 0;
  self->frames += map.size / (2 * sizeof (float));
  gst_buffer_unmap (buffer, &map);
}

static void
count_event (Output *self, GstEvent *event)
{
  GstClockTime start, duration;

  self->ended |= GST_EVENT_TYPE (event) == GST_EVENT_EOS;
  if (GST_EVENT_TYPE (event) != GST_EVENT_GAP)
    return;
  gst_event_parse_gap (event, &start, &duration);
  if (self->gaps++ == 0)
    self->gap_start = start;
  self->holes |= self->gaps > 1 && start != self->gap_end;
  self->gap_end = start + duration;
}

/* Collects the output until the end or an error. */
static Output
take_output (DecHarness *h)
{
  Output out = { .resumed = GST_CLOCK_TIME_NONE };
  const gint64 until = g_get_monotonic_time () + PATIENCE * G_USEC_PER_SEC;
  gboolean failed = FALSE;

  while (!out.ended && !failed) {
    g_autoptr (GstBuffer) buffer = NULL;
    GstEvent *event;

    failed = gst_test_count_messages (h->bus, GST_MESSAGE_ERROR) > 0;
    while ((event = gst_harness_try_pull_event (h->audio)) != NULL) {
      count_event (&out, event);
      gst_event_unref (event);
    }
    while ((buffer = gst_harness_try_pull (h->audio)) != NULL) {
      count_buffer (&out, buffer);
      gst_clear_buffer (&buffer);
    }
    ck_assert_msg (g_get_monotonic_time () < until, "it hangs");
    g_usleep (G_USEC_PER_SEC / 1000);
  }
  return out;
}

/* -- gaps ------------------------------------------------------------------ */

static void
push_gap (GstHarness *h, GstClockTime start, GstClockTime duration)
{
  gst_harness_push_event (h, gst_event_new_gap (start, duration));
}

static const struct
{
  GstClockTime gap, piece;
} gaps[] = {
  { 60 * GST_SECOND, 60 * GST_SECOND },
  { 60 * GST_SECOND, GST_SECOND / 8 },
  { 3600 * GST_SECOND, 3600 * GST_SECOND },
  { 36000 * GST_SECOND, 36000 * GST_SECOND },
  { 36000 * GST_SECOND, 360 * GST_SECOND },
};

/* Pushes two seconds of audio, a gap in one or more pieces, and two seconds of
 * audio. */
START_TEST (a_long_gap_is_forwarded_and_what_follows_keeps_its_time)
{
  const GstClockTime gap = gaps[_i].gap, piece = gaps[_i].piece;
  const clock_t before = clock ();
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  Output out;

  dec_harness_feed_features (h, 20);
  dec_harness_push_audio (h, 0, SECONDS (2), 320);
  for (GstClockTime at = 0; at < gap; at += piece)
    push_gap (h->audio, 2 * GST_SECOND + at, piece);
  dec_harness_push_audio (h, SECONDS (2) + gap / GST_MSECOND * (RATE / 1000),
                          SECONDS (2), 320);
  dec_harness_end_audio (h);
  out = take_output (h);
  ck_assert_uint_eq (out.frames, SECONDS (2 + SILENCE + 2));
  ck_assert (!out.holes);
  ck_assert_uint_eq (out.gap_start, (2 + SILENCE) * GST_SECOND);
  ck_assert_uint_eq (out.gap_end, 2 * GST_SECOND + gap);
  ck_assert_uint_eq (out.resumed, out.gap_end);
  ck_assert_uint_ge (out.audible, SECONDS (3.9));
  ck_assert_uint_le (out.audible, SECONDS (4));
  ck_assert_int_lt (clock () - before, 5 * CLOCKS_PER_SEC);
  dec_harness_free (h);
}
END_TEST

START_TEST (pictures_go_on_during_a_gap_in_the_audio)
{
  const guint n = 60 * TEST_FPS;
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  Output out;

  dec_harness_add_features (h, 0, n);
  dec_harness_feed (h);
  dec_harness_push_audio (h, 0, SECONDS (2), 320);
  push_gap (h->audio, 2 * GST_SECOND, 60 * GST_SECOND);
  dec_harness_join (h); /* everything was handled; no audio follows */
  gst_harness_push_event (h->features, gst_event_new_eos ());
  dec_harness_push_audio (h, SECONDS (62), SECONDS (1), 320);
  dec_harness_end_audio (h);
  out = take_output (h);
  ck_assert_uint_eq (out.frames, SECONDS (2 + SILENCE + 1));
  ck_assert_uint_eq (out.resumed, 62 * GST_SECOND);
  dec_harness_free (h);
}
END_TEST

START_TEST (a_stream_may_begin_or_end_with_a_long_gap)
{
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  Output out;

  dec_harness_feed_features (h, 5);
  if (_i == 0)
    push_gap (h->audio, 0, 100 * GST_SECOND);
  dec_harness_push_audio (h, _i == 0 ? SECONDS (100) : 0, SECONDS (1), 320);
  if (_i == 1)
    push_gap (h->audio, GST_SECOND, 100 * GST_SECOND);
  dec_harness_end_audio (h);
  out = take_output (h);
  ck_assert_uint_eq (out.frames, SECONDS (SILENCE + 1));
  ck_assert_uint_eq (out.gap_end, (100 + (guint)_i) * GST_SECOND);
  dec_harness_free (h);
}
END_TEST

/* -- timestamps near the limits of their range ----------------------------- */

#define SEED 20261201
#define SEQUENCES 40
#define ACTIONS 12

static guint64
random_time (GRand *random)
{
  static const guint64 around[]
      = { 0, G_GUINT64_CONSTANT (1) << 61, G_GUINT64_CONSTANT (1) << 62,
          G_GUINT64_CONSTANT (1) << 63, 1700000000 * GST_SECOND };
  const guint64 from
      = around[g_rand_int_range (random, 0, G_N_ELEMENTS (around))];
  const gint kind = g_rand_int_range (random, 0, 4);

  if (kind == 0)
    return ((guint64)g_rand_int (random) << 32) | g_rand_int (random);
  return from + (guint64)(gint64)g_rand_int_range (random, -2, 3)
         + (kind == 1 ? g_rand_int (random) : 0);
}

/* Returns a segment with random values, in any format. */
static GstEvent *
random_segment (GRand *random)
{
  static const double rates[] = { 1, 1, 0.25, 4, 1e-9, 1e9 };
  GstSegment segment;

  gst_segment_init (&segment, g_rand_int_range (random, 0, 6)
                                  ? GST_FORMAT_TIME
                                  : GST_FORMAT_BYTES);
  segment.rate = rates[g_rand_int_range (random, 0, G_N_ELEMENTS (rates))];
  segment.start = segment.position = random_time (random);
  segment.base = random_time (random);
  segment.time = random_time (random);
  return gst_event_new_segment (&segment);
}

static gpointer
random_item (GRand *random, gsize size, gboolean is_audio)
{
  const guint64 time = random_time (random);
  GstBuffer *buffer;

  switch (g_rand_int_range (random, 0, 5)) {
  case 0:
    return random_segment (random);
  case 1:
  case 2:
    return gst_event_new_gap (GST_CLOCK_TIME_IS_VALID (time) ? time : 0,
                              random_time (random));
  default:
    buffer = is_audio ? gst_test_audio (RATE, 1, 0, 1 + time % 3000, 0)
                      : gst_test_feature_buffer (size, 0);
    GST_BUFFER_PTS (buffer) = time;
    GST_BUFFER_DURATION (buffer) = random_time (random);
    return buffer;
  }
}

static void
push_item (GstHarness *h, gpointer item)
{
  if (GST_IS_EVENT (item))
    gst_harness_push_event (h, item);
  else
    gst_harness_push (h, item);
}

static void
play_times (guint32 number)
{
  GRand *random = g_rand_new_with_seed (SEED + number);
  const gboolean pictures = g_rand_boolean (random);
  DecHarness *h = dec_harness_new (RATE, 1, pictures);
  const gsize size = ccs_model_feature_size (h->model);
  Output out;

  if (pictures) {
    for (guint i = 0; i < ACTIONS; i++)
      dec_harness_add (h, random_item (random, size, FALSE));
    dec_harness_end_features (h);
    dec_harness_feed (h);
  }
  for (guint i = 0; i < ACTIONS; i++)
    push_item (h->audio, random_item (random, size, TRUE));
  gst_harness_push_event (h->audio, gst_event_new_eos ());
  out = take_output (h);
  if (out.frames > ACTIONS * (3000 + SECONDS (SILENCE)))
    ck_abort_msg ("sequence %u: too much output", number);
  dec_harness_free (h);
  g_rand_free (random);
}

/* For any values the stream ends or fails with a message, within seconds, and
 * the output is at most the input and the silence of its gaps. */
START_TEST (any_time_is_played_or_rejected)
{
  g_autoptr (CcsModel) kept = gst_test_model (); /* loaded once for all */

  ck_assert_ptr_nonnull (kept);
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
  for (guint32 i = 0; i < SEQUENCES; i++)
    play_times (i);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("gaps");
  TCase *audio = tcase_create ("audio"), *times = tcase_create ("times");

  gst_test_init (&argc, &argv);
  gst_test_model_file ();
  tcase_add_loop_test (audio,
                       a_long_gap_is_forwarded_and_what_follows_keeps_its_time,
                       0, G_N_ELEMENTS (gaps));
  tcase_add_test (audio, pictures_go_on_during_a_gap_in_the_audio);
  tcase_add_loop_test (audio, a_stream_may_begin_or_end_with_a_long_gap, 0, 2);
  tcase_add_test (times, any_time_is_played_or_rejected);
  suite_add_tcase (suite, audio);
  suite_add_tcase (suite, times);
  return gst_test_run (suite);
}
