/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Metrics of signals whose distance is known, and the Fourier transform that
 * they use, for many lengths. Other tests compare metrics with the published
 * values. */
#include <ccstereo/error.h>
#include <check.h>
#include <math.h>

#include "fft.h"
#include "metrics.h"
#include "spectrum.h"
#include "../suite.h"

#define N 4001 /* a prime: no transform length is special */

typedef struct
{
  float left[N], right[N];
} Stereo;

static Stereo
tones (void)
{
  Stereo signal;

  for (gsize i = 0; i < N; i++) {
    signal.left[i] = 0.4f * sinf (0.11f * i) + 0.1f * cosf (0.9f * i);
    signal.right[i] = 0.2f * sinf (0.11f * i + 0.5f);
  }
  return signal;
}

static void
compute (const Stereo *prediction, const Stereo *truth,
         double values[CCS_N_METRICS])
{
  ck_assert (ccs_metrics_compute (
      (const float *const[2]){ prediction->left, prediction->right },
      (const float *const[2]){ truth->left, truth->right }, N, values, NULL));
}

START_TEST (fft_of_any_length_is_the_defining_sum)
{
  static const gsize lengths[] = { 1, 2, 3, 7, 16, 45, 64, 97, 120, 127 };
  gsize n = lengths[_i];
  g_autoptr (CcsFft) fft = ccs_fft_new (n);
  g_autofree double complex *x = g_new (double complex, n);
  g_autofree double complex *y = g_new (double complex, n);

  for (gsize i = 0; i < n; i++)
    y[i] = x[i] = ccs_complex (sin (i * i), cos (3.0 * i));
  ccs_fft_forward (fft, y);
  for (gsize k = 0; k < n; k++) {
    double complex sum = 0;

    for (gsize j = 0; j < n; j++)
      sum += x[j] * cexp (ccs_complex (0, -2 * G_PI * j * k / n));
    ck_assert_double_lt (cabs (sum - y[k]), 1e-11);
  }
  ccs_fft_inverse (fft, y);
  for (gsize i = 0; i < n; i++)
    ck_assert_double_lt (cabs (x[i] - y[i]), 1e-13);
}
END_TEST

START_TEST (a_perfect_prediction_has_no_distance)
{
  Stereo signal = tones ();
  double values[CCS_N_METRICS];

  compute (&signal, &signal, values);
  for (guint m = 0; m < CCS_N_METRICS; m++)
    if (m != CCS_METRIC_SNR)
      ck_assert_double_lt (values[m], 1e-12);
  ck_assert_double_gt (values[CCS_METRIC_SNR], 20);
}
END_TEST

START_TEST (wav_distance_of_a_known_error)
{
  Stereo truth = tones (), prediction = truth;
  double values[CCS_N_METRICS];

  for (gsize i = 0; i < N; i++)
    prediction.left[i] += 0.01f;
  compute (&prediction, &truth, values);
  ck_assert_double_eq_tol (values[CCS_METRIC_WAV], 1e3 * 1e-4, 1e-6);
}
END_TEST

START_TEST (envelopes_ignore_the_sign)
{
  Stereo truth = tones (), prediction = truth;
  double values[CCS_N_METRICS];

  for (gsize i = 0; i < N; i++)
    prediction.left[i] = -prediction.left[i];
  compute (&prediction, &truth, values);
  ck_assert_double_lt (values[CCS_METRIC_ENV], 1e-12);
  ck_assert_double_gt (values[CCS_METRIC_WAV], 100);
}
END_TEST

START_TEST (swapped_ears_turn_the_difference_by_half_a_circle)
{
  Stereo truth = tones (), prediction;
  double values[CCS_N_METRICS];

  for (gsize i = 0; i < N; i++) {
    prediction.left[i] = truth.right[i];
    prediction.right[i] = truth.left[i];
  }
  compute (&prediction, &truth, values);
  ck_assert_double_eq_tol (values[CCS_METRIC_ANG], G_PI, 1e-9);
}
END_TEST

START_TEST (silence_keeps_no_phase)
{
  Stereo truth = tones (), prediction = { { 0 } };
  double values[CCS_N_METRICS];

  compute (&prediction, &truth, values);
  ck_assert_double_eq (values[CCS_METRIC_PHASE], 0);
  compute (&prediction, &prediction, values);
  ck_assert_double_eq (values[CCS_METRIC_PHASE], 0);
}
END_TEST

START_TEST (peak_normalisation_takes_both_channels_together)
{
  float left[] = { 0.1f, -0.5f }, right[] = { 0.25f, 0.f };

  ccs_metrics_normalise_peak ((float *const[2]){ left, right }, 2);
  ck_assert_float_eq (left[1], -1);
  ck_assert_float_eq (right[0], 0.5f);
}
END_TEST

START_TEST (signals_too_short_to_reflect_are_refused)
{
  float silence[256] = { 0 };
  const float *const stereo[2] = { silence, silence };
  double values[CCS_N_METRICS];
  g_autoptr (GError) error = NULL;

  ck_assert (!ccs_metrics_compute (stereo, stereo, 256, values, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("metrics");
  TCase *tcase = tcase_create ("metrics");

  tcase_add_loop_test (tcase, fft_of_any_length_is_the_defining_sum, 0, 10);
  tcase_add_test (tcase, a_perfect_prediction_has_no_distance);
  tcase_add_test (tcase, wav_distance_of_a_known_error);
  tcase_add_test (tcase, envelopes_ignore_the_sign);
  tcase_add_test (tcase, swapped_ears_turn_the_difference_by_half_a_circle);
  tcase_add_test (tcase, silence_keeps_no_phase);
  tcase_add_test (tcase, peak_normalisation_takes_both_channels_together);
  tcase_add_test (tcase, signals_too_short_to_reflect_are_refused);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
