/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereoenc: its features equal those of the library, batched or not, and
 * have the times of their frames. */
#include <gst/video/video.h>

#include "gst-test-support.h"
#include "reference-support.h"

#define WIDTH 480
#define HEIGHT 240

/* Makes a harness for tdsscrop ! ccstereoenc with RGB frames at the frame
 * rate of the model. */
static GstHarness *
harness (gboolean live)
{
  GstHarness *h;
  g_autofree char *line
      = g_strdup_printf ("tdsscrop ! ccstereoenc backend=cpu model-file=%s",
                         gst_test_model_file ());

  h = gst_harness_new_parse (line);
  gst_harness_set_live (h, live);
  gst_harness_set_src_caps_str (
      h, "video/x-raw, format=RGB, width=480, height=240, framerate=10/1");
  return h;
}

/* Pushes frame @k; @duration may be NONE. */
static void
push_frame_of (GstHarness *h, guint k, GstClockTime duration)
{
  guint8 *picture = gst_test_picture (WIDTH, HEIGHT, k);
  GstBuffer *buffer = gst_buffer_new_wrapped (picture, 3 * WIDTH * HEIGHT);

  GST_BUFFER_PTS (buffer) = k * TEST_PICTURE_TIME;
  GST_BUFFER_DURATION (buffer) = duration;
  ck_assert_int_eq (gst_harness_push (h, buffer), GST_FLOW_OK);
}

static void
push_frame (GstHarness *h, guint k)
{
  push_frame_of (h, k, GST_CLOCK_TIME_NONE);
}

static void
assert_core_feature (CcsModel *model, GstBuffer *buffer, guint k)
{
  const gsize bytes = ccs_model_feature_size (model) * sizeof (float);
  g_autofree float *want = g_malloc (bytes);
  g_autofree guint8 *picture = gst_test_picture (WIDTH, HEIGHT, k);
  g_autofree guint8 *crop = g_malloc (3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT);
  g_autoptr (GError) error = NULL;

  ccs_crop (picture, ccs_tdss_point (k + 1), crop);
  assert_ok (ccs_model_encode (model, (const guint8 *const[]){ crop }, 1,
                               (float *const[]){ want }, &error),
             error);
  ck_assert_uint_eq (gst_buffer_get_size (buffer), bytes);
  ck_assert_uint_eq (gst_buffer_n_memory (buffer), 1);
  ck_assert_int_eq (gst_buffer_memcmp (buffer, 0, want, bytes), 0);
  ck_assert_uint_eq (GST_BUFFER_PTS (buffer), k * TEST_PICTURE_TIME);
  ck_assert_uint_eq (GST_BUFFER_DURATION (buffer), TEST_PICTURE_TIME);
}

START_TEST (features_are_the_cores_bit_for_bit)
{
  const guint n = CCS_MODEL_FRAME_BATCH + 2;
  GstHarness *h = harness (_i);
  g_autoptr (CcsModel) model = gst_test_model ();

  for (guint k = 0; k < n; k++)
    push_frame (h, k);
  gst_harness_push_event (h, gst_event_new_eos ());
  ck_assert_uint_eq (gst_harness_buffers_received (h), n);
  for (guint k = 0; k < n; k++) {
    GstBuffer *buffer = gst_harness_pull (h);

    assert_core_feature (model, buffer, k);
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (h);
}
END_TEST

START_TEST (live_pictures_are_encoded_one_by_one)
{
  GstHarness *h = harness (TRUE);

  push_frame (h, 0);
  ck_assert_uint_eq (gst_harness_buffers_received (h), 1);
  gst_harness_teardown (h);
}
END_TEST

START_TEST (pictures_are_gathered_when_not_live)
{
  GstHarness *h = harness (FALSE);

  for (guint k = 0; k < CCS_MODEL_FRAME_BATCH - 1; k++)
    push_frame (h, k);
  ck_assert_uint_eq (gst_harness_buffers_received (h), 0);
  push_frame (h, CCS_MODEL_FRAME_BATCH - 1);
  ck_assert_uint_eq (gst_harness_buffers_received (h), CCS_MODEL_FRAME_BATCH);
  gst_harness_teardown (h);
}
END_TEST

START_TEST (a_picture_that_is_shown_long_is_not_held_back)
{
  GstHarness *h = harness (FALSE);

  push_frame (h, 0);
  ck_assert_uint_eq (gst_harness_buffers_received (h), 0);
  push_frame_of (h, 1, 20 * GST_SECOND);
  ck_assert_uint_eq (gst_harness_buffers_received (h), 2);
  gst_harness_teardown (h);
}
END_TEST

START_TEST (a_gap_lets_gathered_pictures_out_first)
{
  GstHarness *h = harness (FALSE);

  push_frame (h, 0);
  gst_harness_push_event (
      h, gst_event_new_gap (TEST_PICTURE_TIME, TEST_PICTURE_TIME));
  ck_assert_uint_eq (gst_harness_buffers_received (h), 1);
  gst_harness_teardown (h);
}
END_TEST

START_TEST (a_flush_forgets_gathered_pictures)
{
  GstHarness *h = harness (FALSE);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  push_frame (h, 0);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  push_frame (h, 7);
  gst_harness_push_event (h, gst_event_new_eos ());
  ck_assert_uint_eq (gst_harness_buffers_received (h), 1);
  gst_harness_teardown (h);
}
END_TEST

/* A QoS event from downstream reports that all frames so far were late. */
START_TEST (pictures_that_come_late_are_not_dropped)
{
  GstHarness *h = harness (TRUE);

  push_frame (h, 0);
  gst_harness_push_upstream_event (
      h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2., 10 * GST_SECOND, 0));
  push_frame (h, 1);
  push_frame (h, 2);
  ck_assert_uint_eq (gst_harness_buffers_received (h), 3);
  gst_harness_teardown (h);
}
END_TEST

START_TEST (a_picture_without_a_timestamp_is_an_error)
{
  GstElement *element = gst_test_element ("ccstereoenc");
  GstHarness *h = gst_harness_new_with_element (element, "sink", "src");
  g_autoptr (GstBus) bus = gst_test_bus (element);

  gst_harness_set_src_caps_str (
      h, "video/x-raw, format=RGB, width=448, height=224, framerate=10/1");
  ck_assert_int_eq (
      gst_harness_push (h,
                        gst_buffer_new_allocate (
                            NULL, 3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT, NULL)),
      GST_FLOW_ERROR);
  gst_test_assert_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                         "timestamps");
  gst_element_set_bus (element, NULL);
  gst_harness_teardown (h);
}
END_TEST

START_TEST (caps_tell_the_model_and_the_layout)
{
  GstHarness *h = harness (TRUE);
  g_autoptr (CcsModel) model = gst_test_model ();
  g_autoptr (GstCaps) caps = NULL;
  GstStructure *s;

  push_frame (h, 0);
  caps = gst_pad_get_current_caps (h->sinkpad);
  s = gst_caps_get_structure (caps, 0);
  ck_assert_str_eq (gst_structure_get_name (s),
                    "application/x-ccstereo-features");
  ck_assert_str_eq (gst_structure_get_string (s, "model-id"),
                    ccs_model_id (model));
  ck_assert_str_eq (gst_structure_get_string (s, "type"), "float32");
  ck_assert_str_eq (gst_structure_get_string (s, "dims"), "7,14,128");
  ck_assert (gst_structure_has_field (s, "framerate"));
  gst_harness_teardown (h);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("enc");
  TCase *tests = tcase_create ("features");

  gst_test_init (&argc, &argv);
  gst_test_model_file ();
  tcase_add_loop_test (tests, features_are_the_cores_bit_for_bit, 0, 2);
  tcase_add_test (tests, live_pictures_are_encoded_one_by_one);
  tcase_add_test (tests, pictures_are_gathered_when_not_live);
  tcase_add_test (tests, a_picture_that_is_shown_long_is_not_held_back);
  tcase_add_test (tests, a_gap_lets_gathered_pictures_out_first);
  tcase_add_test (tests, a_flush_forgets_gathered_pictures);
  tcase_add_test (tests, pictures_that_come_late_are_not_dropped);
  tcase_add_test (tests, a_picture_without_a_timestamp_is_an_error);
  tcase_add_test (tests, caps_tell_the_model_and_the_layout);
  suite_add_tcase (suite, tests);
  return gst_test_run (suite);
}
