/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Synthetic scenes as a data set: item i is scene i of the split, rendered on
 * demand, with FAIR-Play's frame numbers. */
#include "dataset.h"

#include <ccstereo/error.h>
#include <string.h>

#define SCENE_SAMPLES ((gsize)(CCS_SCENE_DURATION * CCS_MODEL_RATE))
#define LAST_FRAME 99 /* as for FAIR-Play */

typedef struct
{
  CcsDataset parent;
  CcsScenery *scenery;
  CcsSplit split;
} ScenesDataset;

static void
scenes_free (CcsDataset *dataset)
{
  ScenesDataset *self = (ScenesDataset *)dataset;

  ccs_scenery_free (self->scenery);
  g_free (self);
}

static void
scenes_item (const CcsDataset *dataset, gsize index, CcsDatasetItem *out)
{
  const ScenesDataset *self = (const ScenesDataset *)dataset;

  memset (out, 0, sizeof *out);
  g_snprintf (out->name, sizeof out->name, "%s scene %" G_GSIZE_FORMAT,
              ccs_split_name (self->split), index);
  out->samples = SCENE_SAMPLES;
  out->duration = CCS_SCENE_DURATION;
  out->frame_offset = CCS_FRAME_OFFSET_FAIRPLAY;
  out->first_frame = 1;
  out->last_frame = LAST_FRAME;
}

static gboolean
scenes_load_audio (CcsDataset *dataset, gsize index, gsize start, gsize n,
                   float *left, float *right, GError **error)
{
  ScenesDataset *self = (ScenesDataset *)dataset;
  g_autoptr (CcsScene) scene = NULL;

  if (start > SCENE_SAMPLES || n > SCENE_SAMPLES - start) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "%s scene %" G_GSIZE_FORMAT ": samples %" G_GSIZE_FORMAT
                 " to %" G_GSIZE_FORMAT " lie beyond its end",
                 ccs_split_name (self->split), index, start, start + n);
    return FALSE;
  }
  scene = ccs_scene_new (self->scenery, index);
  ccs_scene_render_audio (scene, start, n, left, right);
  return TRUE;
}

static gboolean
scenes_load_frame (CcsDataset *dataset, gsize index, gint64 number, guint8 *rgb,
                   GError **error)
{
  ScenesDataset *self = (ScenesDataset *)dataset;
  g_autoptr (CcsScene) scene = ccs_scene_new (self->scenery, index);

  ccs_scene_render_frame (scene, (double)(number - 1) / CCS_ANALYSIS_FPS, rgb);
  return TRUE;
}

static const CcsDatasetClass scenes_class = {
  "scenes", scenes_free, scenes_item, scenes_load_audio, scenes_load_frame,
};

CcsDataset *
ccs_dataset_scenes_open (const CcsDatasetOptions *options, GError **error)
{
  ScenesDataset *self;
  CcsScenery *scenery;

  if (options->scene_count == 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "scenes: a data set needs at least one scene");
    return NULL;
  }
  scenery = ccs_scenery_new (options->split, options->scene_seed,
                             CCS_MODEL_RATE, options->sofa, error);
  if (!scenery)
    return NULL;
  self = g_new0 (ScenesDataset, 1);
  self->parent.klass = &scenes_class;
  self->parent.length = options->scene_count;
  self->scenery = scenery;
  self->split = options->split;
  return &self->parent;
}
