/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures on their way to the net: Pillow-exact bicubic resize and colour
 * enhancement (specification section 11), crops, the TDSS schedule (section 7).
 * All pictures are 8-bit RGB, rows @stride bytes apart. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Largest size of a frame from a file or from caps: pixels of a side, and
 * pixels in all. At 8 bytes a pixel, the most of any raw format, that is 1 GiB:
 * row offsets fit 32 bits. */
#define CCS_FRAME_MAX_SIDE 32768
#define CCS_FRAME_MAX_PIXELS (1 << 27)
/* Returns whether a frame of @width x @height has at least one pixel and is
 * within both limits. To be called before memory is allocated for a size that
 * comes from outside. Thread-safe. */
gboolean ccs_frame_size_is_valid (gint64 width, gint64 height);

/* A planned resize from one size to another: weights and scratch, reusable,
 * for one thread at a time. The bytes are those of Pillow 9.4, which always
 * filters rows first; later releases filter columns first where that is
 * cheaper, and then round differently. */
typedef struct _CcsResize CcsResize;
/* Sizes 1 to 32768; else CCS_ERROR_ARGUMENT, and CCS_ERROR_MEMORY. */
CcsResize *ccs_resize_new (gint in_width, gint in_height, gint out_width,
                           gint out_height, GError **error);
void ccs_resize_free (CcsResize *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsResize, ccs_resize_free)
/* @in and @out have the sizes that were planned, and do not overlap. */
void ccs_resize_run (CcsResize *self, const guint8 *in, gsize in_stride,
                     guint8 *out, gsize out_stride);

/* One direction of a resize in numbers, for those who run it elsewhere: output
 * position x is the sum over k < count[x] of in[first[x] + k] times
 * weight[x n_taps + k], plus a half, shifted down by CCS_RESIZE_WEIGHT_BITS and
 * clamped to a byte; all modulo 2^32. Rows are resized before columns. */
#define CCS_RESIZE_WEIGHT_BITS 22
typedef struct
{
  gint in, out, n_taps;
  gint32 *first, *count; /* [out] */
  gint32 *weight;        /* [out,n_taps], zero from count on */
} CcsResizeTaps;
/* CCS_ERROR_ARGUMENT and CCS_ERROR_MEMORY as for ccs_resize_new(). */
CcsResizeTaps *ccs_resize_taps_new (gint in, gint out, GError **error);
void ccs_resize_taps_free (CcsResizeTaps *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsResizeTaps, ccs_resize_taps_free)

typedef struct
{
  gint left, top;
} CcsPoint;

/* Number of points in the published schedule: 5. */
#define CCS_TDSS_POINTS 5
/* The crop of frame @frame (any number; the published ones count from 1):
 * points[frame mod 5] of top-left, top-right, bottom-left, bottom-right,
 * centre of the 32 x 16 slack. */
CcsPoint ccs_tdss_point (gint64 frame);
/* The centre: (16, 8). */
CcsPoint ccs_center_point (void);

/* Copies the 448x224 crop at @at of the 480x240 picture @resized to @out, both
 * of dense rows. @at must lie within the slack. */
void ccs_crop (const guint8 *resized, CcsPoint at, guint8 *out);

/* Pillow's Brightness and Color enhancement by @factor, in place over @pixels
 * RGB pixels. */
void ccs_enhance_brightness (guint8 *rgb, gsize pixels, float factor);
void ccs_enhance_color (guint8 *rgb, gsize pixels, float factor);

/* (v/255 - mean)/std for each channel and 8-bit value v: the visual encoder's
 * input. */
#define CCS_RGB_LEVELS 256
void ccs_normalize_table (float table[3][CCS_RGB_LEVELS]);

G_END_DECLS
