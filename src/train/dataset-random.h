/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random numbers for data. Each stream is identified by a few integers (seed,
 * epoch, scene, ...), so that values do not depend on threads or on earlier
 * values. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  guint64 state;
} CcsRandom;

/* Applies the finaliser of splitmix64. */
static inline guint64
ccs_random_mix (guint64 x)
{
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT (0xBF58476D1CE4E5B9);
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT (0x94D049BB133111EB);
  return x ^ (x >> 31);
}

/* Returns the stream identified by three integers. */
static inline CcsRandom
ccs_random_named (guint64 a, guint64 b, guint64 c)
{
  guint64 x = ccs_random_mix (a + G_GUINT64_CONSTANT (0x9E3779B97F4A7C15));

  x = ccs_random_mix (x ^ (b + G_GUINT64_CONSTANT (0xD1B54A32D192ED03)));
  x = ccs_random_mix (x ^ (c + G_GUINT64_CONSTANT (0x8CB92BA72F3D8DD7)));
  return (CcsRandom){ x };
}

static inline guint64
ccs_random_next (CcsRandom *self)
{
  self->state += G_GUINT64_CONSTANT (0x9E3779B97F4A7C15);
  return ccs_random_mix (self->state);
}

/* Returns a uniform value in [0, 1). */
static inline double
ccs_random_unit (CcsRandom *self)
{
  return (double)(ccs_random_next (self) >> 11) * 0x1p-53;
}

static inline double
ccs_random_range (CcsRandom *self, double low, double high)
{
  return low + (high - low) * ccs_random_unit (self);
}

/* Returns a uniform value in 0 ... n - 1; @n is at least 1. */
static inline guint
ccs_random_below (CcsRandom *self, guint n)
{
  return (guint)(((ccs_random_next (self) >> 32) * n) >> 32);
}

G_END_DECLS
