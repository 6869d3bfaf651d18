/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dynamic loss scaling, for precisions in which small gradients would become
 * zero: the loss is multiplied by the scale before differentiation, and the
 * gradient divided by it afterwards. A gradient that overflows skips the step
 * and halves the scale; many good steps in a row double it. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "nn/tensor.h"

G_BEGIN_DECLS

/* Powers of two, so that scaling is exact. */
#define CCS_LOSS_SCALE_FIRST 65536.
#define CCS_LOSS_SCALE_LEAST 1.
#define CCS_LOSS_SCALE_MOST 16777216.
/* Good steps in a row before it doubles. */
#define CCS_LOSS_SCALE_PATIENCE 2000

typedef struct
{
  double scale;
  gint64 good;    /* steps in a row since the scale last changed */
  gint64 skipped; /* total number of skipped steps */
} CcsLossScale;

/* Counts a step: @finite if its gradient was finite, FALSE if the step is
 * skipped. */
void ccs_loss_scale_count (CcsLossScale *self, gboolean finite);
/* Returns whether the scale has its lowest value. */
gboolean ccs_loss_scale_is_least (const CcsLossScale *self);

/* Store the scale in an optimiser's state, and restore it. Restoring fails with
 * CCS_ERROR_MODEL if the state has no scale or an invalid one. */
void ccs_loss_scale_export (const CcsLossScale *self, CcsStateDict *to);
gboolean ccs_loss_scale_restore (CcsLossScale *self, CcsStateDict *from,
                                 GError **error);

G_END_DECLS
