/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsttdssturn.h"

static const GstTdssTurn turns[] = {
  [GST_VIDEO_ORIENTATION_IDENTITY] = { FALSE, FALSE, { 1, 0 }, { 0, 1 } },
  [GST_VIDEO_ORIENTATION_90R] = { FALSE, TRUE, { 0, -1 }, { 1, 0 } },
  [GST_VIDEO_ORIENTATION_180] = { TRUE, TRUE, { -1, 0 }, { 0, -1 } },
  [GST_VIDEO_ORIENTATION_90L] = { TRUE, FALSE, { 0, 1 }, { -1, 0 } },
  [GST_VIDEO_ORIENTATION_HORIZ] = { TRUE, FALSE, { -1, 0 }, { 0, 1 } },
  [GST_VIDEO_ORIENTATION_VERT] = { FALSE, TRUE, { 1, 0 }, { 0, -1 } },
  [GST_VIDEO_ORIENTATION_UL_LR] = { FALSE, FALSE, { 0, 1 }, { 1, 0 } },
  [GST_VIDEO_ORIENTATION_UR_LL] = { TRUE, TRUE, { 0, -1 }, { -1, 0 } },
};

const GstTdssTurn *
gst_tdss_turn (GstVideoOrientationMethod how)
{
  return &turns[(guint)how < G_N_ELEMENTS (turns)
                    ? how
                    : GST_VIDEO_ORIENTATION_IDENTITY];
}

gboolean
gst_tdss_turn_is_on_side (const GstTdssTurn *self)
{
  return self->across[0] == 0;
}
