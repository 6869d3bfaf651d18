/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The option --gain of the programs that write audio. */
#pragma once

#include <glib.h>
#include <math.h>

G_BEGIN_DECLS

#define GAIN_HELP                                                              \
  "Gain of the output in dB (default 0), or auto: reduced as far as needed "   \
  "to avoid clipping (reads the input twice)"
#define GAIN_MOST 60. /* dB, up or down */
#define GAIN_ERROR "--gain must be -60 to 60 (dB) or auto"
/* Largest sample after --gain auto. Below full scale, because encoders and
 * resamplers overshoot a little. */
#define GAIN_AUTO_PEAK 0.99

/**
 * Gain:
 * @is_auto: the factor depends on the loudest sample
 * @factor: factor by which samples are multiplied
 */
typedef struct
{
  gboolean is_auto;
  double factor;
} Gain;

/* Parses @text (nullable: 0 dB), in the C locale. Returns FALSE if it is not a
 * gain. */
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

/* Returns the gain, at most 1, with which audio of @peak is not clipped. */
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
