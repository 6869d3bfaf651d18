/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a training run's folder. state.safetensors holds everything that
 * a resumed run needs, in one file that is replaced in one step: whenever the
 * process dies, the last complete one is there. */
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
  guint64 step;   /* done so far */
  double best;    /* best validation so far; infinite: none */
  char *identity; /* what must be the same in a resumed run */
} CcsRunState;

/* Makes @dir where it is missing and keeps other processes' runs out of it, for
 * as long as what is returned is open. -1: it cannot be made, or a run is at
 * work there. */
int ccs_run_occupy (const char *dir, GError **error);

void ccs_run_state_clear (CcsRunState *self);
gboolean ccs_run_state_save (const CcsRunState *self, const char *dir,
                             GError **error);
/* A state that is not there is CCS_ERROR_IO. */
gboolean ccs_run_state_load (CcsRunState *self, const char *dir,
                             GError **error);
/* Removes what a save left behind that was killed before it was done. */
void ccs_run_drop_unfinished (const char *dir);
/* A model of the run alone, float32, with its configuration and recipe. */
gboolean ccs_run_save_model (CcsStateDict *params, const CcsModelConfig *config,
                             const char *recipe, const char *dir,
                             const char *file, GError **error);

/* Appends one line of JSON to the run's metrics. */
gboolean ccs_run_append_metrics (const char *dir, const char *line,
                                 GError **error);
/* Drops the lines of steps from @step on: a resumed run writes them again. */
gboolean ccs_run_cut_metrics (const char *dir, guint64 step, GError **error);

G_END_DECLS
