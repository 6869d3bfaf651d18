/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the parts of the scene renderer: scenes.c (plan of a scene, ground
 * truth), scenes-look.c (looks), scenes-sound.c (dry audio of an event),
 * scenes-audio.c (binaural rendering), scenes-picture.c (frames). */
#pragma once

#include "dataset-random.h"
#include "model/config.h"
#include "scenes.h"

G_BEGIN_DECLS

/* Streams of random numbers that belong to a (split, seed) rather than to one
 * scene; scenes use their index, which is far below. */
#define CCS_STREAM_LOOKS (G_MAXUINT64 - 1)
#define CCS_STREAM_TEXTURES (G_MAXUINT64 - 2)
#define CCS_STREAM_ROOMS (G_MAXUINT64 - 3)

/* -- looks -- */

typedef enum
{
  CCS_SHAPE_DISC,
  CCS_SHAPE_STAR,
  CCS_SHAPE_SQUARE,
  CCS_SHAPE_TRIANGLE,
  CCS_SHAPE_RING,
  CCS_SHAPE_CROSS,
  CCS_SHAPE_FACE,
  CCS_SHAPE_HEXAGON,
} CcsShapeKind;

typedef enum
{
  CCS_PATTERN_STRIPES,
  CCS_PATTERN_CHECKER,
  CCS_PATTERN_DOTS,
  CCS_PATTERN_RINGS,
  CCS_PATTERN_WAVES,
} CcsPattern;

#define CCS_LOOK_PARTIALS 6

/* A kind of object: its look and its sounds. */
typedef struct
{
  guint number; /* index of its class */
  CcsShapeKind shape;
  CcsSoundKind kind;
  float color[3]; /* 0 to 1 */
  CcsPattern pattern;
  float pattern_cos, pattern_sin, pattern_period; /* in radii */
  /* sound */
  double low, high; /* Hz: range of pitch, or of the band's centre */
  double rate;      /* onsets a second */
  double duration;  /* seconds of an event */
  double ratio[CCS_LOOK_PARTIALS]; /* of partials, or modes, to the pitch */
  double level[CCS_LOOK_PARTIALS];
  double decay; /* seconds to 1/e; for noise the band's Q */
} CcsLook;

#define CCS_LOOK_CLASSES 8
/* Fills CCS_LOOK_CLASSES x @variants looks, class by class. */
void ccs_looks_fill (CcsSplit split, guint64 seed, guint variants,
                     CcsLook *looks);

/* -- sound -- */

/* A sound event. */
typedef struct
{
  double onset, duration; /* seconds */
  double pitch;           /* Hz */
  float amplitude;        /* rms over the duration */
  guint64 seed;
} CcsEvent;

#define CCS_EVENT_LONGEST 0.6 /* seconds */

/* Adds the event to the dry sound @out of samples @from ... @from + n - 1.
 * @scratch takes CCS_EVENT_LONGEST seconds. */
void ccs_sound_add (const CcsLook *look, const CcsEvent *event, guint rate,
                    gint64 from, gsize n, float *scratch, float *out);

/* -- ears and room -- */

#define CCS_ROOM_TAPS 56

/* Reflections as taps on the dry sum: a few early ones from the sides, then a
 * sparse decaying tail that differs between the ears. */
typedef struct
{
  guint offset[2][CCS_ROOM_TAPS]; /* samples, per ear */
  float gain[2][CCS_ROOM_TAPS];
  float floor; /* level of diffuse noise */
} CcsRoom;

/* Binaural responses for every CCS_EARS_STEP degrees from -CCS_EARS_EDGE to
 * CCS_EARS_EDGE in the horizontal plane, shortened to @taps. */
#define CCS_EARS_STEP 2.5
#define CCS_EARS_EDGE 90
typedef struct
{
  guint taps;
  guint directions;
  float *response; /* [directions][2][taps] */
} CcsEars;

gboolean ccs_ears_init (CcsEars *self, guint rate, const char *sofa,
                        GError **error);
void ccs_ears_clear (CcsEars *self);
void ccs_room_init (CcsRoom *self, guint rate, CcsRandom *random);

/* -- pictures -- */

#define CCS_TEXTURE_SIZE 512 /* a power of two: textures tile */
#define CCS_TEXTURE_BYTES (CCS_TEXTURE_SIZE * CCS_TEXTURE_SIZE)
void ccs_texture_fill (CcsRandom *random, guint8 *texture);

/* Two scrolling layers of texture with a common colour table. */
typedef struct
{
  guint texture[2];
  double scroll_x[2], scroll_y[2]; /* pixels a second */
  double offset_x[2], offset_y[2];
  guint8 palette[256][3];
} CcsBackground;

void ccs_background_init (CcsBackground *self, guint n_textures,
                          CcsRandom *random);

/* -- the plan -- */

struct _CcsScenery
{
  CcsSplit split;
  guint64 seed;
  guint rate;
  guint variants; /* of each class of looks */
  CcsLook *looks;
  guint n_rooms;
  CcsRoom *rooms;
  guint n_textures;
  guint8 *textures;
  CcsEars ears;
};

/* value (t) = center + swing sin (2 pi (rate t + phase)) */
typedef struct
{
  double center, swing, rate, phase;
} CcsSway;

typedef struct
{
  const CcsLook *look;
  CcsSway azimuth, distance, height;
  guint n_events;
  CcsEvent *events; /* sorted by onset */
} CcsActor;

#define CCS_SCENE_MAX_PARTS 12

struct _CcsScene
{
  const CcsScenery *scenery;
  guint64 index;
  guint n_actors;
  CcsActor actors[CCS_SCENE_MAX_SOURCES];
  /* in part p, from part_end[p - 1] to part_end[p], the actors in on[p] sound
   */
  guint n_parts;
  double part_end[CCS_SCENE_MAX_PARTS];
  guint8 on[CCS_SCENE_MAX_PARTS];
  const CcsRoom *room;
  CcsBackground background;
};

double ccs_sway_at (const CcsSway *self, double time);

/* Returns 1 at an onset, falling to 0 until the next. */
double ccs_actor_flash (const CcsActor *self, double time);

G_END_DECLS
