/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Synthetic scenes: ten seconds of objects that move in front of a texture and
 * sound from where they are seen. A scene is defined by seed, split and index,
 * and rendered on demand. Audio and frames can be requested for any time, in
 * any order, from any thread, with the same result. */
#pragma once

#include "hrir.h"

G_BEGIN_DECLS

#define CCS_SCENE_DURATION 10.0 /* seconds */
#define CCS_SCENE_FOV 120.0     /* degrees for the 480 columns of a frame */
#define CCS_SCENE_MAX_SOURCES 3

typedef enum
{
  CCS_SPLIT_TRAIN,
  CCS_SPLIT_VAL,
  CCS_SPLIT_TEST,
} CcsSplit;

/* Convert between splits and their names "train", "val", "test". */
gboolean ccs_split_from_name (const char *name, CcsSplit *split,
                              GError **error);
const char *ccs_split_name (CcsSplit split);

/* The kinds of sound; each class of looks has one. */
typedef enum
{
  CCS_SOUND_TONAL,
  CCS_SOUND_PERCUSSIVE,
  CCS_SOUND_NOISE,
  CCS_SOUND_VOICE,
} CcsSoundKind;

/* The common parts of the scenes of a split: looks, background textures, rooms,
 * binaural responses. Immutable, so threads may share it. */
typedef struct _CcsScenery CcsScenery;

/**
 * ccs_scenery_new:
 * @seed: another seed, other looks, rooms and scenes
 * @rate: Hz of the sound
 * @sofa: (nullable): see ccs_hrir_new()
 */
CcsScenery *ccs_scenery_new (CcsSplit split, guint64 seed, guint rate,
                             const char *sofa, GError **error);
void ccs_scenery_free (CcsScenery *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsScenery, ccs_scenery_free)

/* A scene: fast to make, immutable. It refers to its scenery. */
typedef struct _CcsScene CcsScene;
CcsScene *ccs_scene_new (const CcsScenery *scenery, guint64 index);
void ccs_scene_free (CcsScene *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsScene, ccs_scene_free)

/* Renders samples start ... start + n - 1 of the binaural audio at the
 * scenery's rate; silence, except for the room's tail, outside the ten seconds.
 * Samples do not depend on how the audio is split into ranges. */
void ccs_scene_render_audio (const CcsScene *self, gint64 start, gsize n,
                             float *left, float *right);

/* Renders the frame at @time seconds: 480x240 RGB, dense rows. */
void ccs_scene_render_frame (const CcsScene *self, double time, guint8 *rgb);

/* -- ground truth -- */

guint ccs_scene_n_sources (const CcsScene *self);

/**
 * CcsSceneSource:
 * @azimuth: degrees, positive to the right; column 240 + 4 x azimuth
 * @distance: metres
 * @sounding: its part is on (between two onsets it may be quiet for a moment)
 * @x, @y, @radius: the shape's centre and half size in pixels of 480x240
 * @look: number of its class of looks, the same in every split
 * @kind: what it sounds like
 */
typedef struct
{
  double azimuth, distance;
  gboolean sounding;
  double x, y, radius;
  guint look;
  CcsSoundKind kind;
} CcsSceneSource;

void ccs_scene_source_at (const CcsScene *self, guint source, double time,
                          CcsSceneSource *out);

G_END_DECLS
