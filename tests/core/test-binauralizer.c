/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The streaming engine around a model that can be seen through: what windows it
 * is given, and when, shows in the output. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "binauralizer/feature-queue.h"
#include "binauralizer/sample-queue.h"
#include "ccstereo.h"

/* -- a model to see through ---------------------------------------------- */

/* Stands in for the library's model: the functions below are found before
 * those of the same name in it. A feature is two numbers, and the difference
 * of a window is gain x mix + slope x (position in the window). */
enum
{
  GAIN,
  SLOPE,
  FEATURE_SIZE
};

struct _CcsModel
{
  gint refs;
  guint runs;        /* calls of separate */
  guint largest_run; /* windows */
  guint failures;    /* calls that are still to fail */
};

static CcsModel fake;

CcsModel *
ccs_model_ref (CcsModel *self)
{
  self->refs++;
  return self;
}

void
ccs_model_unref (CcsModel *self)
{
  self->refs--;
}

gsize
ccs_model_feature_size (const CcsModel *self)
{
  return FEATURE_SIZE;
}

gboolean
ccs_model_separate (CcsModel *self, const float *const *mixes,
                    const float *const *features, guint n,
                    float *const *differences, GError **error)
{
  if (self->failures > 0) {
    self->failures--;
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "out of order");
    return FALSE;
  }
  self->runs++;
  self->largest_run = MAX (self->largest_run, n);
  for (guint w = 0; w < n; w++)
    for (guint i = 0; i < CCS_WINDOW; i++)
      differences[w][i] = features[w][GAIN] * mixes[w][i]
                          + features[w][SLOPE] * (float)i / CCS_WINDOW;
  return TRUE;
}

static void
set_up (void)
{
  memset (&fake, 0, sizeof fake);
}

/* No engine may keep the model. */
static void
tear_down (void)
{
  ck_assert_int_eq (fake.refs, 0);
}

/* -- driving the engine --------------------------------------------------- */

#define FRAME_NS G_GINT64_CONSTANT (100000000)
#define SAMPLE_NS G_GINT64_CONSTANT (62500) /* at 16 kHz */

static const guint rates[] = { 8000, 16000, 44100, 48000, 96000 };

static CcsBinauralizerOptions
options_for (guint rate, guint channels)
{
  CcsBinauralizerOptions options = CCS_BINAURALIZER_DEFAULTS;

  options.rate = rate;
  options.channels = channels;
  return options;
}

static CcsBinauralizer *
engine_new (const CcsBinauralizerOptions *options)
{
  g_autoptr (GError) error = NULL;
  CcsBinauralizer *engine = ccs_binauralizer_new (&fake, options, &error);

  ck_assert_msg (engine != NULL, "%s", error ? error->message : "");
  return engine;
}

static void
push_feature (CcsBinauralizer *engine, gint64 time, float gain, float slope)
{
  const float feature[FEATURE_SIZE] = { gain, slope };

  ck_assert (ccs_binauralizer_push_feature (engine, time, feature, NULL));
}

/* One feature for all time. */
static void
hold_feature (CcsBinauralizer *engine, float gain, float slope)
{
  push_feature (engine, 0, gain, slope);
  ccs_binauralizer_end_features (engine);
}

static void
push (CcsBinauralizer *engine, const float *samples, gsize frames)
{
  ck_assert (ccs_binauralizer_push_audio (engine, samples, frames, NULL));
}

static void
process (CcsBinauralizer *engine)
{
  ck_assert (ccs_binauralizer_process (engine, FALSE, NULL));
}

/* Appends what can be pulled, at most @limit frames. */
static void
pull (CcsBinauralizer *engine, GArray *out, gsize limit)
{
  gsize n = MIN (ccs_binauralizer_available (engine), limit);
  guint start = out->len;

  g_array_set_size (out, start + 2 * (guint)n);
  ck_assert_uint_eq (
      ccs_binauralizer_pull (engine, &g_array_index (out, float, start), n), n);
}

static GArray *
stereo_new (void)
{
  return g_array_new (FALSE, FALSE, sizeof (float));
}

static float
left (const GArray *stereo, gsize i)
{
  return g_array_index (stereo, float, 2 * i);
}

static float
right (const GArray *stereo, gsize i)
{
  return g_array_index (stereo, float, 2 * i + 1);
}

static void
assert_same (const GArray *got, const GArray *want)
{
  ck_assert_uint_eq (got->len, want->len);
  for (guint i = 0; i < want->len; i++)
    ck_assert_msg (memcmp (&g_array_index (got, float, i),
                           &g_array_index (want, float, i), sizeof (float))
                       == 0,
                   "sample %u: %.9g is not %.9g", i,
                   g_array_index (got, float, i),
                   g_array_index (want, float, i));
}

/* Everything in @samples through one engine at once, under one feature. */
static GArray *
run_whole (const CcsBinauralizerOptions *options, const float *samples,
           gsize frames, float gain, float slope)
{
  g_autoptr (CcsBinauralizer) engine = engine_new (options);
  GArray *out = stereo_new ();

  hold_feature (engine, gain, slope);
  push (engine, samples, frames);
  ck_assert (ccs_binauralizer_drain (engine, NULL));
  pull (engine, out, G_MAXSIZE);
  return out;
}

static float *
noise (gsize n, guint32 seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  float *samples = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    samples[i] = (float)g_rand_double_range (rand, -0.5, 0.5);
  return samples;
}

/* Features every tenth of a second, each unlike the others. */
typedef struct
{
  guint n;
  float *values; /* [n, FEATURE_SIZE] */
} Film;

static Film
film_new (guint n)
{
  return (Film){ n, noise ((gsize)n * FEATURE_SIZE, 77) };
}

static void
film_show (const Film *film, guint frame, CcsBinauralizer *engine)
{
  ck_assert (ccs_binauralizer_push_feature (
      engine, frame * FRAME_NS, film->values + frame * FEATURE_SIZE, NULL));
}

/* @samples in pieces of up to @largest frames, features coming ahead of them
 * or behind, output drawn in pieces too. */
static GArray *
run_in_pieces (const CcsBinauralizerOptions *options, const float *samples,
               gsize frames, const Film *film, gint32 largest, guint32 seed)
{
  g_autoptr (CcsBinauralizer) engine = engine_new (options);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  GArray *out = stereo_new ();
  guint shown = 0;

  for (gsize at = 0, size; at < frames; at += size) {
    size = (gsize)g_rand_int_range (rand, 0, largest + 1);
    size = MIN (size, frames - at);
    push (engine, samples + at * options->channels, size);
    for (gint i = g_rand_int_range (rand, 0, 3); i > 0 && shown < film->n; i--)
      film_show (film, shown++, engine);
    process (engine);
    pull (engine, out, (gsize)g_rand_int_range (rand, 0, 2 * largest));
  }
  if (g_rand_boolean (rand))
    ck_assert (ccs_binauralizer_drain (engine, NULL));
  while (shown < film->n)
    film_show (film, shown++, engine);
  ccs_binauralizer_end_features (engine);
  ck_assert (ccs_binauralizer_drain (engine, NULL));
  pull (engine, out, G_MAXSIZE);
  return out;
}

/* -- the streaming contract ---------------------------------------------- */

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

/* The difference of an impulse is the resamplers' impulse: highest where the
 * impulse was, and the same on either side. */
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

/* With difference = mix the right channel vanishes; a hundredth of a sample
 * at 16 kHz would leave 1e-3. */
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

/* Two minutes, in which a thousandth of a sample would show. */
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

/* -- features ------------------------------------------------------------- */

/* 16 kHz, where a window's slope tells which feature it took: its own sample
 * of the difference is the slope's share, at a hop that overlaps nothing. */
static CcsBinauralizerOptions
plain_options (void)
{
  CcsBinauralizerOptions options = options_for (CCS_MODEL_RATE, 1);

  options.hop = CCS_WINDOW;
  options.batch = FALSE;
  return options;
}

static const float silence[4 * CCS_WINDOW];

/* The gain that the window of non-overlapping output @window had, where the
 * mix is 1. */
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
  push_feature (engine, center + 100, 2, 0); /* as near: the earlier */
  push_feature (engine, center + hop - 101, 3, 0);
  push_feature (engine, center + hop + 100, 4, 0); /* nearer */
  push_feature (engine, center + 2 * hop - 100, 5, 0);
  push_feature (engine, center + 2 * hop - 100, 6, 0); /* same time: first */
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

/* What the header promises, sample by sample: the mean over the windows that
 * begin at least window - lookahead before a sample and cover it. */
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

/* @slack: milliseconds by which the bound may be missed. None at 16 kHz. Else
 * the bound adds up what the two resamplers hold back at their worst, which
 * falls together at incommensurate rates only, and there not soon. */
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

/* Held back is never more than declared, and at some time as much, up to the
 * slack. */
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

/* The difference is 1 throughout, so left - right is the width itself. */
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

/* -- the published protocol ------------------------------------------------ */

typedef struct
{
  const Film *film;
  gsize windows; /* asked for */
} ClipFeatures;

/* The film's frame nearest a window's centre, worked out apart from the
 * engine. */
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

static TCase *
add_case (Suite *suite, const char *name)
{
  TCase *tcase = tcase_create (name);

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  suite_add_tcase (suite, tcase);
  return tcase;
}

static void
add_contract (Suite *suite)
{
  TCase *t = add_case (suite, "contract");
  const gint n_rates = G_N_ELEMENTS (rates);

  tcase_add_loop_test (t, output_does_not_depend_on_the_split, 0, N_FORMATS);
  tcase_add_loop_test (t, output_does_not_depend_on_batching, 0, N_FORMATS);
  tcase_add_loop_test (t, as_many_frames_come_out_as_go_in, 0, N_FORMATS);
  tcase_add_loop_test (t, left_plus_right_is_the_mix, 0, N_FORMATS);
  tcase_add_loop_test (t, an_impulse_stays_where_it_was, 0, n_rates);
  tcase_add_loop_test (t, the_difference_returns_in_time, 0, n_rates);
  tcase_add_test (t, nothing_drifts);
  tcase_add_loop_test (t, reset_forgets_old_audio_and_features, 0, N_FORMATS);
  tcase_add_loop_test (t, samples_that_are_no_sound_stay_alone, 0, n_rates);
}

static void
add_features (Suite *suite)
{
  TCase *t = add_case (suite, "features");

  tcase_add_test (t, a_window_takes_the_nearest_feature_and_the_earlier_of_two);
  tcase_add_test (t, a_window_waits_until_features_reach_its_centre);
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
  SRunner *runner = srunner_create (suite);
  int failed;

  add_contract (suite);
  add_features (suite);
  add_settings (suite);
  add_clip_and_errors (suite);
  srunner_run_all (runner, CK_ENV);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
