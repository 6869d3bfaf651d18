/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions whose buffers are GBytes, so that languages can call them that
 * cannot pass C arrays. They check sizes, and call those that take arrays. */

#include <ccstereo/ccstereo.h>

#include "../binauralizer/binauralizer-private.h"

#define PIXEL 3 /* bytes */

static gboolean
check_size (const char *what, GBytes *bytes, gsize expected, GError **error)
{
  if (g_bytes_get_size (bytes) == expected)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "%s has %" G_GSIZE_FORMAT " bytes, not %" G_GSIZE_FORMAT, what,
               g_bytes_get_size (bytes), expected);
  return FALSE;
}

/* A copy where the bytes are not aligned for floats. (transfer full) */
static GBytes *
aligned (GBytes *bytes)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  return (gsize)data % G_ALIGNOF (float) ? g_bytes_new (data, size)
                                         : g_bytes_ref (bytes);
}

GBytes *
ccs_prepare_frame (GBytes *rgb, gint width, gint height, gint64 index,
                   GError **error)
{
  const gsize resized_size = PIXEL * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT;
  const gsize crop_size = PIXEL * CCS_CROP_WIDTH * CCS_CROP_HEIGHT;
  g_autoptr (CcsResize) resize = NULL;
  g_autofree guint8 *resized = NULL;
  guint8 *crop;

  g_return_val_if_fail (rgb != NULL, NULL);

  resize = ccs_resize_new (width, height, CCS_RESIZE_WIDTH, CCS_RESIZE_HEIGHT,
                           error);
  if (resize == NULL
      || !check_size ("frame", rgb, (gsize)PIXEL * width * height, error))
    return NULL;
  resized = g_malloc (resized_size);
  ccs_resize_run (resize, g_bytes_get_data (rgb, NULL), (gsize)PIXEL * width,
                  resized, PIXEL * CCS_RESIZE_WIDTH);
  crop = g_malloc (crop_size);
  ccs_crop (resized, ccs_tdss_point (index), crop);
  return g_bytes_new_take (crop, crop_size);
}

GBytes *
ccs_model_encode_bytes (CcsModel *self, GBytes *frame, GError **error)
{
  gsize size;
  float *feature;
  const guint8 *pixels;

  g_return_val_if_fail (self != NULL && frame != NULL, NULL);

  if (!check_size ("frame", frame, PIXEL * CCS_CROP_WIDTH * CCS_CROP_HEIGHT,
                   error))
    return NULL;
  size = ccs_model_feature_size (self);
  feature = g_new (float, size);
  pixels = g_bytes_get_data (frame, NULL);
  if (!ccs_model_encode (self, &pixels, 1, &feature, error)) {
    g_free (feature);
    return NULL;
  }
  return g_bytes_new_take (feature, size * sizeof *feature);
}

gboolean
ccs_binauralizer_push_feature_bytes (CcsBinauralizer *self, gint64 time,
                                     GBytes *feature, GError **error)
{
  g_autoptr (GBytes) floats = NULL;

  g_return_val_if_fail (self != NULL && feature != NULL, FALSE);

  if (!check_size ("feature", feature,
                   ccs_binauralizer_feature_size (self) * sizeof (float),
                   error))
    return FALSE;
  floats = aligned (feature);
  return ccs_binauralizer_push_feature (self, time,
                                        g_bytes_get_data (floats, NULL), error);
}

gboolean
ccs_binauralizer_push_audio_bytes (CcsBinauralizer *self, GBytes *samples,
                                   GError **error)
{
  g_autoptr (GBytes) floats = NULL;
  gsize frame;

  g_return_val_if_fail (self != NULL && samples != NULL, FALSE);

  frame = ccs_binauralizer_channels (self) * sizeof (float);
  if (g_bytes_get_size (samples) % frame) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "samples have %" G_GSIZE_FORMAT " bytes, not a multiple of "
                 "%" G_GSIZE_FORMAT,
                 g_bytes_get_size (samples), frame);
    return FALSE;
  }
  floats = aligned (samples);
  return ccs_binauralizer_push_audio (self, g_bytes_get_data (floats, NULL),
                                      g_bytes_get_size (floats) / frame, error);
}

GBytes *
ccs_binauralizer_pull_bytes (CcsBinauralizer *self, gsize frames)
{
  float *out;

  g_return_val_if_fail (self != NULL, NULL);

  frames = MIN (frames, ccs_binauralizer_available (self));
  out = g_new (float, 2 * frames);
  frames = ccs_binauralizer_pull (self, out, frames);
  return g_bytes_new_take (out, 2 * frames * sizeof *out);
}
