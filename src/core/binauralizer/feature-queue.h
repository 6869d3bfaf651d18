/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The features that windows still to come may take, in the order of their
 * times, and the choice among them. Private to the binauralizer. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  gsize size; /* floats of one feature */
  GQueue features;
} CcsFeatureQueue;

void ccs_feature_queue_init (CcsFeatureQueue *self, gsize size);
/* Forgets all features; also what frees a queue. */
void ccs_feature_queue_reset (CcsFeatureQueue *self);
/* Copies @values. FALSE when @time goes back. Of features with one and the same
 * time the first counts. */
gboolean ccs_feature_queue_push (CcsFeatureQueue *self, gint64 time,
                                 const float *values);
gboolean ccs_feature_queue_is_empty (const CcsFeatureQueue *self);
/* Whether a feature at or past @time is there: the choice for @time is then
 * settled, whatever else comes. */
gboolean ccs_feature_queue_reaches (const CcsFeatureQueue *self, gint64 time);
/* The feature nearest @time, of two equally near ones the earlier; NULL when
 * there is none. Valid until a change. */
const float *ccs_feature_queue_nearest (const CcsFeatureQueue *self,
                                        gint64 time);
/* Frees those that are not the choice for @time or any later time. */
void ccs_feature_queue_drop_before (CcsFeatureQueue *self, gint64 time);

G_END_DECLS
