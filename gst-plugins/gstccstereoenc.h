/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereoenc: pictures of tdsscrop to the features that ccstereodec hears
 * with. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_CCSTEREO_ENC (gst_ccstereo_enc_get_type ())
G_DECLARE_FINAL_TYPE (GstCcstereoEnc, gst_ccstereo_enc, GST, CCSTEREO_ENC,
                      GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE (ccstereoenc)

G_END_DECLS
