/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings of a training run: from the command line, and from a GKeyFile (group
 * [train], the same names), which the command line overrides. Options that the
 * published code has keep its names; "_" and "-" are equivalent. */
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

/* Parses @argv, which is modified. */
gboolean ccs_train_settings_parse (CcsTrainSettings *self, int *argc,
                                   char ***argv, GError **error);
void ccs_train_settings_clear (CcsTrainSettings *self);

gboolean ccs_train_settings_model (const CcsTrainSettings *self,
                                   CcsModelConfig *config, GError **error);
/* Returns the data of @split. The official protocol uses the test list for
 * validation (specification section 8, fault 3); training is the same. */
CcsDatasetOptions ccs_train_settings_dataset (const CcsTrainSettings *self,
                                              CcsSplit split);
CcsTrainOptions ccs_train_settings_step (const CcsTrainSettings *self,
                                         guint64 total_steps);
/* Describes the run in one line, for the model's metadata. (transfer full) */
char *ccs_train_settings_recipe (const CcsTrainSettings *self);

G_END_DECLS
