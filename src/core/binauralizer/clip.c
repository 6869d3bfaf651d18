/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole clip in the published protocol (specification section 7): what
 * evaluation compares with published numbers. */

#include <string.h>

#include "../audio/window-grid.h"
#include "clip.h"
#include "window-batch.h"

gboolean
ccs_binauralize_clip (CcsModel *model, const float *mix, gsize n,
                      CcsFeatureOfWindow feature_of_window, gpointer user_data,
                      float *difference, GError **error)
{
  const gsize windows = ccs_grid_windows (n, CCS_WINDOW, CCS_HOP);
  const guint most = ccs_model_preferred_windows (model);
  g_autofree float *padded
      = g_new0 (float, ccs_grid_padded (n, CCS_WINDOW, CCS_HOP));
  g_autofree float *batch = g_new (float, (gsize)most *CCS_WINDOW);
  g_autoptr (CcsOverlap) overlap = ccs_overlap_new (CCS_WINDOW, CCS_HOP);
  g_autoptr (GArray) average = g_array_new (FALSE, FALSE, sizeof (float));

  if (n == 0)
    return TRUE;
  memcpy (padded, mix, n * sizeof (float));
  for (gsize first = 0; first < windows; first += most) {
    const float *mixes[CCS_MODEL_MAX_WINDOWS];
    const float *features[CCS_MODEL_MAX_WINDOWS];
    guint size = (guint)MIN (most, windows - first);

    for (guint i = 0; i < size; i++) {
      mixes[i] = padded + (first + i) * CCS_HOP;
      features[i] = feature_of_window (first + i, user_data);
    }
    if (!ccs_window_batch_run (model, mixes, features, size, batch, error))
      return FALSE;
    for (guint i = 0; i < size; i++)
      ccs_overlap_push (overlap, batch + (gsize)i * CCS_WINDOW, average);
  }
  ccs_overlap_drain (overlap, average);
  memcpy (difference, average->data, n * sizeof (float));
  return TRUE;
}
