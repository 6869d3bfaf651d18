/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renders the dry audio of an event: four families, each an excitation and a
 * few resonators, which start at the onset, scaled to the event's level. An
 * event is always computed as a whole, so its samples do not depend on the
 * requested range. */
#include "scenes-private.h"

#include <math.h>
#include <string.h>

#define ATTACK 0.004 /* seconds */
#define RELEASE 0.03 /* seconds */
#define TOP                                                                    \
  0.45 /* highest frequency of a resonator as a part of the sample rate */

/* Returns white noise, -1 to 1. */
static inline float
noise (guint32 *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return (float)(gint32)*state * 0x1p-31f;
}

/* Adds level e^(-t/decay) sin (2 pi frequency t). */
static void
add_ringing (double frequency, double level, double decay, guint rate, gsize n,
             float *out)
{
  double w = 2 * G_PI * frequency / rate;
  double r = exp (-1 / (decay * rate));
  float a = 2 * r * cos (w), b = -r * r;
  float last = 0, now = level * r * sin (w);

  if (frequency > TOP * rate)
    return;
  for (gsize i = 0; i < n; i++) {
    float next = a * now + b * last;

    out[i] += now;
    last = now;
    now = next;
  }
}

static void
make_tonal (const CcsLook *look, const CcsEvent *event, guint rate, gsize n,
            float *out)
{
  for (guint k = 0; k < CCS_LOOK_PARTIALS; k++)
    add_ringing (event->pitch * look->ratio[k], look->level[k],
                 look->decay / (1 + 0.15 * k), rate, n, out);
}

/* Renders a click of noise that excites damped modes. */
static void
make_percussive (const CcsLook *look, const CcsEvent *event, guint rate,
                 gsize n, float *out)
{
  guint32 state = (guint32)event->seed | 1;
  float fall = exp (-1 / (0.4 * look->decay * rate));
  float level = 1.0f, last = 0;

  for (gsize i = 0; i < n; i++) {
    float white = noise (&state);

    out[i] = level * (white - 0.6f * last);
    last = white;
    level *= fall;
  }
  for (guint k = 0; k < 3; k++)
    add_ringing (event->pitch * look->ratio[k], look->level[k], look->decay,
                 rate, n, out);
}

/* Renders noise through a band-pass that glides by half an octave (a
 * state-variable filter with trapezoidal integrators, stable up to half the
 * rate). */
static void
make_noise (const CcsLook *look, const CcsEvent *event, guint rate, gsize n,
            float *out)
{
  guint32 state = (guint32)event->seed | 1;
  double glide = event->seed & 0x100000000 ? 0.5 : -0.5;
  float k = 1 / look->decay, s1 = 0, s2 = 0, g = 0, norm = 0;

  for (gsize i = 0; i < n; i++) {
    if (i % 64 == 0) {
      double center = event->pitch * exp2 (glide * ((double)i / n - 0.5));

      g = tan (G_PI * fmin (center / rate, TOP));
      norm = 1 / (1 + g * (g + k));
    }
    float white = noise (&state);
    float band = norm * (s1 + g * (white - s2));
    float low = s2 + g * band;

    s1 = 2 * band - s1;
    s2 = 2 * low - s2;
    /* a swell: up in the first fifth, then slowly down */
    out[i] = band * (i * 5 < n ? 5.0f * i / n : 1.25f * (n - i) / n);
  }
}

/* Renders pulses and noise through the formants of one of five vowels. */
static void
make_voice (const CcsLook *look, const CcsEvent *event, guint rate, gsize n,
            float *out)
{
  static const double vowels[5][4] = { { 730, 1090, 2440, 3700 },
                                       { 530, 1840, 2480, 3900 },
                                       { 270, 2290, 3010, 4200 },
                                       { 570, 840, 2410, 3500 },
                                       { 300, 870, 2240, 3400 } };
  static const float levels[4] = { 1, 0.8f, 0.7f, 0.6f };
  const double *formant = vowels[event->seed % 5];
  double scale = look->low > 180 ? 1.17 : 1; /* a shorter vocal tract */
  guint32 state = (guint32)(event->seed >> 8) | 1;
  float a[4], b[4], gain[4], y1[4] = { 0 }, y2[4] = { 0 };
  double phase = 1, bend = event->seed & 0x80 ? 0.2 : -0.2;

  for (guint f = 0; f < 4; f++) {
    double r = exp (-G_PI * (70 + 30 * f) / rate);

    a[f] = 2 * r * cos (2 * G_PI * formant[f] * scale / rate);
    b[f] = -r * r;
    gain[f] = levels[f] * sin (2 * G_PI * formant[f] * scale / rate);
  }
  for (gsize i = 0; i < n; i++) {
    float x = 0.03f * noise (&state), sum = 0;

    if (phase >= 1) {
      phase -= 1;
      x += 1;
    }
    phase += event->pitch * (1 + bend * ((double)i / n - 0.5)) / rate;
    for (guint f = 0; f < 4; f++) {
      float y = gain[f] * x + a[f] * y1[f] + b[f] * y2[f];

      y2[f] = y1[f];
      y1[f] = y;
      sum += y;
    }
    out[i] = sum;
  }
}

/* Applies fades and the event's level. */
static void
shape_and_level (const CcsEvent *event, guint rate, gsize n, float *samples)
{
  gsize attack = MIN (n, (gsize)(ATTACK * rate));
  gsize release = MIN (n, (gsize)(RELEASE * rate));
  double energy = 0;
  float gain;

  for (gsize i = 0; i < attack; i++)
    samples[i] *= (float)i / attack;
  for (gsize i = 0; i < release; i++)
    samples[n - 1 - i] *= (float)i / release;
  for (gsize i = 0; i < n; i++)
    energy += (double)samples[i] * samples[i];
  gain = event->amplitude / sqrt (energy / n + 1e-12);
  for (gsize i = 0; i < n; i++)
    samples[i] *= gain;
}

void
ccs_sound_add (const CcsLook *look, const CcsEvent *event, guint rate,
               gint64 from, gsize n, float *scratch, float *out)
{
  static void (*const make[]) (const CcsLook *, const CcsEvent *, guint, gsize,
                               float *)
      = {
          [CCS_SOUND_TONAL] = make_tonal,
          [CCS_SOUND_PERCUSSIVE] = make_percussive,
          [CCS_SOUND_NOISE] = make_noise,
          [CCS_SOUND_VOICE] = make_voice,
        };
  gint64 first = llround (event->onset * rate);
  gint64 length = llround (fmin (event->duration, CCS_EVENT_LONGEST) * rate);
  gint64 begin = MAX (first, from),
         end = MIN (first + length, from + (gint64)n);

  if (begin >= end)
    return;
  memset (scratch, 0, length * sizeof (float));
  make[look->kind](look, event, rate, length, scratch);
  shape_and_level (event, rate, length, scratch);
  for (gint64 i = begin; i < end; i++)
    out[i - from] += scratch[i - first];
}
