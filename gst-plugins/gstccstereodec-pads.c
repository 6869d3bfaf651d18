/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What waits on the sink pads of ccstereodec: buffers, gaps and ends of
 * segments. */
#include "gstccstereodec-private.h"

GstAggregatorPad *
gst_ccstereo_dec_ref_features_pad (GstCcstereoDec *self)
{
  GstAggregatorPad *pad;

  GST_OBJECT_LOCK (self);
  pad = self->features_pad ? gst_object_ref (self->features_pad) : NULL;
  GST_OBJECT_UNLOCK (self);
  return pad;
}

gboolean
gst_ccstereo_dec_is_gap (GstBuffer *buffer)
{
  return gst_buffer_get_size (buffer) == 0
         && GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP);
}

static G_DEFINE_QUARK (ccstereo - dec - segment - done, segment_done);

/* Returns an empty buffer that carries @event. The base class would forward the
 * event from the first pad that receives it; as a buffer it keeps its position
 * in the stream and makes the pad ready. */
static GstBuffer *
wrap_segment_done (GstEvent *event)
{
  GstBuffer *buffer = gst_buffer_new ();

  gst_mini_object_set_qdata (GST_MINI_OBJECT (buffer), segment_done_quark (),
                             event, (GDestroyNotify)gst_event_unref);
  return buffer;
}

GstEvent *
gst_ccstereo_dec_segment_done_in (GstBuffer *buffer)
{
  return gst_mini_object_get_qdata (GST_MINI_OBJECT (buffer),
                                    segment_done_quark ());
}

GstFlowReturn
gst_ccstereo_dec_queue_segment_done (GstCcstereoDec *self,
                                     GstAggregatorPad *pad, GstEvent *event)
{
  return GST_PAD_CHAINFUNC (pad) (GST_PAD (pad), GST_OBJECT (self),
                                  wrap_segment_done (event));
}

gboolean
gst_ccstereo_dec_is_at_end (GstAggregatorPad *pad)
{
  g_autoptr (GstBuffer) buffer = gst_aggregator_pad_peek_buffer (pad);

  return buffer ? gst_ccstereo_dec_segment_done_in (buffer) != NULL
                : gst_aggregator_pad_is_eos (pad);
}

gboolean
gst_ccstereo_dec_next_feature (GstAggregatorPad *pad,
                               GstCcstereoDecFeature *next)
{
  g_autoptr (GstBuffer) buffer = gst_aggregator_pad_peek_buffer (pad);
  guint64 distance = 0;
  GstClockTime pts;
  gint sign = 0;

  if (buffer == NULL)
    return FALSE;
  pts = gst_ccstereo_checked_time (GST_BUFFER_PTS (buffer));
  if (GST_CLOCK_TIME_IS_VALID (pts))
    sign = gst_segment_to_running_time_full (&pad->segment, GST_FORMAT_TIME,
                                             pts, &distance);
  next->running = gst_ccstereo_signed_time (sign, distance);
  next->is_gap = gst_ccstereo_dec_is_gap (buffer);
  next->duration = GST_BUFFER_DURATION (buffer);
  return sign != 0;
}
