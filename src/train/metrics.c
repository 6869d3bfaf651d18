/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each distance is a function of the two signals or spectra of one channel.
 * ccs_metrics_compute() combines the channels. */
#include "metrics.h"

#include <ccstereo/error.h>
#include <math.h>

#include "model/config.h"
#include "spectrum.h"

#define PEAK_FLOOR 1e-20
#define SNR_FLOOR 1e-4 /* added to mean squares */
#define WAV_SCALE 1e3
#define PHASE_THRESHOLD 0.2 /* factor of the truth's mean energy */

typedef const double complex *Spectrum;

static const char *const names[CCS_N_METRICS] = {
  [CCS_METRIC_STFT] = "stft_l2_dist", [CCS_METRIC_ENV] = "env_dist",
  [CCS_METRIC_SNR] = "snr",           [CCS_METRIC_MAG] = "mag_dist",
  [CCS_METRIC_ANG] = "ang_diff",      [CCS_METRIC_WAV] = "wav_dist",
  [CCS_METRIC_AMP] = "amp_dist",      [CCS_METRIC_PHASE] = "phase_dist",
};

const char *
ccs_metric_name (CcsMetric metric)
{
  g_return_val_if_fail (metric < CCS_N_METRICS, NULL);
  return names[metric];
}

void
ccs_metrics_normalise_peak (float *const channels[2], gsize n)
{
  float peak = PEAK_FLOOR;

  for (guint c = 0; c < 2; c++)
    for (gsize i = 0; i < n; i++)
      peak = MAX (peak, fabsf (channels[c][i]));
  for (guint c = 0; c < 2; c++)
    for (gsize i = 0; i < n; i++)
      channels[c][i] /= peak;
}

/* -- waveforms ----------------------------------------------------------- */

static double
mean_square (const float *a, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += (double)a[i] * a[i];
  return sum / n;
}

static double
mean_square_difference (const float *a, const float *b, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++) {
    double difference = (double)a[i] - b[i];
    sum += difference * difference;
  }
  return sum / n;
}

/* Returns the rms difference of the envelopes |x + i H(x)|. The Hilbert
 * transform H is real and linear, so both signals are transformed as one
 * complex signal. */
static double
envelope_distance (CcsFft *fft, const float *a, const float *b, gsize n)
{
  g_autofree double complex *z = g_new (double complex, n);
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    z[i] = ccs_complex (a[i], b[i]);
  ccs_fft_forward (fft, z);
  z[0] = 0;
  for (gsize k = 1; k < (n + 1) / 2; k++) {
    z[k] = ccs_complex (cimag (z[k]), -creal (z[k]));
    z[n - k] = ccs_complex (-cimag (z[n - k]), creal (z[n - k]));
  }
  if (n % 2 == 0)
    z[n / 2] = 0;
  ccs_fft_inverse (fft, z);
  for (gsize i = 0; i < n; i++) {
    double difference = hypot (a[i], creal (z[i])) - hypot (b[i], cimag (z[i]));
    sum += difference * difference;
  }
  return sqrt (sum / n);
}

/* -- spectra [points] ---------------------------------------------------- */

/* Returns the mean of |a - b|^2. */
static double
magnitude_distance (Spectrum a, Spectrum b, gsize points)
{
  double sum = 0;

  for (gsize i = 0; i < points; i++) {
    double complex difference = a[i] - b[i];
    sum += creal (difference) * creal (difference)
           + cimag (difference) * cimag (difference);
  }
  return sum / points;
}

static double
amplitude_distance (Spectrum a, Spectrum b, gsize points)
{
  double sum = 0;

  for (gsize i = 0; i < points; i++)
    sum += fabs (cabs (a[i]) - cabs (b[i]));
  return sum / points;
}

/* Returns the distance of two angles on the circle. */
static double
angle_distance (double a, double b)
{
  return G_PI - fabs (fabs (a - b) - G_PI);
}

static double
energy (double complex z)
{
  return fabs (creal (z)) + fabs (cimag (z));
}

/* Returns the mean phase difference over points at which both signals exceed
 * the threshold, 0 if there is no such point. The angle is atan2 (re, im), in
 * this order, as published. */
static double
phase_distance (Spectrum prediction, Spectrum truth, gsize points)
{
  double bound = 0, sum = 0;
  gsize kept = 0;

  for (gsize i = 0; i < points; i++)
    bound += energy (truth[i]);
  bound *= PHASE_THRESHOLD / points;
  for (gsize i = 0; i < points; i++) {
    if (energy (truth[i]) <= bound || energy (prediction[i]) <= bound)
      continue;
    sum += angle_distance (atan2 (creal (prediction[i]), cimag (prediction[i])),
                           atan2 (creal (truth[i]), cimag (truth[i])));
    kept++;
  }
  return kept > 0 ? sum / kept : 0;
}

/* Returns the phase; 0 for a zero of any sign. */
static double
phase_or_zero (double complex z)
{
  return z == 0 ? 0 : carg (z);
}

/* Returns the mean phase difference of left - right over all points. */
static double
difference_angle (const Spectrum prediction[2], const Spectrum truth[2],
                  gsize points)
{
  double sum = 0;

  for (gsize i = 0; i < points; i++)
    sum += angle_distance (phase_or_zero (prediction[0][i] - prediction[1][i]),
                           phase_or_zero (truth[0][i] - truth[1][i]));
  return sum / points;
}

/* -- both channels ------------------------------------------------------- */

static void
compare_zero_centred (const float *const prediction[2],
                      const float *const truth[2], gsize n, double *values)
{
  gsize points = ccs_spectrum_frames (n) * CCS_BINS;
  g_autofree double complex *p0 = NULL, *p1 = NULL, *t0 = NULL, *t1 = NULL;

  p0 = ccs_spectrum_new (prediction[0], n, CCS_PAD_ZERO);
  p1 = ccs_spectrum_new (prediction[1], n, CCS_PAD_ZERO);
  t0 = ccs_spectrum_new (truth[0], n, CCS_PAD_ZERO);
  t1 = ccs_spectrum_new (truth[1], n, CCS_PAD_ZERO);
  values[CCS_METRIC_MAG] = magnitude_distance (p0, t0, points)
                           + magnitude_distance (p1, t1, points);
  /* this mean counts re and im separately */
  values[CCS_METRIC_STFT] = values[CCS_METRIC_MAG] / 2;
  values[CCS_METRIC_ANG] = difference_angle ((Spectrum[2]){ p0, p1 },
                                             (Spectrum[2]){ t0, t1 }, points);
}

static void
compare_reflect_centred (const float *const prediction[2],
                         const float *const truth[2], gsize n, double *values)
{
  gsize points = ccs_spectrum_frames (n) * CCS_BINS;

  values[CCS_METRIC_AMP] = values[CCS_METRIC_PHASE] = 0;
  for (guint c = 0; c < 2; c++) {
    g_autofree double complex *p
        = ccs_spectrum_new (prediction[c], n, CCS_PAD_REFLECT);
    g_autofree double complex *t
        = ccs_spectrum_new (truth[c], n, CCS_PAD_REFLECT);

    values[CCS_METRIC_AMP] += amplitude_distance (p, t, points);
    values[CCS_METRIC_PHASE] += phase_distance (p, t, points);
  }
}

static void
compare_waveforms (const float *const prediction[2],
                   const float *const truth[2], gsize n, double *values)
{
  g_autoptr (CcsFft) fft = ccs_fft_new (n);
  double error = mean_square_difference (truth[0], prediction[0], n)
                 + mean_square_difference (truth[1], prediction[1], n);
  double power = mean_square (truth[0], n) + mean_square (truth[1], n);

  values[CCS_METRIC_ENV]
      = envelope_distance (fft, prediction[0], truth[0], n)
        + envelope_distance (fft, prediction[1], truth[1], n);
  values[CCS_METRIC_WAV] = WAV_SCALE * error;
  values[CCS_METRIC_SNR]
      = 10 * log10 ((power / 2 + SNR_FLOOR) / (error / 2 + SNR_FLOOR));
}

gboolean
ccs_metrics_compute (const float *const prediction[2],
                     const float *const truth[2], gsize n,
                     double values[CCS_N_METRICS], GError **error)
{
  gsize least = ccs_spectrum_min_samples (CCS_PAD_REFLECT);

  if (n < least) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "metrics need signals of at least %" G_GSIZE_FORMAT
                 " samples, not %" G_GSIZE_FORMAT,
                 least, n);
    return FALSE;
  }
  compare_zero_centred (prediction, truth, n, values);
  compare_reflect_centred (prediction, truth, n, values);
  compare_waveforms (prediction, truth, n, values);
  return TRUE;
}
