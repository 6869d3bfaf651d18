/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Converts decoded frames to GStreamer buffers. Video is not copied: a buffer
 * references the AVFrame. Colorimetry is passed as code points of ISO/IEC
 * 23091-2, which both libraries use. */
#include "transcode-frame.h"

#include <gio/gio.h>
#include <gst/audio/audio.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

#include "libav-version.h"
#include "transcode-reader.h"

#define STEREO 2
/* Largest description of a channel layout in bytes. */
#define MOST_LAYOUT 128

struct _TranscodeFrames
{
  const AVStream *stream;
  gint field_channel;
  struct SwsContext *scaler;

  SwrContext *mixer;
  int mixer_format; /* format for which the mixer was made */
  AVChannelLayout mixer_layout;
};

TranscodeFrames *
transcode_frames_new (const AVStream *stream, gint field_channel)
{
  TranscodeFrames *self = g_new0 (TranscodeFrames, 1);

  self->stream = stream;
  self->field_channel = field_channel;
  return self;
}

void
transcode_frames_free (TranscodeFrames *self)
{
  sws_freeContext (self->scaler);
  swr_free (&self->mixer);
  av_channel_layout_uninit (&self->mixer_layout);
  g_free (self);
}

static GstSample *
fail (GError **error, const char *format, const char *name)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, format,
               name ? name : "(unknown)");
  return NULL;
}

/* -- pictures: formats ----------------------------------------------------- */

static const struct
{
  enum AVPixelFormat libav;
  GstVideoFormat gst;
} formats[] = {
  { AV_PIX_FMT_YUV420P, GST_VIDEO_FORMAT_I420 },
  { AV_PIX_FMT_YUVJ420P, GST_VIDEO_FORMAT_I420 },
  { AV_PIX_FMT_YUV422P, GST_VIDEO_FORMAT_Y42B },
  { AV_PIX_FMT_YUVJ422P, GST_VIDEO_FORMAT_Y42B },
  { AV_PIX_FMT_YUV444P, GST_VIDEO_FORMAT_Y444 },
  { AV_PIX_FMT_YUVJ444P, GST_VIDEO_FORMAT_Y444 },
  { AV_PIX_FMT_YUV411P, GST_VIDEO_FORMAT_Y41B },
  { AV_PIX_FMT_YUV410P, GST_VIDEO_FORMAT_YUV9 },
  { AV_PIX_FMT_NV12, GST_VIDEO_FORMAT_NV12 },
  { AV_PIX_FMT_NV21, GST_VIDEO_FORMAT_NV21 },
  { AV_PIX_FMT_YUYV422, GST_VIDEO_FORMAT_YUY2 },
  { AV_PIX_FMT_UYVY422, GST_VIDEO_FORMAT_UYVY },
  { AV_PIX_FMT_YUV420P10LE, GST_VIDEO_FORMAT_I420_10LE },
  { AV_PIX_FMT_YUV422P10LE, GST_VIDEO_FORMAT_I422_10LE },
  { AV_PIX_FMT_YUV444P10LE, GST_VIDEO_FORMAT_Y444_10LE },
  { AV_PIX_FMT_YUV420P12LE, GST_VIDEO_FORMAT_I420_12LE },
  { AV_PIX_FMT_YUV422P12LE, GST_VIDEO_FORMAT_I422_12LE },
  { AV_PIX_FMT_YUV444P12LE, GST_VIDEO_FORMAT_Y444_12LE },
  { AV_PIX_FMT_P010LE, GST_VIDEO_FORMAT_P010_10LE },
  { AV_PIX_FMT_GBRP, GST_VIDEO_FORMAT_GBR },
  { AV_PIX_FMT_GRAY8, GST_VIDEO_FORMAT_GRAY8 },
  { AV_PIX_FMT_RGB24, GST_VIDEO_FORMAT_RGB },
  { AV_PIX_FMT_BGR24, GST_VIDEO_FORMAT_BGR },
  { AV_PIX_FMT_RGBA, GST_VIDEO_FORMAT_RGBA },
  { AV_PIX_FMT_BGRA, GST_VIDEO_FORMAT_BGRA },
  { AV_PIX_FMT_ARGB, GST_VIDEO_FORMAT_ARGB },
  { AV_PIX_FMT_ABGR, GST_VIDEO_FORMAT_ABGR },
  { AV_PIX_FMT_RGB0, GST_VIDEO_FORMAT_RGBx },
  { AV_PIX_FMT_BGR0, GST_VIDEO_FORMAT_BGRx },
};

static GstVideoFormat
format_of (const AVFrame *frame)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if ((int)formats[i].libav == frame->format)
      return formats[i].gst;
  return GST_VIDEO_FORMAT_UNKNOWN;
}

/* Sets the colorimetry of @frame; GStreamer's defaults for what it lacks. */
static void
set_colours (GstVideoColorimetry *colours, const AVFrame *frame)
{
  const AVPixFmtDescriptor *pixel = av_pix_fmt_desc_get (frame->format);

  if (pixel && (pixel->flags & AV_PIX_FMT_FLAG_RGB))
    return;
  if (frame->colorspace != AVCOL_SPC_UNSPECIFIED)
    colours->matrix = gst_video_color_matrix_from_iso (frame->colorspace);
  if (frame->color_trc != AVCOL_TRC_UNSPECIFIED)
    colours->transfer = gst_video_transfer_function_from_iso (frame->color_trc);
  if (frame->color_primaries != AVCOL_PRI_UNSPECIFIED)
    colours->primaries
        = gst_video_color_primaries_from_iso (frame->color_primaries);
  if (frame->color_range == AVCOL_RANGE_JPEG)
    colours->range = GST_VIDEO_COLOR_RANGE_0_255;
}

/* -- pictures: data -------------------------------------------------------- */

static void
free_frame (gpointer frame)
{
  av_frame_free ((AVFrame **)&frame);
}

/* Returns the number of rows of plane @plane. */
static gint
rows_of (const GstVideoInfo *info, guint plane)
{
  gint component[GST_VIDEO_MAX_COMPONENTS];

  gst_video_format_info_component (info->finfo, plane, component);
  return GST_VIDEO_INFO_COMP_HEIGHT (info, component[0]);
}

/* Makes a buffer with one memory for each plane; they share a reference of
 * @frame (transfer full). */
static GstBuffer *
wrap_planes (AVFrame *frame, const GstVideoInfo *info)
{
  const guint n = GST_VIDEO_INFO_N_PLANES (info);
  GstBuffer *buffer = gst_buffer_new ();
  gsize offset[GST_VIDEO_MAX_PLANES] = { 0 }, size = 0;
  gint stride[GST_VIDEO_MAX_PLANES] = { 0 };

  for (guint i = 0; i < n; i++) {
    const gsize bytes = (gsize)frame->linesize[i] * rows_of (info, i);

    gst_buffer_append_memory (
        buffer, gst_memory_new_wrapped (
                    GST_MEMORY_FLAG_READONLY, frame->data[i], bytes, 0, bytes,
                    i ? NULL : frame, i ? NULL : free_frame));
    offset[i] = size;
    stride[i] = frame->linesize[i];
    size += bytes;
  }
  gst_buffer_add_video_meta_full (
      buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT (info),
      GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info), n, offset,
      stride);
  return buffer;
}

/* Returns a frame whose first row is first in memory, as GStreamer needs it.
 * (transfer full) */
static AVFrame *
upright_frame (const AVFrame *frame)
{
  AVFrame *upright;

  if (frame->linesize[0] > 0)
    return av_frame_clone (frame);
  upright = av_frame_alloc ();
  upright->format = frame->format;
  upright->width = frame->width;
  upright->height = frame->height;
  if (av_frame_get_buffer (upright, 0) < 0
      || av_frame_copy (upright, frame) < 0)
    av_frame_free (&upright);
  return upright;
}

/* Converts @frame to RGB. (transfer full) */
static AVFrame *
rgb_frame (TranscodeFrames *self, const AVFrame *frame)
{
  AVFrame *rgb = av_frame_alloc ();

  rgb->format = AV_PIX_FMT_RGB24;
  rgb->width = frame->width;
  rgb->height = frame->height;
  self->scaler = sws_getCachedContext (
      self->scaler, frame->width, frame->height, frame->format, rgb->width,
      rgb->height, rgb->format, SWS_BILINEAR, NULL, NULL, NULL);
  if (self->scaler == NULL || av_frame_get_buffer (rgb, 0) < 0
      || sws_scale (self->scaler, (const guint8 *const *)frame->data,
                    frame->linesize, 0, frame->height, rgb->data, rgb->linesize)
             < 0)
    av_frame_free (&rgb);
  return rgb;
}

GstSample *
transcode_frames_picture (TranscodeFrames *self, const AVFrame *frame,
                          GError **error)
{
  const gboolean known = format_of (frame) != GST_VIDEO_FORMAT_UNKNOWN;
  AVFrame *kept = known ? upright_frame (frame) : rgb_frame (self, frame);
  const AVRational rate = transcode_reader_rate (self->stream);
  g_autoptr (GstBuffer) buffer = NULL;
  g_autoptr (GstCaps) caps = NULL;
  GstVideoInfo info;

  if (kept == NULL
      || !gst_video_info_set_format (&info, format_of (kept), kept->width,
                                     kept->height)) {
    av_frame_free (&kept);
    return fail (error, "pictures of format %s cannot be looked at",
                 av_get_pix_fmt_name (frame->format));
  }
  set_colours (&info.colorimetry, kept);
  info.fps_n = rate.num;
  info.fps_d = rate.den;
  caps = gst_video_info_to_caps (&info);
  buffer = wrap_planes (kept, &info);
  if (libav_frame_duration (frame) > 0)
    GST_BUFFER_DURATION (buffer)
        = av_rescale_q (libav_frame_duration (frame), self->stream->time_base,
                        (AVRational){ 1, GST_SECOND });
  return gst_sample_new (buffer, caps, NULL, NULL);
}

GstVideoOrientationMethod
transcode_stream_direction (const AVStream *stream)
{
  /* the rows of the matrix are (x to x, x to y), (y to x, y to y) and a
   * translation */
  const gint32 *m = libav_side_data (stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);

  if (m == NULL)
    return GST_VIDEO_ORIENTATION_IDENTITY;
  if (ABS ((gint64)m[1]) <= ABS ((gint64)m[0])) {
    if (m[0] >= 0)
      return m[4] >= 0 ? GST_VIDEO_ORIENTATION_IDENTITY
                       : GST_VIDEO_ORIENTATION_VERT;
    return m[4] >= 0 ? GST_VIDEO_ORIENTATION_HORIZ : GST_VIDEO_ORIENTATION_180;
  }
  if (m[1] >= 0)
    return m[3] >= 0 ? GST_VIDEO_ORIENTATION_UL_LR : GST_VIDEO_ORIENTATION_90R;
  return m[3] >= 0 ? GST_VIDEO_ORIENTATION_90L : GST_VIDEO_ORIENTATION_UR_LL;
}

/* -- sound ----------------------------------------------------------------- */

/* Returns whether one channel of @from is used, because it is a sound field. */
static gboolean
is_field (const TranscodeFrames *self, const AVChannelLayout *from)
{
  return self->field_channel >= 0 && self->field_channel < from->nb_channels
         && from->nb_channels > STEREO;
}

/* Returns the number of channels after the downmix. */
static int
mixed_channels (const TranscodeFrames *self, const AVChannelLayout *from)
{
  return is_field (self, from) ? 1 : MIN (from->nb_channels, STEREO);
}

/* Sets the weights of the downmix. Channels without positions, or with
 * positions that libswresample does not mix, get equal weights. */
static gboolean
set_weights (const TranscodeFrames *self, SwrContext *mixer,
             const AVChannelLayout *from)
{
  const int channels = from->nb_channels;
  g_autofree double *matrix = g_new0 (double, (gsize)channels *STEREO);

  if (is_field (self, from))
    matrix[self->field_channel] = 1;
  else
    for (int i = 0; i < channels * STEREO; i++)
      matrix[i] = 1. / channels;
  return swr_set_matrix (mixer, matrix, channels) >= 0;
}

/* Makes a converter from @from to float samples, with a downmix to stereo, or
 * to one channel of a sound field, if there are more channels. */
static SwrContext *
new_mixer (const TranscodeFrames *self, AVChannelLayout *from,
           const AVFrame *frame)
{
  const int channels = from->nb_channels;
  const int rate = frame->sample_rate; /* not resampled */
  const gboolean is_known
      = channels <= STEREO
        || (from->order == AV_CHANNEL_ORDER_NATIVE && !is_field (self, from));
  SwrContext *mixer = NULL;
  AVChannelLayout to;

  av_channel_layout_default (&to, mixed_channels (self, from));
  if (swr_alloc_set_opts2 (&mixer, channels > STEREO ? &to : from,
                           AV_SAMPLE_FMT_FLT, rate, from, frame->format, rate,
                           0, NULL)
      < 0)
    return NULL;
  av_opt_set_double (mixer, "rematrix_maxval", 1., 0); /* no clipping */
  if ((is_known && swr_init (mixer) >= 0)
      || (channels > STEREO && set_weights (self, mixer, from)
          && swr_init (mixer) >= 0))
    return mixer;
  swr_free (&mixer);
  return NULL;
}

/* Makes sure that the mixer fits @frame. */
static gboolean
ensure_mixer (TranscodeFrames *self, const AVFrame *frame)
{
  AVChannelLayout *from = &self->mixer_layout, usual;

  if (self->mixer && self->mixer_format == frame->format
      && av_channel_layout_compare (from, &frame->ch_layout) == 0)
    return TRUE;
  swr_free (&self->mixer);
  if (av_channel_layout_copy (from, &frame->ch_layout) < 0)
    return FALSE;
  if (from->order == AV_CHANNEL_ORDER_UNSPEC) {
    av_channel_layout_default (&usual, from->nb_channels);
    from = &usual;
  }
  self->mixer_format = frame->format;
  self->mixer = new_mixer (self, from, frame);
  return self->mixer != NULL;
}

GstSample *
transcode_frames_sound (TranscodeFrames *self, const AVFrame *frame,
                        GError **error)
{
  const int channels = mixed_channels (self, &frame->ch_layout);
  const gsize bytes = sizeof (float) * channels * frame->nb_samples;
  char layout[MOST_LAYOUT] = "";
  g_autofree float *samples = g_malloc (bytes);
  g_autoptr (GstBuffer) buffer = NULL;
  g_autoptr (GstCaps) caps = NULL;
  GstAudioInfo info;

  if (!ensure_mixer (self, frame)
      || swr_convert (self->mixer, (guint8 **)&samples, frame->nb_samples,
                      (const guint8 **)frame->extended_data, frame->nb_samples)
             != frame->nb_samples) {
    av_channel_layout_describe (&frame->ch_layout, layout, sizeof layout);
    return fail (error, "sound of channels \"%s\" cannot be mixed", layout);
  }
  gst_audio_info_set_format (&info, GST_AUDIO_FORMAT_F32, frame->sample_rate,
                             channels, NULL);
  caps = gst_audio_info_to_caps (&info);
  buffer = gst_buffer_new_wrapped (g_steal_pointer (&samples), bytes);
  GST_BUFFER_DURATION (buffer) = gst_util_uint64_scale (
      frame->nb_samples, GST_SECOND, frame->sample_rate);
  return gst_sample_new (buffer, caps, NULL, NULL);
}
