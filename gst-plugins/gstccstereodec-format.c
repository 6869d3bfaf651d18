/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Caps and segments of ccstereodec's pads, and the engine that is made for
 * them. */
#include "gstccstereodec-private.h"

/* A discontinuity: timestamps are off by more than ALIGNMENT_THRESHOLD for
 * longer than DISCONT_WAIT. Values as in GstAudioBaseSink and audiomixer. */
#define ALIGNMENT_THRESHOLD (40 * GST_MSECOND)
#define DISCONT_WAIT GST_SECOND

GstCaps *
gst_ccstereo_dec_audio_caps (GstCcstereoDec *self)
{
  GstPad *src = GST_AGGREGATOR (self)->srcpad;
  g_autoptr (GstCaps) src_caps = gst_pad_get_pad_template_caps (src);
  g_autoptr (GstCaps) peer = gst_pad_peer_query_caps (src, src_caps);
  GstCaps *caps = gst_pad_get_pad_template_caps (GST_PAD (self->audio_pad));
  GstCaps *result = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (peer); i++) {
    GstCaps *one = gst_caps_copy (caps);

    gst_caps_set_value (
        one, "rate",
        gst_structure_get_value (gst_caps_get_structure (peer, i), "rate"));
    result = gst_caps_merge (result, one);
  }
  gst_caps_unref (caps);
  return result;
}

static gboolean
make_binauralizer (GstCcstereoDec *self)
{
  g_autoptr (GstAggregatorPad) features
      = gst_ccstereo_dec_ref_features_pad (self);
  CcsBinauralizerOptions options = CCS_BINAURALIZER_OPTIONS_INIT;
  GstClockTime latency;
  GError *error = NULL;

  options.rate = GST_AUDIO_INFO_RATE (&self->info);
  options.channels = GST_AUDIO_INFO_CHANNELS (&self->info);
  self->live = gst_ccstereo_peer_is_live (GST_PAD (self->audio_pad))
               || (features && gst_ccstereo_peer_is_live (GST_PAD (features)));
  options.batch = !self->live;
  GST_OBJECT_LOCK (self);
  options.hop = self->hop;
  options.lookahead = self->lookahead;
  options.width = self->width;
  GST_OBJECT_UNLOCK (self);
  self->window_hop = options.hop;
  g_clear_pointer (&self->binauralizer, ccs_binauralizer_unref);
  self->binauralizer = ccs_binauralizer_new (self->model, &options, &error);
  if (self->binauralizer == NULL) {
    gst_ccstereo_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  latency = gst_ccstereo_dec_frames_to_time (
      self, ccs_binauralizer_latency (self->binauralizer));
  GST_DEBUG_OBJECT (
      self, "engine: hop %u and look-ahead %u samples at %d Hz, windows %s",
      options.hop, options.lookahead, CCS_MODEL_RATE,
      options.batch ? "in batches" : "one at a time (live)");
  gst_aggregator_set_latency (GST_AGGREGATOR (self), latency, latency);
  return TRUE;
}

/* Drains the audio so far, with the features that have arrived. */
static gboolean
end_sound (GstCcstereoDec *self)
{
  if (self->running)
    gst_ccstereo_dec_follow_features (self, FALSE, &self->event_flow);
  if (self->event_flow == GST_FLOW_OK)
    self->event_flow = gst_ccstereo_dec_drain (self);
  gst_ccstereo_dec_restart (self);
  return self->event_flow == GST_FLOW_OK;
}

gboolean
gst_ccstereo_dec_set_audio_caps (GstCcstereoDec *self, GstCaps *caps)
{
  GstAudioInfo info;
  gboolean ended;

  if (!gst_audio_info_from_caps (&info, caps))
    return FALSE;
  if (self->binauralizer && gst_audio_info_is_equal (&info, &self->info))
    return TRUE;
  GST_DEBUG_OBJECT (self, "audio caps: %" GST_PTR_FORMAT, caps);
  /* The caps apply even if draining failed: after a flush, which may be the
   * reason, they are not sent again. */
  ended = end_sound (self);
  self->info = info;
  self->caps_pending = TRUE;
  g_clear_pointer (&self->align, gst_audio_stream_align_free);
  self->align = gst_audio_stream_align_new (GST_AUDIO_INFO_RATE (&info),
                                            ALIGNMENT_THRESHOLD, DISCONT_WAIT);
  return make_binauralizer (self) && ended;
}

gboolean
gst_ccstereo_dec_check_features_caps (GstCcstereoDec *self, GstCaps *caps)
{
  const char *id
      = gst_structure_get_string (gst_caps_get_structure (caps, 0), "model-id");

  GST_DEBUG_OBJECT (self, "features caps: %" GST_PTR_FORMAT, caps);
  if (g_strcmp0 (id, ccs_model_id (self->model)) == 0)
    return TRUE;
  GST_ELEMENT_ERROR (
      self, CORE, NEGOTIATION,
      ("the features are of model %s, this element's model is %s: give "
       "ccstereoenc and ccstereodec the same model-file",
       id ? id : "(none)", ccs_model_id (self->model)),
      (NULL));
  return FALSE;
}

static gboolean
check_segment (GstCcstereoDec *self, const GstSegment *segment)
{
  if (segment->format != GST_FORMAT_TIME)
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
                       ("audio and features need segments in time format"),
                       (NULL));
  else if (segment->rate < 0)
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
                       ("audio cannot be played backwards"), (NULL));
  else
    return TRUE;
  return FALSE;
}

gboolean
gst_ccstereo_dec_set_segment (GstCcstereoDec *self, GstEvent *event,
                              gboolean is_audio)
{
  const GstSegment *segment;

  gst_event_parse_segment (event, &segment);
  GST_DEBUG_OBJECT (self, "%s segment: %" GST_SEGMENT_FORMAT,
                    is_audio ? "audio" : "features", segment);
  if (!check_segment (self, segment))
    return FALSE;
  if (!is_audio)
    return TRUE;
  if (!end_sound (self))
    return FALSE;
  gst_aggregator_update_segment (GST_AGGREGATOR (self), segment);
  return TRUE;
}
