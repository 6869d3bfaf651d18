/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a run and a benchmark have in common: data, step and batches. */
#pragma once

#include "loader.h"
#include "run-files.h"
#include "trainer.h"

G_BEGIN_DECLS

typedef struct
{
  const CcsTrainSettings *settings;
  CcsModelConfig config;
  CcsBackend *backend;
  CcsDataset *dataset;
  CcsLoader *loader;
  CcsTrainStep *step;
  guint64 total_steps;
  char *identity;  /* what must be the same in a resumed run */
  gboolean intact; /* the step has made whole steps only */
} CcsTraining;

/* Opens data and backend and plans the step, from @state where it has
 * parameters, else from fresh ones. A state of another identity is an error. */
gboolean ccs_training_open (CcsTraining *self, const CcsTrainSettings *settings,
                            CcsRunState *state, GError **error);
void ccs_training_close (CcsTraining *self);
/* One step on the loader's next batch; an error names the batch's clips. When
 * no batch could be loaded the step is as it was, and stays intact. */
gboolean ccs_training_advance (CcsTraining *self, CcsTrainReport *report,
                               GError **error);

G_END_DECLS
