/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Windows through the model, those without a feature included. Private to the
 * binauralizer. */
#pragma once

#include <ccstereo/model.h>

G_BEGIN_DECLS

/* @n windows (at most CCS_MODEL_MAX_WINDOWS) of mix [10080] with their
 * features, NULL where there is none -> @differences [n,10080]; without a
 * feature the sound stays in the centre: zeros. */
gboolean ccs_window_batch_run (CcsModel *model, const float *const *mixes,
                               const float *const *features, guint n,
                               float *differences, GError **error);

G_END_DECLS
