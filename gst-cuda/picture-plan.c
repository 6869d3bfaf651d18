/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "picture-plan.h"

#include <string.h>

#include "gsttdssturn.h"
#include "vision/frame.h"

G_STATIC_ASSERT (CCS_TAPS_WEIGHT_BITS == CCS_RESIZE_WEIGHT_BITS);

void
gst_tdss_plan_upright_size (const GstTdssStored *stored, gint *width,
                            gint *height)
{
  const gboolean on_side
      = gst_tdss_turn_is_on_side (gst_tdss_turn (stored->turn));
  const gint w = GST_VIDEO_INFO_WIDTH (stored->info);
  const gint h = GST_VIDEO_INFO_HEIGHT (stored->info);

  *width = on_side ? h : w;
  *height = on_side ? w : h;
}

/* -- taps ------------------------------------------------------------------ */

void
gst_tdss_taps_clear (GstTdssTaps *self)
{
  g_clear_pointer (&self->values, g_free);
  *self = (GstTdssTaps){ 0 };
}

static void
append (GstTdssTaps *self, gsize *at, const gint32 *values, gsize n)
{
  *at = self->n_values;
  self->values = g_renew (gint32, self->values, self->n_values + n);
  memcpy (self->values + self->n_values, values, n * sizeof *values);
  self->n_values += n;
}

static gboolean
append_direction (GstTdssTaps *self, guint direction, gint in, gint out,
                  GError **error)
{
  g_autoptr (CcsResizeTaps) taps = ccs_resize_taps_new (in, out, error);
  gsize *at = self->at[direction];

  if (taps == NULL)
    return FALSE;
  self->n_taps[direction] = taps->n_taps;
  append (self, &at[0], taps->first, out);
  append (self, &at[1], taps->count, out);
  append (self, &at[2], taps->weight, (gsize)out * taps->n_taps);
  return TRUE;
}

gboolean
gst_tdss_taps_ensure (GstTdssTaps *self, gint width, gint height,
                      gboolean whole, GError **error)
{
  if (self->values && self->width == width && self->height == height
      && self->whole == whole)
    return TRUE;
  gst_tdss_taps_clear (self);
  if (!append_direction (self, 0, width,
                         whole ? CCS_CROP_WIDTH : CCS_RESIZE_WIDTH, error)
      || !append_direction (self, 1, height,
                            whole ? CCS_CROP_HEIGHT : CCS_RESIZE_HEIGHT,
                            error)) {
    gst_tdss_taps_clear (self);
    return FALSE;
  }
  self->width = width;
  self->height = height;
  self->whole = whole;
  return TRUE;
}

static CcsTaps
taps_of (const GstTdssTaps *self, const GstTdssMemory *memory, guint direction)
{
  const gsize *at = self->at[direction];

  return (CcsTaps){ memory->taps + at[0], memory->taps + at[1],
                    memory->taps + at[2], self->n_taps[direction] };
}

/* -- pixels ---------------------------------------------------------------- */

static CcsComponent
component_of (const GstTdssStored *stored, guint k)
{
  const GstVideoInfo *info = stored->info;
  const GstVideoFormatInfo *format = info->finfo;
  const guint plane = GST_VIDEO_FORMAT_INFO_PLANE (format, k);
  const GstVideoChromaSite site = GST_VIDEO_INFO_CHROMA_SITE (info);
  const gint size = GST_VIDEO_FORMAT_INFO_BITS (format) > 8 ? 2 : 1;
  /* GStreamer 1.22 describes P010's third component one byte after the second.
   */
  const gint offset
      = (GST_VIDEO_FORMAT_INFO_POFFSET (format, k) + size - 1) / size * size;

  return (CcsComponent){
    .data = stored->plane[plane] + offset,
    .stride = stored->stride[plane],
    .step = GST_VIDEO_FORMAT_INFO_PSTRIDE (format, k),
    .width = GST_VIDEO_INFO_COMP_WIDTH (info, k),
    .height = GST_VIDEO_INFO_COMP_HEIGHT (info, k),
    .size = size,
    .shift = GST_VIDEO_FORMAT_INFO_SHIFT (format, k),
    .sub_x = GST_VIDEO_FORMAT_INFO_W_SUB (format, k),
    .sub_y = GST_VIDEO_FORMAT_INFO_H_SUB (format, k),
    .sited_x = (site & GST_VIDEO_CHROMA_SITE_H_COSITED) != 0,
    .sited_y = (site & GST_VIDEO_CHROMA_SITE_V_COSITED) != 0,
  };
}

/* Rows R, G, B of Y in 0..1, and of both differences in -1/2..1/2. */
static void
difference_matrix (GstVideoColorMatrix which, double matrix[3][3])
{
  double kr = 0.299, kb = 0.114; /* BT.601 if the caps specify no matrix */

  gst_video_color_matrix_get_Kr_Kb (which, &kr, &kb);
  for (guint k = 0; k < 3; k++)
    matrix[k][0] = 1.;
  matrix[0][1] = 0.;
  matrix[0][2] = 2. * (1. - kr);
  matrix[1][1] = -2. * (1. - kb) * kb / (1. - kr - kb);
  matrix[1][2] = -2. * (1. - kr) * kr / (1. - kr - kb);
  matrix[2][1] = 2. * (1. - kb);
  matrix[2][2] = 0.;
}

static void
colour_matrix (const GstVideoInfo *info, float to[3][4])
{
  double matrix[3][3] = { { 1., 0., 0. }, { 0., 1., 0. }, { 0., 0., 1. } };
  gint offset[GST_VIDEO_MAX_COMPONENTS], scale[GST_VIDEO_MAX_COMPONENTS];

  gst_video_color_range_offsets (info->colorimetry.range, info->finfo, offset,
                                 scale);
  if (GST_VIDEO_INFO_IS_YUV (info))
    difference_matrix (info->colorimetry.matrix, matrix);
  for (guint k = 0; k < 3; k++) {
    double constant = 0.;

    for (guint j = 0; j < 3; j++) {
      to[k][j] = (float)(255. * matrix[k][j] / scale[j]);
      constant -= 255. * matrix[k][j] * offset[j] / scale[j];
    }
    to[k][3] = (float)constant;
  }
}

/* -- the plan -------------------------------------------------------------- */

static guint
blocks_of (guint n)
{
  return (n + CCS_BLOCK_THREADS - 1) / CCS_BLOCK_THREADS;
}

static void
fill_rgb (CcsPictureRgbParams *p, const GstTdssStored *stored,
          const GstTdssTaps *taps, const GstTdssMemory *memory)
{
  const GstTdssTurn *turn = gst_tdss_turn (stored->turn);

  *p = (CcsPictureRgbParams){ .width = taps->width,
                              .n = (guint)taps->width * taps->height,
                              .rgb = memory->upright };
  for (guint k = 0; k < G_N_ELEMENTS (p->component); k++)
    p->component[k] = component_of (stored, k);
  colour_matrix (stored->info, p->matrix);
  p->start_x = turn->from_right ? GST_VIDEO_INFO_WIDTH (stored->info) - 1 : 0;
  p->start_y = turn->from_bottom ? GST_VIDEO_INFO_HEIGHT (stored->info) - 1 : 0;
  memcpy (p->across, turn->across, sizeof p->across);
  memcpy (p->down, turn->down, sizeof p->down);
}

void
gst_tdss_plan_fill (GstTdssPlan *self, const GstTdssStored *stored,
                    const GstTdssTaps *taps, const GstTdssMemory *memory,
                    CcsPoint at)
{
  fill_rgb (&self->picture_rgb, stored, taps, memory);
  self->picture_rows = (CcsPictureRowsParams){
    .taps = taps_of (taps, memory, 0),
    .in = memory->upright,
    .out = memory->narrowed,
    .width = taps->width,
    .out_width = CCS_CROP_WIDTH,
    .left = taps->whole ? 0 : at.left,
    .n = (guint)CCS_CROP_WIDTH * taps->height,
  };
  self->picture_columns = (CcsPictureColumnsParams){
    .taps = taps_of (taps, memory, 1),
    .in = memory->narrowed,
    .out = memory->crop,
    .width = CCS_CROP_WIDTH,
    .top = taps->whole ? 0 : at.top,
    .n = CCS_CROP_WIDTH * CCS_CROP_HEIGHT,
  };
#define X(name, Params)                                                        \
  self->params[CCS_KERNEL_##name] = &self->name;                               \
  self->blocks[CCS_KERNEL_##name] = blocks_of (self->name.n);
  CCS_PICTURE_KERNEL_LIST (X)
#undef X
}
