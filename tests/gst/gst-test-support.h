/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the programs of the gst suite: GStreamer with only the plugins
 * that they need, a model with reproducible random weights, signals that are
 * functions of the sample index, and the expected output computed with the
 * library. Every function ends the running Check test on failure. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <check.h>
#include <gst/audio/audio.h>
#include <gst/check/gstharness.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define TEST_FPS CCS_ANALYSIS_FPS
#define TEST_PICTURE_TIME (GST_SECOND / TEST_FPS)

/* -- the program --------------------------------------------------------- */
/* Starts GStreamer with a temporary registry and plugin folder. */
void gst_test_init (int *argc, char ***argv);
/* Also makes GStreamer's own plugins @names available; NULL-terminated. */
void gst_test_add_plugins (const char *const *names);
/* Runs @suite and removes temporary files. Returns the program's exit
 * status. */
int gst_test_run (Suite *suite);
/* Returns the program's folder of temporary files. */
const char *gst_test_folder (void);

/* -- models -------------------------------------------------------------- */
/* Returns the path of a model file, which the first call writes. Call it
 * before tests fork, so that the file is written once. */
const char *gst_test_model_file (void);
/* As gst_test_model_file(), with other weights. */
const char *gst_test_other_model_file (void);
/* Returns the model of gst_test_model_file(), loaded as the elements load
 * it. (transfer full) */
CcsModel *gst_test_model (void);
/* Returns an element with this model on the CPU backend. (transfer floating) */
GstElement *gst_test_element (const char *factory);

/* -- signals ------------------------------------------------------------- */
/* Returns sample @i of a noise signal. */
float gst_test_sample (guint64 i);
/* Returns @frames frames of @channels channels of noise, starting at frame
 * @first. Timestamps count frames at @rate from @start. (transfer full) */
GstBuffer *gst_test_audio (guint rate, guint channels, guint64 first,
                           gsize frames, GstClockTime start);
/* Returns feature @k. (transfer full) */
float *gst_test_feature (gsize size, guint k);
/* Returns feature @k in a buffer with the timestamp k / 10 s. (transfer
 * full) */
GstBuffer *gst_test_feature_buffer (gsize size, guint k);
/* Returns a noise image of @width x @height in RGB, without row padding.
 * (transfer full) */
guint8 *gst_test_picture (gint width, gint height, guint k);

/* -- expected output ------------------------------------------------------- */
/* Returns the output of the library's binauralizer for @frames frames of
 * gst_test_audio() and the first @n_features features. (transfer full)
 * (element-type float) */
GArray *gst_test_core_output (CcsModel *model, guint rate, guint channels,
                              gsize frames, guint n_features);

/* -- output ---------------------------------------------------------------- */
/* Pulls all buffers of @h until EOS and returns their stereo samples. Checks
 * that timestamps start at @start and are continuous. (transfer full)
 * (element-type float) */
GArray *gst_test_pull_all (GstHarness *h, guint rate, GstClockTime start);
void gst_test_assert_same (const GArray *got, const GArray *want);

/* -- messages -------------------------------------------------------------- */
/* Returns a bus on @element that keeps its messages. (transfer full) */
GstBus *gst_test_bus (GstElement *element);
/* Waits for an error on @bus. Fails unless it is @code of @domain and its
 * text contains @mention. */
void gst_test_assert_error (GstBus *bus, GQuark domain, int code,
                            const char *mention);
/* Removes the messages of @type from @bus and returns their count. */
guint gst_test_count_messages (GstBus *bus, GstMessageType type);

G_END_DECLS
