/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares the crop kernels for CUDA, which run thread by thread on the CPU
 * here, with the crop in system memory: the same bytes for RGB, the same
 * colours within a tolerance for other formats. */
#include <string.h>

#include "gst-test-support.h"
#include "gsttdsspicture.h"
#include "gsttdssturn.h"
#include "picture-plan.h"

#define CROP_BYTES (3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT)
/* Bytes of padding after each row. */
#define EXTRA_STRIDE 64
/* GStreamer's conversion of 8-bit formats makes pixels up to 5 too dark. Its
 * conversion of 16-bit formats is the exact inverse of the one that made the
 * frame. Relative to GStreamer's conversion, the error of the kernels
 * against the original colours may be larger only by rounding: by these
 * values for the mean and for the maximum. */
#define FARTHER_ON_THE_MEAN 0.7
#define FARTHER_AT_THE_MOST 4

typedef struct
{
  GstVideoInfo info;
  GstBuffer *buffer;
} Picture;

/* Fills @frame with a smooth gradient of colours and one sharp edge. */
static void
fill_rgb (GstVideoFrame *frame)
{
  for (gint y = 0; y < GST_VIDEO_FRAME_HEIGHT (frame); y++) {
    guint8 *row = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA (frame, 0)
                  + y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);

    for (gint x = 0; x < GST_VIDEO_FRAME_WIDTH (frame); x++) {
      row[3 * x] = 60 + (x * 3 + y) / 4 % 128;
      row[3 * x + 1] = 40 + (x + 2 * y) / 3 % 160;
      row[3 * x + 2] = x > 2 * y ? 180 : 90;
    }
  }
}

/* Adds padding to the rows of @info. */
static void
widen_rows (GstVideoInfo *info)
{
  GstVideoAlignment alignment;

  gst_video_alignment_reset (&alignment);
  for (guint p = 0; p < GST_VIDEO_MAX_PLANES; p++)
    alignment.stride_align[p] = EXTRA_STRIDE - 1;
  alignment.padding_right = EXTRA_STRIDE;
  gst_video_info_align (info, &alignment);
}

/* Makes a frame. If @change is not NULL, its colorimetry and chroma site
 * replace the defaults for this size. */
static Picture
picture_new (GstVideoFormat format, gint width, gint height,
             const GstVideoInfo *change)
{
  Picture rgb, self;
  GstVideoFrame from, to;
  GstVideoConverter *converter;

  gst_video_info_set_format (&rgb.info, GST_VIDEO_FORMAT_RGB, width, height);
  rgb.buffer = gst_buffer_new_allocate (NULL, rgb.info.size, NULL);
  gst_video_info_set_format (&self.info, format, width, height);
  if (change) {
    self.info.colorimetry = change->colorimetry;
    self.info.chroma_site = change->chroma_site;
  }
  widen_rows (&self.info);
  self.buffer = gst_buffer_new_allocate (NULL, self.info.size, NULL);
  ck_assert (gst_video_frame_map (&from, &rgb.info, rgb.buffer, GST_MAP_WRITE));
  ck_assert (gst_video_frame_map (&to, &self.info, self.buffer, GST_MAP_WRITE));
  fill_rgb (&from);
  converter = gst_video_converter_new (&rgb.info, &self.info, NULL);
  gst_video_converter_frame (converter, &from, &to);
  gst_video_converter_free (converter);
  gst_video_frame_unmap (&from);
  gst_video_frame_unmap (&to);
  gst_buffer_unref (rgb.buffer);
  return self;
}

/* (transfer full) */
static guint8 *
crop_in_memory (const Picture *picture, GstVideoOrientationMethod turn,
                gboolean whole, CcsPoint at)
{
  GstTdssPicture way = { NULL };
  GstVideoInfo info;
  GstVideoFrame in, out;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, CROP_BYTES, NULL);
  guint8 *crop = g_malloc (CROP_BYTES);

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, CCS_CROP_WIDTH,
                             CCS_CROP_HEIGHT);
  ck_assert (gst_tdss_picture_set_info (&way, &picture->info, NULL));
  ck_assert (
      gst_video_frame_map (&in, &picture->info, picture->buffer, GST_MAP_READ));
  ck_assert (gst_video_frame_map (&out, &info, buffer, GST_MAP_WRITE));
  ck_assert (gst_tdss_picture_run (&way, &in, turn, whole, at, &out, NULL));
  gst_video_frame_unmap (&in);
  gst_video_frame_unmap (&out);
  gst_buffer_extract (buffer, 0, crop, CROP_BYTES);
  gst_buffer_unref (buffer);
  gst_tdss_picture_clear (&way);
  return crop;
}

static void
run_plan (GstTdssPlan *plan)
{
#define X(name, Params)                                                        \
  for (guint block = plan->blocks[CCS_KERNEL_##name]; block-- > 0;)            \
    for (guint thread = CCS_BLOCK_THREADS; thread-- > 0;) {                    \
      const CcsPlace at = { block, thread, NULL };                             \
      ccs_kernel_##name (&at, plan->params[CCS_KERNEL_##name], 0);             \
    }
  CCS_PICTURE_KERNEL_LIST (X)
#undef X
}

/* (transfer full) */
static guint8 *
crop_by_kernels (const Picture *picture, GstVideoOrientationMethod turn,
                 gboolean whole, CcsPoint at)
{
  const GstVideoInfo *info = &picture->info;
  GstTdssStored stored = { .info = info, .turn = turn };
  GstTdssTaps taps = { 0 };
  GstTdssMemory memory;
  GstTdssPlan plan;
  GstVideoFrame in;
  gint width, height;

  ck_assert (gst_video_frame_map (&in, info, picture->buffer, GST_MAP_READ));
  for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES (info); p++) {
    stored.plane[p] = GST_VIDEO_FRAME_PLANE_DATA (&in, p);
    stored.stride[p] = GST_VIDEO_FRAME_PLANE_STRIDE (&in, p);
  }
  gst_tdss_plan_upright_size (&stored, &width, &height);
  ck_assert (gst_tdss_taps_ensure (&taps, width, height, whole, NULL));
  memory = (GstTdssMemory){ taps.values, g_new (CcsRgb, width * height),
                            g_new (CcsRgb, CCS_CROP_WIDTH * height),
                            g_malloc (CROP_BYTES) };
  gst_tdss_plan_fill (&plan, &stored, &taps, &memory, at);
  run_plan (&plan);
  gst_video_frame_unmap (&in);
  g_free (memory.upright);
  g_free (memory.narrowed);
  gst_tdss_taps_clear (&taps);
  return memory.crop;
}

/* Returns the mean absolute difference of @a and @b, and the maximum in
 * @most. */
static double
distance (const guint8 *a, const guint8 *b, gint *most)
{
  double sum = 0.;

  *most = 0;
  for (guint i = 0; i < CROP_BYTES; i++) {
    const gint apart = ABS (a[i] - b[i]);

    *most = MAX (*most, apart);
    sum += apart;
  }
  return sum / CROP_BYTES;
}

/* Checks that the kernels and the crop in system memory give the same bytes. */
static void
assert_same (const Picture *picture, GstVideoOrientationMethod turn,
             gboolean whole, CcsPoint at)
{
  g_autofree guint8 *got = crop_by_kernels (picture, turn, whole, at);
  g_autofree guint8 *want = crop_in_memory (picture, turn, whole, at);

  ck_assert_int_eq (memcmp (got, want, CROP_BYTES), 0);
}

/* Checks that the kernels and the crop in system memory give the same
 * colours. @picture is made by picture_new(). */
static void
assert_colours (const Picture *picture, CcsPoint at)
{
  const GstVideoOrientationMethod upright = GST_VIDEO_ORIENTATION_IDENTITY;
  Picture original = picture_new (GST_VIDEO_FORMAT_RGB,
                                  GST_VIDEO_INFO_WIDTH (&picture->info),
                                  GST_VIDEO_INFO_HEIGHT (&picture->info), NULL);
  g_autofree guint8 *want = crop_in_memory (&original, upright, FALSE, at);
  g_autofree guint8 *memory = crop_in_memory (picture, upright, FALSE, at);
  g_autofree guint8 *got = crop_by_kernels (picture, upright, FALSE, at);
  gint most_of_memory, most_of_kernels;
  const double of_memory = distance (memory, want, &most_of_memory);
  const double of_kernels = distance (got, want, &most_of_kernels);

  ck_assert_msg (of_kernels <= of_memory + FARTHER_ON_THE_MEAN
                     && most_of_kernels <= most_of_memory + FARTHER_AT_THE_MOST,
                 "%s: %.2f and at the most %d from the original, %.2f and %d "
                 "in system memory",
                 GST_VIDEO_INFO_NAME (&picture->info), of_kernels,
                 most_of_kernels, of_memory, most_of_memory);
  gst_buffer_unref (original.buffer);
}

static const GstVideoFormat rgb_formats[]
    = { GST_VIDEO_FORMAT_RGBA, GST_VIDEO_FORMAT_BGRA, GST_VIDEO_FORMAT_RGBx,
        GST_VIDEO_FORMAT_BGRx, GST_VIDEO_FORMAT_ARGB, GST_VIDEO_FORMAT_ABGR,
        GST_VIDEO_FORMAT_RGB,  GST_VIDEO_FORMAT_BGR };

START_TEST (rgb_gives_the_same_bytes)
{
  const CcsPoint at = { 11, 7 };
  Picture picture = picture_new (rgb_formats[_i], 613, 350, NULL);

  assert_same (&picture, GST_VIDEO_ORIENTATION_IDENTITY, FALSE, at);
  gst_buffer_unref (picture.buffer);
}
END_TEST

static const GstVideoFormat other_formats[]
    = { GST_VIDEO_FORMAT_NV12,      GST_VIDEO_FORMAT_NV21,
        GST_VIDEO_FORMAT_I420,      GST_VIDEO_FORMAT_YV12,
        GST_VIDEO_FORMAT_P010_10LE, GST_VIDEO_FORMAT_P016_LE,
        GST_VIDEO_FORMAT_I420_10LE, GST_VIDEO_FORMAT_Y42B,
        GST_VIDEO_FORMAT_Y444,      GST_VIDEO_FORMAT_Y444_16LE };

START_TEST (other_formats_give_the_same_colours)
{
  const CcsPoint at = { 32, 16 };
  Picture picture = picture_new (other_formats[_i], 852, 481, NULL);

  assert_colours (&picture, at);
  gst_buffer_unref (picture.buffer);
}
END_TEST

/* The colorimetry of the frame, not its size, selects the colour matrix. */
START_TEST (colours_are_those_of_the_picture)
{
  static const char *const colours[]
      = { GST_VIDEO_COLORIMETRY_BT601, GST_VIDEO_COLORIMETRY_BT709,
          GST_VIDEO_COLORIMETRY_BT2020, "1:4:0:0" };
  GstVideoInfo said;
  Picture picture;

  gst_video_info_set_format (&said, GST_VIDEO_FORMAT_NV12, 480, 240);
  gst_video_colorimetry_from_string (&said.colorimetry, colours[_i]);
  picture = picture_new (GST_VIDEO_FORMAT_NV12, 480, 240, &said);
  assert_colours (&picture, ccs_center_point ());
  gst_buffer_unref (picture.buffer);
}
END_TEST

START_TEST (chroma_stands_where_the_picture_says)
{
  static const GstVideoChromaSite sites[]
      = { GST_VIDEO_CHROMA_SITE_NONE, GST_VIDEO_CHROMA_SITE_H_COSITED,
          GST_VIDEO_CHROMA_SITE_V_COSITED, GST_VIDEO_CHROMA_SITE_COSITED };
  GstVideoInfo said;
  Picture picture;

  gst_video_info_set_format (&said, GST_VIDEO_FORMAT_NV12, 480, 240);
  said.chroma_site = sites[_i];
  picture = picture_new (GST_VIDEO_FORMAT_NV12, 480, 240, &said);
  assert_colours (&picture, ccs_center_point ());
  gst_buffer_unref (picture.buffer);
}
END_TEST

START_TEST (every_turn_comes_out_upright)
{
  const CcsPoint at = { 0, 16 };
  Picture picture = picture_new (GST_VIDEO_FORMAT_RGBA, 300, 210, NULL);

  assert_same (&picture, (GstVideoOrientationMethod)_i, FALSE, at);
  gst_buffer_unref (picture.buffer);
}
END_TEST

START_TEST (small_pictures_and_whole_ones_are_resized_alike)
{
  static const gint sizes[][2] = { { 1, 1 }, { 480, 240 }, { 97, 1000 } };
  Picture picture
      = picture_new (GST_VIDEO_FORMAT_RGBA, sizes[_i][0], sizes[_i][1], NULL);

  for (guint whole = FALSE; whole <= TRUE; whole++)
    assert_same (&picture, GST_VIDEO_ORIENTATION_IDENTITY, whole,
                 ccs_center_point ());
  gst_buffer_unref (picture.buffer);
}
END_TEST

static Suite *
picture_suite (void)
{
  Suite *suite = suite_create ("cuda-picture");
  TCase *kernels = tcase_create ("kernels");

  tcase_add_loop_test (kernels, rgb_gives_the_same_bytes, 0,
                       G_N_ELEMENTS (rgb_formats));
  tcase_add_loop_test (kernels, other_formats_give_the_same_colours, 0,
                       G_N_ELEMENTS (other_formats));
  tcase_add_loop_test (kernels, colours_are_those_of_the_picture, 0, 4);
  tcase_add_loop_test (kernels, chroma_stands_where_the_picture_says, 0, 4);
  tcase_add_loop_test (kernels, every_turn_comes_out_upright,
                       GST_VIDEO_ORIENTATION_IDENTITY,
                       GST_VIDEO_ORIENTATION_UR_LL + 1);
  tcase_add_loop_test (kernels, small_pictures_and_whole_ones_are_resized_alike,
                       0, 3);
  suite_add_tcase (suite, kernels);
  return suite;
}

int
main (int argc, char **argv)
{
  gst_test_init (&argc, &argv);
  return gst_test_run (picture_suite ());
}
