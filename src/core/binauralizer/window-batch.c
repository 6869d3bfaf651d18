/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Passes the windows that have a feature to the model, and silence for the
 * others. */
#include "window-batch.h"

#include <string.h>

gboolean
ccs_window_batch_run (CcsModel *model, const float *const *mixes,
                      const float *const *features, guint n, float *differences,
                      GError **error)
{
  const float *run_mixes[CCS_MODEL_MAX_WINDOWS];
  const float *run_features[CCS_MODEL_MAX_WINDOWS];
  float *run_differences[CCS_MODEL_MAX_WINDOWS];
  guint n_run = 0;

  g_return_val_if_fail (n <= CCS_MODEL_MAX_WINDOWS, FALSE);

  for (guint i = 0; i < n; i++) {
    float *difference = differences + (gsize)i * CCS_WINDOW;

    if (features[i]) {
      run_mixes[n_run] = mixes[i];
      run_features[n_run] = features[i];
      run_differences[n_run++] = difference;
    } else {
      memset (difference, 0, CCS_WINDOW * sizeof (float));
    }
  }
  return n_run == 0
         || ccs_model_separate (model, run_mixes, run_features, n_run,
                                run_differences, error);
}
