/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order in which the pixels of a stored frame are read to get an upright
 * one. */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* A rotation or flip. The first pixel of the result is in a corner of the
 * stored frame (@from_right, @from_bottom). The next column and the next row of
 * the result are @across and @down away, in columns and rows of the stored
 * frame. */
typedef struct
{
  gboolean from_right, from_bottom;
  gint across[2], down[2];
} GstTdssTurn;

/* Returns the turn for @how; that of identity for values that are not a
 * rotation or flip. (transfer none) */
const GstTdssTurn *gst_tdss_turn (GstVideoOrientationMethod how);
/* Returns whether the turn exchanges width and height. */
gboolean gst_tdss_turn_is_on_side (const GstTdssTurn *self);

G_END_DECLS
