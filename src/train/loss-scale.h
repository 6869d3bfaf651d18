/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dynamic loss scaling, for precisions whose smallest numbers a gradient would
 * vanish among: the loss is multiplied before it is differentiated and the
 * gradient divided after. A gradient that overflowed costs the step and halves
 * the scale; a long row of good steps doubles it. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "nn/tensor.h"

G_BEGIN_DECLS

/* Powers of two, so that scaling itself rounds nothing. */
#define CCS_LOSS_SCALE_FIRST 65536.
#define CCS_LOSS_SCALE_LEAST 1.
#define CCS_LOSS_SCALE_MOST 16777216.
#define CCS_LOSS_SCALE_PATIENCE 2000 /* good steps before it doubles */

typedef struct
{
  double scale;
  gint64 good;    /* steps in a row since the scale last changed */
  gint64 skipped; /* steps in all that were not taken */
} CcsLossScale;

/* Counts a step whose gradient was @finite, or is not to be taken. */
void ccs_loss_scale_count (CcsLossScale *self, gboolean finite);
/* Whether there is no smaller scale to try. */
gboolean ccs_loss_scale_is_least (const CcsLossScale *self);

/* To and from an optimiser's state. Restoring fails with CCS_ERROR_MODEL where
 * the state has no scale or an impossible one. */
void ccs_loss_scale_export (const CcsLossScale *self, CcsStateDict *to);
gboolean ccs_loss_scale_restore (CcsLossScale *self, CcsStateDict *from,
                                 GError **error);

G_END_DECLS
