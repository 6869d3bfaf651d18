/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pushes features into the engine of ccstereodec, and holds the last one over
 * gaps. All functions run in the streaming thread. */
#include "gstccstereodec-private.h"

gint64
gst_ccstereo_dec_sound_time (const GstCcstereoDec *self,
                             GstClockTimeDiff running)
{
  guint64 position = 0;
  const gint sign = gst_segment_position_from_running_time_full (
      &self->audio_pad->segment, GST_FORMAT_TIME,
      (GstClockTime)MAX (running, 0), &position);

  /* Negative for frames from before the first sample. */
  return gst_ccstereo_add_times (
      GST_CLOCK_DIFF (self->first_pts,
                      gst_ccstereo_signed_time (sign, position)),
      MIN (running, 0));
}

static GstFlowReturn
push_held_feature (GstCcstereoDec *self, GstClockTimeDiff running)
{
  GError *error = NULL;
  gint64 time;

  if (!self->running || !self->holds_feature || self->features_ended)
    return GST_FLOW_OK;
  time = gst_ccstereo_dec_sound_time (self, running);
  if (time < self->feature_time)
    return GST_FLOW_OK;
  GST_CAT_LEVEL_LOG (
      GST_CAT_DEFAULT,
      self->feature_time == GST_CCSTEREO_DEC_NO_FEATURE ? GST_LEVEL_DEBUG
                                                        : GST_LEVEL_LOG,
      self,
      "%s at running time %" GST_STIME_FORMAT ", %" GST_STIME_FORMAT
      " from the first sample",
      self->feature_time == GST_CCSTEREO_DEC_NO_FEATURE ? "first feature"
                                                        : "feature",
      GST_STIME_ARGS (running), GST_STIME_ARGS (time));
  self->feature_time = time;
  if (!ccs_binauralizer_push_feature (self->binauralizer, time,
                                      self->held_feature, &error))
    return gst_ccstereo_dec_fail (self, error);
  return GST_FLOW_OK;
}

/* Lets windows up to the announced end of a gap run without waiting for another
 * feature. */
static void
wait_for_none_while_held (GstCcstereoDec *self)
{
  if (self->running && self->held_until != GST_CLOCK_STIME_NONE)
    ccs_binauralizer_push_gap (self->binauralizer, gst_ccstereo_dec_sound_time (
                                                       self, self->held_until));
}

/* Ends the gap in which the last feature was held, because a feature at
 * @running arrived. Repeats the held feature just before @running or the
 * announced end of the gap, so that it is the nearest one up to there. */
static GstFlowReturn
end_held_feature (GstCcstereoDec *self, GstClockTimeDiff running)
{
  const GstClockTimeDiff end = MIN (running, self->held_until);
  const gboolean had_gap = self->held_until != GST_CLOCK_STIME_NONE;

  self->held_until = GST_CLOCK_STIME_NONE;
  return had_gap ? push_held_feature (self, end - 1) : GST_FLOW_OK;
}

GstFlowReturn
gst_ccstereo_dec_note_gap (GstCcstereoDec *self, GstClockTimeDiff running,
                           GstClockTime duration)
{
  const GstFlowReturn ret = push_held_feature (self, running);

  self->held_until = running;
  if (GST_CLOCK_TIME_IS_VALID (duration))
    self->held_until = gst_ccstereo_add_times (
        running, gst_ccstereo_signed_time (1, duration));
  wait_for_none_while_held (self);
  return ret;
}

GstFlowReturn
gst_ccstereo_dec_take_feature (GstCcstereoDec *self, GstBuffer *taken,
                               GstClockTimeDiff running)
{
  g_autoptr (GstBuffer) buffer = taken;
  gsize bytes = ccs_model_feature_size (self->model) * sizeof (float);
  GstFlowReturn ret;

  if (gst_buffer_get_size (buffer) != bytes) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
                       ("a feature buffer has %" G_GSIZE_FORMAT
                        " bytes, not %" G_GSIZE_FORMAT,
                        gst_buffer_get_size (buffer), bytes),
                       (NULL));
    return GST_FLOW_ERROR;
  }
  if ((ret = end_held_feature (self, running)) != GST_FLOW_OK)
    return ret;
  gst_ccstereo_dec_count (self, &self->stats.features);
  gst_buffer_extract (buffer, 0, self->held_feature, bytes);
  self->holds_feature = TRUE;
  self->held_running = running;
  if (GST_BUFFER_DURATION_IS_VALID (buffer)
      && GST_BUFFER_DURATION (buffer) > GST_CCSTEREO_LONG_PICTURE)
    return gst_ccstereo_dec_note_gap (self, running,
                                      GST_BUFFER_DURATION (buffer));
  return push_held_feature (self, running);
}

GstFlowReturn
gst_ccstereo_dec_take_waiting_feature (GstCcstereoDec *self)
{
  g_autoptr (GstAggregatorPad) pad = gst_ccstereo_dec_ref_features_pad (self);
  GstCcstereoDecFeature next;

  if (pad == NULL || gst_ccstereo_dec_is_at_end (pad)
      || !gst_ccstereo_dec_next_feature (pad, &next) || next.is_gap)
    return GST_FLOW_OK;
  return gst_ccstereo_dec_take_feature (
      self, gst_aggregator_pad_pop_buffer (pad), next.running);
}

GstFlowReturn
gst_ccstereo_dec_resume_features (GstCcstereoDec *self)
{
  const GstFlowReturn ret = push_held_feature (self, self->held_running);

  wait_for_none_while_held (self);
  return ret;
}
