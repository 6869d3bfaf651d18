/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue of copies, searched from its front: the choice lies near it. */
#include "feature-queue.h"

#include <string.h>

typedef struct
{
  gint64 time;
  float values[];
} Feature;

void
ccs_feature_queue_init (CcsFeatureQueue *self, gsize size)
{
  self->size = size;
  g_queue_init (&self->features);
}

void
ccs_feature_queue_reset (CcsFeatureQueue *self)
{
  g_queue_clear_full (&self->features, g_free);
}

gboolean
ccs_feature_queue_push (CcsFeatureQueue *self, gint64 time, const float *values)
{
  const Feature *last = g_queue_peek_tail (&self->features);
  Feature *feature;

  if (last && time <= last->time)
    return time == last->time;
  feature = g_malloc (sizeof (Feature) + self->size * sizeof (float));
  feature->time = time;
  memcpy (feature->values, values, self->size * sizeof (float));
  g_queue_push_tail (&self->features, feature);
  return TRUE;
}

gboolean
ccs_feature_queue_is_empty (const CcsFeatureQueue *self)
{
  return self->features.length == 0;
}

gboolean
ccs_feature_queue_reaches (const CcsFeatureQueue *self, gint64 time)
{
  const Feature *last = g_queue_peek_tail ((GQueue *)&self->features);

  return last && last->time >= time;
}

/* In unsigned arithmetic, which times far apart cannot overflow. */
static guint64
distance (gint64 a, gint64 b)
{
  return a > b ? (guint64)a - (guint64)b : (guint64)b - (guint64)a;
}

const float *
ccs_feature_queue_nearest (const CcsFeatureQueue *self, gint64 time)
{
  const Feature *nearest = NULL;

  for (const GList *link = self->features.head; link; link = link->next) {
    const Feature *feature = link->data;

    if (!nearest
        || distance (feature->time, time) < distance (nearest->time, time))
      nearest = feature;
    if (feature->time >= time)
      break;
  }
  return nearest ? nearest->values : NULL;
}

void
ccs_feature_queue_drop_before (CcsFeatureQueue *self, gint64 time)
{
  while (self->features.length > 1) {
    const Feature *second = self->features.head->next->data;

    if (second->time > time)
      break;
    g_free (g_queue_pop_head (&self->features));
  }
}
