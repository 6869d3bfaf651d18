/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "binauralizer-support.h"

/* -- a fake model -------------------------------------------------------- */

CcsModel fake;

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

guint
ccs_model_preferred_windows (const CcsModel *self)
{
  return CCS_MODEL_WINDOW_BATCH * MAX (self->bulk, 1);
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
  self->windows += n;
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

/* Checks that no engine still holds a reference to the model. */
static void
tear_down (void)
{
  ck_assert_int_eq (fake.refs, 0);
}

TCase *
add_case (Suite *suite, const char *name)
{
  TCase *tcase = tcase_create (name);

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  suite_add_tcase (suite, tcase);
  return tcase;
}

/* -- driving the engine --------------------------------------------------- */

const float silence[4 * CCS_WINDOW];

CcsBinauralizerOptions
options_for (guint rate, guint channels)
{
  CcsBinauralizerOptions options = CCS_BINAURALIZER_OPTIONS_INIT;

  options.rate = rate;
  options.channels = channels;
  return options;
}

CcsBinauralizerOptions
plain_options (void)
{
  CcsBinauralizerOptions options = options_for (CCS_MODEL_RATE, 1);

  options.hop = CCS_WINDOW;
  options.batch = FALSE;
  return options;
}

CcsBinauralizer *
engine_new (const CcsBinauralizerOptions *options)
{
  g_autoptr (GError) error = NULL;
  CcsBinauralizer *engine = ccs_binauralizer_new (&fake, options, &error);

  ck_assert_msg (engine != NULL, "%s", error ? error->message : "");
  return engine;
}

void
push_feature (CcsBinauralizer *engine, gint64 time, float gain, float slope)
{
  const float feature[FEATURE_SIZE] = { gain, slope };

  ck_assert (ccs_binauralizer_push_feature (engine, time, feature, NULL));
}

void
hold_feature (CcsBinauralizer *engine, float gain, float slope)
{
  push_feature (engine, 0, gain, slope);
  ccs_binauralizer_end_features (engine);
}

void
push (CcsBinauralizer *engine, const float *samples, gsize frames)
{
  ck_assert (ccs_binauralizer_push_audio (engine, samples, frames, NULL));
}

void
process (CcsBinauralizer *engine)
{
  ck_assert (ccs_binauralizer_process (engine, FALSE, NULL));
}

void
pull (CcsBinauralizer *engine, GArray *out, gsize limit)
{
  gsize n = MIN (ccs_binauralizer_available (engine), limit);
  guint start = out->len;

  g_array_set_size (out, start + 2 * (guint)n);
  ck_assert_uint_eq (
      ccs_binauralizer_pull (engine, &g_array_index (out, float, start), n), n);
}

GArray *
stereo_new (void)
{
  return g_array_new (FALSE, FALSE, sizeof (float));
}

float
left (const GArray *stereo, gsize i)
{
  return g_array_index (stereo, float, 2 * i);
}

float
right (const GArray *stereo, gsize i)
{
  return g_array_index (stereo, float, 2 * i + 1);
}

void
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

GArray *
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

float *
noise (gsize n, guint32 seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  float *samples = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    samples[i] = (float)g_rand_double_range (rand, -0.5, 0.5);
  return samples;
}

Film
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

GArray *
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
