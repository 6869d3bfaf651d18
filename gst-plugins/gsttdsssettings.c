/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsttdsssettings.h"

#define DEFAULT_DIRECTION GST_VIDEO_ORIENTATION_AUTO

enum
{
  INDEX_ANALYSIS_RATE = GST_TDSS_ANALYSIS_RATE,
  INDEX_SCHEDULE,
  INDEX_POINTS,
  INDEX_DIRECTION,
};

void
gst_tdss_settings_init (GstTdssSettings *self)
{
  gst_tdss_schedule_init (&self->schedule);
  self->direction = DEFAULT_DIRECTION;
}

void
gst_tdss_settings_clear (GstTdssSettings *self)
{
  gst_tdss_schedule_clear (&self->schedule);
}

void
gst_tdss_install_properties (GObjectClass *klass, guint first)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  g_object_class_install_property (
      klass, first + INDEX_ANALYSIS_RATE,
      gst_param_spec_fraction (
          "analysis-rate", "Analysis rate",
          "Output frames per second. The model was trained at 10", 1, 100, 1000,
          1, CCS_ANALYSIS_FPS, 1, flags | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (
      klass, first + INDEX_SCHEDULE,
      g_param_spec_enum ("schedule", "Schedule", "Where each frame is cropped",
                         GST_TYPE_TDSS_CROP_SCHEDULE, GST_TDSS_SCHEDULE_DEFAULT,
                         flags | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (
      klass, first + INDEX_POINTS,
      g_param_spec_string (
          "points", "Points",
          "Crop positions for schedule=custom: \"left,top left,top ...\", left "
          "0..32, top 0..16. Frame k (from 1) uses position k modulo their "
          "count. Empty: the centre",
          "", flags | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (
      klass, first + INDEX_DIRECTION,
      g_param_spec_enum (
          "video-direction", "Video direction",
          "How frames are rotated or flipped before the crop (auto: by their "
          "image-orientation tag)",
          GST_TYPE_VIDEO_ORIENTATION_METHOD, DEFAULT_DIRECTION,
          flags | GST_PARAM_MUTABLE_PLAYING));
}

gboolean
gst_tdss_settings_set (GstTdssSettings *self, GstElement *element, guint index,
                       const GValue *value)
{
  gboolean known = TRUE, are_points = TRUE;

  GST_OBJECT_LOCK (element);
  switch (index) {
  case INDEX_ANALYSIS_RATE:
    self->schedule.rate_n = gst_value_get_fraction_numerator (value);
    self->schedule.rate_d = gst_value_get_fraction_denominator (value);
    break;
  case INDEX_SCHEDULE:
    self->schedule.kind = g_value_get_enum (value);
    break;
  case INDEX_POINTS:
    are_points = gst_tdss_schedule_set_points (&self->schedule,
                                               g_value_get_string (value));
    break;
  case INDEX_DIRECTION:
    self->direction = g_value_get_enum (value);
    break;
  default:
    known = FALSE;
  }
  GST_OBJECT_UNLOCK (element);
  if (!are_points)
    g_warning ("tdsscrop: \"%s\" is not a list of positions left,top within "
               "%d,%d",
               g_value_get_string (value), GST_TDSS_SLACK_LEFT,
               GST_TDSS_SLACK_TOP);
  return known;
}

gboolean
gst_tdss_settings_get (GstTdssSettings *self, GstElement *element, guint index,
                       GValue *value)
{
  gboolean known = TRUE;

  GST_OBJECT_LOCK (element);
  switch (index) {
  case INDEX_ANALYSIS_RATE:
    gst_value_set_fraction (value, self->schedule.rate_n,
                            self->schedule.rate_d);
    break;
  case INDEX_SCHEDULE:
    g_value_set_enum (value, self->schedule.kind);
    break;
  case INDEX_POINTS:
    g_value_take_string (value,
                         gst_tdss_schedule_format_points (&self->schedule));
    break;
  case INDEX_DIRECTION:
    g_value_set_enum (value, self->direction);
    break;
  default:
    known = FALSE;
  }
  GST_OBJECT_UNLOCK (element);
  return known;
}
