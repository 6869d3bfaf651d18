/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The option --gain of the programs that write audio. */
#pragma once

#include <glib.h>
#include <math.h>

G_BEGIN_DECLS

#define GAIN_HELP                                                              \
  "Volume of the output, dB (default 0: the sum of the channels is the "       \
  "input), or auto: as much less as it takes not to clip (reads the input "    \
  "twice)"
#define GAIN_MOST 60. /* dB, up or down */
#define GAIN_ERROR "--gain must be -60 to 60 (dB) or auto"
/* The loudest sample of gain auto, below full scale: encoders and resamplers
 * overshoot a little. */
#define GAIN_AUTO_PEAK 0.99

/**
 * Gain:
 * @is_auto: the factor depends on the loudest sample
 * @factor: that samples are multiplied by
 */
typedef struct
{
  gboolean is_auto;
  double factor;
} Gain;

/* Reads @text (nullable: 0 dB), in the C locale. FALSE if it is no gain. */
static inline gboolean
gain_parse (const char *text, Gain *gain)
{
  char *end = NULL;
  double value;

  *gain = (Gain){ text && g_str_equal (text, "auto"), 1 };
  if (text == NULL || gain->is_auto)
    return TRUE;
  value = g_ascii_strtod (text, &end);
  if (end == text || *end != 0 || !(fabs (value) <= GAIN_MOST))
    return FALSE;
  gain->factor = pow (10, value / 20);
  return TRUE;
}

/* Returns the factor by which audio with that peak is not clipped. */
static inline double
gain_for_peak (double peak)
{
  return peak > GAIN_AUTO_PEAK ? GAIN_AUTO_PEAK / peak : 1;
}

/* Returns @factor in dB. */
static inline double
gain_db (double factor)
{
  return 20 * log10 (MAX (factor, 1e-9));
}

G_END_DECLS
