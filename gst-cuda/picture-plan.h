/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernels of pictures are given for a picture of a format, a size, a
 * turn and a crop: numbers alone, so that tests do with them on the CPU what
 * the GPU does. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <gst/video/video.h>

#include "picture-kernels.h"

G_BEGIN_DECLS

/* Where a stored picture's planes are. */
typedef struct
{
  const GstVideoInfo *info; /* format, size, colours */
  const guint8 *plane[GST_VIDEO_MAX_PLANES];
  gint stride[GST_VIDEO_MAX_PLANES];
  GstVideoOrientationMethod turn;
} GstTdssStored;

/* The taps of both directions, one array that the kernels read; made for
 * upright pictures of @width x @height. */
typedef struct
{
  gint width, height;
  gboolean whole; /* to 448x224, not to 480x240 */
  gint32 *values;
  gsize n_values;
  gsize at[2][3]; /* first, count, weight of rows and of columns */
  gint n_taps[2];
} GstTdssTaps;

void gst_tdss_plan_upright_size (const GstTdssStored *stored, gint *width,
                                 gint *height);
/* Leaves @self as it is where it serves already; FALSE with the error of the
 * core. */
gboolean gst_tdss_taps_ensure (GstTdssTaps *self, gint width, gint height,
                               gboolean whole, GError **error);
void gst_tdss_taps_clear (GstTdssTaps *self);

/* Device memory: the taps' values, and what goes from kernel to kernel. */
typedef struct
{
  const gint32 *taps;
  CcsRgb *upright;  /* [height,width] */
  CcsRgb *narrowed; /* [height,CCS_CROP_WIDTH] */
  guint8 *crop;     /* [CCS_CROP_HEIGHT,CCS_CROP_WIDTH,3] */
} GstTdssMemory;

typedef struct
{
  CcsPictureRgbParams picture_rgb;
  CcsPictureRowsParams picture_rows;
  CcsPictureColumnsParams picture_columns;
  gpointer params[CCS_N_PICTURE_KERNELS]; /* of these */
  guint blocks[CCS_N_PICTURE_KERNELS];
} GstTdssPlan;

/* @at: the crop's place; it has none where the whole picture is resized. */
void gst_tdss_plan_fill (GstTdssPlan *self, const GstTdssStored *stored,
                         const GstTdssTaps *taps, const GstTdssMemory *memory,
                         CcsPoint at);

G_END_DECLS
