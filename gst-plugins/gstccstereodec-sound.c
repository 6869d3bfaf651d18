/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The audio path of ccstereodec: pushes audio into the engine and pulls stereo,
 * which gets the timestamps of the input samples. All functions run in the
 * streaming thread. */
#include "gstccstereodec-private.h"
#include <string.h>

/* How much of a gap in the audio is output as silence, and how much at a time;
 * the rest is forwarded as a GAP event. A live pipeline forwards earlier, so
 * that little is computed ahead of its time. */
#define MAX_SILENCE (5 * GST_SECOND)
#define MAX_LIVE_SILENCE (500 * GST_MSECOND)
#define SILENCE_PIECE GST_SECOND

GstClockTime
gst_ccstereo_dec_frames_to_time (const GstCcstereoDec *self, guint64 frames)
{
  return gst_util_uint64_scale (frames, GST_SECOND,
                                GST_AUDIO_INFO_RATE (&self->info));
}

static guint64
time_to_frames (const GstCcstereoDec *self, GstClockTime time)
{
  return gst_util_uint64_scale_round (time, GST_AUDIO_INFO_RATE (&self->info),
                                      GST_SECOND);
}

/* Returns the end of the audio pushed so far. */
static GstClockTime
end_of_audio (const GstCcstereoDec *self)
{
  return self->first_pts + gst_ccstereo_dec_frames_to_time (self, self->pushed);
}

static void
forget_sound (GstCcstereoDec *self)
{
  if (self->binauralizer)
    ccs_binauralizer_reset (self->binauralizer);
  self->running = self->features_ended = FALSE;
  self->pushed = self->pulled = 0;
  self->feature_time = GST_CCSTEREO_DEC_NO_FEATURE;
  self->discont = TRUE;
}

void
gst_ccstereo_dec_restart (GstCcstereoDec *self)
{
  forget_sound (self);
  self->silence = 0;
  self->announced = FALSE;
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
                       ("no features for this audio: it is centred"), (NULL));
}

/* Sends pending caps and tags, before the audio that they describe. */
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

/* Sets the engine's width to that of the next frame to be pulled. */
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

/* Pulls @frames in steps of the published hop on the output's grid, and updates
 * a controlled width at each step. So the output does not depend on how many
 * windows were run together. */
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

/* Pushes all output that is ready. Returns NEED_DATA if no output is ready. */
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
  const GstCcstereoDecRun run = gst_ccstereo_dec_begin_run (self);
  GError *error = NULL;

  if (!ccs_binauralizer_process (self->binauralizer, force, &error))
    return gst_ccstereo_dec_fail (self, error);
  gst_ccstereo_dec_end_run (self, &run, force);
  return put_out (self);
}

GstFlowReturn
gst_ccstereo_dec_drain (GstCcstereoDec *self)
{
  GError *error = NULL;
  GstFlowReturn ret;
  GstCcstereoDecRun run;

  if (self->binauralizer == NULL)
    return GST_FLOW_OK;
  if (!self->running || self->pushed == 0) {
    tell_downstream (self);
    return GST_FLOW_OK;
  }
  if (self->feature_time == GST_CCSTEREO_DEC_NO_FEATURE) {
    /* The audio ended before the first frame. */
    ret = gst_ccstereo_dec_take_waiting_feature (self);
    if (ret != GST_FLOW_OK)
      return ret;
  }
  ccs_binauralizer_end_features (self->binauralizer);
  run = gst_ccstereo_dec_begin_run (self);
  if (!ccs_binauralizer_drain (self->binauralizer, &error))
    return gst_ccstereo_dec_fail (self, error);
  gst_ccstereo_dec_end_run (self, &run, FALSE);
  GST_DEBUG_OBJECT (self,
                    "audio from %" GST_TIME_FORMAT " to %" GST_TIME_FORMAT
                    " is complete: %" G_GUINT64_FORMAT " windows",
                    GST_TIME_ARGS (self->first_pts),
                    GST_TIME_ARGS (end_of_audio (self)),
                    ccs_binauralizer_windows (self->binauralizer));
  ret = put_out (self);
  return ret == GST_AGGREGATOR_FLOW_NEED_DATA ? GST_FLOW_OK : ret;
}

/* -- audio ----------------------------------------------------------------- */

/* Starts a new window grid with the sample at @pts. The last feature is kept:
 * it applies until the next one. */
static GstFlowReturn
start_at (GstCcstereoDec *self, GstClockTime pts)
{
  self->first_pts = pts;
  self->running = TRUE;
  GST_DEBUG_OBJECT (self,
                    "audio begins at %" GST_TIME_FORMAT
                    ", latency %" GST_TIME_FORMAT " and %" GST_TIME_FORMAT
                    " for computing",
                    GST_TIME_ARGS (pts),
                    GST_TIME_ARGS (gst_ccstereo_dec_frames_to_time (
                        self, ccs_binauralizer_latency (self->binauralizer))),
                    GST_TIME_ARGS (self->processing_deadline));
  return gst_ccstereo_dec_resume_features (self);
}

static GstFlowReturn
push_samples (GstCcstereoDec *self, const float *samples, gsize frames)
{
  GError *error = NULL;

  if (!ccs_binauralizer_push_audio (self->binauralizer, samples, frames,
                                    &error))
    return gst_ccstereo_dec_fail (self, error);
  self->pushed += frames;
  return GST_FLOW_OK;
}

static GstFlowReturn
push_silence (GstCcstereoDec *self, guint64 frames)
{
  GError *error = NULL;

  if (!ccs_binauralizer_push_silence (self->binauralizer, frames, &error))
    return gst_ccstereo_dec_fail (self, error);
  self->pushed += frames;
  self->silence += frames;
  return GST_FLOW_OK;
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

/* Returns the timestamp of @buffer. A buffer without a valid one follows the
 * last buffer; if it is the first, posts an error and returns NONE. */
static GstClockTime
time_of (GstCcstereoDec *self, GstBuffer *buffer)
{
  const GstClockTime pts = gst_ccstereo_checked_time (GST_BUFFER_PTS (buffer));

  if (GST_CLOCK_TIME_IS_VALID (pts))
    return pts;
  if (self->running)
    return end_of_audio (self);
  GST_ELEMENT_ERROR (self, STREAM, FORMAT,
                     ("the first audio buffer has no valid timestamp"), (NULL));
  return GST_CLOCK_TIME_NONE;
}

/* Prepares for @frames at @pts. If they do not follow the audio so far, drains
 * that and starts a new grid at @pts. Small differences count as jitter. */
static GstFlowReturn
go_on_at (GstCcstereoDec *self, gboolean discont, GstClockTime pts,
          guint frames)
{
  GstFlowReturn ret = GST_FLOW_OK;

  if (gst_audio_stream_align_process (self->align, discont, pts, frames, &pts,
                                      NULL, NULL)
      && self->running) {
    GST_DEBUG_OBJECT (self, "discontinuity at %" GST_TIME_FORMAT,
                      GST_TIME_ARGS (pts));
    gst_ccstereo_dec_count (self, &self->stats.discontinuities);
    ret = gst_ccstereo_dec_drain (self);
    forget_sound (self);
    self->silence = 0;
  }
  return ret == GST_FLOW_OK && !self->running ? start_at (self, pts) : ret;
}

/* -- gaps ------------------------------------------------------------------ */

/* Outputs all audio so far and a GAP event up to @end, where the audio
 * continues. Uses the features up to there. Needs no memory for the gap. */
static GstFlowReturn
forward_gap (GstCcstereoDec *self, GstClockTime end)
{
  GstPad *src = GST_AGGREGATOR (self)->srcpad;
  const GstClockTime start = end_of_audio (self);
  GstFlowReturn ret = gst_ccstereo_dec_drain (self);

  if (ret != GST_FLOW_OK)
    return ret;
  GST_DEBUG_OBJECT (
      self, "forwarding a gap from %" GST_TIME_FORMAT " to %" GST_TIME_FORMAT,
      GST_TIME_ARGS (start), GST_TIME_ARGS (end));
  gst_pad_push_event (src, gst_event_new_gap (start, end - start));
  GST_AGGREGATOR_PAD (src)->segment.position = end;
  forget_sound (self);
  gst_audio_stream_align_mark_discont (self->align);
  return start_at (self, end);
}

/* Pushes a SEGMENT event before a GAP event: the base class pushes one only
 * before the first buffer. */
static void
push_segment (GstPad *src, const GstSegment *segment)
{
  GstEvent *sent = gst_pad_get_sticky_event (src, GST_EVENT_SEGMENT, 0);
  const GstSegment *known = NULL;

  if (sent)
    gst_event_parse_segment (sent, &known);
  if (known == NULL || !gst_segment_is_equal (known, segment))
    gst_pad_push_event (src, gst_event_new_segment (segment));
  gst_clear_event (&sent);
}

void
gst_ccstereo_dec_announce_pause (GstCcstereoDec *self, GstClockTime running)
{
  GstPad *src = GST_AGGREGATOR (self)->srcpad;
  const GstSegment *segment = &self->audio_pad->segment;
  GstClockTime position;

  if (self->announced || segment->format != GST_FORMAT_TIME)
    return;
  position = gst_ccstereo_checked_time (gst_segment_position_from_running_time (
      segment, GST_FORMAT_TIME, running));
  if (!GST_CLOCK_TIME_IS_VALID (position))
    return;
  self->announced = TRUE;
  tell_downstream (self);
  push_segment (src, segment);
  gst_pad_push_event (src, gst_event_new_gap (position, GST_CLOCK_TIME_NONE));
}

/* Returns the number of frames of a gap that may still become silence. */
static guint64
silence_left (const GstCcstereoDec *self)
{
  const guint64 most
      = time_to_frames (self, self->live ? MAX_LIVE_SILENCE : MAX_SILENCE);

  return most - MIN (most, self->silence);
}

/* The next piece becomes silence until the limit is reached. Demuxers report
 * overlapping gaps: only the part after the audio so far is used. */
GstFlowReturn
gst_ccstereo_dec_take_gap (GstCcstereoDec *self, GstBuffer *buffer,
                           gboolean *over)
{
  const GstClockTime pts = time_of (self, buffer);
  const GstClockTime from
      = self->running ? MAX (pts, end_of_audio (self)) : pts;
  GstClockTime end = pts;
  guint64 frames, piece;
  GstFlowReturn ret;

  *over = TRUE;
  if (!GST_CLOCK_TIME_IS_VALID (pts))
    return GST_FLOW_ERROR;
  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    end = (GstClockTime)gst_ccstereo_add_times (
        (GstClockTimeDiff)pts,
        gst_ccstereo_signed_time (1, GST_BUFFER_DURATION (buffer)));
  frames = end > from ? time_to_frames (self, end - from) : 0;
  piece = MIN (MIN (frames, silence_left (self)),
               time_to_frames (self, SILENCE_PIECE));
  if (frames == 0)
    return GST_FLOW_OK;
  if (piece == 0) {
    *over = FALSE;
    return forward_gap (self, end);
  }
  *over = piece == frames;
  ret = go_on_at (self, GST_BUFFER_IS_DISCONT (buffer), from, (guint)piece);
  return ret == GST_FLOW_OK ? push_silence (self, piece) : ret;
}

/* -- audio buffers --------------------------------------------------------- */

GstFlowReturn
gst_ccstereo_dec_take_audio (GstCcstereoDec *self, GstBuffer *taken)
{
  g_autoptr (GstBuffer) buffer = taken;
  const gsize frames
      = gst_buffer_get_size (buffer) / GST_AUDIO_INFO_BPF (&self->info);
  const GstClockTime pts = time_of (self, buffer);
  GstFlowReturn ret;

  if (!GST_CLOCK_TIME_IS_VALID (pts))
    return GST_FLOW_ERROR;
  if (frames == 0)
    return GST_FLOW_OK;
  ret = go_on_at (self, GST_BUFFER_IS_DISCONT (buffer), pts, (guint)frames);
  if (ret != GST_FLOW_OK)
    return ret;
  self->silence = 0;
  return push_buffer (self, buffer);
}
