/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tdsscrop: converts video of any size and rate to frames of 448x224 RGB at the
 * analysis rate, with a crop that moves from frame to frame. */
#pragma once

#include <gst/video/gstvideofilter.h>

G_BEGIN_DECLS

#define GST_TYPE_TDSS_CROP (gst_tdss_crop_get_type ())
G_DECLARE_FINAL_TYPE (GstTdssCrop, gst_tdss_crop, GST, TDSS_CROP,
                      GstVideoFilter)

GST_ELEMENT_REGISTER_DECLARE (tdsscrop)

G_END_DECLS
