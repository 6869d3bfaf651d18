/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renders frames: a scrolling background in muted colours, and in front of it
 * the sources, distant ones first; bright with a ring of light while they
 * sound, dim while they are silent. */
#include "scenes-private.h"

#include <math.h>
#include <string.h>

#define WIDTH CCS_RESIZE_WIDTH
#define HEIGHT CCS_RESIZE_HEIGHT
#define DIM 0.5f         /* brightness of a silent source */
#define SWELL 0.12       /* growth at an onset */
#define GLOW_REACH 0.35f /* radii around a sounding source */
#define OUTLINE 0.09f    /* radii */

/* -- background -- */

static double
smooth (double t)
{
  return t * t * (3 - 2 * t);
}

/* Adds value noise of @cells x @cells random values to @sum, tiling. */
static void
add_octave (CcsRandom *random, guint cells, float level, float *sum)
{
  g_autofree float *grid = g_new (float, cells *cells);
  double step = (double)cells / CCS_TEXTURE_SIZE;

  for (guint i = 0; i < cells * cells; i++)
    grid[i] = level * ccs_random_unit (random);
  for (guint y = 0; y < CCS_TEXTURE_SIZE; y++) {
    guint y0 = y * step, y1 = (y0 + 1) % cells;
    float fy = smooth (y * step - y0);

    for (guint x = 0; x < CCS_TEXTURE_SIZE; x++) {
      guint x0 = x * step, x1 = (x0 + 1) % cells;
      float fx = smooth (x * step - x0);
      float top = grid[y0 * cells + x0]
                  + fx * (grid[y0 * cells + x1] - grid[y0 * cells + x0]);
      float bottom = grid[y1 * cells + x0]
                     + fx * (grid[y1 * cells + x1] - grid[y1 * cells + x0]);

      sum[y * CCS_TEXTURE_SIZE + x] += top + fy * (bottom - top);
    }
  }
}

void
ccs_texture_fill (CcsRandom *random, guint8 *texture)
{
  g_autofree float *sum = g_new0 (float, CCS_TEXTURE_BYTES);
  guint coarse = 4 << ccs_random_below (random, 2);
  float fall = ccs_random_range (random, 0.45, 0.7);
  float level = 1, low = G_MAXFLOAT, high = -G_MAXFLOAT;

  for (guint octave = 0; octave < 5; octave++, level *= fall)
    add_octave (random, coarse << octave, level, sum);
  for (guint i = 0; i < CCS_TEXTURE_BYTES; i++) {
    low = MIN (low, sum[i]);
    high = MAX (high, sum[i]);
  }
  for (guint i = 0; i < CCS_TEXTURE_BYTES; i++)
    texture[i] = 255 * (sum[i] - low) / (high - low);
}

void
ccs_background_init (CcsBackground *self, guint n_textures, CcsRandom *random)
{
  float stop[3][3];

  for (guint layer = 0; layer < 2; layer++) {
    self->texture[layer] = ccs_random_below (random, n_textures);
    self->scroll_x[layer] = ccs_random_range (random, -25, 25);
    self->scroll_y[layer] = ccs_random_range (random, -10, 10);
    self->offset_x[layer] = ccs_random_below (random, CCS_TEXTURE_SIZE);
    self->offset_y[layer] = ccs_random_below (random, CCS_TEXTURE_SIZE);
  }
  /* greys with a tint: saturated colours belong to the sources */
  for (guint s = 0; s < 3; s++) {
    double grey = ccs_random_range (random, 25, 150);

    for (guint c = 0; c < 3; c++)
      stop[s][c] = grey * ccs_random_range (random, 0.8, 1.2);
  }
  for (guint i = 0; i < 256; i++) {
    float at = i / 127.5f;
    guint s = at < 1 ? 0 : 1;

    for (guint c = 0; c < 3; c++)
      self->palette[i][c]
          = stop[s][c] + (at - s) * (stop[s + 1][c] - stop[s][c]);
  }
}

static void
draw_background (const CcsScene *self, double time, guint8 *rgb)
{
  const CcsBackground *from = &self->background;
  const guint mask = CCS_TEXTURE_SIZE - 1;
  guint x0[2], y0[2];

  for (guint layer = 0; layer < 2; layer++) {
    x0[layer]
        = (gint)floor (from->offset_x[layer] + time * from->scroll_x[layer])
          & mask;
    y0[layer]
        = (gint)floor (from->offset_y[layer] + time * from->scroll_y[layer])
          & mask;
  }
  for (guint y = 0; y < HEIGHT; y++) {
    const guint8 *row[2];
    guint8 *out = rgb + y * WIDTH * 3;

    for (guint layer = 0; layer < 2; layer++)
      row[layer] = self->scenery->textures
                   + (gsize)from->texture[layer] * CCS_TEXTURE_BYTES
                   + ((y + y0[layer]) & mask) * CCS_TEXTURE_SIZE;
    for (guint x = 0; x < WIDTH; x++, out += 3)
      memcpy (out,
              from->palette[(row[0][(x + x0[0]) & mask]
                             + row[1][(x + x0[1]) & mask])
                            >> 1],
              3);
  }
}

/* -- sources -- */

/* Returns how far (u, v) is inside the shape, in radii; negative outside.
 * Distances are approximately Euclidean near the edge. */
static float
inside (CcsShapeKind shape, float u, float v)
{
  float au = fabsf (u), av = fabsf (v), r;

  switch (shape) {
  case CCS_SHAPE_SQUARE:
    return 0.82f - MAX (au, av);
  case CCS_SHAPE_TRIANGLE:
    return MIN (0.62f - v, 0.45f + 0.5f * v - 0.87f * au);
  case CCS_SHAPE_CROSS:
    return MAX (MIN (0.36f - au, 0.98f - av), MIN (0.36f - av, 0.98f - au));
  case CCS_SHAPE_HEXAGON:
    return 0.86f - MAX (av, 0.5f * av + 0.866f * au);
  case CCS_SHAPE_RING:
    return 0.27f - fabsf (sqrtf (u * u + v * v) - 0.7f);
  case CCS_SHAPE_STAR:
    r = sqrtf (u * u + v * v);
    return r > 1.35f ? 1 - r : 0.76f + 0.24f * cosf (5 * atan2f (u, -v)) - r;
  case CCS_SHAPE_FACE:
    return 0.95f - sqrtf (1.5f * u * u + v * v);
  case CCS_SHAPE_DISC:
  default:
    return 0.95f - sqrtf (u * u + v * v);
  }
}

/* Returns whether a point is on the light part of the texture. */
static gboolean
is_light (const CcsLook *look, float u, float v)
{
  float p
      = (u * look->pattern_cos + v * look->pattern_sin) / look->pattern_period;
  float q
      = (v * look->pattern_cos - u * look->pattern_sin) / look->pattern_period;

  switch (look->pattern) {
  case CCS_PATTERN_CHECKER:
    return ((gint)floorf (2 * p) + (gint)floorf (2 * q)) & 1;
  case CCS_PATTERN_DOTS:
    p -= floorf (p) + 0.5f;
    q -= floorf (q) + 0.5f;
    return p * p + q * q > 0.09f;
  case CCS_PATTERN_RINGS:
    p = sqrtf (p * p + q * q);
    return p - floorf (p) < 0.6f;
  case CCS_PATTERN_WAVES:
    q += 0.25f * sinf (2 * (float)G_PI * p);
    return q - floorf (q) < 0.55f;
  case CCS_PATTERN_STRIPES:
  default:
    return p - floorf (p) < 0.55f;
  }
}

/* A source at the time of a frame. */
typedef struct
{
  const CcsActor *actor;
  CcsSceneSource at;
  float radius, tilt_cos, tilt_sin;
  float flash; /* 0 to 1 */
  float mouth; /* half height of a voice's mouth, radii */
} Sprite;

static void
sprite_init (Sprite *self, const CcsScene *scene, guint source, double time)
{
  double tilt;

  self->actor = &scene->actors[source];
  ccs_scene_source_at (scene, source, time, &self->at);
  self->flash = self->at.sounding ? ccs_actor_flash (self->actor, time) : 0;
  self->radius = self->at.radius * (1 + SWELL * self->flash);
  tilt = 0.2 * sin (2 * time + source)
         + (self->at.sounding ? 0.15 * self->flash : 0);
  self->tilt_cos = cos (tilt);
  self->tilt_sin = sin (tilt);
  self->mouth = 0.05f + 0.3f * self->flash;
}

/* Computes the colour of a point on the shape, 0 to 255. */
static void
body_color (const Sprite *self, float depth, float u, float v, float *color)
{
  const CcsLook *look = self->actor->look;
  float shade = self->at.sounding ? 255 : 255 * DIM;
  float white = 0.3f * self->flash;

  if (depth < OUTLINE) {
    color[0] = color[1] = color[2] = 12;
    return;
  }
  if (look->kind == CCS_SOUND_VOICE) {
    float mu = u / 0.34f, mv = (v - 0.35f) / self->mouth;
    float eu = (fabsf (u) - 0.3f) / 0.13f, ev = (v + 0.25f) / 0.16f;

    if (mu * mu + mv * mv < 1 || eu * eu + ev * ev < 1) {
      color[0] = color[1] = color[2] = 20;
      return;
    }
  }
  if (!is_light (look, u, v))
    shade *= 0.62f;
  for (guint c = 0; c < 3; c++)
    color[c] = shade * (look->color[c] + white * (1 - look->color[c]));
}

static void
blend (guint8 *pixel, const float *color, float part)
{
  for (guint c = 0; c < 3; c++)
    pixel[c] = (guint8)(pixel[c] + part * (color[c] - pixel[c]) + 0.5f);
}

static void
draw_pixel (const Sprite *self, float dx, float dy, guint8 *pixel)
{
  static const float light[3] = { 255, 250, 215 };
  float u = (dx * self->tilt_cos + dy * self->tilt_sin) / self->radius;
  float v = (dy * self->tilt_cos - dx * self->tilt_sin) / self->radius;
  float depth = inside (self->actor->look->shape, u, v);
  float cover = CLAMP (0.5f + depth * self->radius, 0, 1);
  float color[3];

  if (self->at.sounding && cover < 1) {
    float glow = 1 + depth / GLOW_REACH;

    if (glow > 0)
      blend (pixel, light, MIN (glow, 1) * (0.35f + 0.55f * self->flash));
  }
  if (cover > 0) {
    body_color (self, depth, u, v, color);
    blend (pixel, color, cover);
  }
}

static void
draw_sprite (const Sprite *self, guint8 *rgb)
{
  float reach = self->radius * (1.3f + GLOW_REACH) + 1;
  gint left = MAX (0, (gint)floor (self->at.x - reach));
  gint right = MIN (WIDTH - 1, (gint)ceil (self->at.x + reach));
  gint top = MAX (0, (gint)floor (self->at.y - reach));
  gint bottom = MIN (HEIGHT - 1, (gint)ceil (self->at.y + reach));

  for (gint y = top; y <= bottom; y++) {
    for (gint x = left; x <= right; x++) {
      float dx = x + 0.5f - self->at.x, dy = y + 0.5f - self->at.y;

      if (dx * dx + dy * dy < reach * reach)
        draw_pixel (self, dx, dy, rgb + 3 * (y * WIDTH + x));
    }
  }
}

void
ccs_scene_render_frame (const CcsScene *self, double time, guint8 *rgb)
{
  Sprite sprites[CCS_SCENE_MAX_SOURCES];
  guint drawn = 0;

  draw_background (self, time, rgb);
  for (guint a = 0; a < self->n_actors; a++)
    sprite_init (&sprites[a], self, a, time);
  for (guint n = 0; n < self->n_actors; n++) {
    guint next = CCS_SCENE_MAX_SOURCES;

    for (guint a = 0; a < self->n_actors; a++)
      if (!(drawn & 1u << a)
          && (next == CCS_SCENE_MAX_SOURCES
              || sprites[a].at.distance > sprites[next].at.distance))
        next = a;
    draw_sprite (&sprites[next], rgb);
    drawn |= 1u << next;
  }
}
