/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-tdsscrop
 * @title: tdsscrop
 * @short_description: input frames for the CCStereo model, with a moving crop
 *
 * Converts video of any size, frame rate and common format to the input of the
 * CCStereo model: RGB frames of 448x224 at the analysis rate. Each frame is
 * resized to 480x240 exactly as in training, then cropped. The position of the
 * crop depends on the frame's index in stream time alone (test-time dynamic
 * scene simulation, TDSS): neighbouring audio windows use different crops, and
 * the average over them improves the result at no cost. Seeking reproduces the
 * same crops.
 *
 * Frames in GPU memory (memory:CUDAMemory, from nvcodec elements) are resized
 * and cropped on the GPU; only the crop is downloaded.
 *
 * Frames that are stored rotated, as phones do, are rotated upright first,
 * because the model has to see what is left and what is right.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=90 ! tdsscrop \
 *     ! videoconvert ! autovideosink
 * ]|
 *
 * Since: 0.1
 */
#include "gsttdsscrop.h"
#include "gstccstereo.h"
#include "gsttdsscuda.h"
#include "gsttdsspicture.h"
#include "gsttdsssettings.h"

GST_DEBUG_CATEGORY_STATIC (tdss_crop_debug);
#define GST_CAT_DEFAULT tdss_crop_debug

#define NO_FRAME G_MININT64

#define FIRST_PROPERTY 1

struct _GstTdssCrop
{
  GstVideoFilter parent;

  GstTdssSettings settings; /* under the object lock */

  /* streaming thread */
  GstTdssPicture picture;
  GstTdssCuda *cuda;                /* NULL without CUDA; made in init */
  gboolean cuda_fails;              /* a warning has been posted */
  GstVideoOrientationMethod tagged; /* from the image-orientation tag */
  gint64 last_frame;                /* index of the last frame pushed */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE_WITH_FEATURES (
        GST_TDSS_CUDA_FEATURE,
        GST_TDSS_CUDA_FORMATS) "; " GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL)));

static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (GST_CCSTEREO_PICTURES_CAPS));

G_DEFINE_TYPE_WITH_CODE (
    GstTdssCrop, gst_tdss_crop, GST_TYPE_VIDEO_FILTER,
    GST_DEBUG_CATEGORY_INIT (tdss_crop_debug, "tdsscrop", 0,
                             "input frames for the CCStereo model"));
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (tdsscrop, "tdsscrop", GST_RANK_NONE,
                                       GST_TYPE_TDSS_CROP,
                                       gst_ccstereo_init ());

/* -- which pictures -------------------------------------------------------- */

/* Returns how long a frame is shown: one period of the frame rate in the caps,
 * else the buffer's duration, else NONE. */
static GstClockTime
frame_duration (GstTdssCrop *self, GstBuffer *buffer)
{
  const GstVideoInfo *info = &GST_VIDEO_FILTER (self)->in_info;

  if (GST_VIDEO_INFO_FPS_N (info) > 0)
    return gst_util_uint64_scale (GST_SECOND, GST_VIDEO_INFO_FPS_D (info),
                                  GST_VIDEO_INFO_FPS_N (info));
  return GST_BUFFER_DURATION (buffer); /* NONE is longer than anything */
}

/* Returns TRUE, and the index of the output frame, if @buffer is to be output.
 */
static gboolean
take_frame (GstTdssCrop *self, GstBuffer *buffer, gint64 *number)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  guint64 time = gst_segment_to_stream_time (&trans->segment, GST_FORMAT_TIME,
                                             GST_BUFFER_PTS (buffer));

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return FALSE;
  GST_OBJECT_LOCK (self);
  *number = gst_tdss_schedule_number (&self->settings.schedule, time,
                                      frame_duration (self, buffer));
  GST_OBJECT_UNLOCK (self);
  if (*number == self->last_frame)
    return FALSE;
  GST_CAT_LEVEL_LOG (
      GST_CAT_DEFAULT,
      self->last_frame == NO_FRAME ? GST_LEVEL_DEBUG : GST_LEVEL_LOG, self,
      "%s picture, number %" G_GINT64_FORMAT ", at %" GST_TIME_FORMAT,
      self->last_frame == NO_FRAME ? "first" : "next", *number,
      GST_TIME_ARGS (GST_BUFFER_PTS (buffer)));
  self->last_frame = *number;
  return TRUE;
}

/* -- GstVideoFilter -------------------------------------------------------- */

static gboolean
gst_tdss_crop_set_info (GstVideoFilter *filter, GstCaps *incaps,
                        GstVideoInfo *in_info, GstCaps *outcaps,
                        GstVideoInfo *out_info)
{
  GstTdssCrop *self = GST_TDSS_CROP (filter);
  g_autoptr (GError) error = NULL;

  GST_DEBUG_OBJECT (self, "caps: %" GST_PTR_FORMAT, incaps);
  if (gst_tdss_picture_set_info (&self->picture, in_info, &error))
    return TRUE;
  GST_ELEMENT_ERROR (self, CORE, NEGOTIATION, ("%s", error->message), (NULL));
  return FALSE;
}

/* Returns the rotation or flip that makes the frame upright. */
static GstVideoOrientationMethod
direction_of (GstTdssCrop *self)
{
  GstVideoOrientationMethod direction;

  GST_OBJECT_LOCK (self);
  direction = self->settings.direction;
  GST_OBJECT_UNLOCK (self);
  return direction == GST_VIDEO_ORIENTATION_AUTO ? self->tagged : direction;
}

static gboolean
shows_whole (GstTdssCrop *self)
{
  gboolean whole;

  GST_OBJECT_LOCK (self);
  whole = self->settings.schedule.kind == GST_TDSS_CROP_NONE;
  GST_OBJECT_UNLOCK (self);
  return whole;
}

static CcsPoint
crop_point (GstTdssCrop *self, gint64 number)
{
  CcsPoint point;

  GST_OBJECT_LOCK (self);
  point = gst_tdss_schedule_point (&self->settings.schedule, number);
  GST_OBJECT_UNLOCK (self);
  return point;
}

/* Returns OK, and the index of the output frame, if @buffer is to be output. */
static GstFlowReturn
begin_picture (GstTdssCrop *self, GstBuffer *buffer, gint64 *number)
{
  if (!GST_BUFFER_PTS_IS_VALID (buffer)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("video buffers need timestamps"),
                       (NULL));
    return GST_FLOW_ERROR;
  }
  if (!take_frame (self, buffer, number))
    return GST_BASE_TRANSFORM_FLOW_DROPPED;
  return GST_FLOW_OK;
}

static GstFlowReturn
make_picture (GstTdssCrop *self, GstVideoFrame *in, gint64 number,
              GstVideoFrame *out)
{
  GError *error = NULL;

  if (gst_tdss_picture_run (&self->picture, in, direction_of (self),
                            shows_whole (self), crop_point (self, number), out,
                            &error))
    return GST_FLOW_OK;
  gst_ccstereo_post_error (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}

static GstFlowReturn
gst_tdss_crop_transform_frame (GstVideoFilter *filter, GstVideoFrame *in,
                               GstVideoFrame *out)
{
  GstTdssCrop *self = GST_TDSS_CROP (filter);
  gint64 number;
  const GstFlowReturn ret = begin_picture (self, in->buffer, &number);

  return ret == GST_FLOW_OK ? make_picture (self, in, number, out) : ret;
}

/* -- pictures in a GPU's memory -------------------------------------------- */

static gboolean
make_on_device (GstTdssCrop *self, GstBuffer *in, gint64 number,
                GstVideoFrame *out)
{
  g_autoptr (GError) error = NULL;

  if (gst_tdss_cuda_class ()->run (self->cuda, in,
                                   &GST_VIDEO_FILTER (self)->in_info,
                                   direction_of (self), shows_whole (self),
                                   crop_point (self, number), out, &error))
    return TRUE;
  if (!self->cuda_fails)
    GST_WARNING_OBJECT (self,
                        "frames are downloaded before they are cropped: %s",
                        error->message);
  self->cuda_fails = TRUE;
  return FALSE;
}

/* Makes the crop in system memory; mapping downloads frames in GPU memory. */
static GstFlowReturn
make_downloaded (GstTdssCrop *self, GstBuffer *buffer, gint64 number,
                 GstVideoFrame *out)
{
  GstVideoFrame in;
  GstFlowReturn ret;

  if (!gst_video_frame_map (&in, &GST_VIDEO_FILTER (self)->in_info, buffer,
                            GST_MAP_READ)) {
    GST_ELEMENT_ERROR (self, STREAM, FAILED,
                       ("the memory of a frame could not be mapped"), (NULL));
    return GST_FLOW_ERROR;
  }
  ret = make_picture (self, &in, number, out);
  gst_video_frame_unmap (&in);
  return ret;
}

static GstFlowReturn
transform_on_device (GstTdssCrop *self, GstBuffer *in, GstBuffer *buffer)
{
  GstVideoFrame out;
  gint64 number;
  GstFlowReturn ret = begin_picture (self, in, &number);

  if (ret != GST_FLOW_OK)
    return ret;
  if (!gst_video_frame_map (&out, &GST_VIDEO_FILTER (self)->out_info, buffer,
                            GST_MAP_WRITE))
    return GST_FLOW_ERROR;
  if (!make_on_device (self, in, number, &out))
    ret = make_downloaded (self, in, number, &out);
  gst_video_frame_unmap (&out);
  return ret;
}

/* Checks that the buffer is as large as its caps require: the base class would
 * output uninitialised memory otherwise. */
static gboolean
check_frame (GstTdssCrop *self, GstBuffer *in)
{
  GstVideoFrame frame;

  if (gst_video_frame_map (&frame, &GST_VIDEO_FILTER (self)->in_info, in,
                           GST_MAP_READ)) {
    gst_video_frame_unmap (&frame);
    return TRUE;
  }
  GST_ELEMENT_ERROR (self, STREAM, FORMAT,
                     ("a frame of %" G_GSIZE_FORMAT
                      " bytes is not what its caps say",
                      gst_buffer_get_size (in)),
                     (NULL));
  return FALSE;
}

static GstFlowReturn
gst_tdss_crop_transform (GstBaseTransform *trans, GstBuffer *in, GstBuffer *out)
{
  GstTdssCrop *self = GST_TDSS_CROP (trans);

  if (self->cuda && gst_tdss_cuda_class ()->holds (in))
    return transform_on_device (self, in, out);
  if (!check_frame (self, in))
    return GST_FLOW_ERROR;
  return GST_BASE_TRANSFORM_CLASS (gst_tdss_crop_parent_class)
      ->transform (trans, in, out);
}

static gboolean
asks_for_device_memory (GstQuery *query)
{
  GstCaps *caps;

  gst_query_parse_allocation (query, &caps, NULL);
  return caps && gst_caps_get_size (caps) > 0
         && gst_caps_features_contains (gst_caps_get_features (caps, 0),
                                        GST_TDSS_CUDA_FEATURE);
}

/* Offers no pool for CUDA memory: the elements that allocate it have their own.
 */
static gboolean
gst_tdss_crop_propose_allocation (GstBaseTransform *trans,
                                  GstQuery *decide_query, GstQuery *query)
{
  if (!asks_for_device_memory (query))
    return GST_BASE_TRANSFORM_CLASS (gst_tdss_crop_parent_class)
        ->propose_allocation (trans, decide_query, query);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}

static void
gst_tdss_crop_set_context (GstElement *element, GstContext *context)
{
  GstTdssCrop *self = GST_TDSS_CROP (element);

  if (self->cuda)
    gst_tdss_cuda_class ()->set_context (self->cuda, context);
  GST_ELEMENT_CLASS (gst_tdss_crop_parent_class)
      ->set_context (element, context);
}

static gboolean
gst_tdss_crop_query (GstBaseTransform *trans, GstPadDirection direction,
                     GstQuery *query)
{
  GstTdssCrop *self = GST_TDSS_CROP (trans);

  if (GST_QUERY_TYPE (query) == GST_QUERY_CONTEXT && self->cuda
      && gst_tdss_cuda_class ()->answer (self->cuda, query))
    return TRUE;
  return GST_BASE_TRANSFORM_CLASS (gst_tdss_crop_parent_class)
      ->query (trans, direction, query);
}

/* -- GstBaseTransform ------------------------------------------------------ */

static gboolean
is_system_memory (GstCapsFeatures *features, GstStructure *structure,
                  gpointer user_data)
{
  return gst_caps_features_is_equal (features,
                                     GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY);
}

/* The caps of one pad do not restrict those of the other. */
static GstCaps *
gst_tdss_crop_transform_caps (GstBaseTransform *trans,
                              GstPadDirection direction, GstCaps *caps,
                              GstCaps *filter)
{
  GstTdssCrop *self = GST_TDSS_CROP (trans);
  GstPad *other = direction == GST_PAD_SINK
                      ? GST_BASE_TRANSFORM_SRC_PAD (trans)
                      : GST_BASE_TRANSFORM_SINK_PAD (trans);
  GstCaps *result = gst_pad_get_pad_template_caps (other);

  if (direction == GST_PAD_SRC && self->cuda == NULL) {
    result = gst_caps_make_writable (result);
    gst_caps_filter_and_map_in_place (result, is_system_memory, NULL);
  }
  if (direction == GST_PAD_SINK) {
    gint rate_n, rate_d;

    GST_OBJECT_LOCK (self);
    rate_n = self->settings.schedule.rate_n;
    rate_d = self->settings.schedule.rate_d;
    GST_OBJECT_UNLOCK (self);
    result = gst_caps_make_writable (result);
    gst_caps_set_simple (result, "framerate", GST_TYPE_FRACTION, rate_n, rate_d,
                         "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1,
                         "colorimetry", G_TYPE_STRING, "sRGB", NULL);
  }
  return gst_ccstereo_narrow_caps (result, filter);
}

/* Copies no meta: metas describe the frame before the crop. */
static gboolean
gst_tdss_crop_transform_meta (GstBaseTransform *trans, GstBuffer *outbuf,
                              GstMeta *meta, GstBuffer *inbuf)
{
  return FALSE;
}

static gboolean
gst_tdss_crop_copy_metadata (GstBaseTransform *trans, GstBuffer *inbuf,
                             GstBuffer *outbuf)
{
  GstTdssCrop *self = GST_TDSS_CROP (trans);
  GstClockTime period;

  if (!GST_BASE_TRANSFORM_CLASS (gst_tdss_crop_parent_class)
           ->copy_metadata (trans, inbuf, outbuf))
    return FALSE;
  GST_OBJECT_LOCK (self);
  period
      = gst_util_uint64_scale_round (GST_SECOND, self->settings.schedule.rate_d,
                                     self->settings.schedule.rate_n);
  GST_OBJECT_UNLOCK (self);
  /* At least the period of the output; more if the input is slower. */
  GST_BUFFER_DURATION (outbuf) = GST_BUFFER_DURATION_IS_VALID (inbuf)
                                     ? MAX (GST_BUFFER_DURATION (inbuf), period)
                                     : period;
  GST_BUFFER_OFFSET (outbuf) = GST_BUFFER_OFFSET_NONE;
  GST_BUFFER_OFFSET_END (outbuf) = GST_BUFFER_OFFSET_NONE;
  return TRUE;
}

static gboolean
check_segment (GstTdssCrop *self, GstEvent *event)
{
  const GstSegment *segment;

  gst_event_parse_segment (event, &segment);
  GST_DEBUG_OBJECT (self, "segment: %" GST_SEGMENT_FORMAT, segment);
  if (segment->format == GST_FORMAT_TIME)
    return TRUE;
  GST_ELEMENT_ERROR (self, STREAM, FORMAT,
                     ("video needs a segment in time format"), (NULL));
  return FALSE;
}

/* Reads the image-orientation tag: decoders do not rotate frames. */
static void
note_orientation (GstTdssCrop *self, GstEvent *event)
{
  GstVideoOrientationMethod tagged;
  GstTagList *tags;

  gst_event_parse_tag (event, &tags);
  if (gst_video_orientation_from_tag (tags, &tagged))
    self->tagged = tagged;
}

static gboolean
gst_tdss_crop_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstTdssCrop *self = GST_TDSS_CROP (trans);

  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_STREAM_START:
    self->tagged = GST_VIDEO_ORIENTATION_IDENTITY;
    break;
  case GST_EVENT_TAG:
    note_orientation (self, event);
    break;
  case GST_EVENT_SEGMENT:
    if (!check_segment (self, event)) {
      gst_event_unref (event);
      return FALSE;
    }
    self->last_frame = NO_FRAME;
    break;
  case GST_EVENT_FLUSH_STOP:
    GST_DEBUG_OBJECT (self, "flush");
    self->last_frame = NO_FRAME;
    break;
  default:
    break;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_tdss_crop_parent_class)
      ->sink_event (trans, event);
}

static gboolean
gst_tdss_crop_start (GstBaseTransform *trans)
{
  GstTdssCrop *self = GST_TDSS_CROP (trans);

  self->last_frame = NO_FRAME;
  self->tagged = GST_VIDEO_ORIENTATION_IDENTITY;
  return TRUE;
}

static gboolean
gst_tdss_crop_stop (GstBaseTransform *trans)
{
  GstTdssCrop *self = GST_TDSS_CROP (trans);

  gst_tdss_picture_clear (&self->picture);
  if (self->cuda)
    gst_tdss_cuda_class ()->stop (self->cuda);
  self->cuda_fails = FALSE;
  return TRUE;
}

/* -- GObject --------------------------------------------------------------- */

static void
gst_tdss_crop_set_property (GObject *object, guint id, const GValue *value,
                            GParamSpec *pspec)
{
  GstTdssCrop *self = GST_TDSS_CROP (object);

  if (!gst_tdss_settings_set (&self->settings, GST_ELEMENT (self),
                              id - FIRST_PROPERTY, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  if (id - FIRST_PROPERTY == GST_TDSS_ANALYSIS_RATE)
    gst_base_transform_reconfigure_src (GST_BASE_TRANSFORM (self));
}

static void
gst_tdss_crop_get_property (GObject *object, guint id, GValue *value,
                            GParamSpec *pspec)
{
  GstTdssCrop *self = GST_TDSS_CROP (object);

  if (!gst_tdss_settings_get (&self->settings, GST_ELEMENT (self),
                              id - FIRST_PROPERTY, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_tdss_crop_finalize (GObject *object)
{
  GstTdssCrop *self = GST_TDSS_CROP (object);

  if (self->cuda)
    gst_tdss_cuda_class ()->destroy (self->cuda);
  gst_tdss_settings_clear (&self->settings);
  G_OBJECT_CLASS (gst_tdss_crop_parent_class)->finalize (object);
}

static void
gst_tdss_crop_class_init (GstTdssCropClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);
  GstVideoFilterClass *filter_class = GST_VIDEO_FILTER_CLASS (klass);

  object_class->set_property = gst_tdss_crop_set_property;
  object_class->get_property = gst_tdss_crop_get_property;
  object_class->finalize = gst_tdss_crop_finalize;

  gst_tdss_install_properties (object_class, FIRST_PROPERTY);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (
      element_class, "TDSS crop", "Filter/Effect/Video",
      "Resizes and crops video for the CCStereo model, with a crop that moves "
      "from frame to frame",
      "The gst-ccstereo authors");

  trans_class->transform_caps = gst_tdss_crop_transform_caps;
  trans_class->transform_meta = gst_tdss_crop_transform_meta;
  trans_class->copy_metadata = gst_tdss_crop_copy_metadata;
  trans_class->sink_event = gst_tdss_crop_sink_event;
  trans_class->start = gst_tdss_crop_start;
  trans_class->stop = gst_tdss_crop_stop;
  trans_class->transform = gst_tdss_crop_transform;
  trans_class->passthrough_on_same_caps = FALSE;
  trans_class->propose_allocation = gst_tdss_crop_propose_allocation;
  trans_class->query = gst_tdss_crop_query;
  element_class->set_context = gst_tdss_crop_set_context;
  filter_class->set_info = gst_tdss_crop_set_info;
  filter_class->transform_frame = gst_tdss_crop_transform_frame;
}

static void
gst_tdss_crop_init (GstTdssCrop *self)
{
  gst_tdss_settings_init (&self->settings);
  self->last_frame = NO_FRAME;
  if (gst_tdss_cuda_class ())
    self->cuda = gst_tdss_cuda_class ()->create (GST_ELEMENT (self));
  /* Off, because dropping late frames would change the audio. */
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (self), FALSE);
}
