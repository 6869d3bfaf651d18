/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pipeline: appsrc (audio), appsrc (video) ! ccstereobin ! appsink. A feed
 * decodes into each appsrc. libavformat computes all times, also of copied
 * streams, so that they stay in sync. */
#include "transcode-sound.h"

#include <ccstereo/model.h>
#include <gio/gio.h>
#include <gst/app/gstappsink.h>
#include <gst/audio/audio.h>
#include <gst/gst.h>

#include "transcode-feed.h"
#include "transcode-frame.h"

#define CHANNELS 2
/* Pieces computed ahead of the reader. */
#define PIECES_AHEAD 16
/* Frames decoded ahead of the bin, which has queues itself. */
#define FRAMES_AHEAD 4
/* Frames per batch of the encoder: a large batch of every backend. More would
 * need seconds of video in the queues. */
#define PICTURES_AT_A_TIME (4 * CCS_MODEL_FRAME_BATCH)
/* Threads of decoders: libavcodec decides, or one. */
#define ANY_THREADS 0
#define ONE_THREAD 1
/* Interval at which errors and the stop flag are checked. */
#define PATIENCE (100 * GST_MSECOND)
/* Added to all times, because GStreamer's times cannot be negative and a file
 * may start a little before 0. A whole number of seconds does not change the
 * moving crop. */
#define LEAD_IN GST_SECOND

struct _TranscodeSound
{
  char *path;
  TranscodeSoundOptions options;
  GstElement *pipeline;
  GstElement *audio, *video, *bin, *sink; /* owned by the pipeline */
  TranscodeFeed *audio_feed, *video_feed;

  GstSample *sample; /* sample of the current piece; nullable */
  GstMapInfo map;
  TranscodePiece piece;
};

/* -- the pipeline --------------------------------------------------------- */

static GstElement *
add_element (TranscodeSound *self, const char *factory, GError **error)
{
  GstElement *element = gst_element_factory_make (factory, NULL);

  if (element == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 "GStreamer's element %s is not found: install it, or name "
                 "its folder in GST_PLUGIN_PATH",
                 factory);
    return NULL;
  }
  gst_bin_add (GST_BIN (self->pipeline), element);
  return element;
}

static void
set_source_options (GstElement *source)
{
  g_object_set (source, "format", GST_FORMAT_TIME, "block", TRUE, "max-bytes",
                (guint64)0, "max-buffers", (guint64)FRAMES_AHEAD, NULL);
}

static void
set_bin_options (TranscodeSound *self)
{
  const TranscodeSoundOptions *options = &self->options;
  GObject *bin = G_OBJECT (self->bin);

  g_object_set (bin, "model-file", options->model, "n-threads",
                options->threads, "hop", options->hop, "width", options->width,
                NULL);
  gst_util_set_object_arg (bin, "backend", options->backend);
  gst_util_set_object_arg (bin, "precision", options->precision);
}

static void
set_sink_options (TranscodeSound *self)
{
  g_autoptr (GstCaps) caps = gst_caps_new_simple (
      "audio/x-raw", "format", G_TYPE_STRING, GST_AUDIO_NE (F32), "layout",
      G_TYPE_STRING, "interleaved", "channels", G_TYPE_INT, CHANNELS, NULL);

  g_object_set (self->sink, "caps", caps, "sync", FALSE, "max-buffers",
                PIECES_AHEAD, NULL);
}

static gboolean
build (TranscodeSound *self, GError **error)
{
  self->pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  if ((self->audio = add_element (self, "appsrc", error)) == NULL
      || (self->video = add_element (self, "appsrc", error)) == NULL
      || (self->bin = add_element (self, "ccstereobin", error)) == NULL
      || (self->sink = add_element (self, "appsink", error)) == NULL)
    return FALSE;
  set_source_options (self->audio);
  set_source_options (self->video);
  set_bin_options (self);
  set_sink_options (self);
  if (gst_element_link_pads (self->audio, "src", self->bin, "audio_sink")
      && gst_element_link_pads (self->video, "src", self->bin, "video_sink")
      && gst_element_link_pads (self->bin, "audio_src", self->sink, "sink")) {
    gst_child_proxy_set (GST_CHILD_PROXY (self->bin), "enc::batch-size",
                         PICTURES_AT_A_TIME, NULL);
    return TRUE;
  }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
               "%s: the pipeline cannot be linked", self->path);
  return FALSE;
}

/* Opens both streams, and starts them if both can be decoded. */
static gboolean
start_feeds (TranscodeSound *self, GError **error)
{
  const TranscodeSoundOptions *options = &self->options;
  const gint64 offset = options->offset + (gint64)LEAD_IN;
  g_autoptr (TranscodeReader) audio
      = transcode_reader_open (self->path, options->audio, ONE_THREAD,
                               options->playlists, options->stop, error);
  g_autoptr (TranscodeReader) video
      = audio ? transcode_reader_open (self->path, options->video, ANY_THREADS,
                                       options->playlists, options->stop, error)
              : NULL;

  if (video == NULL)
    return FALSE;
  transcode_reader_thin_out (video, CCS_ANALYSIS_FPS, offset);
  g_object_set (self->bin, "video-direction",
                transcode_stream_direction (transcode_reader_stream (video)),
                NULL);
  self->audio_feed = transcode_feed_new (self->audio, g_steal_pointer (&audio),
                                         offset, options->field_channel);
  self->video_feed
      = transcode_feed_new (self->video, g_steal_pointer (&video), offset, -1);
  return TRUE;
}

/* -- pieces --------------------------------------------------------------- */

static void
pass_warning_on (TranscodeSound *self, GstMessage *message)
{
  g_autoptr (GError) warning = NULL;
  g_autofree char *text = NULL;

  gst_message_parse_warning (message, &warning, NULL);
  text = g_strdup_printf ("%s: %s", self->path, warning->message);
  self->options.notice (text);
}

/* Checks the bus for an error. */
static gboolean
check_bus (TranscodeSound *self, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (self->pipeline);
  g_autoptr (GError) cause = NULL;
  GstMessage *message;

  while ((message = gst_bus_pop (bus)) != NULL) {
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR && cause == NULL)
      gst_message_parse_error (message, &cause, NULL);
    else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
      pass_warning_on (self, message);
    gst_message_unref (message);
  }
  if (cause == NULL)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", self->path,
               cause->message);
  return FALSE;
}

static void
drop_piece (TranscodeSound *self)
{
  if (self->sample == NULL)
    return;
  gst_buffer_unmap (gst_sample_get_buffer (self->sample), &self->map);
  g_clear_pointer (&self->sample, gst_sample_unref);
}

/* Makes a piece of @sample (transfer full). */
static gboolean
take_piece (TranscodeSound *self, GstSample *sample, GError **error)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstAudioInfo info;

  if (!gst_audio_info_from_caps (&info, gst_sample_get_caps (sample))
      || !GST_BUFFER_PTS_IS_VALID (buffer)
      || !gst_buffer_map (buffer, &self->map, GST_MAP_READ)) {
    gst_sample_unref (sample);
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s: its sound comes without format or time", self->path);
    return FALSE;
  }
  self->sample = sample;
  self->piece.samples = (const float *)self->map.data;
  self->piece.frames = self->map.size / (CHANNELS * sizeof (float));
  self->piece.rate = GST_AUDIO_INFO_RATE (&info);
  self->piece.time = GST_CLOCK_DIFF (
      LEAD_IN,
      gst_segment_to_stream_time (gst_sample_get_segment (sample),
                                  GST_FORMAT_TIME, GST_BUFFER_PTS (buffer)));
  return TRUE;
}

gboolean
transcode_sound_next (TranscodeSound *self, GError **error)
{
  GstAppSink *sink = GST_APP_SINK (self->sink);
  GstSample *sample = NULL;

  drop_piece (self);
  self->piece.samples = NULL;
  self->piece.frames = 0;
  while (sample == NULL) {
    if (*self->options.stop) {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
      return FALSE;
    }
    sample = gst_app_sink_try_pull_sample (sink, PATIENCE);
    if (!check_bus (self, error)) {
      g_clear_pointer (&sample, gst_sample_unref);
      return FALSE;
    }
    if (sample == NULL && gst_app_sink_is_eos (sink))
      return TRUE;
  }
  return take_piece (self, sample, error);
}

const TranscodePiece *
transcode_sound_peek (TranscodeSound *self)
{
  return &self->piece;
}

/* -- life ----------------------------------------------------------------- */

TranscodeSound *
transcode_sound_open (const char *path, const TranscodeSoundOptions *options,
                      GError **error)
{
  g_autoptr (TranscodeSound) self = g_new0 (TranscodeSound, 1);

  self->path = g_strdup (path);
  self->options = *options;
  if (!build (self, error))
    return NULL;
  gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  if (!check_bus (self, error) || !start_feeds (self, error)
      || !transcode_sound_next (self, error))
    return NULL;
  if (self->piece.samples == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s: no sound could be decoded from its audio stream", path);
    return NULL;
  }
  return g_steal_pointer (&self);
}

void
transcode_sound_free (TranscodeSound *self)
{
  drop_piece (self);
  if (self->pipeline) {
    gst_element_set_state (self->pipeline, GST_STATE_NULL);
    transcode_feed_free (self->audio_feed);
    transcode_feed_free (self->video_feed);
    gst_object_unref (self->pipeline);
  }
  g_free (self->path);
  g_free (self);
}
