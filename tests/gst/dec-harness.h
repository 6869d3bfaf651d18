/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ccstereodec under test: a harness on each pad, and a thread that feeds the
 * features pad, because each pad of an aggregator waits for the other. */
#pragma once

#include "gst-test-support.h"

G_BEGIN_DECLS

typedef struct
{
  GstElement *element;
  CcsModel *model;
  GstHarness *audio, *features; /* features: NULL if the pad is not requested */
  GstBus *bus;
  guint rate, channels;
  GThread *feeder;
  GQueue fed; /* of GstBuffer and GstEvent, for the thread */
} DecHarness;

/* Makes a decoder for @rate and @channels. Requests its features pad if
 * @pictures. */
DecHarness *dec_harness_new (guint rate, guint channels, gboolean pictures);
/* As dec_harness_new(), with an @element from gst_test_element() whose
 * properties are already set. If @live, the sources report that they are
 * live. @element (transfer full) */
DecHarness *dec_harness_new_with (GstElement *element, guint rate,
                                  guint channels, gboolean pictures,
                                  gboolean live);
void dec_harness_free (DecHarness *self);

/* Append to the queue of the thread that feeds the features pad: features
 * @first to @first + @n - 1, any buffer or event, and EOS. */
void dec_harness_add_features (DecHarness *self, guint first, guint n);
void dec_harness_add (DecHarness *self, gpointer buffer_or_event);
void dec_harness_end_features (DecHarness *self);
/* Starts the thread. dec_harness_feed_features() first queues @n features
 * and EOS, which is what most tests need. */
void dec_harness_feed (DecHarness *self);
void dec_harness_feed_features (DecHarness *self, guint n);
/* Waits until the thread has pushed everything. */
void dec_harness_join (DecHarness *self);

/* Pushes frames @first to @first + @frames - 1 of the test noise, in buffers
 * of @piece frames. */
void dec_harness_push_audio (DecHarness *self, guint64 first, gsize frames,
                             gsize piece);
void dec_harness_end_audio (DecHarness *self);
/* Sends EOS on the audio pad and returns the whole output. (transfer full) */
GArray *dec_harness_finish (DecHarness *self);

G_END_DECLS
