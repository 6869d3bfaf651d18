/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tdsscrop on frames in GPU memory, through GStreamer's CUDA library and a
 * simulated driver. The simulated driver aborts the process if a context, a
 * stream or an address is used wrongly. */
#include <gmodule.h>
#include <gst/cuda/gstcudaloader.h>
#include <gst/cuda/gstcudamemory.h>
#include <gst/cuda/gstcudautils.h>
#include <gst/video/video.h>

#include "driver/simulated-driver.h"
#include "gst-test-support.h"

#define CROP_BYTES (3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT)
#define WIDTH 640
#define HEIGHT 360
/* The same limit as in test-cuda-picture.c. */
#define MOST_APART 8

static GstHarness *
harness (const char *features, const char *format)
{
  g_autofree char *caps = g_strdup_printf (
      "video/x-raw%s, format=%s, width=%d, height=%d, framerate=%d/1", features,
      format, WIDTH, HEIGHT, TEST_FPS);
  GstHarness *h = gst_harness_new ("tdsscrop");

  gst_harness_set_src_caps_str (h, caps);
  return h;
}

static void
fill_noise (GstBuffer *buffer, const GstVideoInfo *info, guint k)
{
  GstVideoFrame frame;

  ck_assert (gst_video_frame_map (&frame, info, buffer, GST_MAP_WRITE));
  for (guint p = 0; p < GST_VIDEO_FRAME_N_PLANES (&frame); p++)
    for (gint y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT (&frame, p); y++) {
      guint8 *row = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA (&frame, p)
                    + y * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, p);

      for (gint x = 0; x < GST_VIDEO_INFO_PLANE_STRIDE (info, p); x++)
        row[x] = 40 + (x / 8 * 7 + y / 8 * 3 + k * 29 + p * 50) % 160;
    }
  gst_video_frame_unmap (&frame);
  GST_BUFFER_PTS (buffer) = k * TEST_PICTURE_TIME;
  GST_BUFFER_DURATION (buffer) = TEST_PICTURE_TIME;
}

static GstBuffer *
picture_in_memory (GstVideoFormat format, guint k)
{
  GstVideoInfo info;
  GstBuffer *buffer;

  gst_video_info_set_format (&info, format, WIDTH, HEIGHT);
  buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
  fill_noise (buffer, &info, k);
  return buffer;
}

/* Returns frame @k with its bytes in memory of @context. */
static GstBuffer *
picture_on_device (GstCudaContext *context, GstVideoFormat format, guint k)
{
  GstVideoInfo info;
  GstAllocator *allocator;
  GstMemory *memory;
  GstMapInfo map;
  GstBuffer *buffer = gst_buffer_new ();
  GstVideoInfo *stored;

  gst_cuda_memory_init_once ();
  allocator = gst_allocator_find (GST_CUDA_MEMORY_TYPE_NAME);
  gst_video_info_set_format (&info, format, WIDTH, HEIGHT);
  memory = gst_cuda_allocator_alloc (GST_CUDA_ALLOCATOR (allocator), context,
#if GST_CHECK_VERSION(1, 24, 0)
                                     NULL, /* the default stream */
#endif
                                     &info);
  gst_buffer_append_memory (buffer, memory);
  stored = &GST_CUDA_MEMORY_CAST (memory)->info;
  gst_buffer_add_video_meta_full (
      buffer, GST_VIDEO_FRAME_FLAG_NONE, format, WIDTH, HEIGHT,
      GST_VIDEO_INFO_N_PLANES (&info), stored->offset, stored->stride);
  fill_noise (buffer, &info, k);
  /* Uploads the data, so that only the device has the current copy, as after
   * a hardware decoder. */
  ck_assert (gst_memory_map (memory, &map, GST_MAP_READ | GST_MAP_CUDA));
  gst_memory_unmap (memory, &map);
  gst_object_unref (allocator);
  return buffer;
}

static GstBuffer *
crop_of (GstHarness *h, GstBuffer *picture)
{
  GstBuffer *crop;

  ck_assert_int_eq (gst_harness_push (h, picture), GST_FLOW_OK);
  crop = gst_harness_try_pull (h);
  ck_assert_ptr_nonnull (crop);
  ck_assert_uint_eq (gst_buffer_get_size (crop), CROP_BYTES);
  return crop;
}

static gsize
downloaded (void)
{
  GModule *driver = g_module_open ("libcuda.so.1", G_MODULE_BIND_LAZY);
  gpointer function;
  gsize bytes;

  ck_assert (
      driver
      && g_module_symbol (driver, "simulated_downloaded_bytes", &function));
  bytes = ((gsize (*) (void))function) ();
  g_module_close (driver);
  return bytes;
}

/* Checks that the crops of frame @k of @format from GPU memory and from
 * system memory differ by at most @most, and that only the crop was copied to
 * the host. */
static void
compare (GstHarness *on_device, GstHarness *in_memory, GstCudaContext *context,
         GstVideoFormat format, guint k, gint most)
{
  GstBuffer *picture = picture_on_device (context, format, k);
  const gsize before = downloaded ();
  GstBuffer *got = crop_of (on_device, picture);
  const gsize copied = downloaded () - before;
  GstBuffer *want = crop_of (in_memory, picture_in_memory (format, k));
  GstMapInfo a, b;
  gint apart = 0;

  gst_buffer_map (got, &a, GST_MAP_READ);
  gst_buffer_map (want, &b, GST_MAP_READ);
  for (gsize i = 0; i < CROP_BYTES; i++)
    apart = MAX (apart, ABS (a.data[i] - b.data[i]));
  ck_assert_msg (apart <= most, "picture %u: up to %d apart", k, apart);
  gst_buffer_unmap (got, &a);
  gst_buffer_unmap (want, &b);
  gst_buffer_unref (got);
  gst_buffer_unref (want);
  ck_assert (g_getenv (SIMULATED_NO_CODE) || copied == CROP_BYTES);
}

START_TEST (crops_are_those_of_system_memory_and_all_that_comes_back)
{
  static const struct
  {
    GstVideoFormat format;
    gint most;
  } cases[] = { { GST_VIDEO_FORMAT_RGBA, 0 },
                { GST_VIDEO_FORMAT_NV12, MOST_APART },
                { GST_VIDEO_FORMAT_P010_10LE, MOST_APART } };
  const char *name = gst_video_format_to_string (cases[_i].format);
  GstCudaContext *context = gst_cuda_context_new (0);
  GstHarness *on_device = harness ("(memory:CUDAMemory)", name);
  GstHarness *in_memory = harness ("", name);

  for (guint k = 0; k < 5; k++)
    compare (on_device, in_memory, context, cases[_i].format, k,
             cases[_i].most);
  gst_harness_teardown (on_device);
  gst_harness_teardown (in_memory);
  gst_object_unref (context);
}
END_TEST

START_TEST (a_picture_is_looked_at_in_its_own_context)
{
  GstCudaContext *contexts[]
      = { gst_cuda_context_new (0), gst_cuda_context_new (0) };
  GstHarness *on_device = harness ("(memory:CUDAMemory)", "RGBA");
  GstHarness *in_memory = harness ("", "RGBA");

  for (guint k = 0; k < 4; k++)
    compare (on_device, in_memory, contexts[k / 2], GST_VIDEO_FORMAT_RGBA, k,
             0);
  gst_harness_teardown (on_device);
  gst_harness_teardown (in_memory);
  gst_object_unref (contexts[0]);
  gst_object_unref (contexts[1]);
}
END_TEST

/* Once tdsscrop has a context, it answers context queries of its peers. */
START_TEST (neighbours_are_told_of_the_context)
{
  GstCudaContext *context = gst_cuda_context_new (0), *received = NULL;
  GstContext *set = gst_context_new_cuda_context (context), *got = NULL;
  GstQuery *query = gst_query_new_context (GST_CUDA_CONTEXT_TYPE);
  GstHarness *h = gst_harness_new ("tdsscrop");

  ck_assert (!gst_pad_peer_query (h->srcpad, query));
  gst_element_set_context (h->element, set);
  ck_assert (gst_pad_peer_query (h->srcpad, query));
  gst_query_parse_context (query, &got);
  gst_structure_get (gst_context_get_structure (got), GST_CUDA_CONTEXT_TYPE,
                     GST_TYPE_CUDA_CONTEXT, &received, NULL);
  ck_assert_ptr_eq (received, context);
  gst_object_unref (received);
  gst_query_unref (query);
  gst_context_unref (set);
  gst_harness_teardown (h);
  gst_object_unref (context);
}
END_TEST

START_TEST (without_code_for_the_device_pictures_are_downloaded)
{
  GstCudaContext *context = gst_cuda_context_new (0);
  GstHarness *on_device = harness ("(memory:CUDAMemory)", "RGBA");
  GstHarness *in_memory = harness ("", "RGBA");

  g_setenv (SIMULATED_NO_CODE, "1", TRUE);
  for (guint k = 0; k < 2; k++)
    compare (on_device, in_memory, context, GST_VIDEO_FORMAT_RGBA, k, 0);
  g_unsetenv (SIMULATED_NO_CODE);
  gst_harness_teardown (on_device);
  gst_harness_teardown (in_memory);
  gst_object_unref (context);
}
END_TEST

START_TEST (the_bin_takes_pictures_of_the_device)
{
  g_autoptr (GstElement) bin = gst_element_factory_make ("ccstereobin", NULL);
  g_autoptr (GstCaps) wanted
      = gst_caps_from_string ("video/x-raw(memory:CUDAMemory), format=NV12, "
                              "width=640, height=360, framerate=30/1");
  GstPad *pad;
  GstCaps *caps;

  gst_object_ref_sink (bin);
  pad = gst_element_request_pad_simple (bin, "video_sink");
  caps = gst_pad_query_caps (pad, NULL);
  ck_assert (gst_caps_can_intersect (caps, wanted));
  gst_caps_unref (caps);
  gst_element_release_request_pad (bin, pad);
  gst_object_unref (pad);
}
END_TEST

static Suite *
frames_suite (void)
{
  Suite *suite = suite_create ("cuda-frames");
  TCase *frames = tcase_create ("frames");

  tcase_add_loop_test (
      frames, crops_are_those_of_system_memory_and_all_that_comes_back, 0, 3);
  tcase_add_test (frames, a_picture_is_looked_at_in_its_own_context);
  tcase_add_test (frames, neighbours_are_told_of_the_context);
  tcase_add_test (frames, without_code_for_the_device_pictures_are_downloaded);
  tcase_add_test (frames, the_bin_takes_pictures_of_the_device);
  suite_add_tcase (suite, frames);
  return suite;
}

int
main (int argc, char **argv)
{
  gst_test_init (&argc, &argv);
  if (!gst_cuda_load_library ())
    g_error ("the simulated driver is not found");
  return gst_test_run (frames_suite ());
}
