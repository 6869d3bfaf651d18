/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data, training step and batches, shared by a training run and a benchmark. */
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
  char *identity;  /* settings that must not change when a run is resumed */
  gboolean intact; /* no training step was interrupted in the middle */
} CcsTraining;

/* Opens data and backend and plans the training step. Parameters are those
 * of @state if it has any, and freshly initialised otherwise. A state with
 * another identity is an error. */
gboolean ccs_training_open (CcsTraining *self, const CcsTrainSettings *settings,
                            CcsRunState *state, GError **error);
void ccs_training_close (CcsTraining *self);
/* Makes one step on the loader's next batch. An error names the clips of the
 * batch. If no batch could be loaded, the training step is unchanged and
 * remains intact. */
gboolean ccs_training_advance (CcsTraining *self, CcsTrainReport *report,
                               GError **error);

G_END_DECLS
