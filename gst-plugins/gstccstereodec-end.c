/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Returns EOS for all input after the last output. GstAggregator does so before
 * 1.26. Later versions let upstream wait, which would also stop the video that
 * comes from the same source. */
#include "gstccstereodec-private.h"

void
gst_ccstereo_dec_set_ended (GstCcstereoDec *self, gboolean ended)
{
  g_autoptr (GstAggregatorPad) features = NULL;

  g_atomic_int_set (&self->ended, ended);
  if (!ended)
    return;
  /* Makes room for threads that wait in the features pad already. */
  features = gst_ccstereo_dec_ref_features_pad (self);
  while (gst_aggregator_pad_drop_buffer (self->audio_pad))
    ;
  while (features && gst_aggregator_pad_drop_buffer (features))
    ;
}

static GstPadProbeReturn
answer_after_end (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  GstCcstereoDec *self = user;

  if (!g_atomic_int_get (&self->ended))
    return GST_PAD_PROBE_OK;
  if (info->type & GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM)
    return GST_QUERY_IS_SERIALIZED (GST_PAD_PROBE_INFO_QUERY (info))
               ? GST_PAD_PROBE_DROP
               : GST_PAD_PROBE_OK;
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM)
    return GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_GAP
               ? GST_PAD_PROBE_DROP
               : GST_PAD_PROBE_OK;
  gst_mini_object_unref (GST_PAD_PROBE_INFO_DATA (info));
  GST_PAD_PROBE_INFO_DATA (info) = NULL;
  GST_PAD_PROBE_INFO_FLOW_RETURN (info) = GST_FLOW_EOS;
  return GST_PAD_PROBE_HANDLED;
}

void
gst_ccstereo_dec_watch_pad (GstCcstereoDec *self, GstAggregatorPad *pad)
{
  gst_pad_add_probe (GST_PAD (pad),
                     GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST
                         | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM
                         | GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM,
                     answer_after_end, self, NULL);
}
