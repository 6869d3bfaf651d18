/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Image files: every supported format is read as RGB, and errors name
 * damaged files. */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

#include "picture-file.h"
#include "../suite.h"

#define WIDTH 13
#define HEIGHT 7

static guint8
pixel (guint row, guint column, guint channel)
{
  return (row * 37 + column * 11 + channel * 91) & 0xff;
}

/* -- files in memory ------------------------------------------------------ */

static void
append_png (png_structp png, png_bytep data, size_t size)
{
  g_byte_array_append (png_get_io_ptr (png), data, size);
}

/* Makes a PNG with @channels channels and @depth bits; the high byte of each
 * sample is pixel(). */
static GByteArray *
png_file (gint color, guint channels, gint depth, gint interlace)
{
  GByteArray *bytes = g_byte_array_new ();
  png_structp png
      = png_create_write_struct (PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct (png);
  guint8 samples[HEIGHT][WIDTH * 4 * 2];
  png_bytep rows[HEIGHT];

  memset (samples, 0, sizeof samples);
  for (guint y = 0; y < HEIGHT; y++) {
    rows[y] = samples[y];
    for (guint x = 0; x < WIDTH; x++)
      for (guint c = 0; c < channels; c++)
        samples[y][(x * channels + c) * depth / 8] = pixel (y, x, c);
  }
  png_set_write_fn (png, bytes, append_png, NULL);
  png_set_IHDR (png, info, WIDTH, HEIGHT, depth, color, interlace,
                PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (color == PNG_COLOR_TYPE_PALETTE) {
    png_color palette[256];
    for (guint i = 0; i < 256; i++)
      palette[i] = (png_color){ i, 255 - i, i / 2 };
    png_set_PLTE (png, info, palette, 256);
  }
  png_set_rows (png, info, rows);
  png_write_png (png, info, PNG_TRANSFORM_IDENTITY, NULL);
  png_destroy_write_struct (&png, &info);
  return bytes;
}

static GByteArray *
jpeg_file (J_COLOR_SPACE space, gint components)
{
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  unsigned char *buffer = NULL;
  unsigned long size = 0;
  GByteArray *bytes = g_byte_array_new ();
  guint8 row[WIDTH * 4];
  JSAMPROW rows[] = { row };

  jpeg.err = jpeg_std_error (&errors);
  jpeg_create_compress (&jpeg);
  jpeg_mem_dest (&jpeg, &buffer, &size);
  jpeg.image_width = WIDTH;
  jpeg.image_height = HEIGHT;
  jpeg.input_components = components;
  jpeg.in_color_space = space;
  jpeg_set_defaults (&jpeg);
  jpeg_set_quality (&jpeg, 95, TRUE);
  jpeg_start_compress (&jpeg, TRUE);
  memset (row, 200, sizeof row);
  while (jpeg.next_scanline < jpeg.image_height)
    jpeg_write_scanlines (&jpeg, rows, 1);
  jpeg_finish_compress (&jpeg);
  jpeg_destroy_compress (&jpeg);
  g_byte_array_append (bytes, buffer, size);
  free (buffer);
  return bytes;
}

static CcsPicture *
parsed (const GByteArray *bytes)
{
  g_autoptr (GError) error = NULL;
  CcsPicture *picture
      = ccs_picture_parse (bytes->data, bytes->len, "memory", &error);

  ck_assert_msg (picture != NULL, "%s", error ? error->message : "no error");
  ck_assert_int_eq (picture->width, WIDTH);
  ck_assert_int_eq (picture->height, HEIGHT);
  return picture;
}

static void
assert_refused (gconstpointer data, gsize size)
{
  g_autoptr (GError) error = NULL;
  CcsPicture *picture = ccs_picture_parse (data, size, "memory", &error);

  ck_assert_ptr_null (picture);
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_FORMAT));
  ck_assert_msg (g_str_has_prefix (error->message, "memory: "), "%s",
                 error->message);
}

/* -- content of images ---------------------------------------------------- */

static const struct
{
  gint color;
  guint channels;
  gint depth, interlace;
} rgb_kinds[] = {
  { PNG_COLOR_TYPE_RGB, 3, 8, PNG_INTERLACE_NONE },
  { PNG_COLOR_TYPE_RGB, 3, 8, PNG_INTERLACE_ADAM7 },
  { PNG_COLOR_TYPE_RGB, 3, 16, PNG_INTERLACE_NONE },
  { PNG_COLOR_TYPE_RGB_ALPHA, 4, 8, PNG_INTERLACE_NONE },
};

START_TEST (png_colours_come_out_as_stored_without_alpha)
{
  g_autoptr (GByteArray) bytes
      = png_file (rgb_kinds[_i].color, rgb_kinds[_i].channels,
                  rgb_kinds[_i].depth, rgb_kinds[_i].interlace);
  g_autoptr (CcsPicture) picture = parsed (bytes);

  for (guint i = 0; i < 3 * WIDTH * HEIGHT; i++)
    ck_assert_uint_eq (picture->rgb[i],
                       pixel (i / 3 / WIDTH, i / 3 % WIDTH, i % 3));
}
END_TEST

START_TEST (grey_png_is_spread_over_the_channels)
{
  g_autoptr (GByteArray) bytes
      = png_file (PNG_COLOR_TYPE_GRAY, 1, 8, PNG_INTERLACE_NONE);
  g_autoptr (CcsPicture) picture = parsed (bytes);

  for (guint i = 0; i < 3 * WIDTH * HEIGHT; i++)
    ck_assert_uint_eq (picture->rgb[i],
                       pixel (i / 3 / WIDTH, i / 3 % WIDTH, 0));
}
END_TEST

START_TEST (palette_png_shows_its_colours)
{
  g_autoptr (GByteArray) bytes
      = png_file (PNG_COLOR_TYPE_PALETTE, 1, 8, PNG_INTERLACE_NONE);
  g_autoptr (CcsPicture) picture = parsed (bytes);

  for (guint i = 0; i < WIDTH * HEIGHT; i++) {
    guint index = pixel (i / WIDTH, i % WIDTH, 0);
    ck_assert_uint_eq (picture->rgb[3 * i], index);
    ck_assert_uint_eq (picture->rgb[3 * i + 1], 255 - index);
    ck_assert_uint_eq (picture->rgb[3 * i + 2], index / 2);
  }
}
END_TEST

static const struct
{
  J_COLOR_SPACE space;
  gint components;
} jpeg_kinds[] = { { JCS_RGB, 3 }, { JCS_GRAYSCALE, 1 } };

START_TEST (jpeg_becomes_rgb)
{
  g_autoptr (GByteArray) bytes
      = jpeg_file (jpeg_kinds[_i].space, jpeg_kinds[_i].components);
  g_autoptr (CcsPicture) picture = parsed (bytes);

  for (guint i = 0; i < 3 * WIDTH * HEIGHT; i++)
    ck_assert_int_le (abs (picture->rgb[i] - 200), 2);
}
END_TEST

/* -- rejected input ------------------------------------------------------- */

START_TEST (cmyk_jpeg_is_refused)
{
  g_autoptr (GByteArray) bytes = jpeg_file (JCS_CMYK, 4);

  assert_refused (bytes->data, bytes->len);
}
END_TEST

START_TEST (a_png_cut_off_anywhere_is_refused)
{
  g_autoptr (GByteArray) bytes
      = png_file (PNG_COLOR_TYPE_RGB, 3, 8, PNG_INTERLACE_ADAM7);

  for (guint size = 0; size < bytes->len; size++) {
    g_autofree guint8 *part = g_memdup2 (bytes->data, size);
    assert_refused (part, size);
  }
}
END_TEST

START_TEST (a_jpeg_cut_off_anywhere_is_refused)
{
  g_autoptr (GByteArray) bytes = jpeg_file (JCS_RGB, 3);

  for (guint size = 0; size < bytes->len; size++) {
    g_autofree guint8 *part = g_memdup2 (bytes->data, size);
    assert_refused (part, size);
  }
}
END_TEST

/* Decoding returns an image or an error, and does not crash. */
START_TEST (flipped_bytes_do_no_harm)
{
  g_autoptr (GByteArray) png
      = png_file (PNG_COLOR_TYPE_RGB, 3, 8, PNG_INTERLACE_NONE);
  g_autoptr (GByteArray) jpeg = jpeg_file (JCS_RGB, 3);
  GByteArray *files[] = { png, jpeg };

  for (guint f = 0; f < G_N_ELEMENTS (files); f++) {
    for (guint i = 0; i < files[f]->len; i++) {
      g_autoptr (GError) error = NULL;
      g_autoptr (CcsPicture) picture = NULL;
      files[f]->data[i] ^= 0xff;
      picture
          = ccs_picture_parse (files[f]->data, files[f]->len, "memory", &error);
      files[f]->data[i] ^= 0xff;
      ck_assert ((picture != NULL) == (error == NULL));
    }
  }
}
END_TEST

/* The file itself is large enough for this number of pixels. */
START_TEST (a_picture_beyond_the_limit_of_pixels_is_refused)
{
  g_autoptr (GByteArray) bytes = jpeg_file (JCS_RGB, 3);
  const guint length = bytes->len;

  for (guint i = 0; i + 9 < length; i++)
    if (bytes->data[i] == 0xff && bytes->data[i + 1] == 0xc0) {
      bytes->data[i + 5] = bytes->data[i + 7] = 0x7f;
      break;
    }
  g_byte_array_set_size (bytes, 2 << 20);
  memset (bytes->data + length, 0, bytes->len - length);
  assert_refused (bytes->data, bytes->len);
}
END_TEST

START_TEST (a_small_file_may_not_declare_a_large_picture)
{
  g_autoptr (GByteArray) bytes = jpeg_file (JCS_RGB, 3);
  gboolean found = FALSE;

  /* Searches for the frame header: marker, length, precision, height, width. */
  for (guint i = 0; i + 9 < bytes->len && !found; i++) {
    if (bytes->data[i] != 0xff || bytes->data[i + 1] != 0xc0)
      continue;
    bytes->data[i + 5] = bytes->data[i + 7] = 0x1f;
    found = TRUE;
  }
  ck_assert (found);
  assert_refused (bytes->data, bytes->len);
}
END_TEST

START_TEST (other_content_is_refused)
{
  static const char text[] = "GIF89a, and so on";

  assert_refused (text, sizeof text);
}
END_TEST

static const char *const no_files[]
    = { "/dev/null/picture.png", "/", "/dev/zero" };

START_TEST (what_is_no_file_is_an_error_that_names_it)
{
  g_autoptr (GError) error = NULL;
  CcsPicture *picture = ccs_picture_load (no_files[_i], &error);

  ck_assert_ptr_null (picture);
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_IO));
  ck_assert_msg (g_str_has_prefix (error->message, no_files[_i]), "%s",
                 error->message);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("picture");
  TCase *shown = tcase_create ("shown");
  TCase *refused = tcase_create ("refused");

  tcase_add_loop_test (shown, png_colours_come_out_as_stored_without_alpha, 0,
                       G_N_ELEMENTS (rgb_kinds));
  tcase_add_test (shown, grey_png_is_spread_over_the_channels);
  tcase_add_test (shown, palette_png_shows_its_colours);
  tcase_add_loop_test (shown, jpeg_becomes_rgb, 0, G_N_ELEMENTS (jpeg_kinds));
  suite_add_tcase (suite, shown);

  tcase_add_test (refused, cmyk_jpeg_is_refused);
  tcase_add_test (refused, a_png_cut_off_anywhere_is_refused);
  tcase_add_test (refused, a_jpeg_cut_off_anywhere_is_refused);
  tcase_add_test (refused, flipped_bytes_do_no_harm);
  tcase_add_test (refused, a_picture_beyond_the_limit_of_pixels_is_refused);
  tcase_add_test (refused, a_small_file_may_not_declare_a_large_picture);
  tcase_add_test (refused, other_content_is_refused);
  tcase_add_loop_test (refused, what_is_no_file_is_an_error_that_names_it, 0,
                       G_N_ELEMENTS (no_files));
  suite_add_tcase (suite, refused);

  return run_suite (suite);
}
