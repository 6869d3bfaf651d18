/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a training run is asked to do: from the command line, and from a
 * GKeyFile (group [train], the same names) that the command line overrides.
 * Names are those of the published command line where it has them; "_" and "-"
 * are the same. */
#pragma once

#include "dataset.h"
#include "step.h"

G_BEGIN_DECLS

typedef struct
{
  /* data */
  char *dataset, *data_root, *setup, *split_dir, *sofa;
  gint scene_count;
  gint64 scene_seed;
  gboolean skip_bad;
  /* model */
  gint backbone, dim_scale;
  char *avad; /* "1000": layers 1 to 4 */
  char *weights, *pretrained;
  /* recipe */
  gint batch_size, epochs, max_steps;
  gint64 seed;
  double lr_img, lr_aud, weight_decay, gradient_clip_val;
  gboolean no_scl, no_augmentation;
  char *protocol;
  /* where and how */
  char *save_dir, *backend, *precision, *json;
  gint threads, num_workers, checkpoint_every, validation_freq;
  gint validation_clips, device_id;
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
/* @split: which list; val under protocol=official is the test list (section 8,
 * fault 3). */
CcsDatasetOptions ccs_train_settings_dataset (const CcsTrainSettings *self,
                                              CcsSplit split);
CcsTrainOptions ccs_train_settings_step (const CcsTrainSettings *self,
                                         guint64 total_steps);
/* One line for the model file: what made it. (transfer full) */
char *ccs_train_settings_recipe (const CcsTrainSettings *self);

G_END_DECLS
