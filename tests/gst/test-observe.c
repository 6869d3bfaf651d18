/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What users can observe of a running pipeline: the log with
 * GST_DEBUG=ccstereo*:5,tdsscrop:5, the property stats, and the element
 * messages that contain it. */
#include "gst-test-support.h"

typedef struct
{
  GMutex lock;
  GString *lines; /* each as "category: message" */
} Log;

static Log shown;

static void
take_line (GstDebugCategory *category, GstDebugLevel level, const char *file,
           const char *function, gint line, GObject *object,
           GstDebugMessage *message, gpointer user_data)
{
  if (level > gst_debug_category_get_threshold (category))
    return;
  g_mutex_lock (&shown.lock);
  g_string_append_printf (shown.lines, "%s: %s\n",
                          gst_debug_category_get_name (category),
                          gst_debug_message_get (message));
  g_mutex_unlock (&shown.lock);
}

static GstElement *
new_pipeline (void)
{
  g_autofree char *line = g_strdup_printf (
      "audiotestsrc num-buffers=50 samplesperbuffer=960 "
      "! audio/x-raw,rate=48000 ! b.audio_sink videotestsrc num-buffers=25 "
      "! video/x-raw,width=64,height=48,framerate=25/1 ! b.video_sink "
      "ccstereobin name=b backend=cpu model-file=%s ! fakesink",
      gst_test_model_file ());
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);

  ck_assert_msg (error == NULL, "%s", error ? error->message : "");
  return pipeline;
}

static void
play_to_the_end (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) end = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  end = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
                                    GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  ck_assert_int_eq (GST_MESSAGE_TYPE (end), GST_MESSAGE_EOS);
}

/* -- the log ----------------------------------------------------------------
 */

static void
play (const char *levels)
{
  g_autoptr (GstElement) pipeline = new_pipeline ();

  shown.lines = g_string_new (NULL);
  gst_debug_set_threshold_from_string (levels, TRUE);
  gst_debug_add_log_function (take_line, NULL, NULL);
  play_to_the_end (pipeline);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_debug_remove_log_function (take_line);
}

START_TEST (the_life_of_a_stream_is_shown_in_its_order)
{
  g_autofree char *model
      = g_strdup_printf ("ccstereo: model %s", gst_test_model_file ());
  const char *const order[] = {
    model,
    "ccstereo: backend cpu",
    "ccstereodec: audio caps: audio/x-raw",
    "ccstereodec: audio segment: time segment start=0:00:00.0",
    "latency 0:00:01.1",
    "ccstereodec: first window, 0: 0:00:00.000000000 to 0:00:00.630000000",
    "ccstereodec: EOS after 0:00:01.000000000",
  };
  const char *at;

  play ("ccstereo*:5,tdsscrop:5");
  at = shown.lines->str;
  for (guint i = 0; i < G_N_ELEMENTS (order); i++) {
    const char *found = strstr (at, order[i]);

    ck_assert_msg (found != NULL, "'%s' is missing, or too early, in\n%s",
                   order[i], shown.lines->str);
    at = found;
  }
  ck_assert_ptr_nonnull (strstr (shown.lines->str, "tdsscrop: caps: video"));
  ck_assert_ptr_nonnull (strstr (shown.lines->str, "tdsscrop: first picture"));
  ck_assert_ptr_nonnull (strstr (shown.lines->str, "ccstereoenc: first batch"));
}
END_TEST

static guint
count (const char *part)
{
  guint n = 0;

  for (const char *at = shown.lines->str; (at = strstr (at, part)) != NULL;
       at += strlen (part))
    n++;
  return n;
}

START_TEST (every_window_is_shown_at_level_log_and_the_first_at_debug)
{
  play ("ccstereodec:5");
  ck_assert_uint_eq (count (": window "), 0);
  ck_assert_uint_eq (count (": first window"), 1);
  g_string_truncate (shown.lines, 0);
  play ("ccstereodec:6");
  ck_assert_uint_gt (count (": window "), 3);
  ck_assert_uint_eq (count (": first window"), 1);
}
END_TEST

/* -- statistics --------------------------------------------------------------
 */

static guint64
field_of (const GstStructure *stats, const char *part, const char *field)
{
  GstStructure *of = NULL;
  guint64 value;

  ck_assert (gst_structure_get (stats, part, GST_TYPE_STRUCTURE, &of, NULL));
  ck_assert_msg (gst_structure_get_uint64 (of, field, &value), "no %s", field);
  gst_structure_free (of);
  return value;
}

START_TEST (stats_count_what_was_run)
{
  g_autoptr (GstElement) pipeline = new_pipeline ();
  g_autoptr (GstElement) bin = gst_bin_get_by_name (GST_BIN (pipeline), "b");
  GstStructure *stats = NULL;
  guint64 time;

  play_to_the_end (pipeline);
  g_object_get (bin, "stats", &stats, NULL);
  ck_assert_uint_eq (field_of (stats, "enc", "pictures"), 10);
  ck_assert_uint_eq (field_of (stats, "dec", "features"), 10);
  ck_assert_uint_eq (field_of (stats, "dec", "windows"),
                     (CCS_MODEL_RATE - CCS_WINDOW + CCS_HOP - 1) / CCS_HOP + 1);
  ck_assert_uint_eq (field_of (stats, "dec", "centered-windows"), 0);
  ck_assert_uint_eq (field_of (stats, "dec", "late-windows"), 0);
  ck_assert_uint_ge (field_of (stats, "dec", "run-time-99"),
                     field_of (stats, "dec", "run-time-mean") / 2);
  ck_assert (gst_structure_get_uint64 (stats, "audio-queue-time", &time));
  gst_structure_free (stats);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}
END_TEST

static guint
count_stats (GstBus *bus)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT)) != NULL) {
    n += gst_message_has_name (message, "ccstereo-stats");
    gst_message_unref (message);
  }
  return n;
}

START_TEST (stats_are_posted_where_they_are_asked_for)
{
  const gboolean asked = _i;
  g_autoptr (GstElement) pipeline = new_pipeline ();
  g_autoptr (GstElement) bin = gst_bin_get_by_name (GST_BIN (pipeline), "b");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (bin, "audio_src");

  if (asked)
    g_object_set (bin, "stats-interval", (guint64)1, "hop", CCS_HOP, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!(GST_PAD_IS_EOS (pad)))
    g_usleep (G_USEC_PER_SEC / 100);
  ck_assert_uint_eq (count_stats (bus) > 0, asked);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("observe");
  TCase *tests = tcase_create ("log"), *stats = tcase_create ("stats");

  gst_test_init (&argc, &argv);
  gst_debug_remove_log_function (gst_debug_log_default);
  tcase_add_test (tests, the_life_of_a_stream_is_shown_in_its_order);
  tcase_add_test (tests,
                  every_window_is_shown_at_level_log_and_the_first_at_debug);
  tcase_add_test (stats, stats_count_what_was_run);
  tcase_add_loop_test (stats, stats_are_posted_where_they_are_asked_for, 0, 2);
  suite_add_tcase (suite, tests);
  suite_add_tcase (suite, stats);
  return gst_test_run (suite);
}
