/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The features that later windows may use, in the order of their times. Private
 * to the binauralizer. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  gsize size; /* floats of one feature */
  GQueue features;
} CcsFeatureQueue;

void ccs_feature_queue_init (CcsFeatureQueue *self, gsize size);
/* Frees all features. Also clears a queue that is no longer used. */
void ccs_feature_queue_reset (CcsFeatureQueue *self);
/* Adds a feature; copies @values. Returns FALSE if @time is before that of the
 * last feature. Of features with the same time the first is used. */
gboolean ccs_feature_queue_push (CcsFeatureQueue *self, gint64 time,
                                 const float *values);
gboolean ccs_feature_queue_is_empty (const CcsFeatureQueue *self);
/* Returns whether the queue has a feature at or after @time: later features do
 * not change the choice for @time. */
gboolean ccs_feature_queue_reaches (const CcsFeatureQueue *self, gint64 time);
/* Returns the feature nearest to @time, the earlier of two equally near ones,
 * or NULL if the queue is empty. Valid until the queue changes. */
const float *ccs_feature_queue_nearest (const CcsFeatureQueue *self,
                                        gint64 time);
/* Frees the features that are not the nearest to @time or any later time. */
void ccs_feature_queue_drop_before (CcsFeatureQueue *self, gint64 time);

G_END_DECLS
