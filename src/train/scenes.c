/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scenes-private.h"

#include <ccstereo/error.h>
#include <math.h>

#define VARIANTS_TRAIN 8 /* variants of each class */
#define VARIANTS_HELD_OUT 4
#define ROOMS 16
#define TEXTURES 8

#define EDGE                                                                   \
  54.0 /* degrees: largest azimuth, so that sources are in the frame */
#define RADIUS_AT_METRE 60.0 /* pixels */
#define SHORTEST_PART 1.2    /* seconds */
#define LONGEST_PART 3.0
#define RING_OUT 0.1 /* seconds that an event may last longer than its part */
#define EVENT_LEVEL                                                            \
  0.045 /* rms at one metre: three sources at this level do not clip */
#define FLASH_SECONDS 0.12 /* time in which an onset's flash falls to 1/e */

static const char *const split_names[] = { "train", "val", "test" };

gboolean
ccs_split_from_name (const char *name, CcsSplit *split, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (split_names); i++) {
    if (g_strcmp0 (name, split_names[i]) == 0) {
      *split = (CcsSplit)i;
      return TRUE;
    }
  }
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "split '%s': not train, val or test", name ? name : "");
  return FALSE;
}

const char *
ccs_split_name (CcsSplit split)
{
  return split_names[split];
}

/* -- scenery -- */

CcsScenery *
ccs_scenery_new (CcsSplit split, guint64 seed, guint rate, const char *sofa,
                 GError **error)
{
  g_autoptr (CcsScenery) self = g_new0 (CcsScenery, 1);
  CcsRandom textures = ccs_random_named (seed, split, CCS_STREAM_TEXTURES);
  CcsRandom rooms = ccs_random_named (seed, split, CCS_STREAM_ROOMS);

  self->split = split;
  self->seed = seed;
  self->rate = rate;
  if (!ccs_ears_init (&self->ears, rate, sofa, error))
    return NULL;
  self->variants
      = split == CCS_SPLIT_TRAIN ? VARIANTS_TRAIN : VARIANTS_HELD_OUT;
  self->looks = g_new0 (CcsLook, CCS_LOOK_CLASSES * self->variants);
  ccs_looks_fill (split, seed, self->variants, self->looks);
  self->n_rooms = ROOMS;
  self->rooms = g_new0 (CcsRoom, ROOMS);
  for (guint i = 0; i < ROOMS; i++)
    ccs_room_init (&self->rooms[i], rate, &rooms);
  self->n_textures = TEXTURES;
  self->textures = g_malloc ((gsize)TEXTURES * CCS_TEXTURE_BYTES);
  for (guint i = 0; i < TEXTURES; i++)
    ccs_texture_fill (&textures, self->textures + (gsize)i * CCS_TEXTURE_BYTES);
  return g_steal_pointer (&self);
}

void
ccs_scenery_free (CcsScenery *self)
{
  if (!self)
    return;
  ccs_ears_clear (&self->ears);
  g_free (self->looks);
  g_free (self->rooms);
  g_free (self->textures);
  g_free (self);
}

/* -- the plan of a scene -- */

double
ccs_sway_at (const CcsSway *self, double time)
{
  return self->center
         + self->swing * sin (2 * G_PI * (self->rate * time + self->phase));
}

static CcsSway
draw_sway (CcsRandom *random, double center, double swing, double slowest,
           double fastest)
{
  CcsSway sway = { .center = center };

  sway.swing = ccs_random_range (random, 0, swing);
  sway.rate = ccs_random_range (random, slowest, fastest);
  sway.phase = ccs_random_unit (random);
  return sway;
}

static void
shuffle (CcsRandom *random, guint *order, guint n)
{
  for (guint i = 0; i < n; i++)
    order[i] = i;
  for (guint i = n; i > 1; i--) {
    guint j = ccs_random_below (random, i), kept = order[j];

    order[j] = order[i - 1];
    order[i - 1] = kept;
  }
}

/* Draws the number of sources: half of the scenes have one, a fifth three. */
static guint
draw_n_actors (CcsRandom *random)
{
  double u = ccs_random_unit (random);

  return u < 0.5 ? 1 : u < 0.8 ? 2 : 3;
}

/* Draws the path of an actor. Each has its own strip of the frame, so that none
 * hides another. */
static void
draw_place (CcsActor *self, guint strip, guint n_strips, CcsRandom *random)
{
  double width = 2 * EDGE / n_strips;
  double middle = -EDGE + width * (strip + 0.5);
  double reach = width * 0.36;
  double center = middle + ccs_random_range (random, -reach, reach);
  double room = width / 2 - fabs (center - middle);
  gboolean still = ccs_random_unit (random) < 0.3;

  self->azimuth
      = draw_sway (random, center, still ? 0 : MIN (room, 25), 0.02, 0.08);
  self->distance = draw_sway (random, ccs_random_range (random, 1.15, 2.2),
                              still ? 0 : 0.2, 0.03, 0.15);
  self->height = draw_sway (random, ccs_random_range (random, 80, 160),
                            still ? 3 : 15, 0.1, 0.4);
}

static void
draw_cast (CcsScene *self, CcsRandom *random)
{
  const CcsScenery *scenery = self->scenery;
  guint class_order[CCS_LOOK_CLASSES], strip_order[CCS_SCENE_MAX_SOURCES];

  self->n_actors = draw_n_actors (random);
  shuffle (random, class_order, CCS_LOOK_CLASSES);
  shuffle (random, strip_order, self->n_actors);
  for (guint a = 0; a < self->n_actors; a++) {
    guint variant = ccs_random_below (random, scenery->variants);

    self->actors[a].look
        = &scenery->looks[class_order[a] * scenery->variants + variant];
    draw_place (&self->actors[a], strip_order[a], self->n_actors, random);
  }
}

/* Draws when each source sounds. At any time at least one does. */
static void
draw_parts (CcsScene *self, CcsRandom *random)
{
  guint everybody = (1u << self->n_actors) - 1;
  double time = 0;

  while (time < CCS_SCENE_DURATION) {
    guint part = self->n_parts++;

    time += ccs_random_range (random, SHORTEST_PART, LONGEST_PART);
    if (time > CCS_SCENE_DURATION - SHORTEST_PART
        || self->n_parts == CCS_SCENE_MAX_PARTS)
      time = CCS_SCENE_DURATION;
    self->part_end[part] = time;
    self->on[part] = 1 + ccs_random_below (random, everybody);
  }
}

static CcsEvent
draw_event (const CcsLook *look, double onset, double part_end,
            CcsRandom *random)
{
  double span = look->high / look->low;
  CcsEvent event = { .onset = onset };

  event.duration = look->duration * ccs_random_range (random, 0.8, 1.2);
  event.duration = MIN (event.duration, part_end + RING_OUT - onset);
  event.pitch = look->low * pow (span, ccs_random_unit (random));
  event.amplitude = EVENT_LEVEL * ccs_random_range (random, 0.7, 1.3);
  event.seed = ccs_random_next (random);
  return event;
}

static void
draw_events (CcsScene *self, guint actor, CcsRandom *random)
{
  g_autoptr (GArray) events = g_array_new (FALSE, FALSE, sizeof (CcsEvent));
  CcsActor *to = &self->actors[actor];
  double begin = 0, next = 0;

  for (guint p = 0; p < self->n_parts; begin = self->part_end[p++]) {
    double end = self->part_end[p];

    if (!(self->on[p] & 1u << actor))
      continue;
    if (next < begin)
      next = begin + ccs_random_range (random, 0, 0.08);
    while (next < end) {
      CcsEvent event = draw_event (to->look, next, end, random);

      g_array_append_val (events, event);
      next += ccs_random_range (random, 0.75, 1.25) / to->look->rate;
    }
  }
  to->n_events = events->len;
  to->events = (CcsEvent *)g_array_free (g_steal_pointer (&events), FALSE);
}

CcsScene *
ccs_scene_new (const CcsScenery *scenery, guint64 index)
{
  CcsRandom random = ccs_random_named (scenery->seed, scenery->split, index);
  CcsScene *self = g_new0 (CcsScene, 1);

  self->scenery = scenery;
  self->index = index;
  draw_cast (self, &random);
  draw_parts (self, &random);
  for (guint a = 0; a < self->n_actors; a++)
    draw_events (self, a, &random);
  self->room = &scenery->rooms[ccs_random_below (&random, scenery->n_rooms)];
  ccs_background_init (&self->background, scenery->n_textures, &random);
  return self;
}

void
ccs_scene_free (CcsScene *self)
{
  if (!self)
    return;
  for (guint a = 0; a < self->n_actors; a++)
    g_free (self->actors[a].events);
  g_free (self);
}

/* -- ground truth -- */

double
ccs_actor_flash (const CcsActor *self, double time)
{
  double flash = 0;

  for (guint e = 0; e < self->n_events && self->events[e].onset <= time; e++)
    flash = exp (-(time - self->events[e].onset) / FLASH_SECONDS);
  return flash;
}

guint
ccs_scene_n_sources (const CcsScene *self)
{
  return self->n_actors;
}

void
ccs_scene_source_at (const CcsScene *self, guint source, double time,
                     CcsSceneSource *out)
{
  const CcsActor *actor = &self->actors[source];
  guint part = 0;

  g_return_if_fail (source < self->n_actors);

  while (part + 1 < self->n_parts && time >= self->part_end[part])
    part++;
  out->azimuth = ccs_sway_at (&actor->azimuth, time);
  out->distance = ccs_sway_at (&actor->distance, time);
  out->sounding = time >= 0 && time < CCS_SCENE_DURATION
                  && (self->on[part] & 1u << source);
  out->x = CCS_RESIZE_WIDTH * (0.5 + out->azimuth / CCS_SCENE_FOV);
  out->y = ccs_sway_at (&actor->height, time);
  out->radius = RADIUS_AT_METRE / out->distance;
  out->look = actor->look->number;
  out->kind = actor->look->kind;
}
