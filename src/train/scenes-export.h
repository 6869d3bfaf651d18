/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes scenes to a folder in FAIR-Play's layout. */
#pragma once

#include "scenes.h"

G_BEGIN_DECLS

/**
 * CcsSceneExport:
 * @folder: made where it does not exist
 * @seed: of the scenery
 * @rate: Hz of the WAV files
 * @sofa: (nullable): see ccs_hrir_new()
 * @count: scenes of each split
 * @progress: (nullable): called before each scene; FALSE stops
 */
typedef struct
{
  const char *folder;
  guint64 seed;
  guint rate;
  const char *sofa;
  guint count[3];
  gboolean (*progress) (guint done, guint total, gpointer user_data);
  gpointer user_data;
} CcsSceneExport;

/* Writes the scenes. Clips are numbered from 1: first train, then val, then
 * test; their lists are splits/split1 and five_splits/split1. Scene i of a
 * split equals item i of the data set "scenes" with the same seed. Errors name
 * the file. CCS_ERROR_CANCELLED if stopped. */
gboolean ccs_scenes_export (const CcsSceneExport *options, GError **error);

/* Writes the content of a scene as text: a line for each tenth of a second and
 * source, with time (s), source, azimuth (degrees, positive to the right),
 * distance (m), whether it sounds (0, 1), and its kind of sound. */
gboolean ccs_scene_write_truth (const CcsScene *scene, const char *path,
                                GError **error);

G_END_DECLS
