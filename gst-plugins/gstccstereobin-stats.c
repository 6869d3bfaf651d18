/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstccstereobin-stats.h"

enum
{
  INDEX_STATS,
  INDEX_STATS_INTERVAL,
};

static void
add_stats_of (GstStructure *stats, const char *field, GstElement *element)
{
  GstStructure *of = NULL;

  g_object_get (element, "stats", &of, NULL);
  gst_structure_set (stats, field, GST_TYPE_STRUCTURE, of, NULL);
  gst_structure_free (of);
}

GstStructure *
gst_ccstereo_bin_stats_describe (GstCcstereoBinStats *self)
{
  GstStructure *stats = gst_structure_new_empty (GST_CCSTEREO_STATS);

  if (self->dec)
    add_stats_of (stats, "dec", self->dec);
  if (self->enc)
    add_stats_of (stats, "enc", self->enc);
  for (GstElement **queue = self->queue; *queue; queue++) {
    g_autofree char *field
        = g_strdup_printf ("%s-time", GST_OBJECT_NAME (*queue));
    guint64 time;

    g_object_get (*queue, "current-level-time", &time, NULL);
    gst_structure_set (stats, field, G_TYPE_UINT64, time, NULL);
  }
  return stats;
}

/* Returns whether a message is due when a buffer with timestamp @time
 * passes. A timestamp before that of the last message belongs to a new
 * segment. */
static gboolean
is_due (GstCcstereoBinStats *self, GstClockTime time)
{
  GstClockTime interval;

  GST_OBJECT_LOCK (self->bin);
  interval = self->interval;
  GST_OBJECT_UNLOCK (self->bin);
  return interval > 0 && GST_CLOCK_TIME_IS_VALID (time)
         && (!GST_CLOCK_TIME_IS_VALID (self->last) || time < self->last
             || time - self->last >= interval);
}

static GstPadProbeReturn
post_when_due (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  GstCcstereoBinStats *self = user;
  const GstClockTime time = GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info));

  if (!is_due (self, time))
    return GST_PAD_PROBE_OK;
  self->last = time;
  gst_element_post_message (
      self->bin,
      gst_message_new_element (GST_OBJECT (self->bin),
                               gst_ccstereo_bin_stats_describe (self)));
  return GST_PAD_PROBE_OK;
}

void
gst_ccstereo_bin_stats_watch (GstCcstereoBinStats *self, GstPad *pad)
{
  self->last = GST_CLOCK_TIME_NONE;
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, post_when_due, self, NULL);
}

void
gst_ccstereo_bin_stats_install (GObjectClass *klass, guint first)
{
  g_object_class_install_property (
      klass, first + INDEX_STATS,
      g_param_spec_boxed ("stats", "Statistics",
                          "Statistics of the decoder (dec) and the encoder "
                          "(enc), and the time that each queue holds (ns)",
                          GST_TYPE_STRUCTURE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (
      klass, first + INDEX_STATS_INTERVAL,
      g_param_spec_uint64 ("stats-interval", "Statistics interval",
                           "Time of the stream between element messages "
                           "\"" GST_CCSTEREO_STATS "\" with the statistics "
                           "(ns; 0: none)",
                           0, G_MAXUINT64 / 2, 0,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
                               | GST_PARAM_MUTABLE_PLAYING));
}

void
gst_ccstereo_bin_stats_set (GstCcstereoBinStats *self, guint index,
                            const GValue *value)
{
  if (index != INDEX_STATS_INTERVAL)
    return;
  GST_OBJECT_LOCK (self->bin);
  self->interval = g_value_get_uint64 (value);
  GST_OBJECT_UNLOCK (self->bin);
}

void
gst_ccstereo_bin_stats_get (GstCcstereoBinStats *self, guint index,
                            GValue *value)
{
  if (index == INDEX_STATS) {
    g_value_take_boxed (value, gst_ccstereo_bin_stats_describe (self));
    return;
  }
  GST_OBJECT_LOCK (self->bin);
  g_value_set_uint64 (value, self->interval);
  GST_OBJECT_UNLOCK (self->bin);
}
