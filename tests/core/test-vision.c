/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares image processing with Pillow 9.4, whose results for noise images
 * are stored as hashes. Also tests the crop, the TDSS schedule and the
 * normalisation. */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <string.h>

#include "../suite.h"
#include "vision/frame.h"

#define CHANNELS 3

/* Returns @n bytes: the high bytes of splitmix64, starting from state 0. */
static guint8 *
noise (gsize n)
{
  guint8 *bytes = g_malloc (n);

  for (gsize i = 0; i < n; i++) {
    guint64 x = (i + 1) * G_GUINT64_CONSTANT (0x9E3779B97F4A7C15);

    x = (x ^ x >> 30) * G_GUINT64_CONSTANT (0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * G_GUINT64_CONSTANT (0x94D049BB133111EB);
    bytes[i] = (guint8)((x ^ x >> 31) >> 56);
  }
  return bytes;
}

/* Returns the 64-bit FNV-1a hash. */
static guint64
hash (const guint8 *bytes, gsize n)
{
  guint64 h = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (gsize i = 0; i < n; i++)
    h = (h ^ bytes[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return h;
}

/* -- resize -- */

typedef struct
{
  gint in_width, in_height, out_width, out_height;
  guint64 hash;
} ResizeCase;

static const ResizeCase resize_cases[] = {
  { 1920, 1080, 480, 240, G_GUINT64_CONSTANT (0x4c22795bf727ed22) },
  { 1280, 720, 480, 240, G_GUINT64_CONSTANT (0x81f279ef8e056550) },
  { 720, 1280, 480, 240, G_GUINT64_CONSTANT (0x3f7d29cd81236cbc) },
  { 640, 480, 480, 240, G_GUINT64_CONSTANT (0x9ad2c459b8195c71) },
  { 480, 270, 480, 240, G_GUINT64_CONSTANT (0x2e0e0518a08a2145) },
  { 960, 240, 480, 240, G_GUINT64_CONSTANT (0x5001611eba8b50e6) },
  { 480, 240, 480, 240, G_GUINT64_CONSTANT (0x3a8fa36e3cd222b4) },
  { 320, 180, 480, 240, G_GUINT64_CONSTANT (0x7ab5d9847f699330) },
  { 240, 426, 480, 240, G_GUINT64_CONSTANT (0xd681672f0f8863f8) },
  { 33, 17, 480, 240, G_GUINT64_CONSTANT (0x6a39319f50cdeb7f) },
  { 1, 1, 480, 240, G_GUINT64_CONSTANT (0xca8aa52b78c6a325) },
  { 1, 240, 480, 240, G_GUINT64_CONSTANT (0x17aa113991b3a0c5) },
  { 480, 1, 480, 240, G_GUINT64_CONSTANT (0xaa254dfe809dc045) },
  { 2, 3, 5, 1, G_GUINT64_CONSTANT (0x5a60c1dc9be3cc20) },
  { 481, 241, 480, 240, G_GUINT64_CONSTANT (0x5df9df3190763dfa) },
  { 1000, 3, 1, 1, G_GUINT64_CONSTANT (0xaddc5c1975af198c) },
  { 3, 2000, 2, 2, G_GUINT64_CONSTANT (0x8b2b9b905cf56315) },
  { 7, 5, 31, 29, G_GUINT64_CONSTANT (0x49e8ca865e874e38) },
  { 4097, 16, 480, 240, G_GUINT64_CONSTANT (0x85c3cc73154643c9) },
};

START_TEST (resize_gives_the_bytes_that_pillow_gives)
{
  const ResizeCase *c = &resize_cases[_i];
  const gsize size = (gsize)c->out_width * c->out_height * CHANNELS;
  g_autofree guint8 *in = noise ((gsize)c->in_width * c->in_height * CHANNELS);
  g_autofree guint8 *out = g_malloc (size);
  g_autoptr (CcsResize) resize = ccs_resize_new (
      c->in_width, c->in_height, c->out_width, c->out_height, NULL);

  /* The second run shows that the first one left no state. */
  for (gint run = 0; run < 2; run++) {
    memset (out, 0, size);
    ccs_resize_run (resize, in, (gsize)c->in_width * CHANNELS, out,
                    (gsize)c->out_width * CHANNELS);
    ck_assert_msg (hash (out, size) == c->hash, "%dx%d to %dx%d, run %d",
                   c->in_width, c->in_height, c->out_width, c->out_height, run);
  }
}
END_TEST

START_TEST (resize_keeps_to_rows_and_strides)
{
  enum
  {
    IN_WIDTH = 37,
    IN_HEIGHT = 23,
    OUT_WIDTH = 19,
    OUT_HEIGHT = 29,
    IN_ROW = IN_WIDTH * CHANNELS,
    OUT_ROW = OUT_WIDTH * CHANNELS,
    IN_STRIDE = IN_ROW + 5,
    OUT_STRIDE = OUT_ROW + 7,
    GUARD = 0xa5
  };
  g_autofree guint8 *dense_in = noise (IN_ROW * IN_HEIGHT);
  g_autofree guint8 *dense_out = g_malloc (OUT_ROW * OUT_HEIGHT);
  g_autofree guint8 *in = g_malloc (IN_STRIDE * IN_HEIGHT);
  g_autofree guint8 *out = g_malloc (OUT_STRIDE * OUT_HEIGHT);
  g_autoptr (CcsResize) resize
      = ccs_resize_new (IN_WIDTH, IN_HEIGHT, OUT_WIDTH, OUT_HEIGHT, NULL);

  memset (in, GUARD, IN_STRIDE * IN_HEIGHT);
  memset (out, GUARD, OUT_STRIDE * OUT_HEIGHT);
  for (gint y = 0; y < IN_HEIGHT; y++)
    memcpy (in + y * IN_STRIDE, dense_in + y * IN_ROW, IN_ROW);
  ccs_resize_run (resize, dense_in, IN_ROW, dense_out, OUT_ROW);
  ccs_resize_run (resize, in, IN_STRIDE, out, OUT_STRIDE);
  for (gint y = 0; y < OUT_HEIGHT; y++) {
    ck_assert_mem_eq (out + y * OUT_STRIDE, dense_out + y * OUT_ROW, OUT_ROW);
    for (gint x = OUT_ROW; x < OUT_STRIDE; x++)
      ck_assert_uint_eq (out[y * OUT_STRIDE + x], GUARD);
  }
}
END_TEST

START_TEST (resize_refuses_impossible_sizes)
{
  static const gint sizes[][4] = {
    { 0, 1, 1, 1 },  { 1, 0, 1, 1 },     { 1, 1, 0, 1 },
    { 1, 1, 1, -1 }, { 32769, 1, 1, 1 }, { 1, 1, 1, 32769 },
  };
  const gint *s = sizes[_i];
  g_autoptr (GError) error = NULL;

  ck_assert (!ccs_resize_new (s[0], s[1], s[2], s[3], &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
}
END_TEST

static const struct
{
  gint64 width, height;
  gboolean valid;
} frame_sizes[] = {
  { 1, 1, TRUE },
  { CCS_FRAME_MAX_SIDE, CCS_FRAME_MAX_PIXELS / CCS_FRAME_MAX_SIDE, TRUE },
  { CCS_FRAME_MAX_SIDE, CCS_FRAME_MAX_PIXELS / CCS_FRAME_MAX_SIDE + 1, FALSE },
  { CCS_FRAME_MAX_SIDE, CCS_FRAME_MAX_SIDE, FALSE },
  { CCS_FRAME_MAX_SIDE + 1, 1, FALSE },
  { 1, CCS_FRAME_MAX_SIDE + 1, FALSE },
  { 0, 1, FALSE },
  { -1, -1, FALSE },
  { G_MAXINT64, G_MAXINT64, FALSE },
};

START_TEST (a_frame_is_limited_in_its_sides_and_in_their_product)
{
  ck_assert_int_eq (
      ccs_frame_size_is_valid (frame_sizes[_i].width, frame_sizes[_i].height),
      frame_sizes[_i].valid);
}
END_TEST

/* -- enhancement -- */

static const struct
{
  float factor;
  guint64 brightness, color;
} enhance_cases[] = {
  { 0.f, G_GUINT64_CONSTANT (0xb7c0ca46af747ae5),
    G_GUINT64_CONSTANT (0x50dc44222c32f4a9) },
  { 0.7f, G_GUINT64_CONSTANT (0x19b15942b12810b6),
    G_GUINT64_CONSTANT (0xa565a802ab22595d) },
  { 0.83f, G_GUINT64_CONSTANT (0xa4efb9d2b1813cca),
    G_GUINT64_CONSTANT (0x933cab18a51d3e96) },
  { 1.f, G_GUINT64_CONSTANT (0x7556558662dd3398),
    G_GUINT64_CONSTANT (0x7556558662dd3398) },
  { 1.21f, G_GUINT64_CONSTANT (0x77fe643f149f05fe),
    G_GUINT64_CONSTANT (0xaf22f56fdb0d408b) },
  { 1.3f, G_GUINT64_CONSTANT (0xd11cf5b4d1f190a6),
    G_GUINT64_CONSTANT (0x06a7aa6b2c09c312) },
  { 2.5f, G_GUINT64_CONSTANT (0x8ad0c453606027b9),
    G_GUINT64_CONSTANT (0x4039477c0f7a1a8f) },
};

START_TEST (enhancement_gives_the_bytes_that_pillow_gives)
{
  enum
  {
    PIXELS = 100 * 100,
    SIZE = PIXELS * CHANNELS
  };
  g_autofree guint8 *brightness = noise (SIZE);
  g_autofree guint8 *color = noise (SIZE);

  ccs_enhance_brightness (brightness, PIXELS, enhance_cases[_i].factor);
  ck_assert (hash (brightness, SIZE) == enhance_cases[_i].brightness);
  ccs_enhance_color (color, PIXELS, enhance_cases[_i].factor);
  ck_assert (hash (color, SIZE) == enhance_cases[_i].color);
}
END_TEST

/* -- crops -- */

START_TEST (tdss_visits_four_corners_and_the_centre_by_frame_number)
{
  static const CcsPoint expected[]
      = { { 0, 0 }, { 32, 0 }, { 0, 16 }, { 32, 16 }, { 16, 8 } };

  for (gint64 frame = -7; frame < 12; frame++) {
    CcsPoint point = ccs_tdss_point (frame);
    const CcsPoint *want = &expected[(frame + 10) % 5];

    ck_assert_int_eq (point.left, want->left);
    ck_assert_int_eq (point.top, want->top);
  }
}
END_TEST

START_TEST (center_point_leaves_as_much_on_either_side)
{
  CcsPoint point = ccs_center_point ();

  ck_assert_int_eq (2 * point.left + CCS_CROP_WIDTH, CCS_RESIZE_WIDTH);
  ck_assert_int_eq (2 * point.top + CCS_CROP_HEIGHT, CCS_RESIZE_HEIGHT);
}
END_TEST

START_TEST (crop_copies_the_pixels_at_the_point)
{
  const gsize row = CCS_CROP_WIDTH * CHANNELS;
  g_autofree guint8 *picture
      = noise (CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT * CHANNELS);
  g_autofree guint8 *out = g_malloc (row * CCS_CROP_HEIGHT);
  CcsPoint at = ccs_tdss_point (_i);

  ccs_crop (picture, at, out);
  for (gint y = 0; y < CCS_CROP_HEIGHT; y++)
    ck_assert_mem_eq (
        out + y * row,
        picture + ((at.top + y) * CCS_RESIZE_WIDTH + at.left) * CHANNELS, row);
}
END_TEST

/* -- normalisation -- */

START_TEST (normalisation_uses_the_statistics_of_imagenet)
{
  static const double mean[] = { 0.485, 0.456, 0.406 };
  static const double std[] = { 0.229, 0.224, 0.225 };
  float table[CHANNELS][CCS_RGB_LEVELS];

  ccs_normalize_table (table);
  for (gint c = 0; c < CHANNELS; c++)
    for (gint v = 0; v < CCS_RGB_LEVELS; v++)
      ck_assert_double_eq_tol (table[c][v], (v / 255. - mean[c]) / std[c],
                               1e-6);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vision");
  TCase *resize = tcase_create ("resize");
  TCase *look = tcase_create ("look");

  tcase_add_loop_test (resize, resize_gives_the_bytes_that_pillow_gives, 0,
                       G_N_ELEMENTS (resize_cases));
  tcase_add_test (resize, resize_keeps_to_rows_and_strides);
  tcase_add_loop_test (resize,
                       a_frame_is_limited_in_its_sides_and_in_their_product, 0,
                       G_N_ELEMENTS (frame_sizes));
  tcase_add_loop_test (resize, resize_refuses_impossible_sizes, 0, 6);
  suite_add_tcase (suite, resize);

  tcase_add_loop_test (look, enhancement_gives_the_bytes_that_pillow_gives, 0,
                       G_N_ELEMENTS (enhance_cases));
  tcase_add_test (look,
                  tdss_visits_four_corners_and_the_centre_by_frame_number);
  tcase_add_test (look, center_point_leaves_as_much_on_either_side);
  tcase_add_loop_test (look, crop_copies_the_pixels_at_the_point, 0,
                       CCS_TDSS_POINTS);
  tcase_add_test (look, normalisation_uses_the_statistics_of_imagenet);
  suite_add_tcase (suite, look);

  return run_suite (suite);
}
