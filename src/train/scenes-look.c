/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The looks of a split. A class combines a shape and a hue with a family of
 * sounds and is the same in all splits. Its variants differ in shade, texture
 * and sound; splits do not share variants. */
#include "scenes-private.h"

#include <math.h>

typedef struct
{
  CcsShapeKind shape;
  CcsSoundKind kind;
  double hue;                   /* degrees */
  double low, high;             /* Hz: range of pitches or bands of variants */
  double rate_low, rate_high;   /* onsets a second */
  double shortest, longest;     /* seconds of an event */
  double decay_low, decay_high; /* seconds; of noise: Q */
  double stretch;               /* 0: harmonic partials; more: bell-like */
} LookClass;

static const LookClass classes[CCS_LOOK_CLASSES] = {
  { CCS_SHAPE_DISC, CCS_SOUND_TONAL, 0, 260, 480, 2.2, 3.2, 0.35, 0.5, 0.18,
    0.35, 0 },
  { CCS_SHAPE_STAR, CCS_SOUND_TONAL, 55, 800, 1500, 2.5, 4.0, 0.3, 0.45, 0.12,
    0.25, 0.3 },
  { CCS_SHAPE_SQUARE, CCS_SOUND_PERCUSSIVE, 120, 140, 300, 3.0, 5.0, 0.18, 0.26,
    0.03, 0.06, 0.35 },
  { CCS_SHAPE_TRIANGLE, CCS_SOUND_PERCUSSIVE, 180, 900, 2000, 4.0, 6.5, 0.1,
    0.18, 0.015, 0.035, 0.5 },
  { CCS_SHAPE_RING, CCS_SOUND_NOISE, 225, 900, 1800, 1.8, 2.6, 0.36, 0.5, 1.2,
    2.5, 0 },
  { CCS_SHAPE_CROSS, CCS_SOUND_NOISE, 300, 3000, 5500, 2.2, 3.4, 0.25, 0.4, 0.7,
    1.5, 0 },
  { CCS_SHAPE_FACE, CCS_SOUND_VOICE, 28, 95, 150, 3.0, 4.5, 0.2, 0.3, 0, 0, 0 },
  { CCS_SHAPE_HEXAGON, CCS_SOUND_VOICE, 265, 210, 330, 3.2, 5.0, 0.17, 0.27, 0,
    0, 0 },
};

/* Each split has one texture of its own, and one in common with another split.
 */
static const CcsPattern patterns[3][2] = {
  [CCS_SPLIT_TRAIN] = { CCS_PATTERN_STRIPES, CCS_PATTERN_CHECKER },
  [CCS_SPLIT_VAL] = { CCS_PATTERN_STRIPES, CCS_PATTERN_RINGS },
  [CCS_SPLIT_TEST] = { CCS_PATTERN_DOTS, CCS_PATTERN_WAVES },
};

static void
color_from_hue (double hue, double saturation, double value, float *rgb)
{
  for (guint c = 0; c < 3; c++) {
    double k = fmod ((c == 0 ? 5 : c == 1 ? 3 : 1) + hue / 60 + 6, 6);

    rgb[c] = value - value * saturation * CLAMP (fmin (k, 4 - k), 0, 1);
  }
}

static void
draw_look (const LookClass *from, CcsSplit split, CcsRandom *random,
           CcsLook *look)
{
  double angle = ccs_random_range (random, 0, G_PI);
  double span = log (from->high / from->low);

  look->shape = from->shape;
  look->kind = from->kind;
  color_from_hue (from->hue + ccs_random_range (random, -9, 9),
                  ccs_random_range (random, 0.82, 1),
                  ccs_random_range (random, 0.88, 1), look->color);
  look->pattern = patterns[split][ccs_random_below (random, 2)];
  look->pattern_cos = cos (angle);
  look->pattern_sin = sin (angle);
  look->pattern_period = ccs_random_range (random, 0.35, 0.7);

  look->low = from->low * exp (span * ccs_random_range (random, 0, 0.6));
  look->high = look->low * exp (span * 0.4);
  look->rate = ccs_random_range (random, from->rate_low, from->rate_high);
  look->duration = ccs_random_range (random, from->shortest, from->longest);
  look->decay = ccs_random_range (random, from->decay_low, from->decay_high);
  for (guint k = 0; k < CCS_LOOK_PARTIALS; k++) {
    look->ratio[k]
        = (k + 1)
          * (1 + from->stretch * k * ccs_random_range (random, 0.1, 0.3));
    look->level[k] = pow (k + 1, -0.5) * ccs_random_range (random, 0.5, 1.2);
  }
}

void
ccs_looks_fill (CcsSplit split, guint64 seed, guint variants, CcsLook *looks)
{
  CcsRandom random = ccs_random_named (seed, split, CCS_STREAM_LOOKS);

  for (guint i = 0; i < CCS_LOOK_CLASSES * variants; i++) {
    looks[i].number = i / variants;
    draw_look (&classes[i / variants], split, &random, &looks[i]);
  }
}
