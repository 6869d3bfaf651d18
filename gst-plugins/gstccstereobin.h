/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereobin: tdsscrop, ccstereoenc and ccstereodec with the queues and
 * converters that they need: binaural audio from mono audio and video. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_CCSTEREO_BIN (gst_ccstereo_bin_get_type ())
G_DECLARE_FINAL_TYPE (GstCcstereoBin, gst_ccstereo_bin, GST, CCSTEREO_BIN,
                      GstBin)

GST_ELEMENT_REGISTER_DECLARE (ccstereobin)

G_END_DECLS
