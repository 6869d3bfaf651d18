/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares resizing and enhancement with Pillow's results, byte for byte,
 * for every resize*.safetensors: noise images "resized.WxH" are resized to
 * 480x240; then the crop at (16, 8) of the second image is enhanced with
 * Brightness, and with Color. */
#include <stdio.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "reference-support.h"
#include "vision/frame.h"

static char **files;

/* Returns the entry with index @nth, from 0, among those whose names start
 * with @prefix. @rest is set to the rest of its name. If there is no such
 * entry, returns NULL and sets @rest to NULL. */
static CcsTensor *
find_entry (const CcsCheckpoint *file, const char *prefix, guint nth,
            const char **rest)
{
  for (guint i = 0; i < ccs_state_dict_size (file->tensors); i++) {
    const char *name = ccs_state_dict_name (file->tensors, i);

    if (g_str_has_prefix (name, prefix) && nth-- == 0) {
      *rest = name + strlen (prefix);
      return ccs_state_dict_tensor (file->tensors, i);
    }
  }
  *rest = NULL;
  return NULL;
}

static void
assert_same_bytes (const char *what, const guint8 *got, const CcsTensor *want)
{
  const guint8 *bytes = want->data;

  ck_assert_int_eq (want->dtype, CCS_U8);
  for (gsize i = 0; i < ccs_tensor_size (want); i++)
    if (got[i] != bytes[i])
      ck_abort_msg ("%s: byte %" G_GSIZE_FORMAT " is %d, not %d", what, i,
                    got[i], bytes[i]);
}

/* Returns the noise image with the size @size ("1280x720") of @file, resized
 * to 480x240. */
static guint8 *
resize_noise (const CcsCheckpoint *file, const char *size)
{
  g_autofree char *name = g_strconcat ("resize.", size, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsResize) resize = NULL;
  g_autofree guint8 *picture = NULL;
  guint8 *resized = g_malloc (3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT);
  gint width, height;

  ck_assert_int_eq (sscanf (size, "%dx%d", &width, &height), 2);
  picture = reference_pixels (reference_metadata (file, "seed"), name,
                              (gsize)3 * width * height);
  resize = ccs_resize_new (width, height, CCS_RESIZE_WIDTH, CCS_RESIZE_HEIGHT,
                           &error);
  assert_ok (resize != NULL, error);
  ccs_resize_run (resize, picture, 3 * width, resized, 3 * CCS_RESIZE_WIDTH);
  return resized;
}

START_TEST (resize_is_exact)
{
  g_autoptr (CcsCheckpoint) file = reference_load (files[_i]);
  const char *size;
  CcsTensor *want;
  guint n = 0;

  for (; (want = find_entry (file, "resized.", n, &size)) != NULL; n++) {
    g_autofree guint8 *resized = resize_noise (file, size);

    ck_assert_uint_eq (ccs_tensor_size (want),
                       3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT);
    assert_same_bytes (size, resized, want);
  }
  ck_assert_uint_gt (n, 0);
}
END_TEST

START_TEST (enhancement_is_exact)
{
  g_autoptr (CcsCheckpoint) file = reference_load (files[_i]);
  gsize pixels = CCS_CROP_WIDTH * CCS_CROP_HEIGHT;
  g_autofree guint8 *crop = g_malloc (3 * pixels);
  const char *size, *brightness, *color;
  CcsTensor *resized = find_entry (file, "resized.", 1, &size);
  CcsTensor *bright = find_entry (file, "brightness.", 0, &brightness);
  CcsTensor *colored = find_entry (file, "color.", 0, &color);

  ck_assert (resized != NULL && bright != NULL && colored != NULL);
  ck_assert_uint_eq (ccs_tensor_size (bright), 3 * pixels);
  ck_assert_uint_eq (ccs_tensor_size (colored), 3 * pixels);
  ccs_crop (resized->data, ccs_center_point (), crop);
  ccs_enhance_brightness (crop, pixels,
                          (float)g_ascii_strtod (brightness, NULL));
  assert_same_bytes ("brightness", crop, bright);
  ccs_enhance_color (crop, pixels, (float)g_ascii_strtod (color, NULL));
  assert_same_bytes ("color", crop, colored);
}
END_TEST

START_TEST (the_folder_holds_a_resize_file)
{
  ck_assert_msg (files[0] != NULL, "no resize*.safetensors");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("reference-vision");
  TCase *tcase = tcase_create ("vision");
  int status, n_files;

  files = reference_files ("resize*.safetensors");
  n_files = (int)g_strv_length (files);
  tcase_add_test (tcase, the_folder_holds_a_resize_file);
  tcase_add_loop_test (tcase, resize_is_exact, 0, n_files);
  tcase_add_loop_test (tcase, enhancement_is_exact, 0, n_files);
  suite_add_tcase (suite, tcase);
  status = reference_run (suite);
  g_strfreev (files);
  return status;
}
