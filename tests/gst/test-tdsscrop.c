/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tdsscrop: which frames it selects, where it crops them, and that its
 * output equals the library's output byte for byte. */
#include <gst/video/video.h>
#include <string.h>

#include "gst-test-support.h"
#include "reference-support.h"

#define PICTURE_BYTES (3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT)

static GstHarness *
harness (const char *properties, const char *format, gint width, gint height,
         gint fps)
{
  g_autofree char *line = g_strdup_printf ("tdsscrop %s", properties);
  g_autofree char *caps = g_strdup_printf (
      "video/x-raw, format=%s, width=%d, height=%d, framerate=%d/1", format,
      width, height, fps);
  GstHarness *h = gst_harness_new_parse (line);

  gst_harness_set_src_caps_str (h, caps);
  return h;
}

/* Makes frame @k of a stream with @fps: RGB noise of @width x @height. */
static GstBuffer *
frame (gint width, gint height, guint k, gint fps)
{
  GstVideoInfo info;
  GstBuffer *buffer;
  g_autofree guint8 *picture = gst_test_picture (width, height, k);

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, width, height);
  buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
  for (gint y = 0; y < height; y++)
    gst_buffer_fill (buffer, (gsize)y * GST_VIDEO_INFO_PLANE_STRIDE (&info, 0),
                     picture + (gsize)y * 3 * width, 3 * (gsize)width);
  GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (k, GST_SECOND, fps);
  GST_BUFFER_DURATION (buffer) = GST_SECOND / fps;
  return buffer;
}

/* Returns the library's crop at @at of an RGB image of @width x @height
 * without row padding. (transfer full) */
static guint8 *
crop_by_core (const guint8 *picture, gint width, gint height, CcsPoint at)
{
  g_autofree guint8 *resized
      = g_malloc (3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT);
  g_autoptr (CcsResize) resize = ccs_resize_new (
      width, height, CCS_RESIZE_WIDTH, CCS_RESIZE_HEIGHT, NULL);
  guint8 *crop = g_malloc (PICTURE_BYTES);

  ccs_resize_run (resize, picture, 3 * (gsize)width, resized,
                  3 * CCS_RESIZE_WIDTH);
  ccs_crop (resized, at, crop);
  return crop;
}

/* Returns the library's crop at @at of frame @k. (transfer full) */
static guint8 *
core_picture (gint width, gint height, guint k, CcsPoint at)
{
  g_autofree guint8 *picture = gst_test_picture (width, height, k);

  return crop_by_core (picture, width, height, at);
}

static void
assert_picture (GstBuffer *buffer, const guint8 *want)
{
  ck_assert_uint_eq (gst_buffer_get_size (buffer), PICTURE_BYTES);
  ck_assert_int_eq (gst_buffer_memcmp (buffer, 0, want, PICTURE_BYTES), 0);
}

/* Returns the timestamps of the output for @n frames at @fps. */
static GArray *
times_of_pictures (gint fps, guint n)
{
  GstHarness *h = harness ("", "RGB", 64, 32, fps);
  GArray *times = g_array_new (FALSE, FALSE, sizeof (GstClockTime));
  GstBuffer *buffer;

  for (guint k = 0; k < n; k++)
    ck_assert_int_eq (gst_harness_push (h, frame (64, 32, k, fps)),
                      GST_FLOW_OK);
  while ((buffer = gst_harness_try_pull (h)) != NULL) {
    g_array_append_val (times, GST_BUFFER_PTS (buffer));
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (h);
  return times;
}

/* -- pictures -------------------------------------------------------------- */

START_TEST (pictures_are_the_cores_in_the_published_order)
{
  GstHarness *h = harness ("", "RGB", 639, 361, TEST_FPS);

  for (guint k = 0; k < 6; k++) {
    g_autofree guint8 *want
        = core_picture (639, 361, k, ccs_tdss_point (k + 1));
    GstBuffer *out = NULL;

    gst_harness_push (h, frame (639, 361, k, TEST_FPS));
    out = gst_harness_pull (h);
    assert_picture (out, want);
    ck_assert_uint_eq (GST_BUFFER_PTS (out), k * TEST_PICTURE_TIME);
    ck_assert_uint_eq (GST_BUFFER_DURATION (out), TEST_PICTURE_TIME);
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
}
END_TEST

static const struct
{
  const char *properties;
  CcsPoint second; /* position of the second frame's crop */
} schedules[] = {
  { "schedule=center", { 16, 8 } },
  { "schedule=custom points=\"1,2 3,4 5,6\"", { 5, 6 } },
  { "schedule=five-crop points=\"1,2\"", { 0, 16 } },
};

START_TEST (the_schedule_says_where_pictures_are_cropped)
{
  GstHarness *h = harness (schedules[_i].properties, "RGB", 480, 240, TEST_FPS);
  g_autofree guint8 *want = core_picture (480, 240, 1, schedules[_i].second);
  GstBuffer *out;

  gst_harness_push (h, frame (480, 240, 0, TEST_FPS));
  gst_buffer_unref (gst_harness_pull (h));
  gst_harness_push (h, frame (480, 240, 1, TEST_FPS));
  out = gst_harness_pull (h);
  assert_picture (out, want);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}
END_TEST

START_TEST (schedule_none_takes_the_whole_picture)
{
  GstHarness *h = harness ("schedule=none", "RGB", 321, 243, TEST_FPS);
  g_autofree guint8 *picture = gst_test_picture (321, 243, 0);
  g_autofree guint8 *want = g_malloc (PICTURE_BYTES);
  g_autoptr (CcsResize) resize
      = ccs_resize_new (321, 243, CCS_CROP_WIDTH, CCS_CROP_HEIGHT, NULL);
  GstBuffer *out;

  ccs_resize_run (resize, picture, 3 * 321, want, 3 * CCS_CROP_WIDTH);
  gst_harness_push (h, frame (321, 243, 0, TEST_FPS));
  out = gst_harness_pull (h);
  assert_picture (out, want);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}
END_TEST

/* Returns the crop of a grey frame in @format. (transfer full) */
static GstBuffer *
picture_of (const char *format, gint width, gint height)
{
  GstHarness *h = harness ("", format, width, height, TEST_FPS);
  GstVideoInfo info;
  GstBuffer *in, *out;

  gst_video_info_set_format (&info, gst_video_format_from_string (format),
                             width, height);
  in = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_memset (in, 0, 0x40, info.size);
  GST_BUFFER_PTS (in) = 0;
  ck_assert_msg (gst_harness_push (h, in) == GST_FLOW_OK, "%s is not taken",
                 format);
  out = gst_harness_pull (h);
  gst_harness_teardown (h);
  return out;
}

START_TEST (every_raw_format_is_taken)
{
  guint n;
  const GstVideoFormat *formats = gst_video_formats_raw (&n);

  for (guint i = 0; i < n; i++) {
    GstBuffer *out
        = picture_of (gst_video_format_to_string (formats[i]), 322, 180);

    ck_assert_uint_eq (gst_buffer_get_size (out), PICTURE_BYTES);
    gst_buffer_unref (out);
  }
}
END_TEST

static const gint odd_sizes[][2]
    = { { 1, 1 }, { 1, 9 }, { 7, 3 }, { 4097, 2 }, { 480, 240 } };

START_TEST (pictures_may_have_any_size)
{
  GstBuffer *out = picture_of ("I420", odd_sizes[_i][0], odd_sizes[_i][1]);

  ck_assert_uint_eq (gst_buffer_get_size (out), PICTURE_BYTES);
  gst_buffer_unref (out);
}
END_TEST

/* -- orientations ---------------------------------------------------------- */

/* Converts pixel @x, @y of the upright image to its position @at in the
 * stored frame of @w x @h. */
typedef void (*Source) (gint x, gint y, gint w, gint h, gint at[2]);

static void
of_rotate_90 (gint x, gint y, gint w, gint h, gint at[2])
{
  at[0] = y;
  at[1] = h - 1 - x;
}

static void
of_rotate_180 (gint x, gint y, gint w, gint h, gint at[2])
{
  at[0] = w - 1 - x;
  at[1] = h - 1 - y;
}

static void
of_rotate_270 (gint x, gint y, gint w, gint h, gint at[2])
{
  at[0] = w - 1 - y;
  at[1] = x;
}

static void
of_mirror (gint x, gint y, gint w, gint h, gint at[2])
{
  at[0] = w - 1 - x;
  at[1] = y;
}

static const struct
{
  const char *tag, *property;
  Source source;
  gboolean on_side;
} directions[] = {
  { "rotate-90", "", of_rotate_90, TRUE },
  { "rotate-180", "", of_rotate_180, FALSE },
  { "rotate-270", "", of_rotate_270, TRUE },
  { "flip-rotate-0", "", of_mirror, FALSE },
  { NULL, "video-direction=90r", of_rotate_90, TRUE },
  { "rotate-270", "video-direction=180", of_rotate_180, FALSE },
};

/* Returns the library's crop of noise frame 0 after it was turned upright. */
static guint8 *
upright_picture (gint w, gint h, Source source, gboolean on_side)
{
  const gint width = on_side ? h : w, height = on_side ? w : h;
  g_autofree guint8 *stored = gst_test_picture (w, h, 0);
  g_autofree guint8 *upright = g_malloc (3 * (gsize)w * h);

  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width; x++) {
      gint at[2];

      source (x, y, w, h, at);
      memcpy (upright + 3 * (y * width + x), stored + 3 * (at[1] * w + at[0]),
              3);
    }
  return crop_by_core (upright, width, height, ccs_tdss_point (1));
}

START_TEST (pictures_are_turned_upright_first)
{
  const gint w = 161, h = 99;
  GstHarness *harnessed
      = harness (directions[_i].property, "RGB", w, h, TEST_FPS);
  g_autofree guint8 *want
      = upright_picture (w, h, directions[_i].source, directions[_i].on_side);
  GstBuffer *out;

  if (directions[_i].tag)
    gst_harness_push_event (
        harnessed, gst_event_new_tag (gst_tag_list_new (
                       GST_TAG_IMAGE_ORIENTATION, directions[_i].tag, NULL)));
  gst_harness_push (harnessed, frame (w, h, 0, TEST_FPS));
  out = gst_harness_pull (harnessed);
  assert_picture (out, want);
  gst_buffer_unref (out);
  gst_harness_teardown (harnessed);
}
END_TEST

START_TEST (the_direction_of_one_stream_is_not_the_nexts)
{
  GstHarness *h = harness ("", "RGB", 161, 99, TEST_FPS);
  g_autofree guint8 *want = core_picture (161, 99, 0, ccs_tdss_point (1));
  GstSegment segment;
  GstBuffer *out;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (
      h, gst_event_new_tag (
             gst_tag_list_new (GST_TAG_IMAGE_ORIENTATION, "rotate-180", NULL)));
  gst_harness_push_event (h, gst_event_new_stream_start ("another"));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push (h, frame (161, 99, 0, TEST_FPS));
  out = gst_harness_pull (h);
  assert_picture (out, want);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}
END_TEST

START_TEST (the_size_may_change_between_frames)
{
  GstHarness *h = harness ("", "RGB", 640, 360, TEST_FPS);
  g_autofree guint8 *want = core_picture (100, 50, 1, ccs_tdss_point (2));
  GstBuffer *out;

  gst_harness_push (h, frame (640, 360, 0, TEST_FPS));
  gst_buffer_unref (gst_harness_pull (h));
  gst_harness_set_src_caps_str (
      h, "video/x-raw, format=RGB, width=100, height=50, framerate=10/1");
  gst_harness_push (h, frame (100, 50, 1, TEST_FPS));
  out = gst_harness_pull (h);
  assert_picture (out, want);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}
END_TEST

/* -- numbers --------------------------------------------------------------- */

static const gint input_rates[] = { 10, 20, 24, 25, 30, 50, 60 };

START_TEST (of_every_rate_the_frame_nearest_each_picture_is_taken)
{
  const gint fps = input_rates[_i];
  const guint seconds = 2;
  g_autoptr (GArray) times = times_of_pictures (fps, seconds * fps);

  ck_assert_uint_eq (times->len, seconds * TEST_FPS);
  for (guint k = 0; k < times->len; k++) {
    gint64 away = ABS (GST_CLOCK_DIFF (k * TEST_PICTURE_TIME,
                                       g_array_index (times, GstClockTime, k)));

    ck_assert_int_le (away, GST_SECOND / fps / 2 + 1);
  }
}
END_TEST

START_TEST (every_frame_of_a_slow_stream_is_taken)
{
  g_autoptr (GArray) times = times_of_pictures (4, 8);

  ck_assert_uint_eq (times->len, 8);
}
END_TEST

START_TEST (numbers_follow_stream_time_so_that_a_seek_gives_the_same_crop)
{
  GstHarness *h = harness ("", "RGB", 480, 240, TEST_FPS);
  g_autofree guint8 *want = core_picture (480, 240, 33, ccs_tdss_point (34));
  GstSegment segment;
  GstBuffer *out;

  gst_harness_push (h, frame (480, 240, 0, TEST_FPS));
  gst_buffer_unref (gst_harness_pull (h));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.position = 33 * TEST_PICTURE_TIME;
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push (h, frame (480, 240, 33, TEST_FPS));
  out = gst_harness_pull (h);
  assert_picture (out, want);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}
END_TEST

START_TEST (the_analysis_rate_is_a_property_and_in_the_caps)
{
  GstHarness *h = harness ("analysis-rate=5/1", "RGB", 64, 32, 10);
  g_autoptr (GstCaps) caps = NULL;
  gint n, d;

  for (guint k = 0; k < 10; k++)
    gst_harness_push (h, frame (64, 32, k, 10));
  ck_assert_uint_eq (gst_harness_buffers_received (h), 5);
  caps = gst_pad_get_current_caps (h->sinkpad);
  gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate", &n,
                              &d);
  ck_assert_int_eq (n, 5);
  ck_assert_int_eq (d, 1);
  gst_harness_teardown (h);
}
END_TEST

/* A QoS event from downstream reports that all frames so far were late. */
START_TEST (frames_that_come_late_are_not_dropped)
{
  GstHarness *h = harness ("", "RGB", 64, 32, TEST_FPS);

  gst_harness_push (h, frame (64, 32, 0, TEST_FPS));
  gst_harness_push_upstream_event (
      h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2., 10 * GST_SECOND, 0));
  for (guint k = 1; k < 5; k++)
    gst_harness_push (h, frame (64, 32, k, TEST_FPS));
  ck_assert_uint_eq (gst_harness_buffers_received (h), 5);
  gst_harness_teardown (h);
}
END_TEST

/* -- rejected input -------------------------------------------------------- */

START_TEST (a_frame_without_a_timestamp_is_an_error)
{
  GstHarness *h = harness ("", "RGB", 64, 32, TEST_FPS);
  g_autoptr (GstBus) bus = gst_test_bus (h->element);
  GstBuffer *buffer = frame (64, 32, 0, TEST_FPS);

  GST_BUFFER_PTS (buffer) = GST_CLOCK_TIME_NONE;
  ck_assert_int_eq (gst_harness_push (h, buffer), GST_FLOW_ERROR);
  gst_test_assert_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                         "timestamps");
  gst_harness_teardown (h);
}
END_TEST

/* Tests sizes around the limits of a side and of the product, in formats of
 * 1 to 8 bytes per pixel. It sends only caps, as the elements would allocate
 * memory with the first frame. */
START_TEST (caps_are_accepted_if_their_frames_are_within_the_limits)
{
  static const char *const formats[] = { "GRAY8", "I420", "RGB", "ARGB64_LE" };
  const guint32 seed = 7 + (guint32)_i;
  GRand *random = g_rand_new_with_seed (seed);
  const gint width = 1 << g_rand_int_range (random, 0, 17);
  const gint height = 1 << g_rand_int_range (random, 0, 17);
  const gint more = g_rand_int_range (random, 0, 2);
  const char *format = formats[g_rand_int_range (random, 0, 4)];
  g_autofree char *line = g_strdup_printf (
      "video/x-raw, format=%s, width=%d, height=%d, framerate=10/1", format,
      width + more, height);
  g_autoptr (GstCaps) caps = gst_caps_from_string (line);
  const gboolean valid = ccs_frame_size_is_valid (width + more, height);
  GstHarness *h = gst_harness_new ("tdsscrop");
  g_autoptr (GstBus) bus = gst_test_bus (h->element);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_play (h);
  gst_harness_push_event (h, gst_event_new_stream_start ("frames"));
  gst_harness_push_event (h, gst_event_new_caps (caps));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  /* The buffer is too short for accepted caps. Without caps its size is not
   * checked. */
  if (gst_harness_push (h, gst_buffer_new ())
      != (valid ? GST_FLOW_ERROR : GST_FLOW_NOT_NEGOTIATED))
    ck_abort_msg ("seed %u: %s is %s", seed, line, valid ? "valid" : "invalid");
  if (!valid && g_str_equal (format, "GRAY8"))
    gst_test_assert_error (bus, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                           "too large");
  g_rand_free (random);
  gst_harness_teardown (h);
}
END_TEST

static const char *const bad_points[] = { "33,0", "0,17", "-1,0", "1", "1,2x" };

START_TEST (a_frame_smaller_than_its_caps_is_an_error)
{
  GstHarness *h = harness ("", "RGB", 64, 32, TEST_FPS);
  g_autoptr (GstBus) bus = gst_test_bus (h->element);
  GstBuffer *buffer = frame (64, 32, 0, TEST_FPS);

  gst_buffer_set_size (buffer, 100);
  ck_assert_int_eq (gst_harness_push (h, buffer), GST_FLOW_ERROR);
  gst_test_assert_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                         "100 bytes");
  gst_harness_teardown (h);
}
END_TEST

START_TEST (points_outside_the_slack_are_refused)
{
  g_autoptr (GstElement) element
      = gst_object_ref_sink (gst_element_factory_make ("tdsscrop", NULL));
  g_autofree char *points = NULL;

  g_object_set (element, "points", "1,2 32,16", NULL);
  g_object_set (element, "points", bad_points[_i], NULL);
  g_object_get (element, "points", &points, NULL);
  ck_assert_str_eq (points, "1,2 32,16");
}
END_TEST

START_TEST (without_its_module_no_device_memory_is_offered)
{
  g_autoptr (GstCaps) wanted
      = gst_caps_from_string ("video/x-raw(memory:CUDAMemory)");
  GstHarness *h;
  GstCaps *caps;

  g_setenv ("CCSTEREO_CUDA_FRAMES_PATH", gst_test_folder (), TRUE);
  h = gst_harness_new ("tdsscrop");
  caps = gst_pad_peer_query_caps (h->srcpad, NULL);
  ck_assert (!gst_caps_is_empty (caps));
  ck_assert (!gst_caps_can_intersect (caps, wanted));
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("tdsscrop");
  TCase *pictures = tcase_create ("pictures");
  TCase *numbers = tcase_create ("numbers"),
        *refused = tcase_create ("refused");

  gst_test_init (&argc, &argv);
  tcase_add_test (pictures, pictures_are_the_cores_in_the_published_order);
  tcase_add_loop_test (pictures, the_schedule_says_where_pictures_are_cropped,
                       0, G_N_ELEMENTS (schedules));
  tcase_add_test (pictures, schedule_none_takes_the_whole_picture);
  tcase_add_test (pictures, every_raw_format_is_taken);
  tcase_add_loop_test (pictures, pictures_may_have_any_size, 0,
                       G_N_ELEMENTS (odd_sizes));
  tcase_add_loop_test (pictures, pictures_are_turned_upright_first, 0,
                       G_N_ELEMENTS (directions));
  tcase_add_test (pictures, the_direction_of_one_stream_is_not_the_nexts);
  tcase_add_test (pictures, the_size_may_change_between_frames);
  tcase_add_loop_test (numbers,
                       of_every_rate_the_frame_nearest_each_picture_is_taken, 0,
                       G_N_ELEMENTS (input_rates));
  tcase_add_test (numbers, every_frame_of_a_slow_stream_is_taken);
  tcase_add_test (
      numbers, numbers_follow_stream_time_so_that_a_seek_gives_the_same_crop);
  tcase_add_test (numbers, the_analysis_rate_is_a_property_and_in_the_caps);
  tcase_add_test (numbers, frames_that_come_late_are_not_dropped);
  tcase_add_test (refused, a_frame_without_a_timestamp_is_an_error);
  tcase_add_test (refused, a_frame_smaller_than_its_caps_is_an_error);
  tcase_add_loop_test (
      refused, caps_are_accepted_if_their_frames_are_within_the_limits, 0, 60);
  tcase_add_loop_test (refused, points_outside_the_slack_are_refused, 0,
                       G_N_ELEMENTS (bad_points));
  tcase_add_test (refused, without_its_module_no_device_memory_is_offered);
  suite_add_tcase (suite, pictures);
  suite_add_tcase (suite, numbers);
  suite_add_tcase (suite, refused);
  return gst_test_run (suite);
}
