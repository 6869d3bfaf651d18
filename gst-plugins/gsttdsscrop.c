/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-tdsscrop
 * @title: tdsscrop
 * @short_description: pictures for the CCStereo net, with a moving crop
 *
 * Turns video of any size, rate and common format into what the CCStereo net
 * looks at: RGB pictures of 448x224 at the analysis rate. Each picture is
 * resized to 480x240 exactly as in training and cropped at a point that
 * depends on its number in stream time alone (test-time dynamic scene
 * simulation, TDSS): neighbouring windows of sound see different crops, and
 * averaging them costs nothing. Seeking reproduces the same crops.
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
#include <stdio.h>
#include <string.h>

GST_DEBUG_CATEGORY_STATIC (tdss_crop_debug);
#define GST_CAT_DEFAULT tdss_crop_debug

#define DEFAULT_SCHEDULE GST_TDSS_CROP_FIVE
#define SLACK_LEFT (CCS_RESIZE_WIDTH - CCS_CROP_WIDTH)
#define SLACK_TOP (CCS_RESIZE_HEIGHT - CCS_CROP_HEIGHT)
#define MAX_SIZE 32768
#define NO_FRAME G_MININT64

#define INPUT_FORMATS                                                          \
  "{ RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, ARGB, "                     \
  "ABGR, GRAY8, I420, YV12, NV12, NV21, NV16, NV24, YUY2, UYVY, YVYU, Y41B, "  \
  "Y42B, Y444, VYUY, AYUV, I420_10LE, I422_10LE, Y444_10LE, P010_10LE, "       \
  "I420_12LE, v210, A420, GBR, GRAY16_LE, RGB16, RGB15 }"

#define FIRST_PROPERTY 1

enum
{
  INDEX_ANALYSIS_RATE,
  INDEX_SCHEDULE,
  INDEX_POINTS,
};

struct _GstTdssCrop
{
  GstVideoFilter parent;

  /* under the object lock */
  gint rate_n, rate_d;
  GstTdssCropSchedule schedule;
  GArray *points; /* CcsPoint */

  /* streaming thread */
  GstVideoConverter *converter; /* NULL: the input is RGB */
  GstVideoInfo rgb_info;
  guint8 *rgb; /* the converted picture */
  CcsResize *resize;
  gint resize_width, resize_height; /* what it was made for */
  GstTdssCropSchedule resize_schedule;
  guint8 *resized;   /* 480x240 RGB */
  gint64 last_frame; /* number of the last picture put out */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (INPUT_FORMATS)));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (
        "video/x-raw, format = (string) RGB, "
        "width = (int) " G_STRINGIFY (
            CCS_CROP_WIDTH) ", "
                            "height = (int) " G_STRINGIFY (
                                CCS_CROP_HEIGHT) ", "
                                                 "framerate "
                                                 "= " GST_VIDEO_FPS_RANGE));

G_DEFINE_TYPE_WITH_CODE (
    GstTdssCrop, gst_tdss_crop, GST_TYPE_VIDEO_FILTER,
    GST_DEBUG_CATEGORY_INIT (tdss_crop_debug, "tdsscrop", 0,
                             "pictures for the CCStereo net"));
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (tdsscrop, "tdsscrop", GST_RANK_NONE,
                                       GST_TYPE_TDSS_CROP,
                                       gst_ccstereo_init ());

GType
gst_tdss_crop_schedule_get_type (void)
{
  static GType type = 0;
  static const GEnumValue values[]
      = { { GST_TDSS_CROP_FIVE, "Four corners and the centre in turn (TDSS)",
            "five-crop" },
          { GST_TDSS_CROP_CENTER, "Always the centre", "center" },
          { GST_TDSS_CROP_NONE, "The whole picture, resized", "none" },
          { GST_TDSS_CROP_CUSTOM, "The points of the property, in turn",
            "custom" },
          { 0, NULL, NULL } };

  if (g_once_init_enter (&type)) {
    GType made = g_enum_register_static ("GstTdssCropSchedule", values);

    gst_type_mark_as_plugin_api (made, 0);
    g_once_init_leave (&type, made);
  }
  return type;
}

/* -- which pictures, and where they are cropped ------------------------------
 */

/* The number, from 0, of the analysis picture that a frame shown from @time
 * for @duration stands for. Pictures are due at number / rate; a frame is taken
 * for the one due within half its duration of its time, so that of frames that
 * come evenly each picture is the nearest one. */
static gint64
frame_number (GstClockTime time, GstClockTime duration, gint rate_n,
              gint rate_d)
{
  GstClockTime period = gst_util_uint64_scale (GST_SECOND, rate_d, rate_n);

  return (gint64)gst_util_uint64_scale (time + MIN (duration, period) / 2,
                                        rate_n, (guint64)rate_d * GST_SECOND);
}

/* How long a frame is shown: what its stream says, else what it says itself,
 * else as long as a picture. */
static GstClockTime
frame_duration (GstTdssCrop *self, GstBuffer *buffer)
{
  const GstVideoInfo *info = &GST_VIDEO_FILTER (self)->in_info;

  if (GST_VIDEO_INFO_FPS_N (info) > 0)
    return gst_util_uint64_scale (GST_SECOND, GST_VIDEO_INFO_FPS_D (info),
                                  GST_VIDEO_INFO_FPS_N (info));
  return GST_BUFFER_DURATION (buffer); /* NONE is longer than anything */
}

/* Published frames count from 1. */
static CcsPoint
crop_point (GstTdssCrop *self, gint64 frame)
{
  CcsPoint point;

  GST_OBJECT_LOCK (self);
  if (self->schedule == GST_TDSS_CROP_FIVE)
    point = ccs_tdss_point (frame + 1);
  else if (self->schedule == GST_TDSS_CROP_CUSTOM && self->points->len > 0)
    point = g_array_index (self->points, CcsPoint,
                           (frame + 1) % self->points->len);
  else
    point = ccs_center_point ();
  GST_OBJECT_UNLOCK (self);
  return point;
}

/* TRUE when the frame @buffer is to be put out, with its number. */
static gboolean
take_frame (GstTdssCrop *self, GstBuffer *buffer, gint64 *number)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  guint64 time = gst_segment_to_stream_time (&trans->segment, GST_FORMAT_TIME,
                                             GST_BUFFER_PTS (buffer));
  gint rate_n, rate_d;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return FALSE;
  GST_OBJECT_LOCK (self);
  rate_n = self->rate_n;
  rate_d = self->rate_d;
  GST_OBJECT_UNLOCK (self);
  *number = frame_number (time, frame_duration (self, buffer), rate_n, rate_d);
  if (*number == self->last_frame)
    return FALSE;
  self->last_frame = *number;
  return TRUE;
}

/* -- GstVideoFilter
 * ------------------------------------------------------------ */

static void
drop_resources (GstTdssCrop *self)
{
  g_clear_pointer (&self->converter, gst_video_converter_free);
  g_clear_pointer (&self->rgb, g_free);
  g_clear_pointer (&self->resize, ccs_resize_free);
  g_clear_pointer (&self->resized, g_free);
}

static gboolean
gst_tdss_crop_set_info (GstVideoFilter *filter, GstCaps *incaps,
                        GstVideoInfo *in_info, GstCaps *outcaps,
                        GstVideoInfo *out_info)
{
  GstTdssCrop *self = GST_TDSS_CROP (filter);

  drop_resources (self);
  if (GST_VIDEO_INFO_WIDTH (in_info) > MAX_SIZE
      || GST_VIDEO_INFO_HEIGHT (in_info) > MAX_SIZE) {
    GST_ELEMENT_ERROR (self, CORE, NEGOTIATION,
                       ("pictures of %dx%d are too large",
                        GST_VIDEO_INFO_WIDTH (in_info),
                        GST_VIDEO_INFO_HEIGHT (in_info)),
                       (NULL));
    return FALSE;
  }
  if (GST_VIDEO_INFO_FORMAT (in_info) == GST_VIDEO_FORMAT_RGB)
    return TRUE;
  if (!gst_video_info_set_format (&self->rgb_info, GST_VIDEO_FORMAT_RGB,
                                  GST_VIDEO_INFO_WIDTH (in_info),
                                  GST_VIDEO_INFO_HEIGHT (in_info)))
    return FALSE;
  /* Only format and colours are converted. */
  GST_VIDEO_INFO_FPS_N (&self->rgb_info) = GST_VIDEO_INFO_FPS_N (in_info);
  GST_VIDEO_INFO_FPS_D (&self->rgb_info) = GST_VIDEO_INFO_FPS_D (in_info);
  GST_VIDEO_INFO_INTERLACE_MODE (&self->rgb_info)
      = GST_VIDEO_INFO_INTERLACE_MODE (in_info);
  self->converter = gst_video_converter_new (in_info, &self->rgb_info, NULL);
  if (self->converter == NULL) {
    GST_ELEMENT_ERROR (
        self, CORE, NEGOTIATION,
        ("%s cannot be converted to RGB", GST_VIDEO_INFO_NAME (in_info)),
        (NULL));
    return FALSE;
  }
  self->rgb = g_malloc (GST_VIDEO_INFO_SIZE (&self->rgb_info));
  return TRUE;
}

/* The RGB picture in @in, converted where it is not one; its row distance in
 * @stride. */
static const guint8 *
rgb_picture (GstTdssCrop *self, GstVideoFrame *in, gsize *stride)
{
  g_autoptr (GstBuffer) buffer = NULL;
  GstVideoFrame rgb;

  if (self->converter == NULL) {
    *stride = GST_VIDEO_FRAME_PLANE_STRIDE (in, 0);
    return GST_VIDEO_FRAME_PLANE_DATA (in, 0);
  }
  buffer = gst_buffer_new_wrapped_full (
      0, self->rgb, GST_VIDEO_INFO_SIZE (&self->rgb_info), 0,
      GST_VIDEO_INFO_SIZE (&self->rgb_info), NULL, NULL);
  if (!gst_video_frame_map (&rgb, &self->rgb_info, buffer, GST_MAP_WRITE))
    return NULL;
  gst_video_converter_frame (self->converter, in, &rgb);
  gst_video_frame_unmap (&rgb);
  *stride = GST_VIDEO_INFO_PLANE_STRIDE (&self->rgb_info, 0);
  return self->rgb;
}

/* The resize for pictures of this size under this schedule. */
static gboolean
ensure_resize (GstTdssCrop *self, gint width, gint height,
               GstTdssCropSchedule schedule)
{
  gboolean whole = schedule == GST_TDSS_CROP_NONE;
  GError *error = NULL;

  if (self->resize && self->resize_width == width
      && self->resize_height == height
      && (self->resize_schedule == GST_TDSS_CROP_NONE) == whole)
    return TRUE;
  g_clear_pointer (&self->resize, ccs_resize_free);
  self->resize = ccs_resize_new (
      width, height, whole ? CCS_CROP_WIDTH : CCS_RESIZE_WIDTH,
      whole ? CCS_CROP_HEIGHT : CCS_RESIZE_HEIGHT, &error);
  if (self->resize == NULL) {
    gst_ccstereo_post_error (GST_ELEMENT (self), error);
    return FALSE;
  }
  self->resize_width = width;
  self->resize_height = height;
  self->resize_schedule = schedule;
  if (self->resized == NULL)
    self->resized = g_malloc (CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT * 3);
  return TRUE;
}

static void
write_crop (GstTdssCrop *self, const guint8 *rgb, gsize stride, CcsPoint point,
            GstVideoFrame *out)
{
  guint8 *to = GST_VIDEO_FRAME_PLANE_DATA (out, 0);
  gsize to_stride = GST_VIDEO_FRAME_PLANE_STRIDE (out, 0);
  const gsize row = CCS_CROP_WIDTH * 3;

  if (self->resize_schedule == GST_TDSS_CROP_NONE) {
    ccs_resize_run (self->resize, rgb, stride, to, to_stride);
    return;
  }
  ccs_resize_run (self->resize, rgb, stride, self->resized,
                  CCS_RESIZE_WIDTH * 3);
  for (gint y = 0; y < CCS_CROP_HEIGHT; y++)
    memcpy (to + y * to_stride,
            self->resized
                + ((point.top + y) * CCS_RESIZE_WIDTH + point.left) * 3,
            row);
}

static GstFlowReturn
gst_tdss_crop_transform_frame (GstVideoFilter *filter, GstVideoFrame *in,
                               GstVideoFrame *out)
{
  GstTdssCrop *self = GST_TDSS_CROP (filter);
  GstTdssCropSchedule schedule;
  const guint8 *rgb;
  gsize stride;
  gint64 number;

  if (!GST_BUFFER_PTS_IS_VALID (in->buffer)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
                       ("video buffers must have timestamps"), (NULL));
    return GST_FLOW_ERROR;
  }
  if (!take_frame (self, in->buffer, &number))
    return GST_BASE_TRANSFORM_FLOW_DROPPED;
  GST_OBJECT_LOCK (self);
  schedule = self->schedule;
  GST_OBJECT_UNLOCK (self);
  rgb = rgb_picture (self, in, &stride);
  if (rgb == NULL
      || !ensure_resize (self, GST_VIDEO_FRAME_WIDTH (in),
                         GST_VIDEO_FRAME_HEIGHT (in), schedule))
    return GST_FLOW_ERROR;
  write_crop (self, rgb, stride, crop_point (self, number), out);
  GST_LOG_OBJECT (self, "frame %" G_GINT64_FORMAT " at %" GST_TIME_FORMAT,
                  number, GST_TIME_ARGS (GST_BUFFER_PTS (in->buffer)));
  return GST_FLOW_OK;
}

/* -- GstBaseTransform
 * ------------------------------------------------------------ */

/* Sizes, formats and rates of the two sides have nothing to do with each
 * other. */
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

  if (direction == GST_PAD_SINK) {
    gint rate_n, rate_d;

    GST_OBJECT_LOCK (self);
    rate_n = self->rate_n;
    rate_d = self->rate_d;
    GST_OBJECT_UNLOCK (self);
    result = gst_caps_make_writable (result);
    gst_caps_set_simple (result, "framerate", GST_TYPE_FRACTION, rate_n, rate_d,
                         "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1,
                         "colorimetry", G_TYPE_STRING, "sRGB", NULL);
  }
  return gst_ccstereo_narrow_caps (result, filter);
}

/* Metas describe the input's picture, which this one no longer is. */
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

  if (!GST_BASE_TRANSFORM_CLASS (gst_tdss_crop_parent_class)
           ->copy_metadata (trans, inbuf, outbuf))
    return FALSE;
  GST_OBJECT_LOCK (self);
  GST_BUFFER_DURATION (outbuf)
      = gst_util_uint64_scale_round (GST_SECOND, self->rate_d, self->rate_n);
  GST_OBJECT_UNLOCK (self);
  GST_BUFFER_OFFSET (outbuf) = GST_BUFFER_OFFSET_NONE;
  GST_BUFFER_OFFSET_END (outbuf) = GST_BUFFER_OFFSET_NONE;
  return TRUE;
}

static gboolean
gst_tdss_crop_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstTdssCrop *self = GST_TDSS_CROP (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT) {
    const GstSegment *segment;

    gst_event_parse_segment (event, &segment);
    if (segment->format != GST_FORMAT_TIME) {
      GST_ELEMENT_ERROR (self, STREAM, FORMAT,
                         ("video must come in a time segment"), (NULL));
      gst_event_unref (event);
      return FALSE;
    }
  }
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT
      || GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    self->last_frame = NO_FRAME;
  return GST_BASE_TRANSFORM_CLASS (gst_tdss_crop_parent_class)
      ->sink_event (trans, event);
}

static gboolean
gst_tdss_crop_start (GstBaseTransform *trans)
{
  GST_TDSS_CROP (trans)->last_frame = NO_FRAME;
  return TRUE;
}

static gboolean
gst_tdss_crop_stop (GstBaseTransform *trans)
{
  drop_resources (GST_TDSS_CROP (trans));
  return TRUE;
}

/* -- GObject
 * ---------------------------------------------------------------------- */

/* "left,top left,top .." within the slack; NULL and an error text otherwise. */
static GArray *
parse_points (const char *text)
{
  g_autoptr (GArray) points = g_array_new (FALSE, FALSE, sizeof (CcsPoint));
  g_auto (GStrv) words = g_strsplit_set (text ? text : "", " ;", -1);

  for (guint i = 0; words[i]; i++) {
    CcsPoint point;
    char end;

    if (*words[i] == '\0')
      continue;
    if (sscanf (words[i], "%d,%d%c", &point.left, &point.top, &end) != 2
        || point.left < 0 || point.left > SLACK_LEFT || point.top < 0
        || point.top > SLACK_TOP)
      return NULL;
    g_array_append_val (points, point);
  }
  return g_steal_pointer (&points);
}

static char *
format_points (const GArray *points)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < points->len; i++) {
    const CcsPoint *point = &g_array_index (points, CcsPoint, i);

    g_string_append_printf (text, "%s%d,%d", i ? " " : "", point->left,
                            point->top);
  }
  return g_string_free (text, FALSE);
}

static void
set_points (GstTdssCrop *self, const char *text)
{
  GArray *points = parse_points (text);

  if (points == NULL) {
    g_warning ("tdsscrop: \"%s\" is no list of points left,top within %d,%d",
               text, SLACK_LEFT, SLACK_TOP);
    return;
  }
  GST_OBJECT_LOCK (self);
  g_array_unref (self->points);
  self->points = points;
  GST_OBJECT_UNLOCK (self);
}

static void
gst_tdss_crop_set_property (GObject *object, guint id, const GValue *value,
                            GParamSpec *pspec)
{
  GstTdssCrop *self = GST_TDSS_CROP (object);

  switch (id - FIRST_PROPERTY) {
  case INDEX_ANALYSIS_RATE:
    GST_OBJECT_LOCK (self);
    self->rate_n = gst_value_get_fraction_numerator (value);
    self->rate_d = gst_value_get_fraction_denominator (value);
    GST_OBJECT_UNLOCK (self);
    gst_base_transform_reconfigure_src (GST_BASE_TRANSFORM (self));
    break;
  case INDEX_SCHEDULE:
    GST_OBJECT_LOCK (self);
    self->schedule = g_value_get_enum (value);
    GST_OBJECT_UNLOCK (self);
    break;
  case INDEX_POINTS:
    set_points (self, g_value_get_string (value));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
gst_tdss_crop_get_property (GObject *object, guint id, GValue *value,
                            GParamSpec *pspec)
{
  GstTdssCrop *self = GST_TDSS_CROP (object);

  GST_OBJECT_LOCK (self);
  switch (id - FIRST_PROPERTY) {
  case INDEX_ANALYSIS_RATE:
    gst_value_set_fraction (value, self->rate_n, self->rate_d);
    break;
  case INDEX_SCHEDULE:
    g_value_set_enum (value, self->schedule);
    break;
  case INDEX_POINTS:
    g_value_take_string (value, format_points (self->points));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_tdss_crop_finalize (GObject *object)
{
  g_array_unref (GST_TDSS_CROP (object)->points);
  G_OBJECT_CLASS (gst_tdss_crop_parent_class)->finalize (object);
}

void
gst_tdss_crop_install_properties (GObjectClass *klass, guint first)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  g_object_class_install_property (
      klass, first + INDEX_ANALYSIS_RATE,
      gst_param_spec_fraction (
          "analysis-rate", "Analysis rate",
          "Pictures a second that are put out; the model was trained at 10", 1,
          100, 1000, 1, CCS_ANALYSIS_FPS, 1, flags | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (
      klass, first + INDEX_SCHEDULE,
      g_param_spec_enum ("schedule", "Schedule",
                         "Where each picture is cropped",
                         GST_TYPE_TDSS_CROP_SCHEDULE, DEFAULT_SCHEDULE,
                         flags | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (
      klass, first + INDEX_POINTS,
      g_param_spec_string (
          "points", "Points",
          "Crop points of schedule=custom, \"left,top left,top ..\" within "
          "0..32 and 0..16; frame number k (from 1) takes point k modulo "
          "their number",
          "", flags | GST_PARAM_MUTABLE_PLAYING));
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

  gst_tdss_crop_install_properties (object_class, FIRST_PROPERTY);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (
      element_class, "TDSS crop", "Filter/Effect/Video",
      "Resizes and crops video for the CCStereo net, with a crop that moves "
      "from frame to frame",
      "The gst-ccstereo authors");

  trans_class->transform_caps = gst_tdss_crop_transform_caps;
  trans_class->transform_meta = gst_tdss_crop_transform_meta;
  trans_class->copy_metadata = gst_tdss_crop_copy_metadata;
  trans_class->sink_event = gst_tdss_crop_sink_event;
  trans_class->start = gst_tdss_crop_start;
  trans_class->stop = gst_tdss_crop_stop;
  trans_class->passthrough_on_same_caps = FALSE;
  filter_class->set_info = gst_tdss_crop_set_info;
  filter_class->transform_frame = gst_tdss_crop_transform_frame;
}

static void
gst_tdss_crop_init (GstTdssCrop *self)
{
  self->rate_n = CCS_ANALYSIS_FPS;
  self->rate_d = 1;
  self->schedule = DEFAULT_SCHEDULE;
  self->points = g_array_new (FALSE, FALSE, sizeof (CcsPoint));
  self->last_frame = NO_FRAME;
  /* A frame dropped for being late would change the sound. */
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (self), FALSE);
}
