/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private parts of a training step: the program that step-program.c builds, and
 * its values that step.c writes and reads. */
#pragma once

#include "loss-scale.h"
#include "plan/plan.h"
#include "step.h"

G_BEGIN_DECLS

/* Inputs of ADAM: rate, both bias corrections, factor on the gradient. */
#define CCS_STEP_N_HYPER 4

typedef enum
{
  CCS_TERM_MSE,
  CCS_TERM_AMP,
  CCS_TERM_PHASE,
  CCS_TERM_SSL,
  CCS_N_TERMS
} CcsLossTerm;

typedef struct
{
  CcsValueId param,
      grad; /* grad is CCS_NONE if the loss does not depend on it */
  CcsValueId m, v;
} CcsTrained;

struct _CcsTrainStep
{
  CcsTrainOptions options;
  CcsStateDict *params; /* initial parameters */
  CcsProgram *program;
  CcsPlan *plan;
  GArray *trained; /* CcsTrained */
  CcsValueId left, right, frames, permutation;
  CcsValueId terms[CCS_N_TERMS]; /* weighted scalars; CCS_NONE if disabled */
  CcsValueId loss;
  CcsValueId loss_scale; /* CCS_NONE: not scaled */
  CcsValueId
      gradient_square; /* of the scaled gradient; CCS_NONE if not needed */
  CcsValueId hyper_visual, hyper_audio;
  guint64 index, first_index;
  CcsLossScale scale;
};

/* Builds forward pass, losses, gradients and update, and sets the value ids
 * above. */
gboolean ccs_train_step_build (CcsTrainStep *self, const CcsModelConfig *config,
                               GError **error);

G_END_DECLS
