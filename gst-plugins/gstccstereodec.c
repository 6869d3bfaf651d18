/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-ccstereodec
 * @title: ccstereodec
 * @short_description: binaural audio from mono audio and visual features
 *
 * Takes audio on its audio pad (mono, or stereo, whose channels are summed) and
 * the features of ccstereoenc on its features pad. Outputs stereo at the rate
 * of the input, with the same number of samples and the same timestamps. The
 * sum of left and right is the mix; the model predicts the difference.
 *
 * The latency is one model window (0.63 s) plus that of the resamplers. It is
 * reported; `lookahead` reduces it at the cost of quality. While no features
 * arrive, the last one is used. Before the first feature the audio is centred,
 * and the element posts a warning.
 *
 * ccstereobin contains this element with tdsscrop and ccstereoenc. If you link
 * them yourself, put queues that hold more than the latency in both branches.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin name=d \
 *     ccstereodec name=c ! wavenc ! filesink location=out.wav \
 *     d. ! queue max-size-time=3000000000 ! audioconvert ! c.audio \
 *     d. ! queue max-size-time=3000000000 max-size-bytes=0 \
 *     ! tdsscrop ! ccstereoenc ! c.features
 * ]|
 *
 * Since: 0.1
 */
#include "gstccstereodec-private.h"

GST_DEBUG_CATEGORY (gst_ccstereo_dec_debug);

#define DEFAULT_WIDTH 1.
/* Long enough for a window that waits for a frame to be encoded on the same
 * cores. */
#define DEFAULT_PROCESSING_DEADLINE (150 * GST_MSECOND)

enum
{
  PROP_0,
  PROP_SOUND, /* the first of the sound properties */
  PROP_MODEL = PROP_SOUND + GST_CCSTEREO_DEC_N_SOUND_PROPERTIES,
  PROP_STATS = PROP_MODEL + GST_CCSTEREO_N_MODEL_PROPERTIES,
};

enum
{
  INDEX_HOP,
  INDEX_LOOKAHEAD,
  INDEX_WIDTH,
  INDEX_PROCESSING_DEADLINE,
};

#define FORMAT GST_AUDIO_NE (F32)
#define MIN_RATE G_STRINGIFY (CCS_BINAURALIZER_MIN_RATE)
#define MAX_RATE G_STRINGIFY (CCS_BINAURALIZER_MAX_RATE)
/* Caps of audio and src pad, without the channels. */
#define SOUND_CAPS                                                             \
  "audio/x-raw, format = (string) " FORMAT ", layout = (string) interleaved, " \
  "rate = (int) [ " MIN_RATE ", " MAX_RATE " ]"

static GstStaticPadTemplate audio_template = GST_STATIC_PAD_TEMPLATE (
    "audio", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (SOUND_CAPS ", channels = (int) [ 1, 2 ]"));

static GstStaticPadTemplate features_template
    = GST_STATIC_PAD_TEMPLATE ("features", GST_PAD_SINK, GST_PAD_REQUEST,
                               GST_STATIC_CAPS (GST_CCSTEREO_FEATURES_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (SOUND_CAPS
                     ", channels = (int) 2, channel-mask = (bitmask) 0x3"));

G_DEFINE_TYPE_WITH_CODE (
    GstCcstereoDec, gst_ccstereo_dec, GST_TYPE_AGGREGATOR,
    G_IMPLEMENT_INTERFACE (GST_TYPE_PRESET, NULL) GST_DEBUG_CATEGORY_INIT (
        gst_ccstereo_dec_debug, "ccstereodec", 0,
        "binaural audio from mono audio and features"));
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (ccstereodec, "ccstereodec",
                                       GST_RANK_NONE, GST_TYPE_CCSTEREO_DEC,
                                       gst_ccstereo_init ());

/* -- GstAggregator: events and queries ------------------------------------- */

static void
keep_tags (GstCcstereoDec *self, GstEvent *event)
{
  GstTagList *tags;

  gst_event_parse_tag (event, &tags);
  gst_clear_tag_list (&self->tags_pending);
  self->tags_pending = gst_tag_list_ref (tags);
}

/* Returns the GAP @event (transfer full) with its duration limited to valid
 * times, or NULL if its start is not valid. */
static GstEvent *
check_gap (GstEvent *event)
{
  GstClockTime start, duration;
  GstEvent *checked;

  gst_event_parse_gap (event, &start, &duration);
  if (gst_ccstereo_checked_time (start) == start
      && (!GST_CLOCK_TIME_IS_VALID (duration)
          || duration <= GST_CCSTEREO_MAX_TIME - start))
    return event;
  checked = start < GST_CCSTEREO_MAX_TIME
                ? gst_event_new_gap (start, GST_CCSTEREO_MAX_TIME - start)
                : NULL;
  gst_event_unref (event);
  return checked;
}

static gboolean
gst_ccstereo_dec_sink_event (GstAggregator *agg, GstAggregatorPad *pad,
                             GstEvent *event)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);
  gboolean is_audio = pad == self->audio_pad, ok = TRUE;
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_STREAM_START:
    gst_ccstereo_dec_set_ended (self, FALSE);
    break;
  case GST_EVENT_CAPS:
    gst_event_parse_caps (event, &caps);
    ok = is_audio ? gst_ccstereo_dec_set_audio_caps (self, caps)
                  : gst_ccstereo_dec_check_features_caps (self, caps);
    break;
  case GST_EVENT_SEGMENT:
    ok = gst_ccstereo_dec_set_segment (self, event, is_audio);
    break;
  case GST_EVENT_GAP:
    /* The pad's segment may have been rejected. */
    if (pad->segment.format != GST_FORMAT_TIME) {
      gst_event_unref (event);
      return TRUE;
    }
    break;
  case GST_EVENT_TAG:
    /* The tags of the video do not describe the audio. */
    if (is_audio)
      keep_tags (self, event);
    break;
  default:
    break;
  }
  if (!ok) {
    /* The base class continues after an event that failed; event_flow ends the
     * stream. */
    if (self->event_flow == GST_FLOW_OK)
      self->event_flow = GST_FLOW_ERROR;
    gst_event_unref (event);
    return FALSE;
  }
  return GST_AGGREGATOR_CLASS (gst_ccstereo_dec_parent_class)
      ->sink_event (agg, pad, event);
}

static GstFlowReturn
gst_ccstereo_dec_sink_event_pre_queue (GstAggregator *agg,
                                       GstAggregatorPad *pad, GstEvent *event)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START && pad == self->audio_pad)
    g_atomic_int_set (&self->flushed, (gint)gst_event_get_seqnum (event));
  if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START
      || GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gst_ccstereo_dec_set_ended (self, FALSE);
  if (GST_EVENT_TYPE (event) == GST_EVENT_GAP
      && (event = check_gap (event)) == NULL)
    return GST_FLOW_OK;
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT_DONE)
    return gst_ccstereo_dec_queue_segment_done (self, pad, event);
  return GST_AGGREGATOR_CLASS (gst_ccstereo_dec_parent_class)
      ->sink_event_pre_queue (agg, pad, event);
}

/* Drops a seek event that the audio source has handled already: a demuxer gets
 * the same seek through its video pad. The base class drops it, too, but leaks
 * it in GStreamer 1.22. */
static gboolean
gst_ccstereo_dec_src_event (GstAggregator *agg, GstEvent *event)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK
      && g_atomic_int_get (&self->flushed)
             == (gint)gst_event_get_seqnum (event)) {
    gst_event_unref (event);
    return TRUE;
  }
  return GST_AGGREGATOR_CLASS (gst_ccstereo_dec_parent_class)
      ->src_event (agg, event);
}

static gboolean
gst_ccstereo_dec_sink_query (GstAggregator *agg, GstAggregatorPad *pad,
                             GstQuery *query)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);

  if (GST_QUERY_TYPE (query) == GST_QUERY_CAPS && pad == self->audio_pad) {
    g_autoptr (GstCaps) caps = gst_ccstereo_dec_audio_caps (self);
    GstCaps *filter;

    gst_query_parse_caps (query, &filter);
    caps = gst_ccstereo_narrow_caps (caps, filter);
    gst_query_set_caps_result (query, caps);
    return TRUE;
  }
  return GST_AGGREGATOR_CLASS (gst_ccstereo_dec_parent_class)
      ->sink_query (agg, pad, query);
}

/* Answers the LATENCY query: adds the engine's latency and the processing
 * deadline. */
static gboolean
query_latency (GstCcstereoDec *self, GstQuery *query)
{
  GstClockTime min, max;
  gboolean live;

  if (!GST_AGGREGATOR_CLASS (gst_ccstereo_dec_parent_class)
           ->src_query (GST_AGGREGATOR (self), query))
    return FALSE;
  gst_query_parse_latency (query, &live, &min, &max);
  GST_OBJECT_LOCK (self);
  min += self->processing_deadline;
  if (GST_CLOCK_TIME_IS_VALID (max))
    max += self->processing_deadline;
  GST_OBJECT_UNLOCK (self);
  GST_DEBUG_OBJECT (self,
                    "latency query: %s, at least %" GST_TIME_FORMAT
                    ", at most %" GST_TIME_FORMAT,
                    live ? "live" : "not live", GST_TIME_ARGS (min),
                    GST_TIME_ARGS (max));
  gst_query_set_latency (query, live, min, max);
  return TRUE;
}

static gboolean
gst_ccstereo_dec_src_query (GstAggregator *agg, GstQuery *query)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);

  switch (GST_QUERY_TYPE (query)) {
  case GST_QUERY_LATENCY:
    return query_latency (self, query);
  case GST_QUERY_SEEKING:
    /* The audio source decides; the base class would answer FALSE. */
    return gst_pad_peer_query (GST_PAD (self->audio_pad), query);
  default:
    return GST_AGGREGATOR_CLASS (gst_ccstereo_dec_parent_class)
        ->src_query (agg, query);
  }
}

/* Sets the buffer's duration to that of its samples: with a wrong one they
 * would be clipped. */
static GstBuffer *
check_duration (GstCcstereoDec *self, GstBuffer *buffer)
{
  const GstClockTime duration = gst_ccstereo_dec_frames_to_time (
      self, gst_buffer_get_size (buffer) / GST_AUDIO_INFO_BPF (&self->info));
  const GstClockTime frame = gst_ccstereo_dec_frames_to_time (self, 1);
  const GstClockTime said = GST_BUFFER_DURATION (buffer);

  if (said <= duration + frame && duration <= said + frame)
    return buffer;
  buffer = gst_buffer_make_writable (buffer);
  GST_BUFFER_DURATION (buffer) = duration;
  return buffer;
}

/* Drops audio outside the segment, which is not played. */
static GstBuffer *
gst_ccstereo_dec_clip (GstAggregator *agg, GstAggregatorPad *pad,
                       GstBuffer *buffer)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);
  const GstClockTime pts = gst_ccstereo_checked_time (GST_BUFFER_PTS (buffer));

  /* The base class has clipped gaps. The segment is not set if it was rejected.
   */
  if (pad != self->audio_pad || gst_buffer_get_size (buffer) == 0
      || self->binauralizer == NULL || pad->segment.format != GST_FORMAT_TIME
      || !GST_CLOCK_TIME_IS_VALID (pts))
    return buffer;
  return gst_audio_buffer_clip (check_duration (self, buffer), &pad->segment,
                                GST_AUDIO_INFO_RATE (&self->info),
                                GST_AUDIO_INFO_BPF (&self->info));
}

static GstFlowReturn
gst_ccstereo_dec_flush (GstAggregator *agg)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);

  GST_DEBUG_OBJECT (self, "flush: audio and features are discarded");
  gst_ccstereo_dec_restart (self);
  self->holds_feature = self->segment_done = FALSE;
  self->held_until = GST_CLOCK_STIME_NONE;
  self->event_flow = GST_FLOW_OK;
  return GST_FLOW_OK;
}

/* -- GstAggregator: life --------------------------------------------------- */

static gboolean
gst_ccstereo_dec_start (GstAggregator *agg)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);
  GError *error = NULL;

  self->model
      = gst_ccstereo_model_settings_load (&self->settings, GST_ELEMENT (self));
  if (self->model == NULL)
    return FALSE;
  if (!ccs_model_warm_up (self->model, FALSE, &error)) {
    gst_ccstereo_post_error (GST_ELEMENT (self), error);
    g_clear_pointer (&self->model, ccs_model_unref);
    return FALSE;
  }
  self->held_feature = g_new (float, ccs_model_feature_size (self->model));
  self->holds_feature = self->segment_done = self->warned = FALSE;
  self->held_until = GST_CLOCK_STIME_NONE;
  self->event_flow = GST_FLOW_OK;
  gst_ccstereo_dec_set_ended (self, FALSE);
  gst_ccstereo_dec_clear_stats (self);
  gst_ccstereo_dec_restart (self);
  return TRUE;
}

static gboolean
gst_ccstereo_dec_stop (GstAggregator *agg)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (agg);

  g_clear_pointer (&self->binauralizer, ccs_binauralizer_unref);
  g_clear_pointer (&self->align, gst_audio_stream_align_free);
  gst_clear_tag_list (&self->tags_pending);
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
    pad = self->features_pad
        = g_object_new (GST_TYPE_AGGREGATOR_PAD, "name", templ->name_template,
                        "direction", GST_PAD_SINK, "template", templ, NULL);
  GST_OBJECT_UNLOCK (self);
  if (pad)
    gst_ccstereo_dec_watch_pad (self, pad);
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
  GST_ELEMENT_CLASS (gst_ccstereo_dec_parent_class)->release_pad (element, pad);
}

/* -- GObject --------------------------------------------------------------- */

static void
gst_ccstereo_dec_set_property (GObject *object, guint id, const GValue *value,
                               GParamSpec *pspec)
{
  GstCcstereoDec *self = GST_CCSTEREO_DEC (object);

  guint index = id - PROP_SOUND;

  if (id >= PROP_MODEL) {
    if (!gst_ccstereo_model_settings_set (&self->settings, GST_ELEMENT (self),
                                          id - PROP_MODEL, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (index) {
  case INDEX_HOP:
    self->hop = g_value_get_uint (value);
    break;
  case INDEX_LOOKAHEAD:
    self->lookahead = g_value_get_uint (value);
    break;
  case INDEX_WIDTH:
    self->width = g_value_get_double (value);
    break;
  case INDEX_PROCESSING_DEADLINE:
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

  guint index = id - PROP_SOUND;

  if (id == PROP_STATS) {
    g_value_take_boxed (value, gst_ccstereo_dec_stats (self));
    return;
  }
  if (id >= PROP_MODEL) {
    if (!gst_ccstereo_model_settings_get (&self->settings, GST_ELEMENT (self),
                                          id - PROP_MODEL, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (index) {
  case INDEX_HOP:
    g_value_set_uint (value, self->hop);
    break;
  case INDEX_LOOKAHEAD:
    g_value_set_uint (value, self->lookahead);
    break;
  case INDEX_WIDTH:
    g_value_set_double (value, self->width);
    break;
  case INDEX_PROCESSING_DEADLINE:
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

void
gst_ccstereo_dec_install_sound_properties (GObjectClass *klass, guint first)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  g_object_class_install_property (
      klass, first + INDEX_HOP,
      g_param_spec_uint (
          "hop", "Hop",
          "Samples at 16 kHz between windows (1008: 63 ms, as published). More "
          "is faster and less accurate",
          1, CCS_WINDOW, CCS_HOP, flags | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (
      klass, first + INDEX_LOOKAHEAD,
      g_param_spec_uint (
          "lookahead", "Look-ahead",
          "Future audio used per output sample, in 16 kHz samples, at least "
          "hop (10080: a whole window, as published). Less means lower latency "
          "and lower quality",
          CCS_HOP, CCS_WINDOW, CCS_WINDOW, flags | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (
      klass, first + INDEX_WIDTH,
      g_param_spec_double ("width", "Width",
                           "Stereo width: 0 mono, 1 as predicted, 2 "
                           "exaggerated",
                           0., CCS_BINAURALIZER_MAX_WIDTH, DEFAULT_WIDTH,
                           flags | GST_PARAM_CONTROLLABLE
                               | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (
      klass, first + INDEX_PROCESSING_DEADLINE,
      g_param_spec_uint64 (
          "processing-deadline", "Processing deadline",
          "Time allowed for computing, added to the reported latency (ns)", 0,
          G_MAXUINT64 / 2, DEFAULT_PROCESSING_DEADLINE,
          flags | GST_PARAM_MUTABLE_READY));
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
  gst_ccstereo_dec_install_sound_properties (object_class, PROP_SOUND);
  gst_ccstereo_install_model_properties (object_class, PROP_MODEL);
  g_object_class_install_property (
      object_class, PROP_STATS,
      g_param_spec_boxed (
          "stats", "Statistics",
          "Windows that were run, of them late (without waiting for features) "
          "and centered (without features); features; discontinuities and "
          "pauses of the audio; mean and 99 % of the time of a run (ns)",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template_with_gtype (
      element_class, &audio_template, GST_TYPE_AGGREGATOR_PAD);
  gst_element_class_add_static_pad_template_with_gtype (
      element_class, &features_template, GST_TYPE_AGGREGATOR_PAD);
  gst_element_class_add_static_pad_template_with_gtype (
      element_class, &src_template, GST_TYPE_AGGREGATOR_PAD);
  gst_element_class_set_static_metadata (
      element_class, "CCStereo binauralizer", "Filter/Effect/Audio",
      "Binaural audio from mono audio and visual features (CCStereo)",
      "The gst-ccstereo authors");
  element_class->release_pad = gst_ccstereo_dec_release_pad;

  agg_class->aggregate = gst_ccstereo_dec_aggregate;
  agg_class->src_event = gst_ccstereo_dec_src_event;
  agg_class->sink_event = gst_ccstereo_dec_sink_event;
  agg_class->sink_event_pre_queue = gst_ccstereo_dec_sink_event_pre_queue;
  agg_class->sink_query = gst_ccstereo_dec_sink_query;
  agg_class->src_query = gst_ccstereo_dec_src_query;
  agg_class->clip = gst_ccstereo_dec_clip;
  agg_class->flush = gst_ccstereo_dec_flush;
  agg_class->start = gst_ccstereo_dec_start;
  agg_class->stop = gst_ccstereo_dec_stop;
  agg_class->create_new_pad = gst_ccstereo_dec_create_new_pad;
  agg_class->get_next_time = gst_ccstereo_dec_get_next_time;
  agg_class->negotiate = NULL; /* the audio pad's caps decide */
}

static void
gst_ccstereo_dec_init (GstCcstereoDec *self)
{
  GstPadTemplate *templ = gst_element_class_get_pad_template (
      GST_ELEMENT_GET_CLASS (self), audio_template.name_template);

  gst_ccstereo_model_settings_init (&self->settings);
  self->hop = CCS_HOP;
  self->lookahead = CCS_WINDOW;
  self->width = DEFAULT_WIDTH;
  self->processing_deadline = DEFAULT_PROCESSING_DEADLINE;
  self->audio_pad = g_object_new (GST_TYPE_AGGREGATOR_PAD, "name",
                                  audio_template.name_template, "direction",
                                  GST_PAD_SINK, "template", templ, NULL);
  gst_ccstereo_dec_watch_pad (self, self->audio_pad);
  gst_element_add_pad (GST_ELEMENT (self), GST_PAD (self->audio_pad));
}
