/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tdsscrop's properties hold, and the properties themselves, which
 * ccstereobin has too. */
#pragma once

#include "gsttdssschedule.h"
#include <gst/video/video.h>

G_BEGIN_DECLS

/* What `analysis-rate`, `schedule`, `points` (all in the schedule) and
 * `video-direction` hold; under the element's object lock. */
typedef struct
{
  GstTdssSchedule schedule;
  GstVideoOrientationMethod direction; /* AUTO: as tags say */
} GstTdssSettings;

void gst_tdss_settings_init (GstTdssSettings *self);
void gst_tdss_settings_clear (GstTdssSettings *self);

/* Installs the four properties as @first .. @first + 3, in that order. */
#define GST_TDSS_N_PROPERTIES 4
#define GST_TDSS_ANALYSIS_RATE 0 /* index of the one that changes caps */
void gst_tdss_install_properties (GObjectClass *klass, guint first);
/* @index: property id - first. TRUE when it was one of the four; points that
 * are none are warned of, and change nothing. */
gboolean gst_tdss_settings_set (GstTdssSettings *self, GstElement *element,
                                guint index, const GValue *value);
gboolean gst_tdss_settings_get (GstTdssSettings *self, GstElement *element,
                                guint index, GValue *value);

G_END_DECLS
