/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Silence that is pushed for a gap: it needs no inference, and the audio
 * around it is the same as if zeros had been pushed. */
#include "binauralizer-support.h"

/* -- inference ------------------------------------------------------------- */

START_TEST (a_window_of_silence_alone_is_not_inferred)
{
  const CcsBinauralizerOptions options = options_for (48000, 1 + _i);
  const gsize second = options.rate;
  g_autofree float *samples = noise (second * options.channels, 3);
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);
  g_autoptr (GArray) out = stereo_new ();
  guint for_audio, audible = 0;

  hold_feature (engine, 0.5f, 0);
  push (engine, samples, second);
  ck_assert (ccs_binauralizer_push_silence (engine, 60 * second, NULL));
  push (engine, samples, second);
  ck_assert (ccs_binauralizer_drain (engine, NULL));
  pull (engine, out, G_MAXSIZE);
  ck_assert_uint_eq (out->len, 2 * 62 * second);
  for (gsize i = 2 * second; i < 60 * second; i++)
    audible += left (out, i) != 0 || right (out, i) != 0;
  ck_assert_uint_eq (audible, 0);
  /* Number of windows that overlap the second of audio. */
  for_audio = (guint)((CCS_MODEL_RATE + CCS_WINDOW) / options.hop + 2);
  ck_assert_uint_le (fake.windows, 2 * for_audio);
}
END_TEST

START_TEST (silence_waits_for_no_feature)
{
  CcsBinauralizerOptions options = options_for (44100, 1);
  g_autoptr (CcsBinauralizer) engine = engine_new (&options);

  ck_assert (
      ccs_binauralizer_push_silence (engine, 5 * (gsize)options.rate, NULL));
  process (engine);
  ck_assert_uint_gt (ccs_binauralizer_available (engine),
                     3 * (gsize)options.rate);
  ck_assert_uint_eq (ccs_binauralizer_centered_windows (engine), 0);
}
END_TEST

/* -- the audio around it --------------------------------------------------- */

#define PIECES 8

/* Alternating noise and silence, in pieces whose lengths depend on @seed. */
typedef struct
{
  gsize frames[PIECES];
  float *samples; /* zeros for silence */
  gsize total;
} Track;

static Track
track_new (guint rate, guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  Track track = { .total = 0 };
  gsize at = 0;

  for (guint i = 0; i < PIECES; i++)
    track.total += track.frames[i]
        = (gsize)g_rand_int_range (random, 1, (gint32)(2 * rate));
  track.samples = noise (track.total, seed);
  for (guint i = 0; i < PIECES; at += track.frames[i], i++)
    if (i % 2)
      memset (track.samples + at, 0, track.frames[i] * sizeof (float));
  return track;
}

/* Processes the track in pieces of up to @largest frames. */
static GArray *
run_track (const CcsBinauralizerOptions *options, const Track *track,
           guint32 largest, gboolean as_silence)
{
  g_autoptr (CcsBinauralizer) engine = engine_new (options);
  g_autoptr (GRand) random = g_rand_new_with_seed (largest);
  GArray *out = stereo_new ();
  const float *samples = track->samples;

  hold_feature (engine, 0.75f, 0);
  for (guint i = 0; i < PIECES; i++)
    for (gsize left = track->frames[i], n; left > 0; left -= n) {
      n = (gsize)g_rand_int_range (random, 1, (gint32)largest);
      n = MIN (n, left);
      if (as_silence && i % 2)
        ck_assert (ccs_binauralizer_push_silence (engine, n, NULL));
      else
        push (engine, samples, n);
      samples += n;
      process (engine);
      pull (engine, out, G_MAXSIZE);
    }
  ck_assert (ccs_binauralizer_drain (engine, NULL));
  pull (engine, out, G_MAXSIZE);
  return out;
}

static CcsBinauralizerOptions
random_options (guint32 seed)
{
  static const guint rates[] = { 16000, 44100, 48000, 8000 };
  CcsBinauralizerOptions options = options_for (rates[seed % 4], 1);

  options.batch = seed % 3 != 0;
  if (seed % 5 == 0)
    options.lookahead = 2016;
  return options;
}

START_TEST (the_split_of_silence_changes_no_sample)
{
  const CcsBinauralizerOptions options = random_options ((guint32)_i);
  const Track track = track_new (options.rate, (guint32)_i);
  g_autoptr (GArray) small = run_track (&options, &track, 700, TRUE);
  g_autoptr (GArray) large = run_track (&options, &track, 100000, TRUE);

  assert_same (small, large);
  g_free (track.samples);
}
END_TEST

/* The resampler's filter leaves values of about 1e-8 in zeros. */
START_TEST (the_audio_around_silence_is_that_around_zeros)
{
  const CcsBinauralizerOptions options = random_options ((guint32)_i);
  const Track track = track_new (options.rate, (guint32)_i);
  g_autoptr (GArray) got = run_track (&options, &track, 5000, TRUE);
  g_autoptr (GArray) want = run_track (&options, &track, 5000, FALSE);
  float largest = 0;

  ck_assert_uint_eq (got->len, 2 * track.total);
  ck_assert_uint_eq (got->len, want->len);
  for (guint i = 0; i < want->len; i++)
    largest = MAX (largest, fabsf (g_array_index (got, float, i)
                                   - g_array_index (want, float, i)));
  ck_assert_float_le (largest, 2e-7f);
  g_free (track.samples);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("binauralizer-gaps");
  TCase *cost = add_case (suite, "cost");
  TCase *around = add_case (suite, "around");

  tcase_add_loop_test (cost, a_window_of_silence_alone_is_not_inferred, 0, 2);
  tcase_add_test (cost, silence_waits_for_no_feature);
  tcase_add_loop_test (around, the_split_of_silence_changes_no_sample, 0, 12);
  tcase_add_loop_test (around, the_audio_around_silence_is_that_around_zeros, 0,
                       12);
  return run_suite (suite);
}
