/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereodec's sound: audio and feature buffers into the engine, its stereo
 * out again with the timestamps of the samples that went in. All of it runs in
 * the streaming thread. */
#include "gstccstereodec-private.h"
#include <string.h>

#define NO_FEATURE G_MININT64 /* as the time of the last one */

GstClockTime
gst_ccstereo_dec_frames_to_time (const GstCcstereoDec *self, guint64 frames)
{
  return gst_util_uint64_scale (frames, GST_SECOND,
                                GST_AUDIO_INFO_RATE (&self->info));
}

static GstFlowReturn
fail (GstCcstereoDec *self, GError *error)
{
  gst_ccstereo_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}

static void
forget_sound (GstCcstereoDec *self)
{
  if (self->binauralizer)
    ccs_binauralizer_reset (self->binauralizer);
  self->running = self->features_ended = FALSE;
  self->pushed = self->pulled = 0;
  self->feature_time = NO_FEATURE;
  self->discont = TRUE;
}

void
gst_ccstereo_dec_restart (GstCcstereoDec *self)
{
  forget_sound (self);
  if (self->align)
    gst_audio_stream_align_mark_discont (self->align);
}

/* -- output ---------------------------------------------------------------- */

static void
warn_if_centered (GstCcstereoDec *self)
{
  if (self->warned
      || ccs_binauralizer_centered_windows (self->binauralizer) == 0)
    return;
  self->warned = TRUE;
  GST_ELEMENT_WARNING (self, STREAM, FAILED,
                       ("no features came with the sound: it is centred"),
                       (NULL));
}

/* Caps and tags, before the sound that they describe. */
static void
tell_downstream (GstCcstereoDec *self)
{
  GstAggregator *agg = GST_AGGREGATOR (self);

  if (self->caps_pending) {
    GstAudioInfo out;
    g_autoptr (GstCaps) caps = NULL;

    gst_audio_info_set_format (&out, GST_AUDIO_INFO_FORMAT (&self->info),
                               GST_AUDIO_INFO_RATE (&self->info),
                               GST_CCSTEREO_DEC_CHANNELS, NULL);
    caps = gst_audio_info_to_caps (&out);
    gst_aggregator_set_src_caps (agg, caps);
    self->caps_pending = FALSE;
  }
  if (self->tags_pending)
    gst_pad_push_event (
        agg->srcpad, gst_event_new_tag (g_steal_pointer (&self->tags_pending)));
}

/* The width that holds at the next frame to be pulled. */
static void
sync_width (GstCcstereoDec *self)
{
  guint64 time = gst_segment_to_stream_time (
      &self->audio_pad->segment, GST_FORMAT_TIME,
      self->first_pts + gst_ccstereo_dec_frames_to_time (self, self->pulled));
  double width;

  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_object_sync_values (GST_OBJECT (self), time);
  GST_OBJECT_LOCK (self);
  width = self->width;
  GST_OBJECT_UNLOCK (self);
  ccs_binauralizer_set_width (self->binauralizer, width);
}

/* Pulls @frames in steps of the published hop on the output's own grid, with
 * the width synchronised at each: a controlled width sounds the same however
 * the windows were gathered. */
static void
pull_frames (GstCcstereoDec *self, float *out, gsize frames)
{
  const guint64 step = MAX (
      1, gst_util_uint64_scale (CCS_HOP, GST_AUDIO_INFO_RATE (&self->info),
                                CCS_MODEL_RATE));
  gsize n;

  for (gsize done = 0; done < frames; done += n) {
    n = MIN (frames - done, step - self->pulled % step);
    sync_width (self);
    ccs_binauralizer_pull (self->binauralizer,
                           out + done * GST_CCSTEREO_DEC_CHANNELS, n);
    self->pulled += n;
  }
}

static GstFlowReturn
push_frames (GstCcstereoDec *self, gsize frames)
{
  GstAggregator *agg = GST_AGGREGATOR (self);
  GstSegment *segment = &GST_AGGREGATOR_PAD (agg->srcpad)->segment;
  GstBuffer *buffer = gst_buffer_new_allocate (
      NULL, frames * GST_CCSTEREO_DEC_CHANNELS * sizeof (float), NULL);
  GstClockTime start = gst_ccstereo_dec_frames_to_time (self, self->pulled);
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_WRITE)) {
    gst_buffer_unref (buffer);
    GST_ELEMENT_ERROR (self, STREAM, FAILED,
                       ("an output buffer could not be mapped"), (NULL));
    return GST_FLOW_ERROR;
  }
  pull_frames (self, (float *)map.data, frames);
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = self->first_pts + start;
  GST_BUFFER_DURATION (buffer)
      = gst_ccstereo_dec_frames_to_time (self, self->pulled) - start;
  if (self->discont)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  self->discont = FALSE;
  tell_downstream (self);
  segment->position = GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer);
  gst_aggregator_selected_samples (agg, GST_BUFFER_PTS (buffer),
                                   GST_CLOCK_TIME_NONE,
                                   GST_BUFFER_DURATION (buffer), NULL);
  return gst_aggregator_finish_buffer (agg, buffer);
}

/* Puts out all that is ready; NEED_DATA when that is nothing. */
static GstFlowReturn
put_out (GstCcstereoDec *self)
{
  gsize frames = ccs_binauralizer_available (self->binauralizer);

  warn_if_centered (self);
  return frames ? push_frames (self, frames) : GST_AGGREGATOR_FLOW_NEED_DATA;
}

GstFlowReturn
gst_ccstereo_dec_process (GstCcstereoDec *self, gboolean force)
{
  GError *error = NULL;

  if (!ccs_binauralizer_process (self->binauralizer, force, &error))
    return fail (self, error);
  return put_out (self);
}

GstFlowReturn
gst_ccstereo_dec_drain (GstCcstereoDec *self)
{
  GError *error = NULL;
  GstFlowReturn ret;

  if (self->binauralizer == NULL)
    return GST_FLOW_OK;
  if (!self->running) {
    tell_downstream (self);
    return GST_FLOW_OK;
  }
  if (self->feature_time == NO_FEATURE) {
    /* The sound ended before the first picture. */
    ret = gst_ccstereo_dec_take_waiting_feature (self);
    if (ret != GST_FLOW_OK)
      return ret;
  }
  ccs_binauralizer_end_features (self->binauralizer);
  if (!ccs_binauralizer_drain (self->binauralizer, &error))
    return fail (self, error);
  ret = put_out (self);
  return ret == GST_AGGREGATOR_FLOW_NEED_DATA ? GST_FLOW_OK : ret;
}

/* -- features -------------------------------------------------------------- */

gint64
gst_ccstereo_dec_sound_time (const GstCcstereoDec *self,
                             GstClockTimeDiff running)
{
  const GstSegment *segment = &self->audio_pad->segment;
  guint64 position = 0;

  /* Pictures from before the sound began have a negative running time. */
  gst_segment_position_from_running_time_full (segment, GST_FORMAT_TIME,
                                               MAX (running, 0), &position);
  return GST_CLOCK_DIFF (self->first_pts, position) + MIN (running, 0);
}

static GstFlowReturn
push_held_feature (GstCcstereoDec *self, GstClockTimeDiff running)
{
  gint64 time = gst_ccstereo_dec_sound_time (self, running);
  GError *error = NULL;

  if (!self->holds_feature || self->features_ended || time < self->feature_time)
    return GST_FLOW_OK;
  self->feature_time = time;
  if (!ccs_binauralizer_push_feature (self->binauralizer, time,
                                      self->held_feature, &error))
    return fail (self, error);
  return GST_FLOW_OK;
}

/* No window waits for another picture where it was said that none comes. */
static void
wait_for_none_while_held (GstCcstereoDec *self)
{
  if (self->held_until != GST_CLOCK_STIME_NONE)
    ccs_binauralizer_push_gap (self->binauralizer, gst_ccstereo_dec_sound_time (
                                                       self, self->held_until));
}

/* Another picture comes at @running: right before, or where it was said to end,
 * the held one is still the nearest. */
static GstFlowReturn
end_held_feature (GstCcstereoDec *self, GstClockTimeDiff running)
{
  const GstClockTimeDiff end = MIN (running, self->held_until);
  const gboolean was_told = self->held_until != GST_CLOCK_STIME_NONE;

  self->held_until = GST_CLOCK_STIME_NONE;
  return was_told ? push_held_feature (self, end - 1) : GST_FLOW_OK;
}

GstFlowReturn
gst_ccstereo_dec_note_gap (GstCcstereoDec *self, GstClockTimeDiff running,
                           GstClockTime duration)
{
  const GstFlowReturn ret = push_held_feature (self, running);

  self->held_until = running;
  if (GST_CLOCK_TIME_IS_VALID (duration))
    self->held_until += (GstClockTimeDiff)duration;
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
  gst_buffer_extract (buffer, 0, self->held_feature, bytes);
  self->holds_feature = TRUE;
  self->held_running = running;
  if (GST_BUFFER_DURATION_IS_VALID (buffer)
      && GST_BUFFER_DURATION (buffer) > GST_CCSTEREO_LONG_PICTURE)
    return gst_ccstereo_dec_note_gap (self, running,
                                      GST_BUFFER_DURATION (buffer));
  return push_held_feature (self, running);
}

/* -- audio ----------------------------------------------------------------- */

/* The first sample of a new grid; the picture that was shown last is still
 * there. */
static GstFlowReturn
start_at (GstCcstereoDec *self, GstClockTime pts)
{
  GstFlowReturn ret;

  self->first_pts = pts;
  self->running = TRUE;
  ret = push_held_feature (self, self->held_running);
  wait_for_none_while_held (self);
  return ret;
}

static GstFlowReturn
push_samples (GstCcstereoDec *self, const float *samples, gsize frames)
{
  GError *error = NULL;

  if (!ccs_binauralizer_push_audio (self->binauralizer, samples, frames,
                                    &error))
    return fail (self, error);
  self->pushed += frames;
  return GST_FLOW_OK;
}

static GstFlowReturn
push_silence (GstCcstereoDec *self, guint64 frames)
{
  const gsize piece = GST_AUDIO_INFO_RATE (&self->info);
  g_autofree float *zeros
      = g_new0 (float, piece *GST_AUDIO_INFO_CHANNELS (&self->info));
  GstFlowReturn ret = GST_FLOW_OK;

  for (guint64 done = 0; ret == GST_FLOW_OK && done < frames; done += piece)
    ret = push_samples (self, zeros, MIN (piece, frames - done));
  return ret;
}

static GstFlowReturn
push_buffer (GstCcstereoDec *self, GstBuffer *buffer)
{
  GstMapInfo map;
  GstFlowReturn ret;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    GST_ELEMENT_ERROR (self, STREAM, FAILED,
                       ("an audio buffer could not be mapped"), (NULL));
    return GST_FLOW_ERROR;
  }
  ret = push_samples (self, (const float *)map.data,
                      map.size / GST_AUDIO_INFO_BPF (&self->info));
  gst_buffer_unmap (buffer, &map);
  return ret;
}

/* Audio frames in @buffer; a gap buffer, which holds none, stands for those of
 * its duration. */
static guint64
frames_of (const GstCcstereoDec *self, GstBuffer *buffer, gboolean *is_gap)
{
  *is_gap = gst_buffer_get_size (buffer) == 0
            && GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP);
  if (!*is_gap)
    return gst_buffer_get_size (buffer) / GST_AUDIO_INFO_BPF (&self->info);
  if (!GST_BUFFER_DURATION_IS_VALID (buffer))
    return 0;
  return gst_util_uint64_scale_round (GST_BUFFER_DURATION (buffer),
                                      GST_AUDIO_INFO_RATE (&self->info),
                                      GST_SECOND);
}

/* The time of @buffer; a buffer without one follows the last. NONE, with an
 * error posted, where there is no last. */
static GstClockTime
time_of (GstCcstereoDec *self, GstBuffer *buffer)
{
  if (GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_BUFFER_PTS (buffer);
  if (self->running)
    return self->first_pts
           + gst_ccstereo_dec_frames_to_time (self, self->pushed);
  GST_ELEMENT_ERROR (self, STREAM, FORMAT,
                     ("the first audio buffer has no timestamp"), (NULL));
  return GST_CLOCK_TIME_NONE;
}

/* Demuxers tell of gaps again, and together with what they have told of: only
 * what lies behind the sound so far is left of @frames from @pts on. */
static void
leave_out_known (const GstCcstereoDec *self, GstClockTime *pts, guint64 *frames)
{
  const GstClockTime end
      = self->first_pts + gst_ccstereo_dec_frames_to_time (self, self->pushed);

  if (!self->running || *pts >= end)
    return;
  *frames -= MIN (
      *frames, gst_util_uint64_scale_round (
                   end - *pts, GST_AUDIO_INFO_RATE (&self->info), GST_SECOND));
  *pts = end;
}

GstFlowReturn
gst_ccstereo_dec_take_audio (GstCcstereoDec *self, GstBuffer *taken)
{
  g_autoptr (GstBuffer) buffer = taken;
  GstClockTime pts = time_of (self, buffer);
  GstFlowReturn ret = GST_FLOW_OK;
  gboolean is_gap;
  guint64 frames = frames_of (self, buffer, &is_gap);

  if (!GST_CLOCK_TIME_IS_VALID (pts))
    return GST_FLOW_ERROR;
  if (is_gap)
    leave_out_known (self, &pts, &frames);
  if (frames == 0)
    return GST_FLOW_OK;
  if (gst_audio_stream_align_process (self->align,
                                      GST_BUFFER_IS_DISCONT (buffer), pts,
                                      (guint)frames, &pts, NULL, NULL)
      && self->running) {
    GST_DEBUG_OBJECT (self, "discontinuity at %" GST_TIME_FORMAT,
                      GST_TIME_ARGS (pts));
    ret = gst_ccstereo_dec_drain (self);
    forget_sound (self);
  }
  if (ret == GST_FLOW_OK && !self->running)
    ret = start_at (self, pts);
  if (ret != GST_FLOW_OK)
    return ret;
  return is_gap ? push_silence (self, frames) : push_buffer (self, buffer);
}
