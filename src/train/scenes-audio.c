/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renders dry audio binaurally: applies the measured responses of each source's
 * direction, which change every hundredth of a second, and its distance; and
 * the room, as taps on the sum. */
#include "scenes-private.h"

#include <math.h>
#include <string.h>

#define RESPONSE_SECONDS                                                       \
  0.005 /* length of responses in seconds: without -24 dB */
#define FADE_SECONDS 0.001
#define ROOM_EARLY 6      /* number of taps from the sides */
#define ROOM_LONGEST 0.32 /* seconds */
#define HEAD_SECONDS                                                           \
  0.0006 /* additional delay of the far ear for reflections from the side */
#define BLOCKS_PER_SECOND 100 /* changes of direction */

gboolean
ccs_ears_init (CcsEars *self, guint rate, const char *sofa, GError **error)
{
  g_autoptr (CcsHrir) hrir = ccs_hrir_new (sofa, rate, error);
  g_autofree float *left = NULL, *right = NULL;
  guint fade = FADE_SECONDS * rate, length;

  if (!hrir)
    return FALSE;
  length = ccs_hrir_length (hrir);
  self->taps = MIN (length, (guint)(RESPONSE_SECONDS * rate));
  self->directions = (guint)(2 * CCS_EARS_EDGE / CCS_EARS_STEP) + 1;
  self->response = g_new (float, self->directions * 2 * self->taps);
  left = g_new (float, length);
  right = g_new (float, length);
  for (guint d = 0; d < self->directions; d++) {
    float *to = self->response + d * 2 * self->taps;

    ccs_hrir_get (hrir, d * CCS_EARS_STEP - CCS_EARS_EDGE, 0, left, right);
    for (guint i = 0; i < self->taps; i++) {
      guint rest = self->taps - i;
      float window = rest < fade ? (float)rest / fade : 1;

      to[i] = window * left[i];
      to[self->taps + i] = window * right[i];
    }
  }
  return TRUE;
}

void
ccs_ears_clear (CcsEars *self)
{
  g_clear_pointer (&self->response, g_free);
}

/* Computes the pair of responses [2][taps] for @azimuth, scaled by @gain. */
static void
ears_toward (const CcsEars *self, double azimuth, float gain, float *out)
{
  double at = (CLAMP (azimuth, -CCS_EARS_EDGE, CCS_EARS_EDGE) + CCS_EARS_EDGE)
              / CCS_EARS_STEP;
  guint low = MIN ((guint)at, self->directions - 2), n = 2 * self->taps;
  const float *a = self->response + low * n, *b = a + n;
  float part = at - low;

  for (guint i = 0; i < n; i++)
    out[i] = gain * (a[i] + part * (b[i] - a[i]));
}

static void
draw_early (CcsRoom *self, guint rate, double wet, CcsRandom *random)
{
  double time = 0;

  for (guint i = 0; i < ROOM_EARLY; i++) {
    double side = i % 2 ? 1 : -1;
    double near, far;

    time += ccs_random_range (random, 0.003, 0.008);
    near = 1.2 * wet * exp (-time / 0.03) * ccs_random_range (random, 0.7, 1.2);
    far = 0.45 * near;
    for (guint ear = 0; ear < 2; ear++) {
      gboolean close = (ear == 1) == (side > 0);

      self->offset[ear][i] = (time + (close ? 0 : HEAD_SECONDS)) * rate;
      self->gain[ear][i] = close ? near : far;
    }
  }
}

void
ccs_room_init (CcsRoom *self, guint rate, CcsRandom *random)
{
  /* seconds to 1/e of the tail, and its level beside the direct sound's at a
   * metre: from a furnished room to a bare one */
  double fall = ccs_random_range (random, 0.025, 0.07);
  double wet = ccs_random_range (random, 0.02, 0.08);
  guint tail = CCS_ROOM_TAPS - ROOM_EARLY;

  draw_early (self, rate, wet, random);
  for (guint i = 0; i < tail; i++) {
    for (guint ear = 0; ear < 2; ear++) {
      double time
          = 0.02
            + (ROOM_LONGEST - 0.02) * (i + ccs_random_unit (random)) / tail;

      self->offset[ear][ROOM_EARLY + i] = time * rate;
      self->gain[ear][ROOM_EARLY + i]
          = wet * exp (-time / fall) * (ccs_random_below (random, 2) ? 1 : -1);
    }
  }
  self->floor = ccs_random_range (random, 0.0001, 0.0005);
}

static void
add_room (const CcsRoom *self, const float *dry, gsize n, float *ear_left,
          float *ear_right)
{
  for (guint ear = 0; ear < 2; ear++) {
    float *out = ear ? ear_right : ear_left;

    for (guint t = 0; t < CCS_ROOM_TAPS; t++) {
      const float *from = dry - self->offset[ear][t];
      float gain = self->gain[ear][t];

      for (gsize i = 0; i < n; i++)
        out[i] += gain * from[i];
    }
  }
}

/* Adds diffuse noise, which depends on the sample's index alone. */
static void
add_floor (const CcsScene *scene, gint64 start, gsize n, float *left,
           float *right)
{
  float level = scene->room->floor * 0x1p-31f;
  guint64 key = ccs_random_mix (scene->scenery->seed ^ (scene->index << 20));

  for (gsize i = 0; i < n; i++) {
    guint64 bits
        = ccs_random_mix (key
                          + (guint64)(start + (gint64)i)
                                * G_GUINT64_CONSTANT (0x9E3779B97F4A7C15));

    left[i] += level * (gint32)(bits >> 32);
    right[i] += level * (gint32)bits;
  }
}

/* Adds a source. @dry[0] is sample @start; enough earlier samples precede it.
 * Directions change at fixed times of the scene, whatever the range. */
static void
add_source (const CcsScene *scene, const CcsActor *actor, gint64 start, gsize n,
            const float *dry, float *pair, float *left, float *right)
{
  const CcsEars *ears = &scene->scenery->ears;
  guint block = scene->scenery->rate / BLOCKS_PER_SECOND;

  for (gsize i = 0; i < n;) {
    gint64 at = start + (gint64)i;
    gint64 phase = ((at % block) + block) % block;
    gsize count = MIN (n - i, (gsize)(block - phase));
    double time = (at - phase + block / 2.0) / scene->scenery->rate;

    ears_toward (ears, ccs_sway_at (&actor->azimuth, time),
                 1 / ccs_sway_at (&actor->distance, time), pair);
    ccs_hrir_convolve (dry + i, count, pair, ears->taps, left + i);
    ccs_hrir_convolve (dry + i, count, pair + ears->taps, ears->taps,
                       right + i);
    i += count;
  }
}

void
ccs_scene_render_audio (const CcsScene *self, gint64 start, gsize n,
                        float *left, float *right)
{
  const CcsScenery *scenery = self->scenery;
  guint rate = scenery->rate;
  gsize before = MAX (scenery->ears.taps, (guint)(ROOM_LONGEST * rate) + 1);
  g_autofree float *memory = g_new0 (float, 2 * (n + before));
  g_autofree float *scratch = g_new (float, CCS_EVENT_LONGEST *rate + 1);
  g_autofree float *pair = g_new (float, 2 * scenery->ears.taps);
  float *sum = memory, *dry = memory + n + before;

  memset (left, 0, n * sizeof (float));
  memset (right, 0, n * sizeof (float));
  for (guint a = 0; a < self->n_actors; a++) {
    const CcsActor *actor = &self->actors[a];

    memset (dry, 0, (n + before) * sizeof (float));
    for (guint e = 0; e < actor->n_events; e++)
      ccs_sound_add (actor->look, &actor->events[e], rate,
                     start - (gint64)before, n + before, scratch, dry);
    for (gsize i = 0; i < n + before; i++)
      sum[i] += dry[i];
    add_source (self, actor, start, n, dry + before, pair, left, right);
  }
  add_room (self->room, sum + before, n, left, right);
  add_floor (self, start, n, left, right);
}
