/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Converts one frame for tdsscrop in system memory: to RGB, upright, resized to
 * 480x240, cropped to 448x224. Keeps the converter, the resize tables and the
 * buffers for frames of one size and format. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct
{
  GstVideoConverter *converter; /* NULL: the input is RGB */
  GstVideoInfo rgb_info;
  guint8 *rgb;    /* the converted frame */
  guint8 *turned; /* the upright frame */
  CcsResize *resize;
  gint width, height; /* input size of resize */
  gboolean whole;     /* resize is for a whole frame */
  guint8 *resized;    /* 480x240 RGB */
} GstTdssPicture;

/* Prepares for frames with @info. Fails with CCS_ERROR_ARGUMENT if their size
 * or format is not supported. */
gboolean gst_tdss_picture_set_info (GstTdssPicture *self,
                                    const GstVideoInfo *info, GError **error);
void gst_tdss_picture_clear (GstTdssPicture *self);

/* Makes the crop @out at @at from the frame @in, which has the info that was
 * set, rotated or flipped by @turn. With @whole resizes the whole frame to
 * 448x224 instead, and ignores @at. */
gboolean gst_tdss_picture_run (GstTdssPicture *self, GstVideoFrame *in,
                               GstVideoOrientationMethod turn, gboolean whole,
                               CcsPoint at, GstVideoFrame *out, GError **error);

G_END_DECLS
