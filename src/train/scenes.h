/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Synthetic scenes: ten seconds of things that move before a textured
 * background and sound where they are seen, rendered on demand from a seed, a
 * split and a number. Sound and picture can be asked for at any time, in any
 * order, from any thread; the answer is always the same. */
#pragma once

#include "hrir.h"

G_BEGIN_DECLS

#define CCS_SCENE_DURATION 10.0 /* seconds */
#define CCS_SCENE_FOV 120.0     /* degrees across the picture's 480 columns */
#define CCS_SCENE_MAX_SOURCES 3

typedef enum
{
  CCS_SPLIT_TRAIN,
  CCS_SPLIT_VAL,
  CCS_SPLIT_TEST,
} CcsSplit;

/* "train", "val", "test". */
gboolean ccs_split_from_name (const char *name, CcsSplit *split,
                              GError **error);
const char *ccs_split_name (CcsSplit split);

/* The kinds of sound; every look has its own. */
typedef enum
{
  CCS_SOUND_TONAL,
  CCS_SOUND_PERCUSSIVE,
  CCS_SOUND_NOISE,
  CCS_SOUND_VOICE,
} CcsSoundKind;

/* What the scenes of a split have in common: looks, background textures,
 * rooms, the listener's ears. Immutable once made, so threads may share it. */
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

/* One scene: cheap to make, immutable; keeps a pointer to its scenery. */
typedef struct _CcsScene CcsScene;
CcsScene *ccs_scene_new (const CcsScenery *scenery, guint64 index);
void ccs_scene_free (CcsScene *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsScene, ccs_scene_free)

/* Samples start ... start + n - 1 of the scene's binaural sound at the
 * scenery's rate; silence (but for the room's tail) outside the ten seconds.
 * Any cutting into ranges gives the same samples, bit for bit. */
void ccs_scene_render_audio (const CcsScene *self, gint64 start, gsize n,
                             float *left, float *right);

/* The picture at @time seconds: 480x240 RGB, dense rows. */
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
