/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a stored picture is walked through to come out upright. */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* Where a turn begins in the picture that it turns, and in which direction it
 * goes there: a column of the result further and a row of it further, in
 * columns and rows. */
typedef struct
{
  gboolean from_right, from_bottom;
  gint across[2], down[2];
} GstTdssTurn;

/* That of @how; of identity for what is none. (transfer none) */
const GstTdssTurn *gst_tdss_turn (GstVideoOrientationMethod how);
/* Whether the upright picture is as wide as the stored one is high. */
gboolean gst_tdss_turn_is_on_side (const GstTdssTurn *self);

G_END_DECLS
