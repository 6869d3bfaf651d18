/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parameters of the kernels for a frame's format, size, rotation and crop.
 * Without CUDA calls, so that tests use them on the CPU. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <gst/video/video.h>

#include "picture-kernels.h"

G_BEGIN_DECLS

/* The planes of a stored frame. */
typedef struct
{
  const GstVideoInfo *info; /* format, size, colours */
  const guint8 *plane[GST_VIDEO_MAX_PLANES];
  gint stride[GST_VIDEO_MAX_PLANES];
  GstVideoOrientationMethod turn;
} GstTdssStored;

/* The taps of both axes, in one array that the kernels read, for upright frames
 * of @width x @height. */
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
/* Makes taps unless @self already fits. Errors as from ccs_resize_taps_new().
 */
gboolean gst_tdss_taps_ensure (GstTdssTaps *self, gint width, gint height,
                               gboolean whole, GError **error);
void gst_tdss_taps_clear (GstTdssTaps *self);

/* Device memory: the taps, and intermediate frames. */
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

/* Fills the parameters. @at is the position of the crop, which is ignored if
 * the whole frame is resized. */
void gst_tdss_plan_fill (GstTdssPlan *self, const GstTdssStored *stored,
                         const GstTdssTaps *taps, const GstTdssMemory *memory,
                         CcsPoint at);

G_END_DECLS
