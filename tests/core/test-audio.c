/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The window grid, overlap averaging, and resampling: lengths and alignment,
 * and independence of how a signal is split. */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "../suite.h"
#include "audio/resampler.h"
#include "audio/window-grid.h"

static const guint rates[]
    = { 8000, 11025, 22050, 32000, 44100, 47999, 48000, 96000 };

/* -- grid -- */

typedef struct
{
  gsize n, windows, padded;
} GridCase;

START_TEST (grid_covers_the_clip_as_published)
{
  static const GridCase cases[] = {
    { 1, 1, 10080 },         { 10080, 1, 10080 },     { 10081, 2, 11088 },
    { 11088, 2, 11088 },     { 11089, 3, 12096 },     { 32000, 23, 32256 },
    { 158999, 149, 159264 }, { 160000, 150, 160272 },
  };
  const GridCase *c = &cases[_i];

  ck_assert_uint_eq (ccs_grid_windows (c->n, CCS_WINDOW, CCS_HOP), c->windows);
  ck_assert_uint_eq (ccs_grid_padded (c->n, CCS_WINDOW, CCS_HOP), c->padded);
}
END_TEST

/* A 10 s clip has ties: with the published arithmetic window 45 is rounded down
 * to even, and window 145 is just below its tie. */
START_TEST (frame_number_rounds_as_published)
{
  static const struct
  {
    gsize window;
    gint64 frame;
  } cases[] = { { 0, 4 }, { 1, 5 }, { 45, 32 }, { 145, 95 }, { 149, 98 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    ck_assert_int_eq (ccs_grid_frame (cases[i].window * CCS_HOP, 160000, 10.,
                                      0.1, CCS_WINDOW, CCS_ANALYSIS_FPS),
                      cases[i].frame);
}
END_TEST

START_TEST (frame_number_is_never_negative)
{
  ck_assert_int_eq (
      ccs_grid_frame (0, 160000, 10., -5., CCS_WINDOW, CCS_ANALYSIS_FPS), 0);
}
END_TEST

/* -- overlap -- */

START_TEST (overlap_averages_the_windows_that_are_there)
{
  /* Windows of 5 samples start every 2 samples. All samples of window k are
   * k + 1. */
  const float expected[] = { 1, 1, 1.5f, 1.5f, 2, 2.5f, 2.5f, 3, 3 };
  g_autoptr (CcsOverlap) overlap = ccs_overlap_new (5, 2);
  g_autoptr (GArray) out = g_array_new (FALSE, FALSE, sizeof (float));

  for (gint k = 0; k < 3; k++) {
    float window[5];

    for (gint i = 0; i < 5; i++)
      window[i] = k + 1.f;
    ccs_overlap_push (overlap, window, out);
    ck_assert_uint_eq (out->len, 2 * (k + 1));
  }
  ccs_overlap_drain (overlap, out);
  ck_assert_uint_eq (out->len, G_N_ELEMENTS (expected));
  for (guint i = 0; i < out->len; i++)
    ck_assert_float_eq (g_array_index (out, float, i), expected[i]);
}
END_TEST

START_TEST (overlap_starts_anew_after_drain_and_reset)
{
  const float loud[] = { 9, 9, 9 }, quiet[] = { 1, 2, 3 };
  g_autoptr (CcsOverlap) overlap = ccs_overlap_new (3, 1);
  g_autoptr (GArray) out = g_array_new (FALSE, FALSE, sizeof (float));

  ccs_overlap_push (overlap, loud, out);
  if (_i)
    ccs_overlap_drain (overlap, out);
  else
    ccs_overlap_reset (overlap);
  g_array_set_size (out, 0);
  ccs_overlap_push (overlap, quiet, out);
  ccs_overlap_drain (overlap, out);
  ck_assert_uint_eq (out->len, 3);
  ck_assert_mem_eq (out->data, quiet, sizeof quiet);
}
END_TEST

START_TEST (overlap_without_windows_drains_to_nothing)
{
  g_autoptr (CcsOverlap) overlap = ccs_overlap_new (3, 1);
  g_autoptr (GArray) out = g_array_new (FALSE, FALSE, sizeof (float));

  ccs_overlap_drain (overlap, out);
  ck_assert_uint_eq (out->len, 0);
}
END_TEST

/* -- resampling -- */

static float *
noise (gsize n, guint32 seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  float *samples = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    samples[i] = (float)g_rand_double_range (rand, -1, 1);
  return samples;
}

static void
assert_resampled_length (gsize n, guint in_rate, guint out_rate)
{
  g_autofree float *samples = noise (n, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) out = ccs_resample (samples, n, in_rate, out_rate, &error);

  ck_assert_msg (out != NULL, "%s", error ? error->message : "");
  ck_assert_uint_eq (out->len, (2 * (guint64)n * out_rate + in_rate)
                                   / (2 * (guint64)in_rate));
}

START_TEST (resampled_length_is_rounded_exactly)
{
  static const gsize lengths[] = { 0, 1, 2, 3, 5, 100, 4099, 50001 };

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++) {
    assert_resampled_length (lengths[i], rates[_i], CCS_MODEL_RATE);
    assert_resampled_length (lengths[i], CCS_MODEL_RATE, rates[_i]);
  }
}
END_TEST

START_TEST (resampling_does_not_depend_on_the_split)
{
  const gsize n = 30011;
  g_autofree float *samples = noise (n, 2);
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  g_autoptr (GArray) whole
      = ccs_resample (samples, n, rates[_i], CCS_MODEL_RATE, NULL);
  g_autoptr (GArray) pieces = g_array_new (FALSE, FALSE, sizeof (float));
  g_autoptr (CcsResampler) resampler
      = ccs_resampler_new (rates[_i], CCS_MODEL_RATE, NULL);

  for (gsize at = 0, size; at < n; at += size) {
    size = (gsize)g_rand_int_range (rand, 0, 1500);
    size = MIN (size, n - at);
    ck_assert (
        ccs_resampler_push (resampler, samples + at, size, pieces, NULL));
  }
  ck_assert (ccs_resampler_drain (resampler, pieces, NULL));
  ck_assert_uint_eq (pieces->len, whole->len);
  ck_assert_mem_eq (pieces->data, whole->data, whole->len * sizeof (float));
}
END_TEST

START_TEST (resampler_forgets_at_reset)
{
  const gsize n = 9000;
  g_autofree float *old = noise (n, 4);
  g_autofree float *samples = noise (n, 5);
  g_autoptr (GArray) fresh
      = ccs_resample (samples, n, rates[_i], CCS_MODEL_RATE, NULL);
  g_autoptr (GArray) again = g_array_new (FALSE, FALSE, sizeof (float));
  g_autoptr (CcsResampler) resampler
      = ccs_resampler_new (rates[_i], CCS_MODEL_RATE, NULL);

  ck_assert (ccs_resampler_push (resampler, old, n, again, NULL));
  ck_assert (ccs_resampler_drain (resampler, again, NULL));
  ccs_resampler_reset (resampler);
  g_array_set_size (again, 0);
  ck_assert (ccs_resampler_push (resampler, samples, n, again, NULL));
  ck_assert (ccs_resampler_drain (resampler, again, NULL));
  ck_assert_uint_eq (again->len, fresh->len);
  ck_assert_mem_eq (again->data, fresh->data, fresh->len * sizeof (float));
}
END_TEST

/* A sine well inside both bands keeps its phase: an error of a tenth of a 16
 * kHz sample would be 4 % of the amplitude. */
START_TEST (resampling_keeps_time)
{
  const double frequency = 1000, seconds = 0.5;
  const gsize n = (gsize)(rates[_i] * seconds);
  g_autofree float *samples = g_new (float, n);
  g_autoptr (GArray) out = NULL;
  guint margin = CCS_MODEL_RATE / 20; /* the edges are filtered */

  for (gsize i = 0; i < n; i++)
    samples[i] = (float)sin (2 * G_PI * frequency * i / rates[_i]);
  out = ccs_resample (samples, n, rates[_i], CCS_MODEL_RATE, NULL);
  for (guint i = margin; i < out->len - margin; i++)
    ck_assert_float_eq_tol (
        g_array_index (out, float, i),
        (float)sin (2 * G_PI * frequency * i / CCS_MODEL_RATE), 1e-4);
}
END_TEST

START_TEST (equal_rates_pass_bits_through)
{
  const gsize n = 1000;
  g_autofree float *samples = noise (n, 6);
  g_autoptr (GArray) out = ccs_resample (samples, n, 44100, 44100, NULL);

  ck_assert_uint_eq (out->len, n);
  ck_assert_mem_eq (out->data, samples, n * sizeof (float));
}
END_TEST

/* Checks that the delay never exceeds the reported bound, and reaches it within
 * one or two output samples. */
static void
assert_delay_is_a_tight_bound (guint in_rate, guint out_rate)
{
  const gsize n = 120000;
  const double step = (double)in_rate / out_rate;
  g_autoptr (CcsResampler) resampler
      = ccs_resampler_new (in_rate, out_rate, NULL);
  g_autoptr (GArray) out = g_array_new (FALSE, FALSE, sizeof (float));
  gsize delay = ccs_resampler_delay (resampler);
  guint64 outputs = 0;
  double longest = 0;

  for (gsize i = 1; i <= n; i++) {
    const float silence = 0;

    g_array_set_size (out, 0);
    ck_assert (ccs_resampler_push (resampler, &silence, 1, out, NULL));
    longest = MAX (longest, (double)i - outputs * step);
    outputs += out->len;
    ck_assert (outputs * step + delay >= (double)i);
  }
  ck_assert_double_ge (longest, (double)delay - 3 * step - 3);
}

START_TEST (delay_bounds_what_is_held_back)
{
  assert_delay_is_a_tight_bound (rates[_i], CCS_MODEL_RATE);
  assert_delay_is_a_tight_bound (CCS_MODEL_RATE, rates[_i]);
}
END_TEST

START_TEST (impossible_rates_are_refused)
{
  static const guint pairs[][2] = {
    { 0, 16000 }, { 16000, 0 }, { 768001, 16000 }, { 1, 257 }, { 768000, 2000 }
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert (!ccs_resampler_new (pairs[i][0], pairs[i][1], &error));
    ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("audio");
  TCase *grid = tcase_create ("grid");
  TCase *overlap = tcase_create ("overlap");
  TCase *resampling = tcase_create ("resampling");
  const gint n_rates = G_N_ELEMENTS (rates);

  tcase_add_loop_test (grid, grid_covers_the_clip_as_published, 0, 8);
  tcase_add_test (grid, frame_number_rounds_as_published);
  tcase_add_test (grid, frame_number_is_never_negative);
  suite_add_tcase (suite, grid);

  tcase_add_test (overlap, overlap_averages_the_windows_that_are_there);
  tcase_add_loop_test (overlap, overlap_starts_anew_after_drain_and_reset, 0,
                       2);
  tcase_add_test (overlap, overlap_without_windows_drains_to_nothing);
  suite_add_tcase (suite, overlap);

  tcase_add_loop_test (resampling, resampled_length_is_rounded_exactly, 0,
                       n_rates);
  tcase_add_loop_test (resampling, resampling_does_not_depend_on_the_split, 0,
                       n_rates);
  tcase_add_loop_test (resampling, resampler_forgets_at_reset, 0, n_rates);
  tcase_add_loop_test (resampling, resampling_keeps_time, 0, n_rates);
  tcase_add_test (resampling, equal_rates_pass_bits_through);
  tcase_add_loop_test (resampling, delay_bounds_what_is_held_back, 0, n_rates);
  tcase_add_test (resampling, impossible_rates_are_refused);
  suite_add_tcase (suite, resampling);

  return run_suite (suite);
}
