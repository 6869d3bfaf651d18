/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-ccstereodec
 * @title: ccstereodec
 * @short_description: binaural sound from a mix and the picture's features
 *
 * Takes sound on its audio pad (mono, or stereo that is summed) and the
 * features of ccstereoenc on its features pad, and puts out stereo at the
 * input's rate: as many samples, each with its own timestamp. Left plus right
 * is the input mix, so nothing is lost in mono; the model decides what
 * differs between the ears.
 *
 * Sound comes out one model window (0.63 s) and the resampling later than it
 * went in; the latency is reported, and `lookahead` shortens it at the cost of
 * quality. Where no features come, the last ones are held; where there never
 * were any, the sound is centred and a warning says so.
 *
 * ccstereobin wires this element with tdsscrop and ccstereoenc. When wiring by
 * hand, put queues in both branches that hold more than the latency.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin name=d ccstereodec name=c ! audioconvert ! wavenc ! filesink location=out.wav d. ! queue max-size-time=3000000000 ! audioconvert ! c.audio d. ! queue max-size-time=3000000000 max-size-bytes=0 ! tdsscrop ! ccstereoenc ! c.features
 * ]|
 *
 * Since: 0.1
 */
#include "gstccstereodec.h"
#include "gstccstereo.h"
#include <gst/audio/audio.h>
#include <string.h>

GST_DEBUG_CATEGORY_STATIC (ccstereo_dec_debug);
#define GST_CAT_DEFAULT ccstereo_dec_debug

#define MIN_RATE 4000
#define MAX_RATE 384000
#define OUT_CHANNELS 2
#define DEFAULT_WIDTH 1.
#define MAX_WIDTH 2.
#define DEFAULT_PROCESSING_DEADLINE (60 * GST_MSECOND)
#define ALIGNMENT_THRESHOLD (40 * GST_MSECOND)
#define DISCONT_WAIT GST_SECOND

enum
{
  PROP_0,
  PROP_HOP,
  PROP_LOOKAHEAD,
  PROP_WIDTH,
  PROP_PROCESSING_DEADLINE,
  PROP_MODEL,                   /* the first of the model properties */
};

struct _GstCcstereoDec
{
  GstAggregator parent;

  GstAggregatorPad *audio_pad;
  GstAggregatorPad *features_pad;       /* nullable; under the object lock */

  /* under the object lock */
  GstCcstereoModelSettings settings;
  guint hop, lookahead;         /* samples at 16 kHz */
  double width;
  GstClockTime processing_deadline;

  /* streaming thread */
  CcsModel *model;
  CcsBinauralizer *binauralizer;        /* NULL before caps */
  GstAudioInfo info;            /* of the audio pad */
  GstAudioStreamAlign *align;
  gboolean running;             /* a first sample has been pushed */
  GstClockTime first_pts;       /* of that sample, in the audio segment */
  GstClockTime first_running;   /* the same in running time */
  guint64 pushed, pulled;       /* audio frames since then */
  gboolean discont;             /* the next buffer does not follow the last */
  gboolean features_ended, warned;
  float *held_feature;          /* the last one, for gaps */
  gboolean holds_feature;
};

static GstStaticPadTemplate audio_template =
GST_STATIC_PAD_TEMPLATE ("audio", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("audio/x-raw, format = (string) " GST_AUDIO_NE (F32) ", "
        "layout = (string) interleaved, "
        "rate = (int) [ " G_STRINGIFY (MIN_RATE) ", " G_STRINGIFY (MAX_RATE)
        " ], channels = (int) [ 1, 2 ]"));

static GstStaticPadTemplate features_template =
GST_STATIC_PAD_TEMPLATE ("features", GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS (GST_CCSTEREO_FEATURES_CAPS));

static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("audio/x-raw, format = (string) " GST_AUDIO_NE (F32) ", "
        "layout = (string) interleaved, "
        "rate = (int) [ " G_STRINGIFY (MIN_RATE) ", " G_STRINGIFY (MAX_RATE)
        " ], channels = (int) 2, channel-mask = (bitmask) 0x3"));

G_DEFINE_TYPE_WITH_CODE (GstCcstereoDec, gst_ccstereo_dec,
    GST_TYPE_AGGREGATOR,
    GST_DEBUG_CATEGORY_INIT (ccstereo_dec_debug, "ccstereodec", 0,
        "binaural sound from a mix and features"));
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (ccstereodec, "ccstereodec",
    GST_RANK_NONE, GST_TYPE_CCSTEREO_DEC, gst_ccstereo_init ());

/* -- small helpers --------------------------------------------------------------- */

static GstFlowReturn
fail (GstCcstereoDec *self, GError *error)
{
  gst_ccstereo_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}

static GstClockTime
frames_to_time (const GstCcstereoDec *self, guint64 frames)
{
  return gst_util_uint64_scale (frames, GST_SECOND,
      GST_AUDIO_INFO_RATE (&self->info));
}

static GstAggregatorPad *
ref_features_pad (GstCcstereoDec *self)
{
  GstAggregatorPad *pad;

  GST_OBJECT_LOCK (self);
  pad = self->features_pad ? gst_object_ref (self->features_pad) : NULL;
  GST_OBJECT_UNLOCK (self);
  return pad;
}

/* -- the engine's life -------------------------------------------------------------- */

static void
report_latency (GstCcstereoDec *self)
{
  GstClockTime latency = frames_to_time (self,
      ccs_binauralizer_latency (self->binauralizer));

  GST_OBJECT_LOCK (self);
  latency += self->processing_deadline;
  GST_OBJECT_UNLOCK (self);
  gst_aggregator_set_latency (GST_AGGREGATOR (self), latency, latency);
}

static gboolean
is_live (GstCcstereoDec *self)
{
  gboolean live = FALSE;
  g_autoptr (GstQuery) query = gst_query_new_latency ();

  if (gst_pad_peer_query (GST_PAD (self->audio_pad), query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  return live;
}

static gboolean
make_binauralizer (GstCcstereoDec *self)
{
  CcsBinauralizerOptions options = CCS_BINAURALIZER_DEFAULTS;
  GError *error = NULL;

  options.rate = GST_AUDIO_INFO_RATE (&self->info);
  options.channels = GST_AUDIO_INFO_CHANNELS (&self->info);
  options.batch = !is_live (self);
  GST_OBJECT_LOCK (self);
  options.hop = self->hop;
  options.lookahead = self->lookahead;
  options.width = self->width;
  GST_OBJECT_UNLOCK (self);
  g_clear_pointer (&self->binauralizer, ccs_binauralizer_free);
  self->binauralizer = ccs_binauralizer_new (self->model, &options, &error);
  if (self->binauralizer == NULL) {
    fail (self, error);
    return FALSE;
  }
  report_latency (self);
  return TRUE;
}

/* Forgets sound and features; what comes next starts a new grid. */
static void
restart (GstCcstereoDec *self)
{
  if (self->binauralizer)
    ccs_binauralizer_reset (self->binauralizer);
  if (self->align)
    gst_audio_stream_align_mark_discont (self->align);
  self->running = FALSE;
  self->pushed = self->pulled = 0;
  self->discont = TRUE;
  self->features_ended = FALSE;
}

/* -- output --------------------------------------------------------------------------- */

static void
warn_if_centered (GstCcstereoDec *self)
{
  if (self->warned
      || ccs_binauralizer_centered_windows (self->binauralizer) == 0)
    return;
  self->warned = TRUE;
  GST_ELEMENT_WARNING (self, STREAM, FAILED,
      ("no features came with the sound: it is centred"), (NULL));
}

static GstFlowReturn
push_frames (GstCcstereoDec *self, gsize frames)
{
  GstAggregator *agg = GST_AGGREGATOR (self);
  GstSegment *segment = &GST_AGGREGATOR_PAD (agg->srcpad)->segment;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL,
      frames * OUT_CHANNELS * sizeof (float), NULL);
  GstClockTime start = frames_to_time (self, self->pulled);
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_WRITE)) {
    gst_buffer_unref (buffer);
    GST_ELEMENT_ERROR (self, STREAM, FAILED,
        ("an output buffer could not be mapped"), (NULL));
    return GST_FLOW_ERROR;
  }
  ccs_binauralizer_pull (self->binauralizer, (float *) map.data, frames);
  gst_buffer_unmap (buffer, &map);
  self->pulled += frames;
  GST_BUFFER_PTS (buffer) = self->first_pts + start;
  GST_BUFFER_DURATION (buffer) = frames_to_time (self, self->pulled) - start;
  if (self->discont)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  self->discont = FALSE;
  segment->position = GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer);
  gst_aggregator_selected_samples (agg, GST_BUFFER_PTS (buffer),
      GST_CLOCK_TIME_NONE, GST_BUFFER_DURATION (buffer), NULL);
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

static void
sync_width (GstCcstereoDec *self)
{
  GstSegment *segment = &self->audio_pad->segment;
  guint64 time = gst_segment_to_stream_time (segment, GST_FORMAT_TIME,
      self->first_pts + frames_to_time (self, self->pulled));
  double width;

  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_object_sync_values (GST_OBJECT (self), time);
  GST_OBJECT_LOCK (self);
  width = self->width;
  GST_OBJECT_UNLOCK (self);
  ccs_binauralizer_set_width (self->binauralizer, width);
}

static GstFlowReturn
process (GstCcstereoDec *self, gboolean force)
{
  GError *error = NULL;

  sync_width (self);
  if (!ccs_binauralizer_process (self->binauralizer, force, &error))
    return fail (self, error);
  return put_out (self);
}

/* The sound ends here (end of stream, discontinuity, new format): everything
 * that went in comes out. */
static GstFlowReturn
drain (GstCcstereoDec *self)
{
  GError *error = NULL;
  GstFlowReturn ret;

  if (self->binauralizer == NULL || !self->running)
    return GST_FLOW_OK;
  ccs_binauralizer_end_features (self->binauralizer);
  sync_width (self);
  if (!ccs_binauralizer_drain (self->binauralizer, &error))
    return fail (self, error);
  ret = put_out (self);
  return ret == GST_AGGREGATOR_FLOW_NEED_DATA ? GST_FLOW_OK : ret;
}

/* -- input ---------------------------------------------------------------------------- */

static gboolean
start_at (GstCcstereoDec *self, GstClockTime pts)
{
  self->first_pts = pts;
  self->first_running = gst_segment_to_running_time (&self->audio_pad->segment,
      GST_FORMAT_TIME, pts);
  self->running = GST_CLOCK_TIME_IS_VALID (self->first_running);
  if (!self->running)
    GST_WARNING_OBJECT (self, "sound at %" GST_TIME_FORMAT
        " lies outside the segment: dropped", GST_TIME_ARGS (pts));
  return self->running;
}

/* Silence of the length of gap @buffer, in memory of its own. */
static GstBuffer *
silence_for (GstCcstereoDec *self, GstBuffer *gap)
{
  guint64 frames = gst_util_uint64_scale_round (GST_BUFFER_DURATION (gap),
      GST_AUDIO_INFO_RATE (&self->info), GST_SECOND);
  gsize size = frames * GST_AUDIO_INFO_BPF (&self->info);
  GstBuffer *silence = gst_buffer_new_allocate (NULL, size, NULL);

  gst_buffer_memset (silence, 0, 0, size);
  gst_buffer_copy_into (silence, gap, GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  return silence;
}

static GstFlowReturn
push_samples (GstCcstereoDec *self, GstBuffer *buffer)
{
  GstMapInfo map;
  GError *error = NULL;
  gsize frames;
  gboolean ok;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    GST_ELEMENT_ERROR (self, STREAM, FAILED,
        ("an audio buffer could not be mapped"), (NULL));
    return GST_FLOW_ERROR;
  }
  frames = map.size / GST_AUDIO_INFO_BPF (&self->info);
  ok = ccs_binauralizer_push_audio (self->binauralizer,
      (const float *) map.data, frames, &error);
  gst_buffer_unmap (buffer, &map);
  if (!ok)
    return fail (self, error);
  self->pushed += frames;
  return GST_FLOW_OK;
}

/* Takes @buffer. Small jitter of timestamps is smoothed; a real discontinuity
 * ends the sound so far and starts anew. */
static GstFlowReturn
consume_audio (GstCcstereoDec *self, GstBuffer *taken)
{
  g_autoptr (GstBuffer) buffer = taken;
  GstClockTime pts = GST_BUFFER_PTS (buffer);
  guint frames;
  GstFlowReturn ret = GST_FLOW_OK;

  if (gst_buffer_get_size (buffer) == 0
      && GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP)
      && GST_BUFFER_DURATION_IS_VALID (buffer)) {
    GstBuffer *silence = silence_for (self, buffer);

    gst_buffer_replace (&buffer, silence);
    gst_buffer_unref (silence);
  }
  if (!GST_CLOCK_TIME_IS_VALID (pts)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("audio buffers must have timestamps"), (NULL));
    return GST_FLOW_ERROR;
  }
  frames = gst_buffer_get_size (buffer) / GST_AUDIO_INFO_BPF (&self->info);
  if (gst_audio_stream_align_process (self->align,
          GST_BUFFER_IS_DISCONT (buffer), pts, frames, &pts, NULL, NULL)
      && self->running) {
    GST_DEBUG_OBJECT (self, "discontinuity at %" GST_TIME_FORMAT,
        GST_TIME_ARGS (pts));
    ret = drain (self);
    ccs_binauralizer_reset (self->binauralizer);
    self->running = FALSE;
    self->pushed = self->pulled = 0;
    self->discont = TRUE;
  }
  if (ret != GST_FLOW_OK || (!self->running && !start_at (self, pts)))
    return ret;
  return push_samples (self, buffer);
}

/* @feature (nullable: the held one) as shown at running time @running. */
static GstFlowReturn
push_feature (GstCcstereoDec *self, const float *feature, GstClockTime running)
{
  gsize bytes = ccs_model_feature_size (self->model) * sizeof (float);
  GError *error = NULL;

  if (feature) {
    memcpy (self->held_feature, feature, bytes);
    self->holds_feature = TRUE;
  }
  if (!self->holds_feature || self->features_ended)
    return GST_FLOW_OK;
  if (!ccs_binauralizer_push_feature (self->binauralizer,
          GST_CLOCK_DIFF (self->first_running, running), self->held_feature,
          &error))
    return fail (self, error);
  return GST_FLOW_OK;
}

static GstFlowReturn
consume_feature (GstCcstereoDec *self, GstBuffer *taken, GstClockTime running)
{
  g_autoptr (GstBuffer) buffer = taken;
  gsize bytes = ccs_model_feature_size (self->model) * sizeof (float);
  GstFlowReturn ret;
  GstMapInfo map;

  if (gst_buffer_get_size (buffer) == 0)
    return push_feature (self, NULL, running);
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ) || map.size != bytes) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("a feature buffer has %" G_GSIZE_FORMAT " bytes, not %"
            G_GSIZE_FORMAT, gst_buffer_get_size (buffer), bytes), (NULL));
    return GST_FLOW_ERROR;
  }
  ret = push_feature (self, (const float *) map.data, running);
  gst_buffer_unmap (buffer, &map);
  return ret;
}

/* -- GstAggregator ------------------------------------------------------------------------ */

/* Running time of the first buffer on the features pad, or NONE. */
static GstClockTime
next_feature_time (GstAggregatorPad *pad)
{
  g_autoptr (GstBuffer) buffer = gst_aggregator_pad_peek_buffer (pad);

  if (buffer == NULL || !GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_CLOCK_TIME_NONE;
  return gst_segment_to_running_time (&pad->segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer));
}

/* Takes features up to the sound that is here already: later ones wait on
 * their pad, so that neither side runs ahead. TRUE when no feature is
 * missing. */
static gboolean
take_features (GstCcstereoDec *self, GstAggregatorPad *pad,
    GstFlowReturn *ret)
{
  GstClockTime end = self->first_running + frames_to_time (self, self->pushed);

  while (*ret == GST_FLOW_OK && gst_aggregator_pad_has_buffer (pad)) {
    GstClockTime time = next_feature_time (pad);

    if (!GST_CLOCK_TIME_IS_VALID (time)) {
      gst_aggregator_pad_drop_buffer (pad);
      continue;
    }
    if (time > end)
      return TRUE;
    *ret = consume_feature (self, gst_aggregator_pad_pop_buffer (pad), time);
  }
  return gst_aggregator_pad_is_eos (pad);
}

static void
end_features (GstCcstereoDec *self)
{
  if (self->features_ended)
    return;
  self->features_ended = TRUE;
  ccs_binauralizer_end_features (self->binauralizer);
}

/* What is ready on the features side. TRUE when sound may go on. */
static gboolean
follow_features (GstCcstereoDec *self, GstFlowReturn *ret)
{
  g_autoptr (GstAggregatorPad) pad = ref_features_pad (self);
  gboolean caught_up = TRUE;

  if (pad)
    caught_up = take_features (self, pad, ret);
  if (*ret == GST_FLOW_OK && (pad == NULL
          || (gst_aggregator_pad_is_eos (pad)
              && !gst_aggregator_pad_has_buffer (pad))))
    end_features (self);
  return caught_up;
}

static GstFlowReturn
finish_stream (GstCcstereoDec *self)
{
  GstFlowReturn ret = drain (self);

  restart (self);
  return ret == GST_FLOW_OK ? GST_FLOW_EOS : ret;
}

static GstFlowReturn
gst_ccstereo_dec_aggregate (GstAggregator *agg, gboolean timeout)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);
  GstFlowReturn ret = GST_FLOW_OK;
  gboolean caught_up = TRUE;
  GstBuffer *buffer;

  if (self->binauralizer == NULL) {
    if (gst_aggregator_pad_is_eos (self->audio_pad))
      return GST_FLOW_EOS;
    if (!gst_aggregator_pad_has_buffer (self->audio_pad))
      return GST_AGGREGATOR_FLOW_NEED_DATA;
    GST_ELEMENT_ERROR (self, CORE, NEGOTIATION, ("sound came without caps"),
        (NULL));
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (self->running)
    caught_up = follow_features (self, &ret);
  if (ret != GST_FLOW_OK)
    return ret;
  if (caught_up || timeout || !self->running) {
    while (ret == GST_FLOW_OK && (buffer =
            gst_aggregator_pad_pop_buffer (self->audio_pad))) {
      ret = consume_audio (self, buffer);
      if (!timeout)
        break;
    }
    if (ret != GST_FLOW_OK)
      return ret;
    if (gst_aggregator_pad_is_eos (self->audio_pad))
      return finish_stream (self);
  }
  return self->running ? process (self, timeout)
      : GST_AGGREGATOR_FLOW_NEED_DATA;
}

static gboolean
set_audio_caps (GstCcstereoDec *self, GstCaps *caps)
{
  GstAudioInfo info, out;
  g_autoptr (GstCaps) out_caps = NULL;

  if (!gst_audio_info_from_caps (&info, caps))
    return FALSE;
  if (self->binauralizer && gst_audio_info_is_equal (&info, &self->info))
    return TRUE;
  if (drain (self) != GST_FLOW_OK)
    return FALSE;
  restart (self);
  self->info = info;
  g_clear_pointer (&self->align, gst_audio_stream_align_free);
  self->align = gst_audio_stream_align_new (info.rate, ALIGNMENT_THRESHOLD,
      DISCONT_WAIT);
  if (!make_binauralizer (self))
    return FALSE;
  gst_audio_info_set_format (&out, GST_AUDIO_INFO_FORMAT (&info), info.rate,
      OUT_CHANNELS, NULL);
  out_caps = gst_audio_info_to_caps (&out);
  gst_aggregator_set_src_caps (GST_AGGREGATOR (self), out_caps);
  return TRUE;
}

static gboolean
check_features_caps (GstCcstereoDec *self, GstCaps *caps)
{
  const char *id =
      gst_structure_get_string (gst_caps_get_structure (caps, 0), "model-id");

  if (id && self->model && g_str_equal (id, ccs_model_id (self->model)))
    return TRUE;
  GST_ELEMENT_ERROR (self, CORE, NEGOTIATION,
      ("the features are of model %s, this element's model is %s: give "
          "ccstereoenc and ccstereodec the same model-file",
          id ? id : "(none)", self->model ? ccs_model_id (self->model) : "?"),
      (NULL));
  return FALSE;
}

static gboolean
set_audio_segment (GstCcstereoDec *self, GstEvent *event)
{
  const GstSegment *segment;

  gst_event_parse_segment (event, &segment);
  if (segment->format != GST_FORMAT_TIME) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("sound must come in a time segment"), (NULL));
    return FALSE;
  }
  if (drain (self) != GST_FLOW_OK)
    return FALSE;
  restart (self);
  gst_aggregator_update_segment (GST_AGGREGATOR (self), segment);
  return TRUE;
}

static gboolean
gst_ccstereo_dec_sink_event (GstAggregator *agg, GstAggregatorPad *pad,
    GstEvent *event)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);
  gboolean is_audio = pad == self->audio_pad, ok = TRUE;
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      ok = is_audio ? set_audio_caps (self, caps)
          : check_features_caps (self, caps);
      break;
    case GST_EVENT_SEGMENT:
      if (is_audio)
        ok = set_audio_segment (self, event);
      break;
    case GST_EVENT_TAG:
      /* The sound's tags go on, the picture's stay here. */
      if (!is_audio) {
        gst_event_unref (event);
        return TRUE;
      }
      break;
    default:
      break;
  }
  if (!ok) {
    gst_event_unref (event);
    return FALSE;
  }
  return GST_AGGREGATOR_CLASS (gst_ccstereo_dec_parent_class)->sink_event
      (agg, pad, event);
}

/* The audio pad takes the rates that downstream takes. */
static GstCaps *
audio_caps (GstCcstereoDec *self, GstCaps *filter)
{
  g_autoptr (GstCaps) template =
      gst_static_pad_template_get_caps (&audio_template);
  g_autoptr (GstCaps) peer =
      gst_pad_peer_query_caps (GST_AGGREGATOR (self)->srcpad, NULL);
  g_autoptr (GstCaps) rates = gst_caps_new_empty ();
  GstCaps *result;

  if (gst_caps_is_any (peer))
    gst_caps_replace (&rates, template);
  for (guint i = 0; !gst_caps_is_any (peer) && i < gst_caps_get_size (peer);
      i++) {
    const GValue *rate =
        gst_structure_get_value (gst_caps_get_structure (peer, i), "rate");
    GstStructure *one = gst_structure_copy (gst_caps_get_structure (template,
            0));

    if (rate)
      gst_structure_set_value (one, "rate", rate);
    rates = gst_caps_merge_structure (rates, one);
  }
  result = gst_caps_intersect_full (rates, template,
      GST_CAPS_INTERSECT_FIRST);
  if (filter) {
    GstCaps *narrowed =
        gst_caps_intersect_full (filter, result, GST_CAPS_INTERSECT_FIRST);

    gst_caps_unref (result);
    result = narrowed;
  }
  return result;
}

static gboolean
gst_ccstereo_dec_sink_query (GstAggregator *agg, GstAggregatorPad *pad,
    GstQuery *query)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);

  if (GST_QUERY_TYPE (query) == GST_QUERY_CAPS && pad == self->audio_pad) {
    g_autoptr (GstCaps) caps = NULL;
    GstCaps *filter;

    gst_query_parse_caps (query, &filter);
    caps = audio_caps (self, filter);
    gst_query_set_caps_result (query, caps);
    return TRUE;
  }
  return GST_AGGREGATOR_CLASS (gst_ccstereo_dec_parent_class)->sink_query
      (agg, pad, query);
}

static GstFlowReturn
gst_ccstereo_dec_flush (GstAggregator *agg)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);

  restart (self);
  self->holds_feature = FALSE;
  return GST_FLOW_OK;
}

static gboolean
gst_ccstereo_dec_start (GstAggregator *agg)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);
  GError *error = NULL;

  self->model = gst_ccstereo_model_settings_load (&self->settings,
      GST_ELEMENT (self));
  if (self->model == NULL)
    return FALSE;
  if (!ccs_model_warm_up (self->model, FALSE, &error)) {
    gst_ccstereo_post_error (GST_ELEMENT (self), error);
    g_clear_pointer (&self->model, ccs_model_unref);
    return FALSE;
  }
  self->held_feature = g_new (float, ccs_model_feature_size (self->model));
  self->holds_feature = self->warned = FALSE;
  restart (self);
  return TRUE;
}

static gboolean
gst_ccstereo_dec_stop (GstAggregator *agg)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);

  g_clear_pointer (&self->binauralizer, ccs_binauralizer_free);
  g_clear_pointer (&self->align, gst_audio_stream_align_free);
  g_clear_pointer (&self->held_feature, g_free);
  g_clear_pointer (&self->model, ccs_model_unref);
  self->running = FALSE;
  return TRUE;
}

static GstAggregatorPad *
gst_ccstereo_dec_create_new_pad (GstAggregator *agg, GstPadTemplate *templ,
    const gchar *name, const GstCaps *caps)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);
  GstAggregatorPad *pad = NULL;

  GST_OBJECT_LOCK (self);
  if (self->features_pad == NULL
      && g_str_equal (templ->name_template, features_template.name_template))
    pad = self->features_pad = g_object_new (GST_TYPE_AGGREGATOR_PAD, "name",
        templ->name_template, "direction", GST_PAD_SINK, "template", templ,
        NULL);
  GST_OBJECT_UNLOCK (self);
  return pad;
}

static void
gst_ccstereo_dec_release_pad (GstElement *element, GstPad *pad)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (element);

  GST_OBJECT_LOCK (self);
  if (GST_AGGREGATOR_PAD (pad) == self->features_pad)
    self->features_pad = NULL;
  GST_OBJECT_UNLOCK (self);
  GST_ELEMENT_CLASS (gst_ccstereo_dec_parent_class)->release_pad (element,
      pad);
}

/* -- GObject ---------------------------------------------------------------------------------- */

static void
gst_ccstereo_dec_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (object);

  if (id >= PROP_MODEL) {
    if (!gst_ccstereo_model_settings_set (&self->settings,
            GST_ELEMENT (self), id - PROP_MODEL, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_HOP:
      self->hop = g_value_get_uint (value);
      break;
    case PROP_LOOKAHEAD:
      self->lookahead = g_value_get_uint (value);
      break;
    case PROP_WIDTH:
      self->width = g_value_get_double (value);
      break;
    case PROP_PROCESSING_DEADLINE:
      self->processing_deadline = g_value_get_uint64 (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_ccstereo_dec_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (object);

  if (id >= PROP_MODEL) {
    if (!gst_ccstereo_model_settings_get (&self->settings,
            GST_ELEMENT (self), id - PROP_MODEL, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_HOP:
      g_value_set_uint (value, self->hop);
      break;
    case PROP_LOOKAHEAD:
      g_value_set_uint (value, self->lookahead);
      break;
    case PROP_WIDTH:
      g_value_set_double (value, self->width);
      break;
    case PROP_PROCESSING_DEADLINE:
      g_value_set_uint64 (value, self->processing_deadline);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_ccstereo_dec_finalize (GObject *object)
{
  gst_ccstereo_model_settings_clear (&GST_CCSTEREO_DEC (object)->settings);
  G_OBJECT_CLASS (gst_ccstereo_dec_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  g_object_class_install_property (object_class, PROP_HOP,
      g_param_spec_uint ("hop", "Hop",
          "Samples at 16 kHz between the model's windows (1008: 63 ms, as "
          "published; more is faster and rougher)", 1, CCS_WINDOW, CCS_HOP,
          flags | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (object_class, PROP_LOOKAHEAD,
      g_param_spec_uint ("lookahead", "Look-ahead",
          "How far ahead of a sample the windows over it are awaited, in "
          "samples at 16 kHz (10080: the whole window, as published; less "
          "lowers latency and quality)", CCS_HOP, CCS_WINDOW, CCS_WINDOW,
          flags | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (object_class, PROP_WIDTH,
      g_param_spec_double ("width", "Width",
          "How far apart the ears are (0: mono, 1: as the model says)", 0.,
          MAX_WIDTH, DEFAULT_WIDTH, flags | GST_PARAM_CONTROLLABLE
          | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_PROCESSING_DEADLINE,
      g_param_spec_uint64 ("processing-deadline", "Processing deadline",
          "Time allowed for computing, part of the reported latency (ns)", 0,
          G_MAXUINT64 / 2, DEFAULT_PROCESSING_DEADLINE,
          flags | GST_PARAM_MUTABLE_READY));
  gst_ccstereo_install_model_properties (object_class, PROP_MODEL);
}

static void
gst_ccstereo_dec_class_init (GstCcstereoDecClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstAggregatorClass *agg_class = GST_AGGREGATOR_CLASS (klass);

  object_class->set_property = gst_ccstereo_dec_set_property;
  object_class->get_property = gst_ccstereo_dec_get_property;
  object_class->finalize = gst_ccstereo_dec_finalize;
  install_properties (object_class);

  gst_element_class_add_static_pad_template_with_gtype (element_class,
      &audio_template, GST_TYPE_AGGREGATOR_PAD);
  gst_element_class_add_static_pad_template_with_gtype (element_class,
      &features_template, GST_TYPE_AGGREGATOR_PAD);
  gst_element_class_add_static_pad_template_with_gtype (element_class,
      &src_template, GST_TYPE_AGGREGATOR_PAD);
  gst_element_class_set_static_metadata (element_class,
      "CCStereo binauralizer", "Filter/Effect/Audio",
      "Turns mono sound into binaural sound by what the picture shows",
      "The gst-ccstereo authors");
  element_class->release_pad = gst_ccstereo_dec_release_pad;

  agg_class->aggregate = gst_ccstereo_dec_aggregate;
  agg_class->sink_event = gst_ccstereo_dec_sink_event;
  agg_class->sink_query = gst_ccstereo_dec_sink_query;
  agg_class->flush = gst_ccstereo_dec_flush;
  agg_class->start = gst_ccstereo_dec_start;
  agg_class->stop = gst_ccstereo_dec_stop;
  agg_class->create_new_pad = gst_ccstereo_dec_create_new_pad;
  agg_class->get_next_time = gst_aggregator_simple_get_next_time;
  agg_class->negotiate = NULL;  /* the audio pad's caps decide */
}

static void
gst_ccstereo_dec_init (GstCcstereoDec *self)
{
  GstPadTemplate *templ = gst_element_class_get_pad_template
      (GST_ELEMENT_GET_CLASS (self), audio_template.name_template);

  self->settings = GST_CCSTEREO_MODEL_SETTINGS_INIT;
  self->hop = CCS_HOP;
  self->lookahead = CCS_WINDOW;
  self->width = DEFAULT_WIDTH;
  self->processing_deadline = DEFAULT_PROCESSING_DEADLINE;
  self->audio_pad = g_object_new (GST_TYPE_AGGREGATOR_PAD, "name",
      audio_template.name_template, "direction", GST_PAD_SINK, "template",
      templ, NULL);
  gst_element_add_pad (GST_ELEMENT (self), GST_PAD (self->audio_pad));
}
