/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Steps that would change nothing are skipped. */
#include "gsttdsspicture.h"
#include "gsttdssturn.h"
#include <string.h>

#define PIXEL 3 /* bytes */
#define RESIZED_ROW (CCS_RESIZE_WIDTH * PIXEL)
#define CROP_ROW (CCS_CROP_WIDTH * PIXEL)

void
gst_tdss_picture_clear (GstTdssPicture *self)
{
  g_clear_pointer (&self->converter, gst_video_converter_free);
  g_clear_pointer (&self->rgb, g_free);
  g_clear_pointer (&self->turned, g_free);
  g_clear_pointer (&self->resize, ccs_resize_free);
  g_clear_pointer (&self->resized, g_free);
}

/* Allocates @size bytes for a whole frame. NULL with an error set. */
static guint8 *
allocate_frame (gsize size, GError **error)
{
  guint8 *frame = g_try_malloc (size);

  if (frame == NULL)
    g_set_error (error, CCS_ERROR, CCS_ERROR_MEMORY,
                 "not enough memory for a frame of %" G_GSIZE_FORMAT " bytes",
                 size);
  return frame;
}

/* -- to RGB ---------------------------------------------------------------- */

/* Makes a converter for format and colours, without scaling. */
static gboolean
make_converter (GstTdssPicture *self, const GstVideoInfo *info, GError **error)
{
  if (gst_video_info_set_format (&self->rgb_info, GST_VIDEO_FORMAT_RGB,
                                 GST_VIDEO_INFO_WIDTH (info),
                                 GST_VIDEO_INFO_HEIGHT (info))) {
    GST_VIDEO_INFO_FPS_N (&self->rgb_info) = GST_VIDEO_INFO_FPS_N (info);
    GST_VIDEO_INFO_FPS_D (&self->rgb_info) = GST_VIDEO_INFO_FPS_D (info);
    GST_VIDEO_INFO_INTERLACE_MODE (&self->rgb_info)
        = GST_VIDEO_INFO_INTERLACE_MODE (info);
    self->converter = gst_video_converter_new (info, &self->rgb_info, NULL);
  }
  if (self->converter == NULL) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "%s cannot be converted to RGB", GST_VIDEO_INFO_NAME (info));
    return FALSE;
  }
  self->rgb = allocate_frame (GST_VIDEO_INFO_SIZE (&self->rgb_info), error);
  return self->rgb != NULL;
}

gboolean
gst_tdss_picture_set_info (GstTdssPicture *self, const GstVideoInfo *info,
                           GError **error)
{
  const gint width = GST_VIDEO_INFO_WIDTH (info);
  const gint height = GST_VIDEO_INFO_HEIGHT (info);

  gst_tdss_picture_clear (self);
  if (!ccs_frame_size_is_valid (width, height)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "frames of %dx%d are too large: scale them down to at most %d "
                 "pixels a side and %d in all",
                 width, height, CCS_FRAME_MAX_SIDE, CCS_FRAME_MAX_PIXELS);
    return FALSE;
  }
  return GST_VIDEO_INFO_FORMAT (info) == GST_VIDEO_FORMAT_RGB
         || make_converter (self, info, error);
}

/* Returns the pixels of @in as RGB, and the distance of rows in @stride. */
static const guint8 *
to_rgb (GstTdssPicture *self, GstVideoFrame *in, gsize *stride)
{
  const gsize size = GST_VIDEO_INFO_SIZE (&self->rgb_info);
  g_autoptr (GstBuffer) buffer = NULL;
  GstVideoFrame rgb;

  if (self->converter == NULL) {
    *stride = GST_VIDEO_FRAME_PLANE_STRIDE (in, 0);
    return GST_VIDEO_FRAME_PLANE_DATA (in, 0);
  }
  buffer
      = gst_buffer_new_wrapped_full (0, self->rgb, size, 0, size, NULL, NULL);
  if (!gst_video_frame_map (&rgb, &self->rgb_info, buffer, GST_MAP_WRITE))
    return NULL;
  gst_video_converter_frame (self->converter, in, &rgb);
  gst_video_frame_unmap (&rgb);
  *stride = GST_VIDEO_INFO_PLANE_STRIDE (&self->rgb_info, 0);
  return self->rgb;
}

/* -- upright --------------------------------------------------------------- */

/* An RGB frame and its size. */
typedef struct
{
  const guint8 *rgb;
  gsize stride;
  gint width, height;
} Picture;

/* Rotates or flips @picture by @turn, into memory of @self. */
static gboolean
turn_picture (GstTdssPicture *self, Picture *picture, const GstTdssTurn *turn,
              GError **error)
{
  const Picture in = *picture;
  const gboolean on_side = gst_tdss_turn_is_on_side (turn);
  const gint width = on_side ? in.height : in.width;
  const gint height = on_side ? in.width : in.height;
  const gssize across
      = turn->across[0] * PIXEL + turn->across[1] * (gssize)in.stride;
  const gssize down = turn->down[0] * PIXEL + turn->down[1] * (gssize)in.stride;
  const guint8 *start = in.rgb;
  guint8 *out;

  if (turn->from_right)
    start += (gsize)(in.width - 1) * PIXEL;
  if (turn->from_bottom)
    start += (gsize)(in.height - 1) * in.stride;
  if (self->turned == NULL)
    self->turned = allocate_frame ((gsize)PIXEL * width * height, error);
  if (self->turned == NULL)
    return FALSE;
  out = self->turned;
  for (gint y = 0; y < height; y++, start += down) {
    const guint8 *from = start;

    for (gint x = 0; x < width; x++, from += across, out += PIXEL)
      memcpy (out, from, PIXEL);
  }
  *picture = (Picture){ self->turned, (gsize)PIXEL * width, width, height };
  return TRUE;
}

/* -- to size --------------------------------------------------------------- */

static gboolean
ensure_resize (GstTdssPicture *self, const Picture *in, gboolean whole,
               GError **error)
{
  if (self->resize && self->width == in->width && self->height == in->height
      && self->whole == whole)
    return TRUE;
  g_clear_pointer (&self->resize, ccs_resize_free);
  self->resize = ccs_resize_new (
      in->width, in->height, whole ? CCS_CROP_WIDTH : CCS_RESIZE_WIDTH,
      whole ? CCS_CROP_HEIGHT : CCS_RESIZE_HEIGHT, error);
  if (self->resize == NULL)
    return FALSE;
  self->width = in->width;
  self->height = in->height;
  self->whole = whole;
  if (self->resized == NULL)
    self->resized = g_malloc (RESIZED_ROW * CCS_RESIZE_HEIGHT);
  return TRUE;
}

static void
write_crop (GstTdssPicture *self, const Picture *in, CcsPoint at,
            GstVideoFrame *out)
{
  guint8 *to = GST_VIDEO_FRAME_PLANE_DATA (out, 0);
  gsize to_stride = GST_VIDEO_FRAME_PLANE_STRIDE (out, 0);

  if (self->whole) {
    ccs_resize_run (self->resize, in->rgb, in->stride, to, to_stride);
    return;
  }
  ccs_resize_run (self->resize, in->rgb, in->stride, self->resized,
                  RESIZED_ROW);
  for (gint y = 0; y < CCS_CROP_HEIGHT; y++)
    memcpy (to + y * to_stride,
            self->resized + (at.top + y) * RESIZED_ROW + at.left * PIXEL,
            CROP_ROW);
}

gboolean
gst_tdss_picture_run (GstTdssPicture *self, GstVideoFrame *in,
                      GstVideoOrientationMethod turn, gboolean whole,
                      CcsPoint at, GstVideoFrame *out, GError **error)
{
  Picture picture
      = { NULL, 0, GST_VIDEO_FRAME_WIDTH (in), GST_VIDEO_FRAME_HEIGHT (in) };

  picture.rgb = to_rgb (self, in, &picture.stride);
  if (picture.rgb == NULL) {
    g_set_error_literal (error, CCS_ERROR, CCS_ERROR_MEMORY,
                         "the memory of a frame could not be mapped");
    return FALSE;
  }
  if (turn != GST_VIDEO_ORIENTATION_IDENTITY
      && !turn_picture (self, &picture, gst_tdss_turn (turn), error))
    return FALSE;
  if (!ensure_resize (self, &picture, whole, error))
    return FALSE;
  write_crop (self, &picture, at, out);
  return TRUE;
}
