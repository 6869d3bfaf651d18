/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clip that `ccstereo bench` runs. It repeats a small number of frames:
 * their content does not change the run time, but many frames would use
 * memory. */
#include "bench-clip.h"

#include "audio/window-grid.h"
#include "binauralizer/clip.h"
#include "random-model.h"

#define N_PICTURES CCS_MODEL_FRAME_BATCH
#define PICTURE_BYTES (3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT)
#define LOUDNESS 0.3f
#define FRAME_OFFSET 0.1 /* seconds, as published for FAIR-Play */

struct _BenchClip
{
  gsize n; /* samples */
  float *mix, *difference;
  guint8 *pictures[N_PICTURES];
  gsize n_windows, n_frames, feature_size;
  gint64 *frame_of_window; /* 0: the first frame used */
  float *features;         /* n_frames x feature_size */
};

static void
fill_noise (BenchClip *self)
{
  for (gsize i = 0; i < self->n; i++)
    self->mix[i] = LOUDNESS * (2 * random_unit ("bench.mix", i) - 1);
  for (guint k = 0; k < N_PICTURES; k++) {
    self->pictures[k] = g_malloc (PICTURE_BYTES);
    for (gsize i = 0; i < PICTURE_BYTES; i++)
      self->pictures[k][i]
          = 256 * random_unit ("bench.frame", k * PICTURE_BYTES + i);
  }
}

BenchClip *
bench_clip_new (const CcsModel *model, double seconds)
{
  BenchClip *self = g_new0 (BenchClip, 1);
  gint64 first, last;

  self->n = seconds * CCS_MODEL_RATE;
  self->mix = g_new (float, self->n);
  self->difference = g_new (float, self->n);
  fill_noise (self);

  self->n_windows = ccs_grid_windows (self->n, CCS_WINDOW, CCS_HOP);
  self->frame_of_window = g_new (gint64, self->n_windows);
  for (gsize w = 0; w < self->n_windows; w++)
    self->frame_of_window[w]
        = ccs_grid_frame (w * CCS_HOP, self->n, seconds, FRAME_OFFSET,
                          CCS_WINDOW, CCS_ANALYSIS_FPS);
  first = self->frame_of_window[0];
  last = self->frame_of_window[self->n_windows - 1];
  for (gsize w = 0; w < self->n_windows; w++)
    self->frame_of_window[w] -= first;

  self->n_frames = last - first + 1;
  self->feature_size = ccs_model_feature_size (model);
  self->features = g_new0 (float, MAX (self->n_frames, CCS_MODEL_MAX_WINDOWS)
                                      * self->feature_size);
  return self;
}

void
bench_clip_free (BenchClip *self)
{
  if (!self)
    return;
  for (guint k = 0; k < N_PICTURES; k++)
    g_free (self->pictures[k]);
  g_free (self->mix);
  g_free (self->difference);
  g_free (self->frame_of_window);
  g_free (self->features);
  g_free (self);
}

static gboolean
encode_from (BenchClip *self, CcsModel *model, gsize first, guint n,
             GError **error)
{
  const guint8 *frames[CCS_MODEL_MAX_FRAMES];
  float *features[CCS_MODEL_MAX_FRAMES];

  for (guint i = 0; i < n; i++) {
    frames[i] = self->pictures[(first + i) % N_PICTURES];
    features[i] = self->features + (first + i) * self->feature_size;
  }
  return ccs_model_encode (model, frames, n, features, error);
}

gboolean
bench_clip_encode (BenchClip *self, CcsModel *model, guint n, GError **error)
{
  return encode_from (self, model, 0, MIN (n, CCS_MODEL_MAX_FRAMES), error);
}

gboolean
bench_clip_separate (BenchClip *self, CcsModel *model, guint n, GError **error)
{
  const float *mixes[CCS_MODEL_MAX_WINDOWS], *features[CCS_MODEL_MAX_WINDOWS];
  float *differences[CCS_MODEL_MAX_WINDOWS];
  g_autofree float *result = NULL;

  n = MIN (n, CCS_MODEL_MAX_WINDOWS);
  result = g_new (float, n *CCS_WINDOW);
  for (guint i = 0; i < n; i++) {
    mixes[i] = self->mix + i * CCS_HOP;
    features[i] = self->features + i * self->feature_size;
    differences[i] = result + i * CCS_WINDOW;
  }
  return ccs_model_separate (model, mixes, features, n, differences, error);
}

static const float *
feature_of_window (gsize window, gpointer user_data)
{
  const BenchClip *self = user_data;

  return self->features + self->frame_of_window[window] * self->feature_size;
}

gboolean
bench_clip_run (BenchClip *self, CcsModel *model, GError **error)
{
  const guint most = ccs_model_preferred_frames (model);

  for (gsize i = 0; i < self->n_frames; i += most) {
    guint n = MIN (most, self->n_frames - i);
    if (!encode_from (self, model, i, n, error))
      return FALSE;
  }
  return ccs_binauralize_clip (model, self->mix, self->n, feature_of_window,
                               self, self->difference, error);
}
