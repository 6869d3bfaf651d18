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
  CCS_RUN_INTERRUPTED, /* saved, because *stop was set */
} CcsRunResult;

/* Trains as @settings say. @stop may be set to nonzero from a signal handler:
 * the run saves after the step it is in. */
CcsRunResult ccs_train (const CcsTrainSettings *settings,
                        const volatile gint *stop, GError **error);

/* Times settings->benchmark steps and prints (or writes, settings->json) what
 * loading, forward, backward and update take. */
gboolean ccs_train_benchmark (const CcsTrainSettings *settings, GError **error);

G_END_DECLS
