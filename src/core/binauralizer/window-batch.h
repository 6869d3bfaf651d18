/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs windows, with or without a feature. Private to the binauralizer. */
#pragma once

#include <ccstereo/model.h>

G_BEGIN_DECLS

/* Computes @differences [n,10080] for @n windows (at most
 * CCS_MODEL_MAX_WINDOWS) of mix [10080] and their features. A window whose
 * feature is NULL gets zeros: its audio is centred. */
gboolean ccs_window_batch_run (CcsModel *model, const float *const *mixes,
                               const float *const *features, guint n,
                               float *differences, GError **error);

G_END_DECLS
