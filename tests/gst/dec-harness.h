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
  GQueue fed; /* GstBuffer and GstEvent, for the thread */
} DecHarness;

/* Makes a decoder for @rate and @channels, with the features pad if @pictures.
 */
DecHarness *dec_harness_new (guint rate, guint channels, gboolean pictures);
/* The same around an @element made with gst_test_element() that has been
 * given properties; @live: as if from live sources. @element (transfer full) */
DecHarness *dec_harness_new_with (GstElement *element, guint rate,
                                  guint channels, gboolean pictures,
                                  gboolean live);
void dec_harness_free (DecHarness *self);

/* What the feeder is to push, in order: features @first to @first + @n - 1,
 * anything else, and at last EOS where dec_harness_end_features() is called. */
void dec_harness_add_features (DecHarness *self, guint first, guint n);
void dec_harness_add (DecHarness *self, gpointer buffer_or_event);
void dec_harness_end_features (DecHarness *self);
/* Starts the feeder; @n features and EOS is what most tests want. */
void dec_harness_feed (DecHarness *self);
void dec_harness_feed_features (DecHarness *self, guint n);
/* Waits until all is fed. */
void dec_harness_join (DecHarness *self);

/* Frames @first to @first + @frames - 1 of the test noise, in buffers of
 * @piece frames. */
void dec_harness_push_audio (DecHarness *self, guint64 first, gsize frames,
                             gsize piece);
void dec_harness_end_audio (DecHarness *self);
/* EOS on the audio pad, then everything that comes out. (transfer full) */
GArray *dec_harness_finish (DecHarness *self);

G_END_DECLS
