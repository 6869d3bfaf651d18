/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The streaming engine: for any split of the input and any rate, the output
 * has the same length and alignment; it follows the published protocol bit
 * for bit; and errors are reported. */
#include "binauralizer-support.h"

#include "audio/window-grid.h"
#include "binauralizer/clip.h"

/* -- the streaming contract ---------------------------------------------- */

static const guint rates[] = { 8000, 16000, 44100, 48000, 96000 };

/* Every rate, mono and stereo. */
#define N_FORMATS (2 * (gint)G_N_ELEMENTS (rates))

static CcsBinauralizerOptions
format_options (int format)
{
  return options_for (rates[format / 2], 1 + format % 2);
}

START_TEST (output_does_not_depend_on_the_split)
{
  CcsBinauralizerOptions options = format_options (_i);
  const gsize frames = options.rate * 2 + 17;
  g_autofree float *samples = noise (frames * options.channels, 1);
  const Film film = film_new (20);
  g_autoptr (GArray) whole
      = run_in_pieces (&options, samples, frames, &film, (gint32)frames, 1);

  for (guint32 seed = 2; seed < 5; seed++) {
    g_autoptr (GArray) pieces = run_in_pieces (&options, samples, frames, &film,
                                               seed % 2 ? 700 : 9000, seed);

    assert_same (pieces, whole);
  }
  g_free (film.values);
}
END_TEST

START_TEST (output_does_not_depend_on_batching)
{
  CcsBinauralizerOptions options = format_options (_i);
  const gsize frames = options.rate * 2;
  g_autofree float *samples = noise (frames * options.channels, 2);
  const Film film = film_new (20);
  g_autoptr (GArray) batch
      = run_in_pieces (&options, samples, frames, &film, 3000, 1);
  g_autoptr (GArray) live = NULL;

  ck_assert_uint_eq (fake.largest_run, CCS_MODEL_WINDOW_BATCH);
  options.batch = FALSE;
  fake.largest_run = 0;
  live = run_in_pieces (&options, samples, frames, &film, 3000, 2);
  ck_assert_uint_eq (fake.largest_run, 1);
  assert_same (live, batch);
  g_free (film.values);
}
END_TEST

/* The audio of a file arrives in large blocks; that of a clip arrives all at
 * once. */
START_TEST (what_waits_runs_together_where_the_model_takes_more)
{
  CcsBinauralizerOptions options = options_for (16000, 1);
  const gsize frames = 3 * 16000;
  g_autofree float *samples = noise (frames, 4);
  g_autoptr (GArray) batches
      = run_whole (&options, samples, frames, 0.5f, 0.1f);
  g_autoptr (GArray) bulk = NULL;

  ck_assert_uint_eq (fake.largest_run, CCS_MODEL_WINDOW_BATCH);
  fake.bulk = 3;
  bulk = run_whole (&options, samples, frames, 0.5f, 0.1f);
  ck_assert_uint_eq (fake.largest_run, 3 * CCS_MODEL_WINDOW_BATCH);
  assert_same (bulk, batches);
}
END_TEST

START_TEST (as_many_frames_come_out_as_go_in)
{
  static const gsize lengths[]
      = { 0, 1, 2, 3, 7, 1000, 10079, 10080, 10081, 30240, 50001 };
  static const guint lookaheads[] = { CCS_HOP, 5000, CCS_WINDOW };
  CcsBinauralizerOptions options = format_options (_i);

  for (gsize l = 0; l < G_N_ELEMENTS (lookaheads); l++)
    for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++) {
      g_autofree float *samples = noise (lengths[i] * options.channels + 1, 3);
      g_autoptr (GArray) out = NULL;

      options.lookahead = lookaheads[l];
      out = run_whole (&options, samples, lengths[i], 0.5f, 0.1f);
      ck_assert_uint_eq (out->len, 2 * lengths[i]);
    }
}
END_TEST

START_TEST (left_plus_right_is_the_mix)
{
  CcsBinauralizerOptions options = format_options (_i);
  const gsize frames = options.rate + 11;
  g_autofree float *samples = noise (frames * options.channels, 4);
  g_autoptr (GArray) out = run_whole (&options, samples, frames, 0.9f, 0.3f);

  for (gsize i = 0; i < frames; i++) {
    float mix = options.channels == 1 ? samples[i]
                                      : samples[2 * i] + samples[2 * i + 1];

    ck_assert_float_eq_tol (left (out, i) + right (out, i), mix, 1e-6f);
  }
}
END_TEST

/* The difference of an impulse is the impulse response of the resamplers:
 * largest at the impulse, and symmetric. */
START_TEST (an_impulse_stays_where_it_was)
{
  CcsBinauralizerOptions options = options_for (rates[_i], 1);
  const gsize frames = options.rate * 3 / 2, at = options.rate * 2 / 3;
  g_autofree float *samples = g_new0 (float, frames);
  g_autoptr (GArray) out = NULL;
  gsize peak = 0;
  float around = 0;

  samples[at] = 1;
  out = run_whole (&options, samples, frames, 1, 0);
  for (gsize i = 0; i < frames; i++)
    if (left (out, i) - right (out, i) > left (out, peak) - right (out, peak))
      peak = i;
  ck_assert_uint_eq (peak, at);
  for (gsize i = 1; i < 20; i++)
    around += (left (out, at + i) - right (out, at + i))
              - (left (out, at - i) - right (out, at - i));
  ck_assert_float_eq_tol (around, 0, 1e-2f);
}
END_TEST

static float *
sine (gsize n, double frequency, guint rate)
{
  float *samples = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    samples[i] = (float)(0.5 * sin (2 * G_PI * frequency * (double)i / rate));
  return samples;
}

/* If the difference equals the mix, the right channel is zero. A time error
 * of a hundredth of a sample at 16 kHz would leave 1e-3. */
START_TEST (the_difference_returns_in_time)
{
  CcsBinauralizerOptions options = options_for (rates[_i], 1);
  const gsize frames = options.rate * 2, edge = options.rate / 20;
  g_autofree float *samples = sine (frames, 1000, options.rate);
  g_autoptr (GArray) out = run_whole (&options, samples, frames, 1, 0);

  for (gsize i = edge; i < frames - edge; i++)
    ck_assert_float_eq_tol (right (out, i), 0, 1e-4f);
}
END_TEST

/* Over two minutes, a drift of a thousandth of a sample would be noticed. */
START_TEST (nothing_drifts)
{
  const guint rate = 44100, seconds = 120;
  CcsBinauralizerOptions options = options_for (rate, 1);
  g_autoptr (CcsBinauralizer) engine = NULL;
  g_autofree float *second = sine (rate, 1000, rate);
  g_autoptr (GArray) out = stereo_new ();

  options.hop = CCS_WINDOW;
  options.batch = FALSE;
  engine = engine_new (&options);
  hold_feature (engine, 1, 0);
  for (guint i = 0; i < seconds; i++) {
    push (engine, second, rate);
    process (engine);
    g_array_set_size (out, 0);
    pull (engine, out, G_MAXSIZE);
  }
  ck_assert_uint_gt (out->len, 0);
  for (gsize i = 0; i < out->len / 2; i++)
    ck_assert_float_eq_tol (right (out, i), 0, 1e-4f);
}
END_TEST

START_TEST (reset_forgets_old_audio_and_features)
{
  CcsBinauralizerOptions options = format_options (_i);
  const gsize frames = options.rate + 5;
  g_autofree float *old = noise (frames * options.channels, 5);
  g_autofree float *samples = noise (frames * options.channels, 6);
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);
  g_autoptr (GArray) fresh = run_whole (&options, samples, frames, 0.5f, 1);
  g_autoptr (GArray) again = stereo_new ();

  hold_feature (engine, 2, 3);
  push (engine, old, frames);
  if (_i % 4 < 2)
    ck_assert (ccs_binauralizer_drain (engine, NULL));
  else
    process (engine);
  ccs_binauralizer_reset (engine);
  ck_assert_uint_eq (ccs_binauralizer_available (engine), 0);
  hold_feature (engine, 0.5f, 1);
  push (engine, samples, frames);
  ck_assert (ccs_binauralizer_drain (engine, NULL));
  pull (engine, again, G_MAXSIZE);
  assert_same (again, fresh);
}
END_TEST

START_TEST (samples_that_are_no_sound_stay_alone)
{
  CcsBinauralizerOptions options = options_for (rates[_i], 1);
  const gsize frames = options.rate, at = frames / 2;
  g_autofree float *samples = noise (frames, 7);
  g_autoptr (GArray) out = NULL;

  samples[at] = NAN;
  samples[at + 1] = INFINITY;
  samples[at + 2] = 1e30f;
  out = run_whole (&options, samples, frames, 1, 0);
  for (gsize i = 0; i < frames; i++)
    if (i < at || i > at + 2)
      ck_assert (fabsf (left (out, i)) < 2 && fabsf (right (out, i)) < 2);
}
END_TEST

/* -- the published protocol ------------------------------------------------ */

typedef struct
{
  const Film *film;
  gsize windows; /* windows requested so far */
} ClipFeatures;

/* Returns the frame nearest to a window's centre, computed without the engine.
 */
static const float *
nearest_frame (gsize window, gpointer user_data)
{
  ClipFeatures *clip = user_data;
  gint64 center = (gint64)(window * CCS_HOP + CCS_WINDOW / 2) * SAMPLE_NS;
  gint64 frame = (center + FRAME_NS / 2 - 1) / FRAME_NS;

  clip->windows++;
  return clip->film->values
         + MIN (frame, (gint64)clip->film->n - 1) * FEATURE_SIZE;
}

START_TEST (a_stream_at_16_khz_equals_the_clip_bit_for_bit)
{
  static const gsize lengths[] = { 1, 500, 10080, 10081, 32000, 60000, 81337 };
  const gsize n = lengths[_i];
  CcsBinauralizerOptions options = options_for (CCS_MODEL_RATE, 1);
  const Film film = film_new (30);
  ClipFeatures clip = { &film, 0 };
  g_autofree float *mix = noise (n, 11);
  g_autofree float *difference = g_new (float, n);
  g_autoptr (GArray) out = run_in_pieces (&options, mix, n, &film, 2000, 12);

  ck_assert (ccs_binauralize_clip (&fake, mix, n, nearest_frame, &clip,
                                   difference, NULL));
  ck_assert_uint_eq (clip.windows, ccs_grid_windows (n, CCS_WINDOW, CCS_HOP));
  ck_assert_uint_eq (out->len, 2 * n);
  for (gsize i = 0; i < n; i++) {
    ck_assert_float_eq (left (out, i), (mix[i] + difference[i]) * 0.5f);
    ck_assert_float_eq (right (out, i), (mix[i] - difference[i]) * 0.5f);
  }
  g_free (film.values);
}
END_TEST

static const float *
no_feature (gsize window, gpointer user_data)
{
  return NULL;
}

START_TEST (a_clip_without_features_stays_in_the_centre)
{
  enum
  {
    N = 20000
  };
  g_autofree float *mix = noise (N, 13);
  g_autofree float *difference = noise (N, 14);

  ck_assert (
      ccs_binauralize_clip (&fake, mix, N, no_feature, NULL, difference, NULL));
  for (gsize i = 0; i < N; i++)
    ck_assert_float_eq (difference[i], 0);
}
END_TEST

/* -- errors ---------------------------------------------------------------- */

START_TEST (a_failed_run_is_reported_and_repeated)
{
  CcsBinauralizerOptions options = options_for (48000, 1);
  const gsize frames = 100000;
  g_autofree float *samples = noise (frames, 15);
  g_autoptr (GArray) want = run_whole (&options, samples, frames, 0.5f, 1);
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);
  g_autoptr (GArray) got = stereo_new ();

  hold_feature (engine, 0.5f, 1);
  push (engine, samples, frames);
  for (fake.failures = 3; fake.failures > 0;) {
    g_autoptr (GError) error = NULL;
    gboolean ok = fake.failures == 3
                      ? ccs_binauralizer_process (engine, FALSE, &error)
                      : ccs_binauralizer_drain (engine, &error);

    ck_assert (!ok);
    ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_BACKEND));
  }
  ck_assert (ccs_binauralizer_drain (engine, NULL));
  pull (engine, got, G_MAXSIZE);
  assert_same (got, want);
}
END_TEST

START_TEST (a_failed_run_fails_the_clip)
{
  const Film film = film_new (1);
  ClipFeatures clip = { &film, 0 };
  float difference[100];
  g_autoptr (GError) error = NULL;

  fake.failures = 1;
  ck_assert (!ccs_binauralize_clip (&fake, silence, 100, nearest_frame, &clip,
                                    difference, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_BACKEND));
  g_free (film.values);
}
END_TEST

static const CcsBinauralizerOptions bad_options[] = {
  { 3999, 1, CCS_HOP, CCS_WINDOW, TRUE, 1 },
  { 384001, 1, CCS_HOP, CCS_WINDOW, TRUE, 1 },
  { 48000, 0, CCS_HOP, CCS_WINDOW, TRUE, 1 },
  { 48000, 3, CCS_HOP, CCS_WINDOW, TRUE, 1 },
  { 48000, 1, 0, CCS_WINDOW, TRUE, 1 },
  { 48000, 1, CCS_WINDOW + 1, CCS_WINDOW, TRUE, 1 },
  { 48000, 1, CCS_HOP, CCS_HOP - 1, TRUE, 1 },
  { 48000, 1, CCS_HOP, CCS_WINDOW + 1, TRUE, 1 },
  { 48000, 1, CCS_HOP, CCS_WINDOW, TRUE, -0.1f },
  { 48000, 1, CCS_HOP, CCS_WINDOW, TRUE, 2.1f },
  { 48000, 1, CCS_HOP, CCS_WINDOW, TRUE, NAN },
};

START_TEST (options_outside_their_range_are_refused)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!ccs_binauralizer_new (&fake, &bad_options[_i], &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
}
END_TEST

START_TEST (a_feature_that_goes_back_in_time_is_refused)
{
  const float feature[FEATURE_SIZE] = { 0 };
  const CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);
  g_autoptr (GError) error = NULL;

  ck_assert (ccs_binauralizer_push_feature (engine, 5, feature, NULL));
  ck_assert (!ccs_binauralizer_push_feature (engine, 4, feature, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
}
END_TEST

START_TEST (audio_after_its_end_is_refused)
{
  const CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);
  g_autoptr (GError) error = NULL;

  ck_assert (ccs_binauralizer_drain (engine, NULL));
  ck_assert (!ccs_binauralizer_push_audio (engine, silence, 1, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
}
END_TEST

START_TEST (more_sound_than_can_wait_is_refused)
{
  const CcsBinauralizerOptions options = plain_options ();
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);
  g_autoptr (GError) error = NULL;

  push (engine, silence, 1);
  ck_assert (!ccs_binauralizer_push_audio (engine, silence, 1u << 29, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
}
END_TEST

/* -- main ------------------------------------------------------------------ */

static void
add_contract (Suite *suite)
{
  TCase *t = add_case (suite, "contract");
  const gint n_rates = G_N_ELEMENTS (rates);

  tcase_add_loop_test (t, output_does_not_depend_on_the_split, 0, N_FORMATS);
  tcase_add_loop_test (t, output_does_not_depend_on_batching, 0, N_FORMATS);
  tcase_add_test (t, what_waits_runs_together_where_the_model_takes_more);
  tcase_add_loop_test (t, as_many_frames_come_out_as_go_in, 0, N_FORMATS);
  tcase_add_loop_test (t, left_plus_right_is_the_mix, 0, N_FORMATS);
  tcase_add_loop_test (t, an_impulse_stays_where_it_was, 0, n_rates);
  tcase_add_loop_test (t, the_difference_returns_in_time, 0, n_rates);
  tcase_add_test (t, nothing_drifts);
  tcase_add_loop_test (t, reset_forgets_old_audio_and_features, 0, N_FORMATS);
  tcase_add_loop_test (t, samples_that_are_no_sound_stay_alone, 0, n_rates);
}

static void
add_clip_and_errors (Suite *suite)
{
  TCase *t = add_case (suite, "clip");

  tcase_add_loop_test (t, a_stream_at_16_khz_equals_the_clip_bit_for_bit, 0, 7);
  tcase_add_test (t, a_clip_without_features_stays_in_the_centre);

  t = add_case (suite, "errors");
  tcase_add_test (t, a_failed_run_is_reported_and_repeated);
  tcase_add_test (t, a_failed_run_fails_the_clip);
  tcase_add_loop_test (t, options_outside_their_range_are_refused, 0,
                       G_N_ELEMENTS (bad_options));
  tcase_add_test (t, a_feature_that_goes_back_in_time_is_refused);
  tcase_add_test (t, audio_after_its_end_is_refused);
  tcase_add_test (t, more_sound_than_can_wait_is_refused);
}

int
main (void)
{
  Suite *suite = suite_create ("binauralizer");

  add_contract (suite);
  add_clip_and_errors (suite);
  return run_suite (suite);
}
