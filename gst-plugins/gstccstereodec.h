/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereodec: computes binaural audio from mono or stereo audio and visual
 * features, sample for sample. */
#pragma once

#include <gst/base/gstaggregator.h>

G_BEGIN_DECLS

#define GST_TYPE_CCSTEREO_DEC (gst_ccstereo_dec_get_type ())
G_DECLARE_FINAL_TYPE (GstCcstereoDec, gst_ccstereo_dec, GST, CCSTEREO_DEC,
                      GstAggregator)

/* Installs hop, lookahead, width and processing-deadline with the ids @first ..
 * @first + 3, for ccstereodec and ccstereobin. */
#define GST_CCSTEREO_DEC_N_SOUND_PROPERTIES 4
void gst_ccstereo_dec_install_sound_properties (GObjectClass *klass,
                                                guint first);

GST_ELEMENT_REGISTER_DECLARE (ccstereodec)

G_END_DECLS
