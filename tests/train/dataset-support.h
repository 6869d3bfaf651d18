/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes small data sets on disk for a test program. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <check.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset-files.h"
#include "dataset.h"
#include "scenes-export.h"
#include "../folder.h"

#define SCENE_SEED 11
#define PICTURE_BYTES (3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT)
#define SOUND_SAMPLES 160000

static inline void
assert_ok (gboolean ok, const GError *error)
{
  ck_assert_msg (ok, "%s", error ? error->message : "no reason given");
}

/* Checks that @error has a message of one line that contains @part. */
static inline void
assert_names (const GError *error, const char *part)
{
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (strstr (error->message, part) != NULL, "'%s' not in '%s'",
                 part, error->message);
  ck_assert_ptr_null (strchr (error->message, '\n'));
}

/* Exports two scenes for train and one for val in FAIR-Play's layout. */
static inline void
export_scenes (const char *folder)
{
  g_autoptr (GError) error = NULL;
  CcsSceneExport options = { .folder = folder,
                             .seed = SCENE_SEED,
                             .rate = CCS_MODEL_RATE,
                             .count = { 2, 1, 0 } };

  assert_ok (ccs_scenes_export (&options, &error), error);
}

/* Writes a sweep to the left channel, and the same at half the amplitude to
 * the right channel. */
static inline void
write_sweep (const char *path, guint rate, gsize n)
{
  g_autoptr (GError) error = NULL;
  g_autofree float *left = g_new (float, n);
  g_autofree float *right = g_new (float, n);

  for (gsize i = 0; i < n; i++) {
    double time = (double)i / rate;

    left[i] = 0.5 * sin (2 * G_PI * (200 + 200 * time) * time);
    right[i] = 0.5 * left[i];
  }
  assert_ok (ccs_sound_write (path, rate, n, left, right, &error), error);
}
