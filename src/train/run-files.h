/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files in the folder of a training run. state.safetensors has everything
 * that a resumed run needs. It is replaced atomically, so that the last
 * complete one exists whenever the process dies. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "model/config.h"

G_BEGIN_DECLS

#define CCS_RUN_STATE "state.safetensors"
#define CCS_RUN_LAST "model-last.safetensors"
#define CCS_RUN_BEST "model-best.safetensors"
#define CCS_RUN_METRICS "metrics.jsonl"
#define CCS_RUN_REPORT "report.html"

typedef struct
{
  CcsStateDict *params; /* published names */
  CcsStateDict *optimizer;
  guint64 step;   /* steps done */
  double best;    /* best validation so far; infinite before the first */
  char *identity; /* description of data, model and recipe, which must be the
                     same when the run is resumed */
} CcsRunState;

void ccs_run_state_clear (CcsRunState *self);
gboolean ccs_run_state_save (const CcsRunState *self, const char *dir,
                             GError **error);
/* Loads a state. CCS_ERROR_IO if it does not exist. */
gboolean ccs_run_state_load (CcsRunState *self, const char *dir,
                             GError **error);
/* Removes temporary files of a save that was interrupted. */
void ccs_run_drop_unfinished (const char *dir);
/* Saves the model, as float32, with its configuration and recipe. */
gboolean ccs_run_save_model (CcsStateDict *params, const CcsModelConfig *config,
                             const char *recipe, const char *dir,
                             const char *file, GError **error);

/* Appends a line of JSON to the run's metrics. */
gboolean ccs_run_append_metrics (const char *dir, const char *line,
                                 GError **error);
/* Removes the lines of steps from @step on, which a resumed run writes again.
 */
gboolean ccs_run_cut_metrics (const char *dir, guint64 step, GError **error);

G_END_DECLS
