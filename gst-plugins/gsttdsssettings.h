/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The properties of tdsscrop, which ccstereobin has, too, and their values. */
#pragma once

#include "gsttdssschedule.h"
#include <gst/video/video.h>

G_BEGIN_DECLS

/* Values of the properties `analysis-rate`, `schedule` and `points` (in the
 * schedule) and `video-direction`. Guarded by the element's object lock. */
typedef struct
{
  GstTdssSchedule schedule;
  GstVideoOrientationMethod direction; /* AUTO: from tags */
} GstTdssSettings;

void gst_tdss_settings_init (GstTdssSettings *self);
void gst_tdss_settings_clear (GstTdssSettings *self);

/* Installs the four properties with the ids @first .. @first + 3, in that
 * order. */
#define GST_TDSS_N_PROPERTIES 4
#define GST_TDSS_ANALYSIS_RATE 0 /* index of the property that changes caps */
void gst_tdss_install_properties (GObjectClass *klass, guint first);
/* Sets or gets the property with the id first + @index. Returns FALSE if that
 * is not one of the four. Invalid points have no effect except a warning. */
gboolean gst_tdss_settings_set (GstTdssSettings *self, GstElement *element,
                                guint index, const GValue *value);
gboolean gst_tdss_settings_get (GstTdssSettings *self, GstElement *element,
                                guint index, GValue *value);

G_END_DECLS
