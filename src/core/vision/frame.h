/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resizing and colour functions for this project's programs and modules. The
 * public part is <ccstereo/vision.h>. */
#pragma once

#include <ccstereo/vision.h>

G_BEGIN_DECLS

/* The weights of a resize along one axis, for other implementations: output
 * position x is the sum over k < count[x] of in[first[x] + k] times weight[x
 * n_taps + k], plus a half, shifted right by CCS_RESIZE_WEIGHT_BITS and clamped
 * to a byte; all modulo 2^32. Rows are resized before columns. */
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

/* Pillow's Brightness and Color enhancement by @factor, in place over @pixels
 * RGB pixels. */
void ccs_enhance_brightness (guint8 *rgb, gsize pixels, float factor);
void ccs_enhance_color (guint8 *rgb, gsize pixels, float factor);

/* (v/255 - mean)/std for each channel and 8-bit value v: the visual encoder's
 * input. */
#define CCS_RGB_LEVELS 256
void ccs_normalize_table (float table[3][CCS_RGB_LEVELS]);

G_END_DECLS
