/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transcode-feed.h"

#include <gst/app/gstappsrc.h>

#include "transcode-frame.h"
#include "transcode-time.h"

/* Audio whose start differs from the end of the last by at least this does not
 * continue it, ns: more than rounding errors of times, less than a lost packet.
 */
#define BREAK (15 * GST_MSECOND)

struct _TranscodeFeed
{
  GstElement *appsrc;
  TranscodeReader *reader;
  TranscodeFrames *frames;
  gint64 offset;
  gint64 sound_end; /* end of the audio since the last break, ns */
  GThread *thread;
};

static GstSample *
sample_of (TranscodeFeed *self, const AVFrame *frame, GError **error)
{
  return frame->nb_samples > 0
             ? transcode_frames_sound (self->frames, frame, error)
             : transcode_frames_picture (self->frames, frame, error);
}

/* Marks @sound as discontinuous if it does not continue the audio before.
 * Without the mark elements smooth timestamps. Compares with the end of all
 * buffers since the last break, because small errors add up. */
static void
mark_break (TranscodeFeed *self, GstBuffer *sound, gint64 time)
{
  if (ABS (time - self->sound_end) > (gint64)BREAK) {
    GST_BUFFER_FLAG_SET (sound, GST_BUFFER_FLAG_DISCONT);
    self->sound_end = time;
  }
  self->sound_end += (gint64)GST_BUFFER_DURATION (sound);
}

/* Feeds one frame. Returns FALSE at the end, if the pipeline accepts no more
 * frames, or with @error set. */
static gboolean
feed_frame (TranscodeFeed *self, GError **error)
{
  g_autoptr (GstSample) sample = NULL;
  AVFrame *frame;
  gint64 time, shifted;

  if (!transcode_reader_next (self->reader, &frame, &time, error)
      || frame == NULL || (sample = sample_of (self, frame, error)) == NULL)
    return FALSE;
  shifted = transcode_time_add (time, self->offset);
  if (shifted < 0) /* long before the start of the file */
    return TRUE;
  GST_BUFFER_PTS (gst_sample_get_buffer (sample)) = shifted;
  if (frame->nb_samples > 0)
    mark_break (self, gst_sample_get_buffer (sample), time);
  return gst_app_src_push_sample (GST_APP_SRC (self->appsrc), sample)
         == GST_FLOW_OK;
}

static gpointer
feed (gpointer data)
{
  TranscodeFeed *self = data;
  g_autoptr (GError) error = NULL;

  while (feed_frame (self, &error))
    ;
  if (error)
    GST_ELEMENT_ERROR (self->appsrc, STREAM, DECODE, ("%s", error->message),
                       (NULL));
  gst_app_src_end_of_stream (GST_APP_SRC (self->appsrc));
  return NULL;
}

TranscodeFeed *
transcode_feed_new (GstElement *appsrc, TranscodeReader *reader, gint64 offset,
                    gint field_channel)
{
  TranscodeFeed *self = g_new0 (TranscodeFeed, 1);

  self->appsrc = gst_object_ref (appsrc);
  self->reader = reader;
  self->frames
      = transcode_frames_new (transcode_reader_stream (reader), field_channel);
  self->offset = offset;
  self->thread = g_thread_new ("decode", feed, self);
  return self;
}

void
transcode_feed_free (TranscodeFeed *self)
{
  if (self == NULL)
    return;
  g_thread_join (self->thread);
  transcode_frames_free (self->frames);
  transcode_reader_free (self->reader);
  gst_object_unref (self->appsrc);
  g_free (self);
}
