/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One picture's way through tdsscrop: to RGB, upright, to 480x240, and of that
 * a crop of 448x224. Keeps what pictures of one size and format share. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct
{
  GstVideoConverter *converter; /* NULL: the input is RGB */
  GstVideoInfo rgb_info;
  guint8 *rgb;    /* the converted picture */
  guint8 *turned; /* the upright one */
  CcsResize *resize;
  gint width, height; /* what resize was made for */
  gboolean whole;     /* likewise */
  guint8 *resized;    /* 480x240 RGB */
} GstTdssPicture;

/* Prepares for pictures of @info. CCS_ERROR_ARGUMENT for those that cannot
 * be looked at. */
gboolean gst_tdss_picture_set_info (GstTdssPicture *self,
                                    const GstVideoInfo *info, GError **error);
void gst_tdss_picture_clear (GstTdssPicture *self);

/* @in, of the info that was set, turned by @turn, to @out. @whole: all of it is
 * resized to 448x224, and @at has no meaning. */
gboolean gst_tdss_picture_run (GstTdssPicture *self, GstVideoFrame *in,
                               GstVideoOrientationMethod turn, gboolean whole,
                               CcsPoint at, GstVideoFrame *out, GError **error);

G_END_DECLS
