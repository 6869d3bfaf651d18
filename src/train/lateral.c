/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lateral.h"

#include <math.h>

#define LOOK_EVERY 0.1 /* seconds between checks of the source's position */

struct _CcsLateral
{
  CcsScenery *scenery;
  CcsLateralScores scores;
  double level_error_sum;
};

CcsLateral *
ccs_lateral_new (const CcsDatasetOptions *options, GError **error)
{
  CcsScenery *scenery = ccs_scenery_new (options->split, options->scene_seed,
                                         CCS_MODEL_RATE, options->sofa, error);
  CcsLateral *self;

  if (scenery == NULL)
    return NULL;
  self = g_new0 (CcsLateral, 1);
  self->scenery = scenery;
  return self;
}

void
ccs_lateral_free (CcsLateral *self)
{
  ccs_scenery_free (self->scenery);
  g_free (self);
}

/* Returns whether the scene has one source, which is always on the same side
 * and far enough from the middle. */
static gboolean
counts (const CcsScene *scene)
{
  double least = INFINITY, most = -INFINITY;

  if (ccs_scene_n_sources (scene) != 1)
    return FALSE;
  for (double t = 0.; t < CCS_SCENE_DURATION; t += LOOK_EVERY) {
    CcsSceneSource source;

    ccs_scene_source_at (scene, 0, t, &source);
    least = fmin (least, source.azimuth);
    most = fmax (most, source.azimuth);
  }
  return least > CCS_LATERAL_DEGREES || most < -CCS_LATERAL_DEGREES;
}

void
ccs_lateral_add (CcsLateral *self, const CcsEvaluatedClip *clip)
{
  g_autoptr (CcsScene) scene = ccs_scene_new (self->scenery, clip->index);
  double truth, prediction;

  if (!counts (scene))
    return;
  truth = ccs_interaural_level (clip->truth[0], clip->truth[1], clip->n);
  prediction = ccs_interaural_level (clip->prediction[0], clip->prediction[1],
                                     clip->n);
  self->scores.clips++;
  self->scores.right_side += truth * prediction > 0.;
  self->level_error_sum += clip->scores.ild_error;
}

const CcsLateralScores *
ccs_lateral_scores (CcsLateral *self)
{
  self->scores.level_error
      = self->level_error_sum / MAX (self->scores.clips, 1);
  return &self->scores;
}
