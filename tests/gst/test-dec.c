/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereodec: its output equals that of the library, sample for sample, for
 * any buffers; ends, discontinuities and changes of the streams. */

#include "dec-harness.h"
#include "reference-support.h"

#define RATE 16000
#define SECONDS(s) ((gsize)((s)*RATE))

/* Returns the output for @frames frames in buffers of @piece with @n_features
 * features. */
static GArray *
run (guint rate, guint channels, gsize frames, gsize piece, guint n_features)
{
  DecHarness *h = dec_harness_new (rate, channels, TRUE);
  GArray *out;

  dec_harness_feed_features (h, n_features);
  dec_harness_push_audio (h, 0, frames, piece);
  out = dec_harness_finish (h);
  dec_harness_free (h);
  return out;
}

static GArray *
core (guint rate, guint channels, gsize frames, guint n_features)
{
  g_autoptr (CcsModel) model = gst_test_model ();

  return gst_test_core_output (model, rate, channels, frames, n_features);
}

/* -- the output is that of the library ------------------------------------- */

static const struct
{
  guint rate, channels;
} formats[] = { { 16000, 1 }, { 44100, 1 }, { 48000, 2 } };

START_TEST (output_is_the_core_binauralizers_bit_for_bit)
{
  const guint rate = formats[_i].rate, channels = formats[_i].channels;
  const gsize frames = rate * 3 / 2 + 17;
  g_autoptr (GArray) got = run (rate, channels, frames, rate / 50, 15);
  g_autoptr (GArray) want = core (rate, channels, frames, 15);

  gst_test_assert_same (got, want);
}
END_TEST

static const gsize pieces[] = { 97, 1008, 4096, 1000000 };

START_TEST (any_split_gives_the_same_output)
{
  const gsize frames = SECONDS (1.1) + 3;
  g_autoptr (GArray) got = run (RATE, 1, frames, pieces[_i], 11);
  g_autoptr (GArray) want = core (RATE, 1, frames, 11);

  gst_test_assert_same (got, want);
}
END_TEST

static const gsize lengths[]
    = { 1,          1007,           CCS_WINDOW - 1,
        CCS_WINDOW, CCS_WINDOW + 1, 2 * CCS_WINDOW + 511 };

START_TEST (as_many_samples_come_out_as_went_in)
{
  g_autoptr (GArray) got = run (RATE, 1, lengths[_i], 333, 20);
  g_autoptr (GArray) want = core (RATE, 1, lengths[_i], 20);

  ck_assert_uint_eq (got->len, 2 * lengths[_i]);
  gst_test_assert_same (got, want);
}
END_TEST

START_TEST (left_and_right_add_up_to_an_impulse_where_it_was)
{
  const guint rate = 44100;
  const gsize frames = rate, at = 12345;
  DecHarness *h = dec_harness_new (rate, 1, TRUE);
  GstBuffer *buffer = gst_test_audio (rate, 1, 0, frames, 0);
  const float one = 1;
  g_autoptr (GArray) out = NULL;

  gst_buffer_memset (buffer, 0, 0, frames * sizeof (float));
  gst_buffer_fill (buffer, at * sizeof (float), &one, sizeof one);
  dec_harness_feed_features (h, 10);
  ck_assert_int_eq (gst_harness_push (h->audio, buffer), GST_FLOW_OK);
  out = dec_harness_finish (h);
  ck_assert_uint_eq (out->len, 2 * frames);
  for (gsize i = 0; i < frames; i++) {
    float sum = g_array_index (out, float, 2 * i)
                + g_array_index (out, float, 2 * i + 1);

    ck_assert_float_eq_tol (sum, i == at, 1e-6);
  }
  dec_harness_free (h);
}
END_TEST

/* Returns the expected latency: that of the engine at 16 kHz, and the
 * processing deadline. */
static GstClockTime
expected_latency (GstElement *element, gsize samples)
{
  GstClockTime computing;

  g_object_get (element, "processing-deadline", &computing, NULL);
  return computing + gst_util_uint64_scale (samples, GST_SECOND, RATE);
}

static const struct
{
  gboolean live;
  gsize samples;
} latencies[] = {
  { TRUE, CCS_WINDOW - 1 },
  /* Windows are collected for a batch, which adds to the latency. */
  { FALSE, CCS_WINDOW - 1 + (CCS_MODEL_WINDOW_BATCH - 1) * CCS_HOP },
};

START_TEST (latency_is_reported_and_not_added)
{
  DecHarness *h = dec_harness_new_with (gst_test_element ("ccstereodec"), RATE,
                                        1, FALSE, latencies[_i].live);
  GstBuffer *out;

  for (guint i = 0; i < 40; i++)
    gst_harness_push (h->audio,
                      gst_test_audio (RATE, 1, i * 1000, 1000, 7 * GST_SECOND));
  out = gst_harness_pull (h->audio);
  ck_assert_uint_eq (GST_BUFFER_PTS (out), 7 * GST_SECOND);
  ck_assert_uint_eq (gst_harness_query_latency (h->audio),
                     expected_latency (h->element, latencies[_i].samples));
  gst_buffer_unref (out);
  dec_harness_free (h);
}
END_TEST

START_TEST (upstreams_latency_is_in_the_sum)
{
  DecHarness *h = dec_harness_new_with (gst_test_element ("ccstereodec"), RATE,
                                        1, FALSE, TRUE);
  const GstClockTime upstream = 123 * GST_MSECOND;

  gst_harness_set_upstream_latency (h->audio, upstream);
  dec_harness_push_audio (h, 0, SECONDS (2.5), 1000);
  gst_buffer_unref (gst_harness_pull (h->audio)); /* waits for the caps */
  ck_assert_uint_eq (gst_harness_query_latency (h->audio),
                     upstream + expected_latency (h->element, CCS_WINDOW - 1));
  dec_harness_free (h);
}
END_TEST

static void
note_selection (GstAggregator *agg, GstSegment *segment, GstClockTime pts,
                GstClockTime dts, GstClockTime duration, GstStructure *info,
                GArray *times)
{
  g_array_append_val (times, pts);
  g_array_append_val (times, duration);
}

START_TEST (applications_hear_of_each_buffer_before_it_is_put_out)
{
  GstElement *element = gst_test_element ("ccstereodec");
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (GstClockTime));
  DecHarness *h;
  GstBuffer *buffer = NULL;
  guint n = 0;

  g_object_set (element, "emit-signals", TRUE, NULL);
  g_signal_connect (element, "samples-selected", G_CALLBACK (note_selection),
                    times);
  h = dec_harness_new_with (element, RATE, 1, FALSE, FALSE);
  dec_harness_push_audio (h, 0, SECONDS (2), 1000);
  dec_harness_end_audio (h);
  while (gst_harness_pull_until_eos (h->audio, &buffer) && buffer != NULL) {
    ck_assert_uint_lt (n + 1, times->len);
    ck_assert_uint_eq (g_array_index (times, GstClockTime, n),
                       GST_BUFFER_PTS (buffer));
    ck_assert_uint_eq (g_array_index (times, GstClockTime, n + 1),
                       GST_BUFFER_DURATION (buffer));
    n += 2;
    gst_clear_buffer (&buffer);
  }
  ck_assert_uint_eq (n, times->len);
  dec_harness_free (h);
}
END_TEST

/* -- one side ends or is missing ------------------------------------------- */

START_TEST (sound_goes_on_when_the_picture_has_ended)
{
  const gsize frames = SECONDS (2);
  g_autoptr (GArray) got = run (RATE, 1, frames, 800, 5);
  g_autoptr (GArray) want = core (RATE, 1, frames, 5);

  gst_test_assert_same (got, want);
}
END_TEST

START_TEST (sound_ends_while_the_picture_goes_on)
{
  const gsize frames = SECONDS (1);
  g_autoptr (GArray) got = run (RATE, 1, frames, 800, 40);
  g_autoptr (GArray) want = core (RATE, 1, frames, 40);

  gst_test_assert_same (got, want);
}
END_TEST

START_TEST (without_a_features_pad_the_sound_is_centred_with_one_warning)
{
  DecHarness *h = dec_harness_new (RATE, 1, FALSE);
  g_autoptr (GArray) out = NULL;

  dec_harness_push_audio (h, 0, SECONDS (2), 500);
  out = dec_harness_finish (h);
  ck_assert_uint_eq (out->len, 2 * SECONDS (2));
  for (guint i = 0; i < out->len; i++)
    ck_assert_float_eq (g_array_index (out, float, i),
                        gst_test_sample (i / 2) / 2);
  ck_assert_uint_eq (gst_test_count_messages (h->bus, GST_MESSAGE_WARNING), 1);
  dec_harness_free (h);
}
END_TEST

START_TEST (no_sound_at_all_is_just_the_end)
{
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  g_autoptr (GArray) out = NULL;

  dec_harness_feed_features (h, 3);
  out = dec_harness_finish (h);
  ck_assert_uint_eq (out->len, 0);
  ck_assert_uint_eq (gst_test_count_messages (h->bus, GST_MESSAGE_ERROR), 0);
  dec_harness_free (h);
}
END_TEST

/* -- gaps ------------------------------------------------------------------ */

START_TEST (a_gap_in_the_sound_is_silence_of_its_length)
{
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  const gsize before = SECONDS (0.5), gap = SECONDS (0.25);
  g_autoptr (GArray) out = NULL;

  dec_harness_feed_features (h, 20);
  dec_harness_push_audio (h, 0, before, 400);
  ck_assert (gst_harness_push_event (
      h->audio, gst_event_new_gap (GST_SECOND / 2, GST_SECOND / 4)));
  dec_harness_push_audio (h, before + gap, before, 400);
  out = dec_harness_finish (h);
  ck_assert_uint_eq (out->len, 2 * (2 * before + gap));
  for (gsize i = before; i < before + gap; i++)
    ck_assert_float_eq (g_array_index (out, float, 2 * i)
                            + g_array_index (out, float, 2 * i + 1),
                        0.f);
  dec_harness_free (h);
}
END_TEST

START_TEST (a_gap_that_is_told_of_again_is_silence_once)
{
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  const gsize before = SECONDS (0.5), gap = SECONDS (3);
  g_autoptr (GArray) out = NULL;

  dec_harness_feed_features (h, 20);
  dec_harness_push_audio (h, 0, before, 400);
  for (guint i = 0; i < 30; i++)
    gst_harness_push_event (
        h->audio, gst_event_new_gap (GST_SECOND / 2 + i * GST_SECOND / 10,
                                     GST_SECOND / 10));
  for (guint i = 0; i < 3; i++)
    gst_harness_push_event (
        h->audio, gst_event_new_gap (i * GST_SECOND / 4, 5 * GST_SECOND / 2));
  dec_harness_push_audio (h, before + gap, before, 400);
  out = dec_harness_finish (h);
  ck_assert_uint_eq (out->len, 2 * (2 * before + gap));
  dec_harness_free (h);
}
END_TEST

/* Checks that the output for two seconds of audio and the added features equals
 * that of the engine with the first @pictures features. Frees @h. */
static void
assert_sound_with (DecHarness *h, guint pictures)
{
  const gsize frames = SECONDS (2);
  g_autoptr (GArray) out = NULL, want = core (RATE, 1, frames, pictures);

  dec_harness_end_features (h);
  dec_harness_feed (h);
  dec_harness_push_audio (h, 0, frames, 777);
  out = dec_harness_finish (h);
  gst_test_assert_same (out, want);
  dec_harness_free (h);
}

START_TEST (a_gap_in_the_picture_holds_the_last_one)
{
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);

  dec_harness_add_features (h, 0, 5);
  dec_harness_add (
      h, gst_event_new_gap (5 * TEST_PICTURE_TIME, 30 * TEST_PICTURE_TIME));
  assert_sound_with (h, 5);
}
END_TEST

START_TEST (a_gap_before_the_first_picture_does_not_hold_up_the_sound)
{
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  GstBuffer *out;

  /* One long GAP event, or many short ones as matroskademux sends. */
  if (_i == 0)
    dec_harness_add (h, gst_event_new_gap (0, 10 * GST_SECOND));
  for (guint i = 0; _i == 1 && i < 200; i++)
    dec_harness_add (h,
                     gst_event_new_gap (i * GST_SECOND / 20, GST_SECOND / 20));
  dec_harness_feed (h);
  dec_harness_push_audio (h, 0, SECONDS (2.5), 1000);
  /* There is output although no stream has ended. */
  out = gst_harness_pull (h->audio);
  ck_assert_ptr_nonnull (out);
  gst_buffer_unref (out);
  dec_harness_free (h);
}
END_TEST

START_TEST (a_picture_that_is_shown_long_does_not_hold_up_the_sound)
{
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  const gsize size = ccs_model_feature_size (h->model);
  GstBuffer *first = gst_test_feature_buffer (size, 0);
  GstBuffer *second = gst_test_feature_buffer (size, 1);
  GstBuffer *out;

  GST_BUFFER_DURATION (first) = GST_BUFFER_PTS (second) = 20 * GST_SECOND;
  dec_harness_add (h, first);
  dec_harness_add (h, second);
  dec_harness_feed (h);
  dec_harness_push_audio (h, 0, SECONDS (2.5), 1000);
  /* The output arrives long before the second feature is due. */
  out = gst_harness_pull (h->audio);
  ck_assert_ptr_nonnull (out);
  gst_buffer_unref (out);
  ck_assert_uint_eq (gst_test_count_messages (h->bus, GST_MESSAGE_WARNING), 0);
  dec_harness_free (h);
}
END_TEST

/* The duration of a frame ends with the next frame. */
START_TEST (a_picture_gives_way_to_the_next_whatever_its_duration)
{
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  GstBuffer *first
      = gst_test_feature_buffer (ccs_model_feature_size (h->model), 0);

  GST_BUFFER_DURATION (first) = 20 * GST_SECOND;
  dec_harness_add (h, first);
  dec_harness_add_features (h, 1, 19);
  assert_sound_with (h, 20);
}
END_TEST

/* -- discontinuities ------------------------------------------------------- */

static GstBuffer *
discont_audio (guint64 first, gsize frames)
{
  GstBuffer *buffer = gst_test_audio (RATE, 1, first, frames, 0);

  GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  return buffer;
}

/* Pulls all buffers until EOS as pairs (first frame, frames) and checks that
 * the sums of both channels are the noise at these frames. */
static guint64
pull_pieces (DecHarness *h, guint64 *first_gap_end)
{
  GstBuffer *buffer = NULL;
  guint64 expected = 0, total = 0;

  while (gst_harness_pull_until_eos (h->audio, &buffer) && buffer != NULL) {
    guint64 first = gst_util_uint64_scale_round (GST_BUFFER_PTS (buffer), RATE,
                                                 GST_SECOND);
    GstMapInfo map;
    gsize frames;

    gst_buffer_map (buffer, &map, GST_MAP_READ);
    frames = map.size / (2 * sizeof (float));
    for (gsize i = 0; i < frames; i++) {
      const float *ears = (const float *)map.data + 2 * i;

      ck_assert_float_eq_tol (ears[0] + ears[1], gst_test_sample (first + i),
                              1e-6);
    }
    gst_buffer_unmap (buffer, &map);
    if (first != expected) {
      ck_assert (GST_BUFFER_IS_DISCONT (buffer));
      *first_gap_end = first;
    }
    expected = first + frames;
    total += frames;
    gst_clear_buffer (&buffer);
  }
  return total;
}

START_TEST (a_discontinuity_drains_and_goes_on_at_its_own_time)
{
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  guint64 resumed = 0;

  dec_harness_feed_features (h, 60);
  dec_harness_push_audio (h, 0, SECONDS (0.8), 320);
  gst_harness_push (h->audio, discont_audio (SECONDS (3), 320));
  dec_harness_push_audio (h, SECONDS (3) + 320, SECONDS (0.8), 320);
  dec_harness_end_audio (h);
  ck_assert_uint_eq (pull_pieces (h, &resumed), 2 * SECONDS (0.8) + 320);
  ck_assert_uint_eq (resumed, SECONDS (3));
  dec_harness_free (h);
}
END_TEST

/* Fragmented MP4 may start like this: its first audio packet is separate. */
START_TEST (sound_that_breaks_off_before_the_first_picture_sees_it)
{
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  guint64 resumed = 0;

  dec_harness_add_features (h, 1, 20);
  dec_harness_end_features (h);
  dec_harness_feed (h);
  dec_harness_push_audio (h, 0, SECONDS (0.02), 320);
  gst_harness_push (h->audio, discont_audio (SECONDS (0.08), 320));
  dec_harness_push_audio (h, SECONDS (0.08) + 320, SECONDS (1), 320);
  dec_harness_end_audio (h);
  ck_assert_uint_eq (pull_pieces (h, &resumed),
                     SECONDS (0.02) + 320 + SECONDS (1));
  ck_assert_uint_eq (resumed, SECONDS (0.08));
  ck_assert_uint_eq (gst_test_count_messages (h->bus, GST_MESSAGE_WARNING), 0);
  dec_harness_free (h);
}
END_TEST

START_TEST (a_little_jitter_of_timestamps_is_smoothed)
{
  DecHarness *h = dec_harness_new (RATE, 1, TRUE);
  const gsize piece = 320;
  g_autoptr (GArray) out = NULL, want = NULL;

  dec_harness_feed_features (h, 20);
  for (guint i = 0; i < 50; i++) {
    GstBuffer *buffer = gst_test_audio (RATE, 1, i * piece, piece, 0);

    GST_BUFFER_PTS (buffer) += (i % 3) * 5 * GST_MSECOND;
    gst_harness_push (h->audio, buffer);
  }
  out = dec_harness_finish (h);
  want = core (RATE, 1, 50 * piece, 20);
  gst_test_assert_same (out, want);
  dec_harness_free (h);
}
END_TEST

/* As when a second sink after the same demuxer flushes. */
START_TEST (a_seek_that_has_flushed_is_done_and_freed)
{
  DecHarness *h = dec_harness_new (RATE, 1, FALSE);
  GstEvent *start = gst_event_new_flush_start ();
  GstEvent *stop = gst_event_new_flush_stop (TRUE);
  GstEvent *seek
      = gst_event_new_seek (1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                            GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, -1);

  gst_event_set_seqnum (start, gst_event_get_seqnum (seek));
  gst_event_set_seqnum (stop, gst_event_get_seqnum (seek));
  gst_harness_push_event (h->audio, start);
  gst_harness_push_event (h->audio, stop);
  ck_assert (gst_harness_push_upstream_event (h->audio, gst_event_ref (seek)));
  ck_assert_int_eq (GST_MINI_OBJECT_REFCOUNT_VALUE (seek), 1);
  gst_event_unref (seek);
  dec_harness_free (h);
}
END_TEST

START_TEST (a_flush_in_the_middle_of_a_window_forgets_old_sound)
{
  DecHarness *h = dec_harness_new (RATE, 1, FALSE);
  GstSegment segment;
  g_autoptr (GArray) out = NULL;

  dec_harness_push_audio (h, 5, 1234, 100);
  gst_harness_push_event (h->audio, gst_event_new_flush_start ());
  gst_harness_push_event (h->audio, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h->audio, gst_event_new_segment (&segment));
  dec_harness_push_audio (h, 0, SECONDS (1), 100);
  out = dec_harness_finish (h);
  ck_assert_uint_eq (out->len, 2 * SECONDS (1));
  for (guint i = 0; i < out->len; i++)
    ck_assert_float_eq (g_array_index (out, float, i),
                        gst_test_sample (i / 2) / 2);
  dec_harness_free (h);
}
END_TEST

/* A flush starts while the caps are handled: the audio before them cannot be
 * pushed. */
START_TEST (new_caps_in_a_flush_hold_after_it)
{
  DecHarness *h = dec_harness_new (RATE, 1, FALSE);
  const guint other_rate = 32000;
  GstPad *src = GST_AGGREGATOR (h->element)->srcpad;
  GstSegment segment;
  GstBuffer *buffer = NULL;
  GstClockTime time = 0;

  dec_harness_push_audio (h, 0, 100, 100);
  GST_PAD_SET_FLUSHING (h->audio->sinkpad);
  gst_harness_set_src_caps_str (
      h->audio, "audio/x-raw, format=F32LE, layout=interleaved, rate=32000, "
                "channels=1");
  while (gst_pad_get_last_flow_return (src) != GST_FLOW_FLUSHING)
    g_usleep (G_USEC_PER_SEC / 1000);
  gst_harness_push_event (h->audio, gst_event_new_flush_start ());
  gst_harness_push_event (h->audio, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h->audio, gst_event_new_segment (&segment));
  gst_harness_push (h->audio, gst_test_audio (other_rate, 1, 0, other_rate, 0));
  dec_harness_end_audio (h);
  while (gst_harness_pull_until_eos (h->audio, &buffer) && buffer != NULL) {
    time += GST_BUFFER_DURATION (buffer);
    gst_clear_buffer (&buffer);
  }
  ck_assert_uint_eq (time, GST_SECOND);
  dec_harness_free (h);
}
END_TEST

START_TEST (new_caps_drain_the_old_sound_first)
{
  DecHarness *h = dec_harness_new (RATE, 1, FALSE);
  const guint other_rate = 32000;
  GstBuffer *buffer = NULL;
  guint64 frames[2] = { 0, 0 };
  guint of_rate = 0;

  dec_harness_push_audio (h, 0, SECONDS (1), 1600);
  gst_harness_set_src_caps_str (
      h->audio, "audio/x-raw, format=F32LE, layout=interleaved, rate=32000, "
                "channels=1");
  for (guint i = 0; i < 10; i++)
    gst_harness_push (
        h->audio, gst_test_audio (other_rate, 1, i * 3200, 3200, GST_SECOND));
  dec_harness_end_audio (h);
  while (gst_harness_pull_until_eos (h->audio, &buffer) && buffer != NULL) {
    if (GST_BUFFER_PTS (buffer) >= GST_SECOND)
      of_rate = 1;
    frames[of_rate] += gst_buffer_get_size (buffer) / (2 * sizeof (float));
    gst_clear_buffer (&buffer);
  }
  ck_assert_uint_eq (frames[0], SECONDS (1));
  ck_assert_uint_eq (frames[1], other_rate);
  dec_harness_free (h);
}
END_TEST

START_TEST (sound_outside_the_segment_is_not_played)
{
  DecHarness *h = dec_harness_new (RATE, 1, FALSE);
  GstSegment segment;
  GstBuffer *out;
  guint64 frames = 0;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = GST_SECOND / 4;
  segment.stop = 5 * GST_SECOND / 4;
  gst_harness_push_event (h->audio, gst_event_new_segment (&segment));
  dec_harness_push_audio (h, 0, SECONDS (2), 1500);
  dec_harness_end_audio (h);
  gst_harness_pull_until_eos (h->audio, &out);
  ck_assert_uint_eq (GST_BUFFER_PTS (out), segment.start);
  while (out != NULL) {
    frames += gst_buffer_get_size (out) / (2 * sizeof (float));
    gst_buffer_unref (out);
    gst_harness_pull_until_eos (h->audio, &out);
  }
  ck_assert_uint_eq (frames, SECONDS (1));
  dec_harness_free (h);
}
END_TEST

/* -- width ----------------------------------------------------------------- */

START_TEST (width_zero_is_mono)
{
  GstElement *element = gst_test_element ("ccstereodec");
  DecHarness *h;
  g_autoptr (GArray) out = NULL;

  g_object_set (element, "width", 0., NULL);
  h = dec_harness_new_with (element, RATE, 1, TRUE, FALSE);
  dec_harness_feed_features (h, 20);
  dec_harness_push_audio (h, 0, SECONDS (1), 1000);
  out = dec_harness_finish (h);
  ck_assert_uint_eq (out->len, 2 * SECONDS (1));
  for (guint i = 0; i < out->len; i += 2)
    ck_assert_float_eq (g_array_index (out, float, i),
                        g_array_index (out, float, i + 1));
  dec_harness_free (h);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("dec");
  TCase *same = tcase_create ("same"), *sides = tcase_create ("sides");
  TCase *breaks = tcase_create ("breaks");

  gst_test_init (&argc, &argv);
  gst_test_model_file ();
  tcase_add_loop_test (same, output_is_the_core_binauralizers_bit_for_bit, 0,
                       G_N_ELEMENTS (formats));
  tcase_add_loop_test (same, any_split_gives_the_same_output, 0,
                       G_N_ELEMENTS (pieces));
  tcase_add_loop_test (same, as_many_samples_come_out_as_went_in, 0,
                       G_N_ELEMENTS (lengths));
  tcase_add_test (same, left_and_right_add_up_to_an_impulse_where_it_was);
  tcase_add_loop_test (same, latency_is_reported_and_not_added, 0,
                       G_N_ELEMENTS (latencies));
  tcase_add_test (same, upstreams_latency_is_in_the_sum);
  tcase_add_test (same, applications_hear_of_each_buffer_before_it_is_put_out);
  tcase_add_test (same, width_zero_is_mono);
  tcase_add_test (sides, sound_goes_on_when_the_picture_has_ended);
  tcase_add_test (sides, sound_ends_while_the_picture_goes_on);
  tcase_add_test (sides,
                  without_a_features_pad_the_sound_is_centred_with_one_warning);
  tcase_add_test (sides, no_sound_at_all_is_just_the_end);
  tcase_add_test (sides, a_gap_in_the_sound_is_silence_of_its_length);
  tcase_add_test (sides, a_gap_that_is_told_of_again_is_silence_once);
  tcase_add_test (sides, a_gap_in_the_picture_holds_the_last_one);
  tcase_add_loop_test (
      sides, a_gap_before_the_first_picture_does_not_hold_up_the_sound, 0, 2);
  tcase_add_test (sides,
                  a_picture_that_is_shown_long_does_not_hold_up_the_sound);
  tcase_add_test (sides, a_picture_gives_way_to_the_next_whatever_its_duration);
  tcase_add_test (breaks, a_discontinuity_drains_and_goes_on_at_its_own_time);
  tcase_add_test (breaks,
                  sound_that_breaks_off_before_the_first_picture_sees_it);
  tcase_add_test (breaks, a_little_jitter_of_timestamps_is_smoothed);
  tcase_add_test (breaks, a_seek_that_has_flushed_is_done_and_freed);
  tcase_add_test (breaks, a_flush_in_the_middle_of_a_window_forgets_old_sound);
  tcase_add_test (breaks, new_caps_in_a_flush_hold_after_it);
  tcase_add_test (breaks, new_caps_drain_the_old_sound_first);
  tcase_add_test (breaks, sound_outside_the_segment_is_not_played);
  suite_add_tcase (suite, same);
  suite_add_tcase (suite, sides);
  suite_add_tcase (suite, breaks);
  return gst_test_run (suite);
}
