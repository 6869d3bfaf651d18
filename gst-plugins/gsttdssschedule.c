/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsttdssschedule.h"
#include <stdio.h>

GType
gst_tdss_crop_schedule_get_type (void)
{
  static GType type = 0;
  static const GEnumValue values[]
      = { { GST_TDSS_CROP_FIVE, "Four corners and the centre in turn (TDSS)",
            "five-crop" },
          { GST_TDSS_CROP_CENTER, "Always the centre", "center" },
          { GST_TDSS_CROP_NONE, "No crop: the whole frame, resized", "none" },
          { GST_TDSS_CROP_CUSTOM,
            "The positions of the property points, in turn", "custom" },
          { 0, NULL, NULL } };

  if (g_once_init_enter (&type)) {
    GType made = g_enum_register_static ("GstTdssCropSchedule", values);

    gst_type_mark_as_plugin_api (made, 0);
    g_once_init_leave (&type, made);
  }
  return type;
}

void
gst_tdss_schedule_init (GstTdssSchedule *self)
{
  self->kind = GST_TDSS_SCHEDULE_DEFAULT;
  self->rate_n = CCS_ANALYSIS_FPS;
  self->rate_d = 1;
  self->points = g_array_new (FALSE, FALSE, sizeof (CcsPoint));
}

void
gst_tdss_schedule_clear (GstTdssSchedule *self)
{
  g_clear_pointer (&self->points, g_array_unref);
}

gint64
gst_tdss_schedule_number (const GstTdssSchedule *self, GstClockTime time,
                          GstClockTime duration)
{
  GstClockTime period
      = gst_util_uint64_scale (GST_SECOND, self->rate_d, self->rate_n);

  return (gint64)gst_util_uint64_scale (time + MIN (duration, period) / 2,
                                        self->rate_n,
                                        (guint64)self->rate_d * GST_SECOND);
}

/* The published frame numbers start at 1. */
CcsPoint
gst_tdss_schedule_point (const GstTdssSchedule *self, gint64 number)
{
  if (self->kind == GST_TDSS_CROP_FIVE)
    return ccs_tdss_point (number + 1);
  if (self->kind == GST_TDSS_CROP_CUSTOM && self->points->len > 0)
    return g_array_index (self->points, CcsPoint,
                          (number + 1) % self->points->len);
  return ccs_center_point ();
}

/* -- points as text -------------------------------------------------------- */

gboolean
gst_tdss_schedule_set_points (GstTdssSchedule *self, const char *text)
{
  g_autoptr (GArray) points = g_array_new (FALSE, FALSE, sizeof (CcsPoint));
  g_auto (GStrv) words = g_strsplit_set (text ? text : "", " ;", -1);

  for (guint i = 0; words[i]; i++) {
    CcsPoint point;
    char end;

    if (*words[i] == '\0')
      continue;
    if (sscanf (words[i], "%d,%d%c", &point.left, &point.top, &end) != 2
        || point.left < 0 || point.left > GST_TDSS_SLACK_LEFT || point.top < 0
        || point.top > GST_TDSS_SLACK_TOP)
      return FALSE;
    g_array_append_val (points, point);
  }
  g_array_unref (self->points);
  self->points = g_steal_pointer (&points);
  return TRUE;
}

char *
gst_tdss_schedule_format_points (const GstTdssSchedule *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->points->len; i++) {
    const CcsPoint *point = &g_array_index (self->points, CcsPoint, i);

    g_string_append_printf (text, "%s%d,%d", i ? " " : "", point->left,
                            point->top);
  }
  return g_string_free (text, FALSE);
}
