/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* filesrc ! decodebin ! ccstereobin ! appsink: the streams that are not wanted
 * end in fakesinks, the picture ends in the bin. Stream time is the file's
 * presentation time, whatever its edit lists say. */
#include "transcode-sound.h"

#include <gio/gio.h>
#include <gst/app/gstappsink.h>
#include <gst/audio/audio.h>
#include <gst/gst.h>
#include <string.h>

#define CHANNELS 2
/* Pieces decoded ahead of the reader. */
#define PIECES_AHEAD 16
/* How long to wait between looks at errors and at the stop flag. */
#define PATIENCE (100 * GST_MSECOND)

struct _TranscodeSound
{
  char *path;
  TranscodeSoundOptions options;
  GstElement *pipeline;
  GstElement *bin, *sink; /* owned by the pipeline */

  /* touched by decodebin's threads, which are done when it says so */
  guint n_audio, n_coded;
  gboolean has_audio, has_video;
  gboolean has_coded_start;
  gint64 coded_start;

  GstSample *sample; /* the piece's; NULL: none */
  GstMapInfo map;
  TranscodePiece piece;
};

/* -- decoded streams ------------------------------------------------------ */

static gboolean
link_to_bin (TranscodeSound *self, GstPad *pad, const char *sink_name)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (self->bin, sink_name);

  return GST_PAD_LINK_SUCCESSFUL (gst_pad_link (pad, sink));
}

static void
link_to_nothing (TranscodeSound *self, GstPad *pad)
{
  GstElement *sink = gst_element_factory_make ("fakesink", NULL);
  g_autoptr (GstPad) sink_pad = NULL;

  g_object_set (sink, "sync", FALSE, "async", FALSE, NULL);
  gst_bin_add (GST_BIN (self->pipeline), sink);
  sink_pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_link (pad, sink_pad);
  gst_element_sync_state_with_parent (sink);
}

static void
on_pad_added (GstElement *decodebin, GstPad *pad, gpointer user_data)
{
  TranscodeSound *self = user_data;
  g_autoptr (GstCaps) caps = gst_pad_query_caps (pad, NULL);
  const char *type
      = gst_caps_is_empty (caps) || gst_caps_is_any (caps)
            ? ""
            : gst_structure_get_name (gst_caps_get_structure (caps, 0));
  gboolean linked = FALSE;

  if (g_str_equal (type, "audio/x-raw")) {
    if (self->n_audio++ == self->options.stream)
      linked = self->has_audio = link_to_bin (self, pad, "audio_sink");
  } else if (g_str_equal (type, "video/x-raw") && !self->has_video) {
    linked = self->has_video = link_to_bin (self, pad, "video_sink");
  }
  if (!linked)
    link_to_nothing (self, pad);
}

/* The bin would wait for ever for a stream that does not come. */
static void
on_no_more_pads (GstElement *decodebin, gpointer user_data)
{
  TranscodeSound *self = user_data;
  const TranscodeSoundOptions *options = &self->options;

  if (!self->has_video)
    GST_ELEMENT_ERROR (decodebin, STREAM, CODEC_NOT_FOUND,
                       ("GStreamer cannot decode the video stream"), (NULL));
  else if (!self->has_audio)
    GST_ELEMENT_ERROR (
        decodebin, STREAM, CODEC_NOT_FOUND,
        ("GStreamer cannot decode audio stream %u", options->stream), (NULL));
  else if (self->n_audio < options->n_streams && options->n_streams > 1)
    GST_ELEMENT_ERROR (decodebin, STREAM, CODEC_NOT_FOUND,
                       ("GStreamer decodes %u of %u audio streams, so that "
                        "stream %u is not certain",
                        self->n_audio, options->n_streams, options->stream),
                       (NULL));
}

static GstPadProbeReturn
note_coded_start (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  TranscodeSound *self = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  g_autoptr (GstEvent) event
      = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;

  if (event && GST_BUFFER_PTS_IS_VALID (buffer)) {
    gst_event_parse_segment (event, &segment);
    self->coded_start = GST_CLOCK_DIFF (segment->start, segment->time)
                        + (gint64)GST_BUFFER_PTS (buffer);
    self->has_coded_start = TRUE;
  }
  return GST_PAD_PROBE_REMOVE;
}

/* Asked at each step from the file to raw samples, with a ghost of the pad
 * reached: a demuxer's is the first. */
static gboolean
on_autoplug_continue (GstElement *decodebin, GstPad *ghost, GstCaps *caps,
                      gpointer user_data)
{
  TranscodeSound *self = user_data;
  g_autoptr (GstPad) pad = gst_ghost_pad_get_target (GST_GHOST_PAD (ghost));
  g_autoptr (GstElement) parent = pad ? gst_pad_get_parent_element (pad) : NULL;
  const char *klass
      = parent ? gst_element_get_metadata (parent, GST_ELEMENT_METADATA_KLASS)
               : NULL;

  if (klass && strstr (klass, "Demux")
      && g_str_has_prefix (
          gst_structure_get_name (gst_caps_get_structure (caps, 0)), "audio/")
      && self->n_coded++ == self->options.stream)
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, note_coded_start, self,
                       NULL);
  return TRUE;
}

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
set_bin_options (TranscodeSound *self)
{
  const TranscodeSoundOptions *options = &self->options;

  g_object_set (self->bin, "model-file", options->model, "n-threads",
                options->threads, "hop", options->hop, "width", options->width,
                NULL);
  gst_util_set_object_arg (G_OBJECT (self->bin), "backend", options->backend);
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
  GstElement *source, *decoder;
  GstPad *video;

  self->pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  if ((source = add_element (self, "filesrc", error)) == NULL
      || (decoder = add_element (self, "decodebin", error)) == NULL
      || (self->bin = add_element (self, "ccstereobin", error)) == NULL
      || (self->sink = add_element (self, "appsink", error)) == NULL)
    return FALSE;
  g_object_set (source, "location", self->path, NULL);
  set_bin_options (self);
  set_sink_options (self);
  g_signal_connect (decoder, "pad-added", G_CALLBACK (on_pad_added), self);
  g_signal_connect (decoder, "autoplug-continue",
                    G_CALLBACK (on_autoplug_continue), self);
  g_signal_connect (decoder, "no-more-pads", G_CALLBACK (on_no_more_pads),
                    self);
  video = gst_element_request_pad_simple (self->bin, "video_sink");
  if (video == NULL || !gst_element_link (source, decoder)
      || !gst_element_link_pads (self->bin, "audio_src", self->sink, "sink")) {
    g_clear_object (&video);
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "%s: the pipeline cannot be linked", self->path);
    return FALSE;
  }
  gst_object_unref (video);
  return TRUE;
}

/* -- pieces --------------------------------------------------------------- */

/* The first error on the bus, if there is one. */
static gboolean
check_bus (TranscodeSound *self, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (self->pipeline);
  g_autoptr (GError) cause = NULL;
  GstMessage *message;

  while ((message = gst_bus_pop (bus)) != NULL) {
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR && cause == NULL)
      gst_message_parse_error (message, &cause, NULL);
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

/* Takes @sample. */
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
  self->piece.time
      = gst_segment_to_stream_time (gst_sample_get_segment (sample),
                                    GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
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

gint64
transcode_sound_coded_start (TranscodeSound *self)
{
  return self->has_coded_start ? self->coded_start : self->piece.time;
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
  if (!transcode_sound_next (self, error))
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
    gst_object_unref (self->pipeline);
  }
  g_free (self->path);
  g_free (self);
}
