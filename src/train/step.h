/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An optimiser step of the published recipe (specification section 6) as one
 * program: forward pass with spatially shuffled negatives, four losses,
 * gradients, Adam. The trainer runs nothing else on the backend. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "backend/backend.h"
#include "model/config.h"

G_BEGIN_DECLS

/**
 * CcsTrainOptions:
 * @batch: clips a step, at least 1
 * @total_steps: length of the polynomial decay
 * @scl: spatially shuffled negatives: frame t-1 and the contrastive loss; off,
 *   the step needs no frame t-1
 * @clip_norm: largest L2 norm of the whole gradient; 0: no clipping
 * @loss_scale: what the loss is multiplied by before it is differentiated, to
 *   begin with (see loss-scale.h); 0: nothing is scaled
 */
typedef struct
{
  gint batch;
  guint64 total_steps;
  double lr_visual, lr_audio; /* at step 0 */
  double decay_power;
  double weight_decay; /* as L2: added to the gradient */
  double beta1, beta2, eps;
  double amp_weight, phase_weight, scl_weight;
  double temperature;     /* of the contrastive loss */
  double phase_threshold; /* factor of the mean energy */
  gboolean scl;
  double clip_norm;
  double loss_scale;
} CcsTrainOptions;

/* The published recipe. The caller sets batch and total_steps. */
#define CCS_TRAIN_OPTIONS_PUBLISHED                                            \
  ((CcsTrainOptions){ .batch = 128,                                            \
                      .total_steps = 1,                                        \
                      .lr_visual = 5e-5,                                       \
                      .lr_audio = 5e-4,                                        \
                      .decay_power = 0.9,                                      \
                      .weight_decay = 5e-4,                                    \
                      .beta1 = 0.9,                                            \
                      .beta2 = 0.999,                                          \
                      .eps = 1e-8,                                             \
                      .amp_weight = 0.005,                                     \
                      .phase_weight = 1.,                                      \
                      .scl_weight = 0.1,                                       \
                      .temperature = 0.1,                                      \
                      .phase_threshold = 0.2,                                  \
                      .scl = TRUE,                                             \
                      .clip_norm = 0.,                                         \
                      .loss_scale = 0. })

/* Level to which stereo clips are scaled before a step: rms over both channels
 * together, at least this floor (specification section 1). */
#define CCS_TRAIN_LEVEL CCS_LEVEL_TARGET

typedef struct
{
  const float *left, *right; /* [B,10080] each */
  const guint8 *frames;      /* [2B,224,448,3]: the B frames t, then the B
                              * frames t-1; [B,..] without SCL */
  gint32 permutation[CCS_VISUAL_TOKENS]; /* cell j of the negative takes
                                          * cell permutation[j] */
} CcsTrainBatch;

typedef struct
{
  double loss;                 /* mse + amp + phase + ssl, as weighted below */
  double mse, amp, phase, ssl; /* each with its weight applied */
  double lr_visual, lr_audio;  /* of this step */
  double gradient_norm; /* of the unscaled one, before clipping; NaN where
                         * neither is asked for */
  double loss_scale;    /* of this step; 0: none */
  gboolean skipped;     /* the scaled gradient overflowed: nothing is updated */
  double forward_seconds, backward_seconds, update_seconds;
} CcsTrainReport;

typedef struct _CcsTrainStep CcsTrainStep;

/* @params: the whole state_dict (published names). @optimizer: what
 * ccs_train_step_export_optimizer() gave, or NULL for a fresh start. */
CcsTrainStep *ccs_train_step_new (CcsStateDict *params,
                                  const CcsModelConfig *config,
                                  const CcsTrainOptions *options,
                                  CcsStateDict *optimizer, CcsBackend *backend,
                                  GError **error);
void ccs_train_step_free (CcsTrainStep *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsTrainStep, ccs_train_step_free)

/* Runs step ccs_train_step_index() and counts it. When a loss is not finite, or
 * a gradient that is clipped or has the least scale, nothing is updated:
 * CCS_ERROR_MODEL naming the terms. */
gboolean ccs_train_step_run (CcsTrainStep *self, const CcsTrainBatch *batch,
                             CcsTrainReport *report, GError **error);
/* The losses of @batch alone: no gradient, no update (running statistics still
 * see the batch). */
gboolean ccs_train_step_losses (CcsTrainStep *self, const CcsTrainBatch *batch,
                                CcsTrainReport *report, GError **error);
/* Steps done so far, those before a resume included. */
guint64 ccs_train_step_index (const CcsTrainStep *self);

/* Parameters, buffers, counters and the unused tensors, under published names
 * and in published layout. (transfer full) */
CcsStateDict *ccs_train_step_export (CcsTrainStep *self, GError **error);
/* Adam's moments ("m.NAME", "v.NAME"), the step counter ("step") and, where the
 * loss is scaled, its scale. (transfer full) */
CcsStateDict *ccs_train_step_export_optimizer (CcsTrainStep *self,
                                               GError **error);
/* The last step's gradient of parameter @name, as scaled, in published layout;
 * NULL without @error set when the loss does not depend on it. (transfer full)
 */
CcsTensor *ccs_train_step_gradient (CcsTrainStep *self, const char *name,
                                    GError **error);
/* Bytes of the plan. */
gsize ccs_train_step_memory (const CcsTrainStep *self);

G_END_DECLS
