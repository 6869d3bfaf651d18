/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether single things are heard on the side where they are seen: over the
 * scenes of a data set that have one source which stays beyond 15 degrees on
 * one side, how often the prediction's louder ear is the truth's, and how far
 * its interaural level is off. */
#pragma once

#include "evaluate.h"

G_BEGIN_DECLS

#define CCS_LATERAL_DEGREES 15.

typedef struct
{
  guint clips;        /* that count */
  guint right_side;   /* of them, with the truth's ear the louder one */
  double level_error; /* dB, mean over them of the clip's ild_error */
} CcsLateralScores;

typedef struct _CcsLateral CcsLateral;

/* @options: those of the scenes data set that is evaluated. */
CcsLateral *ccs_lateral_new (const CcsDatasetOptions *options, GError **error);
void ccs_lateral_free (CcsLateral *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsLateral, ccs_lateral_free)
/* Looks at one evaluated clip of that data set. */
void ccs_lateral_add (CcsLateral *self, const CcsEvaluatedClip *clip);
const CcsLateralScores *ccs_lateral_scores (CcsLateral *self);

G_END_DECLS
