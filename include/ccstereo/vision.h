/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames on their way to the visual encoder: resize, crop, and the schedule of
 * crops (TDSS). All frames are RGB, 8 bits. */
#pragma once

#include <glib.h>

#include <ccstereo/constants.h>
#include <ccstereo/export.h>

G_BEGIN_DECLS

/**
 * CCS_FRAME_MAX_SIDE:
 *
 * Largest width or height of a frame in pixels.
 */
#define CCS_FRAME_MAX_SIDE 32768
/**
 * CCS_FRAME_MAX_PIXELS:
 *
 * Largest number of pixels of a frame from a file or from caps. At 8 bytes a
 * pixel, the most of any raw format, that is 1 GiB: row offsets fit 32 bits.
 */
#define CCS_FRAME_MAX_PIXELS (1 << 27)

/**
 * ccs_frame_size_is_valid:
 * @width: width in pixels
 * @height: height in pixels
 *
 * Checks that a frame has at least one pixel and is within
 * %CCS_FRAME_MAX_SIDE and %CCS_FRAME_MAX_PIXELS. Call it before memory is
 * allocated for a size that comes from outside. Thread-safe.
 *
 * Returns: whether the size is valid
 */
CCS_API gboolean ccs_frame_size_is_valid (gint64 width, gint64 height);

/**
 * CcsResize:
 *
 * A resize from one size to another, prepared once and reusable. The bytes are
 * those of Pillow 9.4's bicubic resize. One thread at a time may use an object;
 * different objects are independent.
 */
typedef struct _CcsResize CcsResize;

/**
 * ccs_resize_new: (skip)
 * @in_width: width of the input in pixels
 * @in_height: height of the input in pixels
 * @out_width: width of the output in pixels
 * @out_height: height of the output in pixels
 * @error: return location for a #GError
 *
 * Prepares a resize. All sizes are 1 to %CCS_FRAME_MAX_SIDE.
 *
 * Errors: %CCS_ERROR_ARGUMENT for a size outside the range,
 * %CCS_ERROR_MEMORY.
 *
 * Returns: (transfer full): the resize, or %NULL on error
 */
CCS_API CcsResize *ccs_resize_new (gint in_width, gint in_height,
                                   gint out_width, gint out_height,
                                   GError **error);

/**
 * ccs_resize_free: (skip)
 * @self: (transfer full) (nullable): a resize
 *
 * Frees @self.
 */
CCS_API void ccs_resize_free (CcsResize *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsResize, ccs_resize_free)

/**
 * ccs_resize_run: (skip)
 * @self: a resize
 * @in: the input frame
 * @in_stride: bytes from one row of @in to the next
 * @out: the output frame, which must not overlap @in
 * @out_stride: bytes from one row of @out to the next
 *
 * Resizes a frame of the prepared size.
 */
CCS_API void ccs_resize_run (CcsResize *self, const guint8 *in, gsize in_stride,
                             guint8 *out, gsize out_stride);

/**
 * CcsPoint:
 * @left: pixels from the left edge
 * @top: pixels from the top edge
 *
 * The position of a crop within the resized frame.
 */
typedef struct
{
  gint left, top;
} CcsPoint;

/**
 * CCS_TDSS_POINTS:
 *
 * Number of positions in the published schedule of crops.
 */
#define CCS_TDSS_POINTS 5

/**
 * ccs_tdss_point: (skip)
 * @frame: index of the frame; the published schedule counts from 1
 *
 * Returns the position of the crop of frame @frame: the corners in turn, then
 * the centre. Thread-safe.
 *
 * Returns: the position, at most (32, 16)
 */
CCS_API CcsPoint ccs_tdss_point (gint64 frame);

/**
 * ccs_center_point: (skip)
 *
 * Returns the position of the crop in the centre. Thread-safe.
 *
 * Returns: the position (16, 8)
 */
CCS_API CcsPoint ccs_center_point (void);

/**
 * ccs_crop: (skip)
 * @resized: a frame of %CCS_RESIZE_WIDTH x %CCS_RESIZE_HEIGHT pixels, rows
 *   dense
 * @at: position of the crop
 * @out: a frame of %CCS_CROP_WIDTH x %CCS_CROP_HEIGHT pixels, rows dense, which
 *   is filled
 *
 * Copies the crop at @at. Thread-safe.
 */
CCS_API void ccs_crop (const guint8 *resized, CcsPoint at, guint8 *out);

/**
 * ccs_prepare_frame:
 * @rgb: a frame, RGB, 8 bits, rows dense
 * @width: its width in pixels
 * @height: its height in pixels
 * @index: index of the frame, as for ccs_tdss_point()
 * @error: return location for a #GError
 *
 * Resizes and crops a frame for the visual encoder. Callers with many frames of
 * one size save time with ccs_resize_new(). Thread-safe.
 *
 * Errors: %CCS_ERROR_ARGUMENT if @rgb has another size than
 * @width x @height x 3 bytes; as for ccs_resize_new().
 *
 * Returns: (transfer full): a frame of %CCS_CROP_WIDTH x %CCS_CROP_HEIGHT
 *   pixels, rows dense, or %NULL on error
 */
CCS_API GBytes *ccs_prepare_frame (GBytes *rgb, gint width, gint height,
                                   gint64 index, GError **error);

G_END_DECLS
