/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dec-harness.h"

static GstCaps *
audio_caps (guint rate, guint channels)
{
  GstAudioInfo info;

  gst_audio_info_set_format (&info, GST_AUDIO_FORMAT_F32, rate, channels, NULL);
  return gst_audio_info_to_caps (&info);
}

/* Returns caps as ccstereoenc sets them. */
static GstCaps *
features_caps (CcsModel *model)
{
  return gst_caps_new_simple ("application/x-ccstereo-features", "model-id",
                              G_TYPE_STRING, ccs_model_id (model), "framerate",
                              GST_TYPE_FRACTION, TEST_FPS, 1, NULL);
}

DecHarness *
dec_harness_new_with (GstElement *element, guint rate, guint channels,
                      gboolean pictures, gboolean live)
{
  DecHarness *self = g_new0 (DecHarness, 1);

  self->element = gst_object_ref_sink (element);
  self->model = gst_test_model ();
  self->rate = rate;
  self->channels = channels;
  g_queue_init (&self->fed);
  self->bus = gst_test_bus (element);
  self->audio = gst_harness_new_with_element (element, "audio", "src");
  gst_harness_set_live (self->audio, live);
  if (pictures) {
    self->features = gst_harness_new_with_element (element, "features", NULL);
    gst_harness_set_live (self->features, live);
    gst_harness_set_src_caps (self->features, features_caps (self->model));
  }
  gst_harness_set_src_caps (self->audio, audio_caps (rate, channels));
  return self;
}

DecHarness *
dec_harness_new (guint rate, guint channels, gboolean pictures)
{
  return dec_harness_new_with (gst_test_element ("ccstereodec"), rate, channels,
                               pictures, FALSE);
}

void
dec_harness_free (DecHarness *self)
{
  /* Stopping the element unblocks the threads that wait on its pads. */
  gst_element_set_state (self->element, GST_STATE_NULL);
  dec_harness_join (self);
  if (self->features)
    gst_harness_teardown (self->features);
  gst_harness_teardown (self->audio);
  g_queue_clear_full (&self->fed, (GDestroyNotify)gst_mini_object_unref);
  gst_element_set_bus (self->element, NULL);
  gst_object_unref (self->bus);
  gst_object_unref (self->element);
  ccs_model_unref (self->model);
  g_free (self);
}

/* -- features -------------------------------------------------------------- */

void
dec_harness_add_features (DecHarness *self, guint first, guint n)
{
  for (guint k = first; k < first + n; k++)
    dec_harness_add (self, gst_test_feature_buffer (
                               ccs_model_feature_size (self->model), k));
}

void
dec_harness_add (DecHarness *self, gpointer buffer_or_event)
{
  g_queue_push_tail (&self->fed, buffer_or_event);
}

void
dec_harness_end_features (DecHarness *self)
{
  dec_harness_add (self, gst_event_new_eos ());
}

static gpointer
feed (gpointer data)
{
  DecHarness *self = data;
  GstMiniObject *item;

  while ((item = g_queue_pop_head (&self->fed)) != NULL) {
    if (GST_IS_EVENT (item))
      gst_harness_push_event (self->features, GST_EVENT (item));
    else
      gst_harness_push (self->features, GST_BUFFER (item));
  }
  return NULL;
}

void
dec_harness_feed (DecHarness *self)
{
  self->feeder = g_thread_new ("features", feed, self);
}

void
dec_harness_feed_features (DecHarness *self, guint n)
{
  dec_harness_add_features (self, 0, n);
  dec_harness_end_features (self);
  dec_harness_feed (self);
}

void
dec_harness_join (DecHarness *self)
{
  if (self->feeder)
    g_thread_join (g_steal_pointer (&self->feeder));
}

/* -- audio ----------------------------------------------------------------- */

void
dec_harness_push_audio (DecHarness *self, guint64 first, gsize frames,
                        gsize piece)
{
  gsize n;

  for (gsize done = 0; done < frames; done += n) {
    n = MIN (piece, frames - done);
    ck_assert_int_eq (
        gst_harness_push (
            self->audio,
            gst_test_audio (self->rate, self->channels, first + done, n, 0)),
        GST_FLOW_OK);
  }
}

void
dec_harness_end_audio (DecHarness *self)
{
  ck_assert (gst_harness_push_event (self->audio, gst_event_new_eos ()));
}

GArray *
dec_harness_finish (DecHarness *self)
{
  dec_harness_end_audio (self);
  return gst_test_pull_all (self->audio, self->rate, 0);
}
