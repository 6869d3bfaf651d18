/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures the level and time difference between two channels in signals for
 * which both are known. */
#include <check.h>
#include <math.h>

#include "dataset-random.h"
#include "evaluate.h"
#include "../suite.h"

#define N (CCS_MODEL_RATE / 10) /* block length of the metric */
#define SOUNDS 10               /* for each delay */
#define PARTIALS 100
#define LOWEST 50. /* Hz */
#define HIGHEST 7000.
#define SAMPLE_US (1e6 / CCS_MODEL_RATE)
/* In samples. Most of the error comes from fitting a parabola to a flat
 * peak. */
#define TOLERANCE 0.1

/* A sum of many partials, which can be evaluated exactly at any time. */
typedef struct
{
  double frequency[PARTIALS], phase[PARTIALS];
} Sound;

static Sound
broadband (guint64 seed)
{
  CcsRandom random = ccs_random_named (seed, 0, 0);
  Sound sound;

  for (guint p = 0; p < PARTIALS; p++) {
    sound.frequency[p] = ccs_random_range (&random, LOWEST, HIGHEST);
    sound.phase[p] = ccs_random_range (&random, 0, 2 * G_PI);
  }
  return sound;
}

/* Renders @sound delayed by @delay samples. */
static void
play (const Sound *sound, double delay, double gain, float *out)
{
  for (guint i = 0; i < N; i++) {
    double time = (i - delay) / CCS_MODEL_RATE, sum = 0;

    for (guint p = 0; p < PARTIALS; p++)
      sum += cos (2 * G_PI * sound->frequency[p] * time + sound->phase[p]);
    out[i] = (float)(gain * sum / PARTIALS);
  }
}

static const double delays[] = { 0, 0.25, 0.5, 1, 3.7, 5, 7.5, 10, 15 };

START_TEST (a_known_delay_is_found_on_either_side)
{
  double delay = delays[_i];
  float first[N], second[N];

  for (guint k = 0; k < SOUNDS; k++) {
    Sound sound = broadband (100 * _i + k);

    play (&sound, 0, 1, first);
    play (&sound, delay, 0.5, second);
    ck_assert_double_eq_tol (ccs_interaural_time (first, second, N),
                             delay * SAMPLE_US, TOLERANCE * SAMPLE_US);
    ck_assert_double_eq_tol (ccs_interaural_time (second, first, N),
                             -delay * SAMPLE_US, TOLERANCE * SAMPLE_US);
  }
}
END_TEST

START_TEST (the_same_sound_on_both_ears_has_neither_time_nor_level)
{
  Sound sound = broadband (1);
  float both[N];

  play (&sound, 0, 1, both);
  ck_assert_double_eq (ccs_interaural_time (both, both, N), 0);
  ck_assert_double_eq (ccs_interaural_level (both, both, N), 0);
}
END_TEST

START_TEST (silence_has_no_time)
{
  static const float silence[N];
  Sound sound = broadband (1);
  float heard[N];

  play (&sound, 0, 1, heard);
  ck_assert_double_eq (ccs_interaural_time (silence, silence, N), 0);
  ck_assert_double_eq (ccs_interaural_time (heard, silence, N), 0);
  ck_assert_double_eq (ccs_interaural_time (silence, heard, N), 0);
  ck_assert_double_eq (ccs_interaural_level (silence, silence, N), 0);
  ck_assert (isfinite (ccs_interaural_level (heard, silence, N)));
}
END_TEST

START_TEST (the_louder_ear_is_told_in_decibels)
{
  Sound sound = broadband (1);
  float loud[N], soft[N];

  play (&sound, 0, 1, loud);
  play (&sound, 0, 0.5, soft);
  ck_assert_double_eq_tol (ccs_interaural_level (loud, soft, N), 20 * log10 (2),
                           1e-4);
  ck_assert_double_eq_tol (ccs_interaural_level (soft, loud, N),
                           -20 * log10 (2), 1e-4);
}
END_TEST

/* If several lags differ by a period, the smallest is reported. */
START_TEST (the_smallest_delay_of_a_tone_is_reported)
{
  enum
  {
    PERIOD = 8 /* samples: 2 kHz */
  };
  float first[N], second[N];

  for (guint i = 0; i < N; i++) {
    first[i] = cosf (2 * (float)G_PI * (i % PERIOD) / PERIOD);
    second[i] = cosf (2 * (float)G_PI * ((i + 1) % PERIOD) / PERIOD);
  }
  ck_assert_double_eq_tol (ccs_interaural_time (first, second, N), -SAMPLE_US,
                           TOLERANCE * SAMPLE_US);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("interaural");
  TCase *tcase = tcase_create ("ears");

  tcase_add_loop_test (tcase, a_known_delay_is_found_on_either_side, 0,
                       G_N_ELEMENTS (delays));
  tcase_add_test (tcase,
                  the_same_sound_on_both_ears_has_neither_time_nor_level);
  tcase_add_test (tcase, silence_has_no_time);
  tcase_add_test (tcase, the_louder_ear_is_told_in_decibels);
  tcase_add_test (tcase, the_smallest_delay_of_a_tone_is_reported);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
