/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the programs of the gst suite share: GStreamer with nothing but the
 * plugins they need, a model of known noise, signals that are functions of
 * their sample numbers, and the core's answer to them. Everything here ends the
 * running Check test on failure. */
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
/* Starts GStreamer with a registry and a plugin folder of its own. */
void gst_test_init (int *argc, char ***argv);
/* Also GStreamer's own plugins @names, which end with NULL. */
void gst_test_add_plugins (const char *const *names);
/* Runs @suite, cleans up; the program's exit status. */
int gst_test_run (Suite *suite);
/* The program's folder of temporary files. */
const char *gst_test_folder (void);

/* -- models -------------------------------------------------------------- */
/* Written when first asked for, which is best done before tests fork. */
const char *gst_test_model_file (void);
/* The same, with other parameters. */
const char *gst_test_other_model_file (void);
/* That model as the elements load it. (transfer full) */
CcsModel *gst_test_model (void);
/* An element with this model on the CPU backend. (transfer floating) */
GstElement *gst_test_element (const char *factory);

/* -- signals ------------------------------------------------------------- */
/* Sample @i of a noise. */
float gst_test_sample (guint64 i);
/* @frames of @channels from frame @first on, with timestamps by @rate from
 * @start. (transfer full) */
GstBuffer *gst_test_audio (guint rate, guint channels, guint64 first,
                           gsize frames, GstClockTime start);
/* Feature @k. (transfer full) */
float *gst_test_feature (gsize size, guint k);
/* The same, shown at k / 10 s. (transfer full) */
GstBuffer *gst_test_feature_buffer (gsize size, guint k);
/* A noise picture of @width x @height RGB in dense rows. (transfer full) */
guint8 *gst_test_picture (gint width, gint height, guint k);

/* -- the core's answer ----------------------------------------------------- */
/* What the binauralizer makes of @frames frames of gst_test_audio() and the
 * first @n_features features. (transfer full) (element-type float) */
GArray *gst_test_core_output (CcsModel *model, guint rate, guint channels,
                              gsize frames, guint n_features);

/* -- output ---------------------------------------------------------------- */
/* Everything that @h puts out until EOS: stereo samples. Timestamps must start
 * at @start and go on by the sample. (transfer full) (element-type float) */
GArray *gst_test_pull_all (GstHarness *h, guint rate, GstClockTime start);
void gst_test_assert_same (const GArray *got, const GArray *want);

/* -- messages -------------------------------------------------------------- */
/* A bus on @element that keeps its messages. (transfer full) */
GstBus *gst_test_bus (GstElement *element);
/* Waits for an error on @bus; fails unless it is @code of @domain and its text
 * mentions @mention. */
void gst_test_assert_error (GstBus *bus, GQuark domain, int code,
                            const char *mention);
/* Messages of @type on @bus now; they are taken. */
guint gst_test_count_messages (GstBus *bus, GstMessageType type);

G_END_DECLS
