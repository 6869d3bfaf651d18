/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole clip in the published protocol, for evaluation. */
#pragma once

#include <ccstereo/model.h>

G_BEGIN_DECLS

/* Returns the feature of window @window, which has to stay valid until
 * ccs_binauralize_clip() returns; NULL leaves the window in the centre. */
typedef const float *(*CcsFeatureOfWindow) (gsize window, gpointer user_data);

/* Predicts the difference for a whole clip in the published protocol at
 * CCS_MODEL_RATE: @mix of @n samples; features by window through
 * @feature_of_window (the number of windows is ccs_grid_windows (n, CCS_WINDOW,
 * CCS_HOP)) -> @difference [n]. */
gboolean ccs_binauralize_clip (CcsModel *model, const float *mix, gsize n,
                               CcsFeatureOfWindow feature_of_window,
                               gpointer user_data, float *difference,
                               GError **error);

G_END_DECLS
