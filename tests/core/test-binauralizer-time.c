/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Timing: the feature that a window uses and waits for, the windows that
 * contribute to a sample, latency, and changes of the width. */
#include "binauralizer-support.h"

#include "audio/window-grid.h"
#include "binauralizer/feature-queue.h"
#include "binauralizer/sample-queue.h"

/* -- features ------------------------------------------------------------- */

/* Returns the gain of window @window in the output, for windows that do not
 * overlap and a mix of 1. */
static float
gain_of_window (const GArray *out, gsize window)
{
  gsize i = window * CCS_WINDOW + CCS_WINDOW / 2;

  return left (out, i) - right (out, i);
}

START_TEST (a_window_takes_the_nearest_feature_and_the_earlier_of_two)
{
  const gint64 center = CCS_WINDOW / 2 * SAMPLE_NS;
  const gint64 hop = CCS_WINDOW * SAMPLE_NS;
  const CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);
  g_autoptr (GArray) out = stereo_new ();
  g_autofree float *ones = g_new (float, 4 * CCS_WINDOW);

  for (gsize i = 0; i < 4 * CCS_WINDOW; i++)
    ones[i] = 1;
  push_feature (engine, center - 100, 1, 0);
  push_feature (engine, center + 100, 2,
                0); /* equally near: the earlier is used */
  push_feature (engine, center + hop - 101, 3, 0);
  push_feature (engine, center + hop + 100, 4, 0); /* nearer */
  push_feature (engine, center + 2 * hop - 100, 5, 0);
  push_feature (engine, center + 2 * hop - 100, 6,
                0); /* same time: the first is used */
  push_feature (engine, center + 2 * hop + 101, 7, 0);
  push_feature (engine, center + 3 * hop, 8, 0);
  push (engine, ones, 4 * CCS_WINDOW);
  process (engine);
  ck_assert (ccs_binauralizer_drain (engine, NULL));
  pull (engine, out, G_MAXSIZE);
  ck_assert_float_eq (gain_of_window (out, 0), 1);
  ck_assert_float_eq (gain_of_window (out, 1), 4);
  ck_assert_float_eq (gain_of_window (out, 2), 5);
  ck_assert_float_eq (gain_of_window (out, 3), 8);
}
END_TEST

START_TEST (a_window_waits_until_features_reach_its_centre)
{
  const gint64 center = CCS_WINDOW / 2 * SAMPLE_NS;
  const CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);

  push (engine, silence, CCS_WINDOW - 1);
  ck_assert_int_eq (ccs_binauralizer_next_center (engine), -1);
  push (engine, silence, 1);
  ck_assert_int_eq (ccs_binauralizer_next_center (engine), center);
  push_feature (engine, center - 1, 1, 0);
  process (engine);
  ck_assert_uint_eq (ccs_binauralizer_available (engine), 0);
  ck_assert_int_eq (ccs_binauralizer_next_center (engine), center);
  push_feature (engine, center, 1, 0);
  ck_assert_int_eq (ccs_binauralizer_next_center (engine), -1);
  process (engine);
  ck_assert_uint_eq (ccs_binauralizer_available (engine), CCS_WINDOW);
}
END_TEST

START_TEST (a_window_in_a_gap_waits_for_no_feature)
{
  const gint64 center = CCS_WINDOW / 2 * SAMPLE_NS;
  const CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);

  push (engine, silence, 2 * CCS_WINDOW);
  ccs_binauralizer_push_gap (engine, center);
  process (engine);
  ck_assert_uint_eq (ccs_binauralizer_available (engine), 0);
  ccs_binauralizer_push_gap (engine, center + 1);
  ccs_binauralizer_push_gap (engine, 0); /* without effect: known already */
  ck_assert_int_eq (ccs_binauralizer_next_center (engine),
                    center + CCS_WINDOW * SAMPLE_NS);
  process (engine);
  ck_assert_uint_eq (ccs_binauralizer_available (engine), CCS_WINDOW);
  ck_assert_uint_eq (ccs_binauralizer_windows (engine), 1);
  ck_assert_uint_eq (ccs_binauralizer_centered_windows (engine), 1);
  ccs_binauralizer_reset (engine);
  ck_assert_uint_eq (ccs_binauralizer_windows (engine), 0);
  push (engine, silence, CCS_WINDOW);
  ck_assert_int_eq (ccs_binauralizer_next_center (engine), center);
}
END_TEST

/* In both cases: whether the window runs before the first feature arrives,
 * or after it in a batch. */
START_TEST (a_window_in_a_gap_before_all_features_has_none)
{
  const gint64 center = CCS_WINDOW / 2 * SAMPLE_NS;
  const gint64 hop = CCS_WINDOW * SAMPLE_NS;
  CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = NULL;
  g_autoptr (GArray) out = stereo_new ();
  g_autofree float *ones = g_new (float, 4 * CCS_WINDOW);

  for (gsize i = 0; i < 4 * CCS_WINDOW; i++)
    ones[i] = 1;
  options.batch = _i;
  engine = engine_new (&options);
  push (engine, ones, 4 * CCS_WINDOW);
  ccs_binauralizer_push_gap (engine, center + 2 * hop);
  process (engine);
  push_feature (engine, center + 2 * hop, 5, 0);
  ccs_binauralizer_push_gap (engine, center + 4 * hop);
  ck_assert (ccs_binauralizer_drain (engine, NULL));
  pull (engine, out, G_MAXSIZE);
  for (gsize i = 0; i < 4; i++)
    ck_assert_float_eq (gain_of_window (out, i), i < 2 ? 0 : 5);
  ck_assert_uint_eq (ccs_binauralizer_centered_windows (engine), 2);
}
END_TEST

START_TEST (a_feature_that_comes_within_a_gap_ends_it)
{
  const gint64 center = CCS_WINDOW / 2 * SAMPLE_NS;
  const gint64 hop = CCS_WINDOW * SAMPLE_NS;
  const CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);

  ccs_binauralizer_push_gap (engine, center + 2 * hop);
  push_feature (engine, center + hop, 5, 0);
  push (engine, silence, 3 * CCS_WINDOW);
  ck_assert (ccs_binauralizer_drain (engine, NULL));
  ck_assert_uint_eq (ccs_binauralizer_centered_windows (engine), 1);
}
END_TEST

START_TEST (a_window_runs_with_the_last_feature_when_they_end_or_force_is_used)
{
  const CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);

  push (engine, silence, CCS_WINDOW);
  push_feature (engine, 0, 1, 0);
  if (_i == 0)
    ccs_binauralizer_end_features (engine);
  ck_assert (ccs_binauralizer_process (engine, _i == 1, NULL));
  ck_assert_uint_eq (ccs_binauralizer_available (engine), CCS_WINDOW);
  ck_assert_uint_eq (fake.runs, 1);
  ck_assert_uint_eq (ccs_binauralizer_centered_windows (engine), 0);
}
END_TEST

START_TEST (without_any_feature_the_sound_is_centred_and_counted)
{
  const CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);
  g_autofree float *samples = noise (3 * CCS_WINDOW, 8);
  g_autoptr (GArray) out = stereo_new ();

  push (engine, samples, 3 * CCS_WINDOW);
  if (_i == 0)
    ccs_binauralizer_end_features (engine);
  ck_assert (ccs_binauralizer_process (engine, _i == 1, NULL));
  pull (engine, out, G_MAXSIZE);
  ck_assert_uint_eq (out->len, 2 * 3 * CCS_WINDOW);
  for (gsize i = 0; i < 3 * CCS_WINDOW; i++) {
    ck_assert_float_eq (left (out, i), 0.5f * samples[i]);
    ck_assert_float_eq (right (out, i), 0.5f * samples[i]);
  }
  ck_assert_uint_eq (fake.runs, 0);
  ck_assert_uint_eq (ccs_binauralizer_centered_windows (engine), 3);
}
END_TEST

START_TEST (drain_leaves_windows_that_wait_for_features)
{
  const CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);

  push (engine, silence, CCS_WINDOW / 2);
  ck_assert (ccs_binauralizer_drain (engine, NULL));
  ck_assert_uint_eq (ccs_binauralizer_available (engine), 0);
  ck_assert_int_eq (ccs_binauralizer_next_center (engine),
                    CCS_WINDOW / 2 * SAMPLE_NS);
  ccs_binauralizer_end_features (engine);
  process (engine);
  ck_assert_uint_eq (ccs_binauralizer_available (engine), CCS_WINDOW / 2);
}
END_TEST

START_TEST (feature_queue_keeps_what_may_still_be_chosen)
{
  const float value = 0;
  CcsFeatureQueue queue;

  ccs_feature_queue_init (&queue, 1);
  for (gint64 time = 0; time < 1000; time++) {
    ck_assert (ccs_feature_queue_push (&queue, time, &value));
    ccs_feature_queue_drop_before (&queue, time - 3);
    ck_assert_uint_le (queue.features.length, 4);
  }
  ccs_feature_queue_drop_before (&queue, 5000);
  ck_assert_uint_eq (queue.features.length, 1);
  ccs_feature_queue_reset (&queue);
}
END_TEST

START_TEST (sample_queue_does_not_keep_what_is_dropped)
{
  CcsSampleQueue queue;

  ccs_sample_queue_init (&queue);
  for (gint i = 0; i < 10000; i++) {
    ccs_sample_queue_pad (&queue, 100);
    ccs_sample_queue_drop (&queue, i < 10 ? 0 : 100);
    ck_assert_uint_le (queue.samples->len, 2100);
  }
  ck_assert_uint_eq (ccs_sample_queue_length (&queue), 1000);
  ccs_sample_queue_clear (&queue);
}
END_TEST

/* -- look-ahead and latency ----------------------------------------------- */

/* Computes a sample as documented: the mean over the windows that cover the
 * sample and start at least window - lookahead before it. */
static double
expected_difference (const CcsBinauralizerOptions *options, gint64 at, gint64 n)
{
  const gint64 hop = options->hop;
  const gint64 last = (gint64)ccs_grid_windows (n, CCS_WINDOW, hop) - 1;
  const gint64 before = CCS_WINDOW - options->lookahead;
  double sum = 0;
  gint count = 0;

  for (gint64 k = before > 0 ? -CCS_WINDOW / hop : 0; k <= last; k++) {
    gint64 position = at - k * hop;

    if (position >= before && position < CCS_WINDOW) {
      sum += (double)position / CCS_WINDOW;
      count++;
    }
  }
  ck_assert_int_gt (count, 0);
  return sum / count;
}

START_TEST (lookahead_limits_the_windows_that_are_averaged)
{
  static const guint lookaheads[]
      = { CCS_HOP, CCS_HOP + 1, 4000, 5040, CCS_WINDOW - 1, CCS_WINDOW };
  CcsBinauralizerOptions options = options_for (CCS_MODEL_RATE, 1);
  const gsize n = 30001;
  g_autofree float *samples = g_new0 (float, n);
  g_autoptr (GArray) out = NULL;

  options.lookahead = lookaheads[_i];
  out = run_whole (&options, samples, n, 0, 1);
  for (gsize i = 0; i < n; i++)
    ck_assert_double_eq_tol (
        left (out, i) - right (out, i),
        expected_difference (&options, (gint64)i, (gint64)n), 1e-5);
}
END_TEST

/* @slack: milliseconds by which the bound may exceed the largest delay. At
 * 16 kHz it is 0. At other rates the bound is the sum of the largest delays
 * of both resamplers, which coincide rarely, and only for incommensurate
 * rates. */
typedef struct
{
  guint rate, hop, lookahead;
  gboolean batch;
  guint slack;
} LatencyCase;

static const LatencyCase latency_cases[] = {
  { 16000, CCS_HOP, CCS_WINDOW, FALSE, 0 },
  { 16000, CCS_HOP, CCS_WINDOW, TRUE, 0 },
  { 16000, CCS_HOP, CCS_HOP, FALSE, 0 },
  { 16000, 700, 5000, FALSE, 0 },
  { 16000, 700, 5000, TRUE, 0 },
  { 8000, CCS_HOP, CCS_WINDOW, FALSE, 21 },
  { 44100, CCS_HOP, CCS_WINDOW, FALSE, 8 },
  { 44100, CCS_HOP, 3000, FALSE, 8 },
  { 48000, CCS_HOP, CCS_WINDOW, FALSE, 26 },
  { 48000, CCS_HOP, CCS_WINDOW, TRUE, 40 },
  { 48000, CCS_HOP, CCS_HOP, FALSE, 26 },
  { 96000, CCS_HOP, CCS_WINDOW, FALSE, 56 },
};

/* The delay never exceeds the reported latency, and comes within the slack
 * of it. */
START_TEST (latency_is_a_tight_upper_bound)
{
  const LatencyCase *c = &latency_cases[_i];
  const gsize piece = MAX (1, c->rate / 8000 - 1);
  CcsBinauralizerOptions options = options_for (c->rate, 1);
  g_autoptr (CcsBinauralizer) engine = NULL;
  gsize pulled = 0, longest = 0, latency;
  float sink[2 * 4096];

  options.hop = c->hop;
  options.lookahead = c->lookahead;
  options.batch = c->batch;
  engine = engine_new (&options);
  latency = ccs_binauralizer_latency (engine);
  hold_feature (engine, 1, 0);
  for (gsize pushed = piece; pushed < 5 * c->rate; pushed += piece) {
    gsize n;

    push (engine, silence, piece);
    process (engine);
    while ((n = ccs_binauralizer_pull (engine, sink, 4096)) > 0)
      pulled += n;
    longest = MAX (longest, pushed - pulled);
  }
  ck_assert_uint_le (longest, latency);
  ck_assert_uint_ge (longest + c->slack * c->rate / 1000, latency);
}
END_TEST

/* -- width ----------------------------------------------------------------- */

START_TEST (width_scales_the_difference)
{
  CcsBinauralizerOptions options = options_for (48000, 2);
  const gsize frames = 60000;
  g_autofree float *samples = noise (2 * frames, 9);
  g_autoptr (GArray) normal = run_whole (&options, samples, frames, 0.5f, 0.2f);
  g_autoptr (GArray) mono = NULL, wide = NULL;

  options.width = 0;
  mono = run_whole (&options, samples, frames, 0.5f, 0.2f);
  options.width = 2;
  wide = run_whole (&options, samples, frames, 0.5f, 0.2f);
  for (gsize i = 0; i < frames; i++) {
    ck_assert_float_eq (left (mono, i), right (mono, i));
    ck_assert_float_eq_tol (left (wide, i) - right (wide, i),
                            2 * (left (normal, i) - right (normal, i)), 1e-6f);
  }
}
END_TEST

/* The difference is always 1, so left - right is the width. */
START_TEST (width_changes_without_a_step)
{
  CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);
  g_autofree float *ones = g_new (float, 2 * CCS_WINDOW);
  g_autoptr (GArray) out = stereo_new ();
  const gsize change = 5000;
  const gsize frames = 2 * CCS_WINDOW;

  for (gsize i = 0; i < frames; i++)
    ones[i] = 1;
  hold_feature (engine, 1, 0);
  push (engine, ones, frames);
  process (engine);
  pull (engine, out, change);
  ccs_binauralizer_set_width (engine, 0);
  pull (engine, out, G_MAXSIZE);
  for (gsize i = 1; i < frames; i++)
    ck_assert_float_eq_tol (left (out, i) - right (out, i),
                            left (out, i - 1) - right (out, i - 1), 2e-3f);
  ck_assert_float_eq (left (out, change - 1) - right (out, change - 1), 1);
  ck_assert_float_eq (left (out, change + CCS_HOP + 1),
                      right (out, change + CCS_HOP + 1));
}
END_TEST

START_TEST (width_set_before_the_first_pull_applies_at_once)
{
  CcsBinauralizerOptions options = options_for (44100, 1);
  const gsize frames = 44100;
  g_autofree float *samples = noise (frames, 10);
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);
  g_autoptr (GArray) got = stereo_new ();
  g_autoptr (GArray) want = NULL;

  ccs_binauralizer_set_width (engine, 1.5f);
  hold_feature (engine, 0.5f, 0);
  push (engine, samples, frames);
  ck_assert (ccs_binauralizer_drain (engine, NULL));
  pull (engine, got, G_MAXSIZE);
  options.width = 1.5f;
  want = run_whole (&options, samples, frames, 0.5f, 0);
  assert_same (got, want);
}
END_TEST

/* -- main ------------------------------------------------------------------ */

static void
add_features (Suite *suite)
{
  TCase *t = add_case (suite, "features");

  tcase_add_test (t, a_window_takes_the_nearest_feature_and_the_earlier_of_two);
  tcase_add_test (t, a_window_waits_until_features_reach_its_centre);
  tcase_add_test (t, a_window_in_a_gap_waits_for_no_feature);
  tcase_add_loop_test (t, a_window_in_a_gap_before_all_features_has_none, 0, 2);
  tcase_add_test (t, a_feature_that_comes_within_a_gap_ends_it);
  tcase_add_loop_test (
      t, a_window_runs_with_the_last_feature_when_they_end_or_force_is_used, 0,
      2);
  tcase_add_loop_test (t, without_any_feature_the_sound_is_centred_and_counted,
                       0, 2);
  tcase_add_test (t, drain_leaves_windows_that_wait_for_features);
  tcase_add_test (t, feature_queue_keeps_what_may_still_be_chosen);
  tcase_add_test (t, sample_queue_does_not_keep_what_is_dropped);
}

static void
add_settings (Suite *suite)
{
  TCase *t = add_case (suite, "settings");

  tcase_add_loop_test (t, lookahead_limits_the_windows_that_are_averaged, 0, 6);
  tcase_add_loop_test (t, latency_is_a_tight_upper_bound, 0,
                       G_N_ELEMENTS (latency_cases));
  tcase_add_test (t, width_scales_the_difference);
  tcase_add_test (t, width_changes_without_a_step);
  tcase_add_test (t, width_set_before_the_first_pull_applies_at_once);
}

int
main (void)
{
  Suite *suite = suite_create ("binauralizer-time");

  add_features (suite);
  add_settings (suite);
  return run_suite (suite);
}
