/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames read from and written to files. */
#include <ccstereo/error.h>
#include <ccstereo/vision.h>
#include <stdio.h>

#include <jpeglib.h>
#include <png.h>
#include <setjmp.h>

#include "dataset-files.h"
#include "output-file.h"
#include "picture-file.h"

#define JPEG_QUALITY 95

gboolean
ccs_frame_read (const char *path, guint8 *rgb, GError **error)
{
  g_autoptr (CcsPicture) picture = ccs_picture_load (path, error);
  g_autoptr (CcsResize) resize = NULL;

  if (!picture)
    return FALSE;
  resize = ccs_resize_new (picture->width, picture->height, CCS_RESIZE_WIDTH,
                           CCS_RESIZE_HEIGHT, error);
  if (!resize) {
    g_prefix_error (error, "%s: ", path);
    return FALSE;
  }
  ccs_resize_run (resize, picture->rgb, 3 * (gsize)picture->width, rgb,
                  3 * CCS_RESIZE_WIDTH);
  return TRUE;
}

/* One of many: whoever writes a data set forces it to the disk as a whole. */
static CcsOutputFile *
new_frame (const char *path, GError **error)
{
  return ccs_output_file_new (path, CCS_OUTPUT_OVERWRITE | CCS_OUTPUT_UNSYNCED,
                              error);
}

static gboolean
fail_to_write (const char *path, const char *reason, GError **error)
{
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: cannot be written: %s",
               path, reason);
  return FALSE;
}

gboolean
ccs_frame_write (const char *path, gint width, gint height, const guint8 *rgb,
                 GError **error)
{
  g_autoptr (CcsOutputFile) file = new_frame (path, error);
  png_image image = { .version = PNG_IMAGE_VERSION,
                      .width = width,
                      .height = height,
                      .format = PNG_FORMAT_RGB,
                      .flags = PNG_IMAGE_FLAG_FAST };

  if (!file)
    return FALSE;
  if (!png_image_write_to_stdio (&image, ccs_output_file_stream (file), 0, rgb,
                                 0, NULL))
    return fail_to_write (path, image.message, error);
  return ccs_output_file_commit (file, error);
}

/* -- JPEG -- */

typedef struct
{
  struct jpeg_error_mgr parent;
  jmp_buf escape;
  char reason[JMSG_LENGTH_MAX];
} JpegErrors;

static void
jpeg_failed (j_common_ptr jpeg)
{
  JpegErrors *errors = (JpegErrors *)jpeg->err;

  errors->parent.format_message (jpeg, errors->reason);
  longjmp (errors->escape, 1);
}

static gboolean
write_jpeg (FILE *file, gint width, gint height, const guint8 *rgb,
            JpegErrors *errors)
{
  struct jpeg_compress_struct jpeg;

  jpeg.err = jpeg_std_error (&errors->parent);
  errors->parent.error_exit = jpeg_failed;
  if (setjmp (errors->escape)) {
    jpeg_destroy_compress (&jpeg);
    return FALSE;
  }
  jpeg_create_compress (&jpeg);
  jpeg_stdio_dest (&jpeg, file);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults (&jpeg);
  jpeg_set_quality (&jpeg, JPEG_QUALITY, TRUE);
  jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress (&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = (JSAMPROW)(rgb + (gsize)3 * width * jpeg.next_scanline);

    jpeg_write_scanlines (&jpeg, &row, 1);
  }
  jpeg_finish_compress (&jpeg);
  jpeg_destroy_compress (&jpeg);
  return TRUE;
}

gboolean
ccs_frame_write_jpeg (const char *path, gint width, gint height,
                      const guint8 *rgb, GError **error)
{
  g_autoptr (CcsOutputFile) file = new_frame (path, error);
  JpegErrors errors = { .reason = "" };

  if (!file)
    return FALSE;
  if (!write_jpeg (ccs_output_file_stream (file), width, height, rgb, &errors))
    return fail_to_write (path, errors.reason, error);
  return ccs_output_file_commit (file, error);
}
