/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-ccstereoenc
 * @title: ccstereoenc
 * @short_description: the visual encoder of a CCStereo model
 *
 * Runs the visual encoder (ResNet and ASPP) of a CCStereo model on the frames
 * of tdsscrop. For each frame it outputs one buffer, the feature (7 x 14 x D
 * float32), with the frame's timestamp. The caps contain the model's id:
 * ccstereodec rejects features of another model.
 *
 * If upstream is not live, frames are encoded in batches, which is up to twice
 * as fast; live, each frame is encoded at once. The features are the same.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=90 ! tdsscrop \
 *     ! ccstereoenc model-file=model.safetensors ! fakesink dump=true
 * ]|
 *
 * Since: 0.1
 */
#include "gstccstereoenc.h"
#include "gstccstereo.h"
#include "gstccstereostats.h"
#include <gst/video/video.h>
#include <string.h>

GST_DEBUG_CATEGORY_STATIC (ccstereo_enc_debug);
#define GST_CAT_DEFAULT ccstereo_enc_debug

#define PICTURE_ROW (CCS_CROP_WIDTH * 3)
#define PICTURE_BYTES (PICTURE_ROW * CCS_CROP_HEIGHT)
#define SMALL_BATCH G_STRINGIFY (CCS_MODEL_FRAME_BATCH)

enum
{
  PROP_0,
  PROP_BATCH_SIZE,
  PROP_MODEL, /* the first of the model properties */
  PROP_STATS = PROP_MODEL + GST_CCSTEREO_N_MODEL_PROPERTIES,
};

struct _GstCcstereoEnc
{
  GstBaseTransform parent;

  /* under the object lock */
  GstCcstereoModelSettings settings;
  guint batch_size; /* 0: depends on whether upstream is live */
  guint64 pictures; /* that were encoded since the start */
  GstCcstereoRunTimes times;

  /* streaming thread, after start () */
  CcsModel *model;
  GstVideoInfo info;
  gboolean liveness_known, live;
  guint gathered; /* most frames to collect for the next batch */
  GQueue pending; /* GstBuffer: frames not yet encoded */
  GQueue ready;   /* GstBuffer: features not yet pushed */
};

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (GST_CCSTEREO_PICTURES_CAPS));

static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (GST_CCSTEREO_FEATURES_CAPS));

G_DEFINE_TYPE_WITH_CODE (
    GstCcstereoEnc, gst_ccstereo_enc, GST_TYPE_BASE_TRANSFORM,
    GST_DEBUG_CATEGORY_INIT (ccstereo_enc_debug, "ccstereoenc", 0,
                             "the visual encoder of a CCStereo model"));
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (ccstereoenc, "ccstereoenc",
                                       GST_RANK_NONE, GST_TYPE_CCSTEREO_ENC,
                                       gst_ccstereo_init ());

/* -- statistics ------------------------------------------------------------ */

static void
clear_stats (GstCcstereoEnc *self)
{
  GST_OBJECT_LOCK (self);
  self->pictures = 0;
  memset (&self->times, 0, sizeof self->times);
  GST_OBJECT_UNLOCK (self);
}

/* (transfer full) */
static GstStructure *
describe_stats (GstCcstereoEnc *self)
{
  GstStructure *stats;

  GST_OBJECT_LOCK (self);
  stats = gst_structure_new ("application/x-ccstereo-enc-stats", "pictures",
                             G_TYPE_UINT64, self->pictures, "batches",
                             G_TYPE_UINT64, self->times.runs, NULL);
  gst_ccstereo_run_times_describe (&self->times, stats);
  GST_OBJECT_UNLOCK (self);
  return stats;
}

/* -- encoding -------------------------------------------------------------- */

static void
forget_buffers (GstCcstereoEnc *self)
{
  g_queue_clear_full (&self->pending, (GDestroyNotify)gst_buffer_unref);
  g_queue_clear_full (&self->ready, (GDestroyNotify)gst_buffer_unref);
}

/* Returns the largest batch allowed now. */
static guint
largest_batch (GstCcstereoEnc *self)
{
  guint size;

  GST_OBJECT_LOCK (self);
  size = self->batch_size;
  GST_OBJECT_UNLOCK (self);
  if (size > 0)
    return size;
  if (!self->liveness_known) {
    self->live = gst_ccstereo_peer_is_live (GST_BASE_TRANSFORM_SINK_PAD (self));
    self->liveness_known = TRUE;
    GST_DEBUG_OBJECT (self, "upstream is %s: up to %u pictures a batch",
                      self->live ? "live" : "not live",
                      self->live ? 1 : CCS_MODEL_FRAME_BATCH);
  }
  return self->live ? 1 : CCS_MODEL_FRAME_BATCH;
}

static void
begin_small (GstCcstereoEnc *self)
{
  self->gathered = CCS_MODEL_FRAME_BATCH;
}

/* Copies the frame in @buffer to @dense, without padding between rows. */
static gboolean
read_picture (GstCcstereoEnc *self, GstBuffer *buffer, guint8 *dense)
{
  GstVideoFrame frame;
  const guint8 *rows;
  gsize stride;

  if (!gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_READ))
    return FALSE;
  rows = GST_VIDEO_FRAME_PLANE_DATA (&frame, 0);
  stride = GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0);
  for (guint y = 0; y < CCS_CROP_HEIGHT; y++)
    memcpy (dense + y * PICTURE_ROW, rows + y * stride, PICTURE_ROW);
  gst_video_frame_unmap (&frame);
  return TRUE;
}

typedef struct
{
  GstBuffer *buffer;
  GstMapInfo map;
} MappedFeature;

static gboolean
new_feature (GstCcstereoEnc *self, GstBuffer *picture, MappedFeature *feature)
{
  feature->buffer = gst_buffer_new_allocate (
      NULL, ccs_model_feature_size (self->model) * sizeof (float), NULL);
  gst_buffer_copy_into (feature->buffer, picture,
                        GST_BUFFER_COPY_TIMESTAMPS | GST_BUFFER_COPY_FLAGS, 0,
                        -1);
  return gst_buffer_map (feature->buffer, &feature->map, GST_MAP_WRITE);
}

/* Logs and counts that the first @n pictures were encoded in @time us. */
static void
note_run (GstCcstereoEnc *self, guint n, gint64 time)
{
  const GstBuffer *first = g_queue_peek_head (&self->pending);
  gboolean is_first;

  GST_OBJECT_LOCK (self);
  is_first = self->pictures == 0;
  self->pictures += n;
  gst_ccstereo_run_times_add (&self->times, (GstClockTime)time * GST_USECOND);
  GST_OBJECT_UNLOCK (self);
  GST_CAT_LEVEL_LOG (
      GST_CAT_DEFAULT, is_first ? GST_LEVEL_DEBUG : GST_LEVEL_LOG, self,
      "%s of %u pictures from %" GST_TIME_FORMAT " on, encoded in %.1f ms",
      is_first ? "first batch" : "batch", n,
      GST_TIME_ARGS (GST_BUFFER_PTS (first)), (double)time / 1000);
}

/* Encodes up to @n of the pending frames as one batch. */
static GstFlowReturn
encode_pending (GstCcstereoEnc *self, guint n)
{
  g_autofree guint8 *dense = g_malloc (n * PICTURE_BYTES);
  g_autofree MappedFeature *features = g_new0 (MappedFeature, n);
  g_autofree const guint8 **pictures = g_new (const guint8 *, n);
  g_autofree float **outs = g_new (float *, n);
  const gint64 start = g_get_monotonic_time ();
  GError *error = NULL;
  gboolean ok = TRUE;

  for (guint i = 0; i < n; i++) {
    GstBuffer *picture = g_queue_peek_nth (&self->pending, i);

    pictures[i] = dense + i * PICTURE_BYTES;
    ok = ok && read_picture (self, picture, dense + i * PICTURE_BYTES)
         && new_feature (self, picture, &features[i]);
    outs[i] = (float *)features[i].map.data;
  }
  if (!ok)
    GST_ELEMENT_ERROR (self, STREAM, FAILED,
                       ("the memory of a frame could not be mapped"), (NULL));
  else if (!ccs_model_encode (self->model, pictures, n, outs, &error)) {
    gst_ccstereo_post_error (GST_ELEMENT (self), error);
    ok = FALSE;
  }
  note_run (self, n, g_get_monotonic_time () - start);
  for (guint i = 0; i < n; i++) {
    gst_buffer_unref (g_queue_pop_head (&self->pending));
    if (features[i].map.data)
      gst_buffer_unmap (features[i].buffer, &features[i].map);
    if (ok)
      g_queue_push_tail (&self->ready, features[i].buffer);
    else
      gst_clear_buffer (&features[i].buffer);
  }
  return ok ? GST_FLOW_OK : GST_FLOW_ERROR;
}

/* Encodes the pending frames and pushes all features. */
static GstFlowReturn
drain (GstCcstereoEnc *self)
{
  GstFlowReturn ret = GST_FLOW_OK;

  while (ret == GST_FLOW_OK && !g_queue_is_empty (&self->pending))
    ret = encode_pending (
        self, MIN (g_queue_get_length (&self->pending), CCS_MODEL_MAX_FRAMES));
  while (ret == GST_FLOW_OK && !g_queue_is_empty (&self->ready))
    ret = gst_pad_push (GST_BASE_TRANSFORM_SRC_PAD (self),
                        g_queue_pop_head (&self->ready));
  return ret;
}

/* -- GstBaseTransform ------------------------------------------------------ */

static GstFlowReturn
gst_ccstereo_enc_submit_input_buffer (GstBaseTransform *trans,
                                      gboolean is_discont, GstBuffer *input)
{
  GstCcstereoEnc *self = GST_CCSTEREO_ENC (trans);
  GstFlowReturn ret;

  if (!GST_BUFFER_PTS_IS_VALID (input)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("frames need timestamps"),
                       (NULL));
    gst_buffer_unref (input);
    return GST_FLOW_ERROR;
  }
  /* The base class negotiates and stores the buffer in queued_buf. */
  ret = GST_BASE_TRANSFORM_CLASS (gst_ccstereo_enc_parent_class)
            ->submit_input_buffer (trans, is_discont, input);
  if (ret == GST_FLOW_OK && trans->queued_buf)
    g_queue_push_tail (&self->pending, g_steal_pointer (&trans->queued_buf));
  return ret;
}

/* Returns whether the last pending frame is shown for long, so that the next
 * one would delay it. */
static gboolean
ends_with_long_picture (GstCcstereoEnc *self)
{
  const GstBuffer *last = g_queue_peek_tail (&self->pending);

  return last && GST_BUFFER_DURATION_IS_VALID (last)
         && GST_BUFFER_DURATION (last) > GST_CCSTEREO_LONG_PICTURE;
}

static GstFlowReturn
gst_ccstereo_enc_generate_output (GstBaseTransform *trans, GstBuffer **out)
{
  GstCcstereoEnc *self = GST_CCSTEREO_ENC (trans);
  const guint n = MIN (self->gathered, largest_batch (self));
  const guint pending = g_queue_get_length (&self->pending);
  GstFlowReturn ret = GST_FLOW_OK;

  *out = NULL;
  if (g_queue_is_empty (&self->ready)
      && (pending >= n || ends_with_long_picture (self))) {
    ret = encode_pending (self, MIN (pending, n));
    self->gathered = MIN (2 * self->gathered, CCS_MODEL_MAX_FRAMES);
  }
  if (ret == GST_FLOW_OK)
    *out = g_queue_pop_head (&self->ready);
  return ret;
}

static gboolean
gst_ccstereo_enc_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstCcstereoEnc *self = GST_CCSTEREO_ENC (trans);

  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_FLUSH_STOP:
    GST_DEBUG_OBJECT (self, "flush: %u pictures are discarded",
                      g_queue_get_length (&self->pending));
    forget_buffers (self);
    self->liveness_known = FALSE;
    begin_small (self);
    break;
  case GST_EVENT_CAPS:
  case GST_EVENT_SEGMENT:
  case GST_EVENT_SEGMENT_DONE:
  case GST_EVENT_GAP:
  case GST_EVENT_EOS:
  case GST_EVENT_STREAM_START:
    GST_DEBUG_OBJECT (self, "%s event: %u pictures are encoded before it",
                      GST_EVENT_TYPE_NAME (event),
                      g_queue_get_length (&self->pending));
    drain (self);
    break;
  default:
    break;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_ccstereo_enc_parent_class)
      ->sink_event (trans, event);
}

static GstCaps *
features_caps_for (GstCcstereoEnc *self, const GstStructure *video)
{
  GstCaps *caps;
  const GValue *rate = gst_structure_get_value (video, "framerate");

  if (self->model == NULL)
    return gst_static_pad_template_get_caps (&src_template);
  caps = gst_ccstereo_features_caps (self->model, CCS_ANALYSIS_FPS, 1);
  if (rate)
    gst_caps_set_value (caps, "framerate", rate);
  return caps;
}

static GstCaps *
pictures_caps_for (const GstStructure *features)
{
  GstCaps *caps = gst_static_pad_template_get_caps (&sink_template);
  const GValue *rate = gst_structure_get_value (features, "framerate");

  caps = gst_caps_make_writable (caps);
  if (rate)
    gst_caps_set_value (caps, "framerate", rate);
  return caps;
}

static GstCaps *
gst_ccstereo_enc_transform_caps (GstBaseTransform *trans,
                                 GstPadDirection direction, GstCaps *caps,
                                 GstCaps *filter)
{
  GstCcstereoEnc *self = GST_CCSTEREO_ENC (trans);
  GstCaps *result = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    const GstStructure *from = gst_caps_get_structure (caps, i);

    result = gst_caps_merge (result, direction == GST_PAD_SINK
                                         ? features_caps_for (self, from)
                                         : pictures_caps_for (from));
  }
  return gst_ccstereo_narrow_caps (result, filter);
}

static gboolean
gst_ccstereo_enc_set_caps (GstBaseTransform *trans, GstCaps *incaps,
                           GstCaps *outcaps)
{
  GST_DEBUG_OBJECT (trans, "caps: %" GST_PTR_FORMAT " to %" GST_PTR_FORMAT,
                    incaps, outcaps);
  return gst_video_info_from_caps (&GST_CCSTEREO_ENC (trans)->info, incaps);
}

static gboolean
gst_ccstereo_enc_start (GstBaseTransform *trans)
{
  GstCcstereoEnc *self = GST_CCSTEREO_ENC (trans);
  GError *error = NULL;

  self->liveness_known = FALSE;
  clear_stats (self);
  begin_small (self);
  self->model
      = gst_ccstereo_model_settings_load (&self->settings, GST_ELEMENT (self));
  if (self->model == NULL)
    return FALSE;
  if (ccs_model_warm_up (self->model, FALSE, &error))
    return TRUE;
  gst_ccstereo_post_error (GST_ELEMENT (self), error);
  g_clear_pointer (&self->model, ccs_model_unref);
  return FALSE;
}

static gboolean
gst_ccstereo_enc_stop (GstBaseTransform *trans)
{
  GstCcstereoEnc *self = GST_CCSTEREO_ENC (trans);

  forget_buffers (self);
  g_clear_pointer (&self->model, ccs_model_unref);
  return TRUE;
}

/* -- GObject --------------------------------------------------------------- */

static void
gst_ccstereo_enc_set_property (GObject *object, guint id, const GValue *value,
                               GParamSpec *pspec)
{
  GstCcstereoEnc *self = GST_CCSTEREO_ENC (object);

  if (id == PROP_BATCH_SIZE) {
    GST_OBJECT_LOCK (self);
    self->batch_size = g_value_get_uint (value);
    GST_OBJECT_UNLOCK (self);
  } else if (!gst_ccstereo_model_settings_set (
                 &self->settings, GST_ELEMENT (self), id - PROP_MODEL, value)) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
gst_ccstereo_enc_get_property (GObject *object, guint id, GValue *value,
                               GParamSpec *pspec)
{
  GstCcstereoEnc *self = GST_CCSTEREO_ENC (object);

  if (id == PROP_BATCH_SIZE) {
    GST_OBJECT_LOCK (self);
    g_value_set_uint (value, self->batch_size);
    GST_OBJECT_UNLOCK (self);
  } else if (id == PROP_STATS) {
    g_value_take_boxed (value, describe_stats (self));
  } else if (!gst_ccstereo_model_settings_get (
                 &self->settings, GST_ELEMENT (self), id - PROP_MODEL, value)) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
gst_ccstereo_enc_finalize (GObject *object)
{
  GstCcstereoEnc *self = GST_CCSTEREO_ENC (object);

  forget_buffers (self);
  gst_ccstereo_model_settings_clear (&self->settings);
  G_OBJECT_CLASS (gst_ccstereo_enc_parent_class)->finalize (object);
}

static void
gst_ccstereo_enc_class_init (GstCcstereoEncClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->set_property = gst_ccstereo_enc_set_property;
  object_class->get_property = gst_ccstereo_enc_get_property;
  object_class->finalize = gst_ccstereo_enc_finalize;

  g_object_class_install_property (
      object_class, PROP_BATCH_SIZE,
      g_param_spec_uint (
          "batch-size", "Batch size",
          "Largest number of frames per batch (0: 1 if live, else " SMALL_BATCH
          "). Larger batches are faster and add latency",
          0, CCS_MODEL_MAX_FRAMES, 0,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
              | GST_PARAM_MUTABLE_PLAYING));
  gst_ccstereo_install_model_properties (object_class, PROP_MODEL);
  g_object_class_install_property (
      object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
                          "Pictures that were encoded and in how many batches; "
                          "mean and 99 % of the time of a batch (ns)",
                          GST_TYPE_STRUCTURE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (
      element_class, "CCStereo visual encoder", "Filter/Analyzer/Video",
      "Computes visual features for ccstereodec from video frames (CCStereo)",
      "The gst-ccstereo authors");

  trans_class->submit_input_buffer = gst_ccstereo_enc_submit_input_buffer;
  trans_class->generate_output = gst_ccstereo_enc_generate_output;
  trans_class->sink_event = gst_ccstereo_enc_sink_event;
  trans_class->transform_caps = gst_ccstereo_enc_transform_caps;
  trans_class->set_caps = gst_ccstereo_enc_set_caps;
  trans_class->start = gst_ccstereo_enc_start;
  trans_class->stop = gst_ccstereo_enc_stop;
  trans_class->passthrough_on_same_caps = FALSE;
}

static void
gst_ccstereo_enc_init (GstCcstereoEnc *self)
{
  gst_ccstereo_model_settings_init (&self->settings);
  g_queue_init (&self->pending);
  g_queue_init (&self->ready);
  gst_base_transform_set_passthrough (GST_BASE_TRANSFORM (self), FALSE);
  /* Off, because dropping late frames would change the audio. */
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (self), FALSE);
}
