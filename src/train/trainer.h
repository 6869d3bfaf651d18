/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A training run: batches from the loader through the step, with checkpoints,
 * validation, records and a way to stop. */
#pragma once

#include "settings.h"

G_BEGIN_DECLS

typedef enum
{
  CCS_RUN_FAILED,
  CCS_RUN_DONE,
  CCS_RUN_INTERRUPTED, /* the state was saved because *stop was set */
} CcsRunResult;

/* Trains according to @settings. @stop may be set to nonzero from a signal
 * handler: the run then finishes the current step and saves its state. */
CcsRunResult ccs_train (const CcsTrainSettings *settings,
                        const volatile gint *stop, GError **error);

/* Times settings->benchmark steps. Prints how long loading, forward,
 * backward and update take, or writes the times to the file settings->json. */
gboolean ccs_train_benchmark (const CcsTrainSettings *settings, GError **error);

G_END_DECLS
