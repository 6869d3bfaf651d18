/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a training run is asked to do: from the command line, and from a
 * GKeyFile (group [train], the same names) that the command line overrides.
 * Names are those of the published command line where it has them; "_" and "-"
 * are the same. */
#pragma once

#include "arguments.h"
#include "step.h"

G_BEGIN_DECLS

typedef struct
{
  CcsDataArguments data;
  CcsComputeArguments compute;
  /* model */
  gint backbone, dim_scale;
  char *avad; /* "1000": layers 1 to 4 */
  char *weights, *pretrained;
  /* recipe */
  gint batch_size, epochs, max_steps;
  gint64 seed;
  double lr_img, lr_aud, weight_decay, gradient_clip_val;
  gboolean no_scl, no_augmentation;
  /* where and how */
  char *save_dir, *json;
  gint num_workers, checkpoint_every, validation_freq, validation_clips;
  gint benchmark_steps;
  gboolean resume, no_tensorboard, no_report, quiet, version, benchmark;
  char *config;
} CcsTrainSettings;

/* Parses @argv (whose words are rewritten). FALSE with @error on a mistake. */
gboolean ccs_train_settings_parse (CcsTrainSettings *self, int *argc,
                                   char ***argv, GError **error);
void ccs_train_settings_clear (CcsTrainSettings *self);

gboolean ccs_train_settings_model (const CcsTrainSettings *self,
                                   CcsModelConfig *config, GError **error);
/* The list of @split as it is used in a run: protocol=official validates on the
 * test list (specification section 8, fault 3), and trains as corrected does.
 */
CcsDatasetOptions ccs_train_settings_dataset (const CcsTrainSettings *self,
                                              CcsSplit split);
CcsTrainOptions ccs_train_settings_step (const CcsTrainSettings *self,
                                         guint64 total_steps);
/* One line for the model file: what made it. (transfer full) */
char *ccs_train_settings_recipe (const CcsTrainSettings *self);

G_END_DECLS
