/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decides which of ccstereodec's streams, audio or features, waits for the
 * other, and how long in a live pipeline. */
#include "gstccstereodec-private.h"

/* Drains the segment: its audio and features have arrived. */
static GstFlowReturn
end_segment (GstCcstereoDec *self, GstEvent *event)
{
  GstFlowReturn ret = gst_ccstereo_dec_drain (self);

  gst_ccstereo_dec_restart (self);
  self->segment_done = TRUE;
  if (ret == GST_FLOW_OK)
    gst_pad_push_event (GST_AGGREGATOR (self)->srcpad, gst_event_ref (event));
  return ret;
}

/* -- features ------------------------------------------------------------- */

/* Returns up to which time features are needed now, for the audio so far. At
 * the end of the audio that includes the centre of the only window of a clip
 * that is shorter than a window. */
static gint64
features_needed (GstCcstereoDec *self)
{
  guint64 frames = self->pushed;

  if (gst_ccstereo_dec_is_at_end (self->audio_pad))
    frames = MAX (frames, gst_util_uint64_scale_ceil (
                              CCS_WINDOW / 2, GST_AUDIO_INFO_RATE (&self->info),
                              CCS_MODEL_RATE));
  return gst_ccstereo_dec_frames_to_time (self, frames);
}

/* Returns whether all features of this segment have been taken. Drops the end
 * of the segment if its audio has ended already. */
static gboolean
are_over (GstCcstereoDec *self, GstAggregatorPad *pad)
{
  if (self->segment_done && gst_aggregator_pad_has_buffer (pad)
      && gst_ccstereo_dec_is_at_end (pad)) {
    gst_aggregator_pad_drop_buffer (pad);
    self->segment_done = FALSE;
  }
  return gst_ccstereo_dec_is_at_end (pad);
}

/* Returns whether data at @running is late: its latency is over (live). */
static gboolean
is_late (GstCcstereoDec *self, GstClockTimeDiff running)
{
  GstClockTime latency = gst_aggregator_get_latency (GST_AGGREGATOR (self));
  GstClockTime now = gst_element_get_current_running_time (GST_ELEMENT (self));

  return GST_CLOCK_TIME_IS_VALID (latency) && GST_CLOCK_TIME_IS_VALID (now)
         && GST_CLOCK_DIFF (latency, now) >= running;
}

/* Returns the running time of a feature, or the end of a gap. */
static GstClockTimeDiff
end_of_feature (const GstCcstereoDecFeature *self)
{
  return self->is_gap && GST_CLOCK_TIME_IS_VALID (self->duration)
             ? gst_ccstereo_add_times (
                 self->running, gst_ccstereo_signed_time (1, self->duration))
             : self->running;
}

/* Takes the features that are needed now. Later ones stay on their pad, so that
 * neither stream runs ahead; on @timeout late ones are taken, too. Returns TRUE
 * if no feature is missing. */
static gboolean
take_features (GstCcstereoDec *self, GstAggregatorPad *pad, gboolean timeout,
               GstFlowReturn *ret)
{
  const gint64 needed = self->running ? features_needed (self) : -1;

  while (*ret == GST_FLOW_OK && !are_over (self, pad)
         && gst_aggregator_pad_has_buffer (pad)) {
    GstCcstereoDecFeature next;
    gint64 start, end;

    if (!gst_ccstereo_dec_next_feature (pad, &next)) {
      gst_aggregator_pad_drop_buffer (pad);
      continue;
    }
    start = end = 0;
    if (self->running) {
      start = gst_ccstereo_dec_sound_time (self, next.running);
      end = gst_ccstereo_dec_sound_time (self, end_of_feature (&next));
    }
    if (start > needed && !(timeout && is_late (self, next.running)))
      return TRUE;
    if (!next.is_gap) {
      *ret = gst_ccstereo_dec_take_feature (
          self, gst_aggregator_pad_pop_buffer (pad), next.running);
      continue;
    }
    *ret = gst_ccstereo_dec_note_gap (self, next.running, next.duration);
    /* A gap stays on its pad until the audio reaches its end. */
    if (end > needed && !(timeout && is_late (self, end_of_feature (&next))))
      return *ret == GST_FLOW_OK;
    gst_aggregator_pad_drop_buffer (pad);
  }
  return gst_ccstereo_dec_is_at_end (pad);
}

static void
end_features (GstCcstereoDec *self)
{
  if (self->features_ended)
    return;
  self->features_ended = TRUE;
  ccs_binauralizer_end_features (self->binauralizer);
}

gboolean
gst_ccstereo_dec_follow_features (GstCcstereoDec *self, gboolean timeout,
                                  GstFlowReturn *ret)
{
  g_autoptr (GstAggregatorPad) pad = gst_ccstereo_dec_ref_features_pad (self);
  gboolean caught_up = TRUE;

  if (pad)
    caught_up = take_features (self, pad, timeout, ret);
  if (*ret == GST_FLOW_OK && self->running
      && (pad == NULL || gst_ccstereo_dec_is_at_end (pad)))
    end_features (self);
  return caught_up;
}

static GstFlowReturn
finish_stream (GstCcstereoDec *self)
{
  GstFlowReturn ret = gst_ccstereo_dec_drain (self);

  if (ret == GST_FLOW_OK)
    GST_DEBUG_OBJECT (
        self, "EOS after %" GST_TIME_FORMAT " of audio",
        GST_TIME_ARGS (gst_ccstereo_dec_frames_to_time (self, self->pulled)));
  gst_ccstereo_dec_restart (self);
  return ret == GST_FLOW_OK ? GST_FLOW_EOS : ret;
}

/* Pushes @buffer (transfer full) into the engine. */
static GstFlowReturn
take_audio (GstCcstereoDec *self, GstBuffer *buffer)
{
  GstEvent *segment_done = gst_ccstereo_dec_segment_done_in (buffer);
  GstFlowReturn ret;

  if (segment_done == NULL)
    return gst_ccstereo_dec_take_audio (self, buffer);
  ret = end_segment (self, segment_done);
  gst_buffer_unref (buffer);
  return ret;
}

/* Takes the next buffer, gap or event from the audio pad. */
static GstFlowReturn
take_next_audio (GstCcstereoDec *self, GstBuffer *buffer)
{
  GstFlowReturn ret;
  gboolean over;

  if (!gst_ccstereo_dec_is_gap (buffer))
    return take_audio (self, gst_aggregator_pad_pop_buffer (self->audio_pad));
  ret = gst_ccstereo_dec_take_gap (self, buffer, &over);
  if (over)
    gst_aggregator_pad_drop_buffer (self->audio_pad);
  return ret;
}

/* Takes one audio buffer or piece of a gap or, with @all (live), every one on
 * the pad. */
static GstFlowReturn
follow_audio (GstCcstereoDec *self, gboolean all)
{
  GstFlowReturn ret = GST_FLOW_OK;
  GstBuffer *buffer;

  while (ret == GST_FLOW_OK
         && (buffer = gst_aggregator_pad_peek_buffer (self->audio_pad))) {
    ret = take_next_audio (self, buffer);
    gst_buffer_unref (buffer);
    if (!all)
      break;
  }
  return ret;
}

/* Returns the running time of the next frame to be output. */
static GstClockTime
next_output_running (GstCcstereoDec *self)
{
  return gst_segment_to_running_time (
      &self->audio_pad->segment, GST_FORMAT_TIME,
      self->first_pts + gst_ccstereo_dec_frames_to_time (self, self->pulled));
}

/* Returns when audio that has not been output stops waiting for the audio after
 * it, or NONE. Half of the processing deadline is for audio that arrives late,
 * the other half for computing. */
static GstClockTime
end_of_patience (GstCcstereoDec *self)
{
  const GstClockTime next = next_output_running (self);
  GstClockTime patience;

  GST_OBJECT_LOCK (self);
  patience = self->processing_deadline / 2;
  GST_OBJECT_UNLOCK (self);
  return self->pushed > self->pulled && GST_CLOCK_TIME_IS_VALID (next)
             ? next + patience
             : GST_CLOCK_TIME_NONE;
}

/* Returns when the next feature becomes late, or NONE. */
static GstClockTime
end_of_next_feature (GstCcstereoDec *self)
{
  g_autoptr (GstAggregatorPad) pad = gst_ccstereo_dec_ref_features_pad (self);
  GstCcstereoDecFeature next;

  return pad && gst_ccstereo_dec_next_feature (pad, &next)
             ? (GstClockTime)MAX (end_of_feature (&next), 0)
             : GST_CLOCK_TIME_NONE;
}

/* MIN() ignores NONE, which is the largest value. */
GstClockTime
gst_ccstereo_dec_get_next_time (GstAggregator *agg)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);
  GstClockTime time = end_of_next_feature (self);

  if (self->binauralizer == NULL)
    return time;
  if (gst_aggregator_pad_has_buffer (self->audio_pad))
    return 0;
  if (self->running
      && (gst_aggregator_pad_is_eos (self->audio_pad)
          || ccs_binauralizer_next_center (self->binauralizer) >= 0))
    time = MIN (time, next_output_running (self));
  return self->running ? MIN (time, end_of_patience (self)) : time;
}

/* Runs the windows that can run. Live, audio whose latency is over does not
 * wait for features. If no audio follows in time either, the audio is drained,
 * and the next starts a new grid. */
static GstFlowReturn
process_in_time (GstCcstereoDec *self, gboolean timeout)
{
  const gboolean due
      = timeout && is_late (self, (GstClockTimeDiff)next_output_running (self));
  GstFlowReturn ret = gst_ccstereo_dec_process (self, due);
  GstClockTime end;

  if (ret != GST_AGGREGATOR_FLOW_NEED_DATA || !due)
    return ret;
  end = end_of_patience (self);
  if (!GST_CLOCK_TIME_IS_VALID (end) || !is_late (self, (GstClockTimeDiff)end))
    return ret;
  GST_DEBUG_OBJECT (self, "the audio pauses");
  gst_ccstereo_dec_count (self, &self->stats.pauses);
  ret = gst_ccstereo_dec_drain (self);
  gst_ccstereo_dec_restart (self);
  return ret;
}

/* Live, while no audio arrives: takes the features that are late, and announces
 * the pause downstream. */
static void
wait_without_audio (GstCcstereoDec *self, GstFlowReturn *ret)
{
  GstClockTime latency = gst_aggregator_get_latency (GST_AGGREGATOR (self));
  GstClockTime now = gst_element_get_current_running_time (GST_ELEMENT (self));

  gst_ccstereo_dec_follow_features (self, TRUE, ret);
  if (GST_CLOCK_TIME_IS_VALID (latency) && GST_CLOCK_TIME_IS_VALID (now)
      && now >= latency)
    gst_ccstereo_dec_announce_pause (self, now - latency);
}

static GstFlowReturn
follow_streams (GstCcstereoDec *self, gboolean timeout)
{
  GstFlowReturn ret = GST_FLOW_OK;
  gboolean caught_up = TRUE;

  if (self->running)
    caught_up = gst_ccstereo_dec_follow_features (self, timeout, &ret);
  else if (timeout)
    wait_without_audio (self, &ret);
  if (ret == GST_FLOW_OK && (caught_up || timeout))
    ret = follow_audio (self, timeout);
  if (ret == GST_FLOW_OK && timeout && self->running)
    caught_up = gst_ccstereo_dec_follow_features (self, timeout, &ret);
  if (ret != GST_FLOW_OK)
    return ret;
  if (gst_aggregator_pad_is_eos (self->audio_pad)
      && (caught_up
          || (timeout && self->running
              && is_late (self, (GstClockTimeDiff)next_output_running (self)))))
    return finish_stream (self);
  return self->running ? process_in_time (self, timeout)
                       : GST_AGGREGATOR_FLOW_NEED_DATA;
}

static GstFlowReturn
aggregate (GstCcstereoDec *self, gboolean timeout)
{
  if (self->event_flow != GST_FLOW_OK)
    return self->event_flow;
  if (self->binauralizer)
    return follow_streams (self, timeout);
  if (gst_aggregator_pad_is_eos (self->audio_pad))
    return GST_FLOW_EOS;
  if (!gst_aggregator_pad_has_buffer (self->audio_pad)) {
    GstFlowReturn ret = GST_FLOW_OK;

    if (timeout)
      gst_ccstereo_dec_follow_features (self, timeout, &ret);
    return ret == GST_FLOW_OK ? GST_AGGREGATOR_FLOW_NEED_DATA : ret;
  }
  GST_ELEMENT_ERROR (self, CORE, NEGOTIATION, ("audio arrived without caps"),
                     (NULL));
  return GST_FLOW_NOT_NEGOTIATED;
}

GstFlowReturn
gst_ccstereo_dec_aggregate (GstAggregator *agg, gboolean timeout)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);
  GstFlowReturn ret = aggregate (self, timeout);

  if (ret == GST_FLOW_EOS)
    gst_ccstereo_dec_set_ended (self, TRUE);
  return ret;
}
