/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations on resized frames: the TDSS schedule and crops, Pillow's colour
 * enhancement, and the normalisation for the visual encoder (specification
 * sections 2, 7 and 11). */
#include "frame.h"

#include <string.h>

enum
{
  RED,
  GREEN,
  BLUE,
  N_CHANNELS
};

/* Range of the crop position in the resized frame. */
#define SLACK_X (CCS_RESIZE_WIDTH - CCS_CROP_WIDTH)
#define SLACK_Y (CCS_RESIZE_HEIGHT - CCS_CROP_HEIGHT)

/* ImageNet's statistics, which torchvision's ResNets were trained with. */
static const float channel_mean[N_CHANNELS] = { 0.485f, 0.456f, 0.406f };
static const float channel_std[N_CHANNELS] = { 0.229f, 0.224f, 0.225f };

gboolean
ccs_frame_size_is_valid (gint64 width, gint64 height)
{
  return width >= 1 && width <= CCS_FRAME_MAX_SIDE && height >= 1
         && height <= CCS_FRAME_MAX_SIDE
         && width * height <= CCS_FRAME_MAX_PIXELS;
}

CcsPoint
ccs_tdss_point (gint64 frame)
{
  static const CcsPoint points[CCS_TDSS_POINTS] = {
    { 0, 0 },
    { SLACK_X, 0 },
    { 0, SLACK_Y },
    { SLACK_X, SLACK_Y },
    { SLACK_X / 2, SLACK_Y / 2 },
  };
  gint64 phase = frame % CCS_TDSS_POINTS;

  return points[phase < 0 ? phase + CCS_TDSS_POINTS : phase];
}

CcsPoint
ccs_center_point (void)
{
  return (CcsPoint){ SLACK_X / 2, SLACK_Y / 2 };
}

void
ccs_crop (const guint8 *resized, CcsPoint at, guint8 *out)
{
  const gsize row = CCS_CROP_WIDTH * N_CHANNELS;

  g_return_if_fail (at.left >= 0 && at.left <= SLACK_X);
  g_return_if_fail (at.top >= 0 && at.top <= SLACK_Y);

  for (gsize y = 0; y < CCS_CROP_HEIGHT; y++)
    memcpy (out + y * row,
            resized + ((at.top + y) * CCS_RESIZE_WIDTH + at.left) * N_CHANNELS,
            row);
}

/* Pillow's blend of a value of the degenerate image and of the image: computed
 * in float, clamped, truncated. */
static inline guint8
blend (guint8 degenerate, guint8 value, float factor)
{
  float mixed = (float)degenerate + factor * ((float)value - (float)degenerate);

  return (guint8)CLAMP (mixed, 0.f, 255.f);
}

void
ccs_enhance_brightness (guint8 *rgb, gsize pixels, float factor)
{
  guint8 table[CCS_RGB_LEVELS];

  for (gint v = 0; v < CCS_RGB_LEVELS; v++)
    table[v] = blend (0, (guint8)v, factor);
  for (gsize i = 0; i < pixels * N_CHANNELS; i++)
    rgb[i] = table[rgb[i]];
}

void
ccs_enhance_color (guint8 *rgb, gsize pixels, float factor)
{
  for (guint8 *p = rgb; p < rgb + pixels * N_CHANNELS; p += N_CHANNELS) {
    /* Pillow's conversion to grey, ITU-R 601 in 16-bit fixed point. */
    guint8 grey
        = (guint8)((19595 * p[RED] + 38470 * p[GREEN] + 7471 * p[BLUE] + 32768)
                   >> 16);

    for (gint c = 0; c < N_CHANNELS; c++)
      p[c] = blend (grey, p[c], factor);
  }
}

void
ccs_normalize_table (float table[N_CHANNELS][CCS_RGB_LEVELS])
{
  for (gint c = 0; c < N_CHANNELS; c++)
    for (gint v = 0; v < CCS_RGB_LEVELS; v++)
      table[c][v] = ((float)v / 255.f - channel_mean[c]) / channel_std[c];
}
