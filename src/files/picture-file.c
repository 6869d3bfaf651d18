/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads image files, which may be hostile: compares their size with the largest
 * possible expansion of the file before allocating memory. Errors of both
 * libraries return by longjmp(). */
#include "picture-file.h"

#include <ccstereo/error.h>
#include <ccstereo/vision.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jpeglib.h>
#include <jerror.h>
#include <png.h>

#define MAX_FILE_SIZE (256 << 20)
/* Deflate expands at most 1032 to 1, and a JPEG with one bit per block about as
 * much; the slack is for tiny files. */
#define MAX_EXPANSION 1040
#define EXPANSION_SLACK (1 << 16)
#define MAX_SCANS 100
#define CHANNELS 3

/* State of both decoders. */
typedef struct
{
  const guint8 *data;
  gsize size, position;
  CcsPicture *picture;
  char message[JMSG_LENGTH_MAX]; /* message of the first error */
  jmp_buf failed;
} Decoder;

static void
fail (Decoder *self, const char *message)
{
  g_strlcpy (self->message, message, sizeof self->message);
  longjmp (self->failed, 1);
}

/* Allocates an image, after checking that the file can contain it. */
static void
begin_picture (Decoder *self, guint32 width, guint32 height)
{
  const guint64 pixels = (guint64)width * height;

  if (!ccs_frame_size_is_valid (width, height))
    fail (self, "the picture is empty or too large");
  if (pixels > (guint64)self->size * MAX_EXPANSION + EXPANSION_SLACK)
    fail (self, "the file is too short for the size it declares");
  self->picture = g_new0 (CcsPicture, 1);
  self->picture->width = width;
  self->picture->height = height;
  self->picture->rgb = g_try_malloc (pixels * CHANNELS);
  if (!self->picture->rgb)
    fail (self, "not enough memory");
}

static guint8 *
picture_row (const Decoder *self, gsize row)
{
  return self->picture->rgb + row * self->picture->width * CHANNELS;
}

/* -- PNG ------------------------------------------------------------------ */

static void
png_failed (png_structp png, png_const_charp message)
{
  fail (png_get_error_ptr (png), message);
}

static void
png_warned (png_structp png, png_const_charp message)
{
}

static void
png_read (png_structp png, png_bytep out, size_t bytes)
{
  Decoder *self = png_get_io_ptr (png);

  if (bytes > self->size - self->position)
    fail (self, "the file is cut off");
  memcpy (out, self->data + self->position, bytes);
  self->position += bytes;
}

/* Converts any PNG to 8-bit RGB. */
static void
png_ask_for_rgb (png_structp png)
{
  png_set_expand (png);
  png_set_strip_16 (png);
  png_set_strip_alpha (png);
  png_set_gray_to_rgb (png);
}

static void
png_decode (Decoder *self, png_structp png, png_infop info)
{
  gint passes;

  png_set_user_limits (png, CCS_FRAME_MAX_SIDE, CCS_FRAME_MAX_SIDE);
  png_set_chunk_cache_max (png, 64);
  png_set_chunk_malloc_max (png, 1 << 20);
  png_set_read_fn (png, self, png_read);
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  png_set_crc_action (png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
#endif
  png_read_info (png, info);
  png_ask_for_rgb (png);
  passes = png_set_interlace_handling (png);
  png_read_update_info (png, info);
  begin_picture (self, png_get_image_width (png, info),
                 png_get_image_height (png, info));
  if (png_get_rowbytes (png, info) != (gsize)self->picture->width * CHANNELS)
    fail (self, "the picture cannot be made RGB");
  for (gint pass = 0; pass < passes; pass++)
    for (gint row = 0; row < self->picture->height; row++)
      png_read_row (png, picture_row (self, row), NULL);
  png_read_end (png, NULL);
}

static gboolean
read_png (Decoder *self)
{
  png_structp png = png_create_read_struct (PNG_LIBPNG_VER_STRING, self,
                                            png_failed, png_warned);
  png_infop info = png ? png_create_info_struct (png) : NULL;
  volatile gboolean ok = FALSE; /* volatile because of setjmp() */

  if (!info)
    g_strlcpy (self->message, "libpng cannot be started", sizeof self->message);
  else if (setjmp (self->failed) == 0) {
    png_decode (self, png, info);
    ok = TRUE;
  }
  png_destroy_read_struct (&png, &info, NULL);
  return ok;
}

/* -- JPEG ----------------------------------------------------------------- */

typedef struct
{
  struct jpeg_error_mgr base;
  Decoder *decoder;
} JpegErrors;

static void
jpeg_failed (j_common_ptr jpeg)
{
  JpegErrors *errors = (JpegErrors *)jpeg->err;
  char message[JMSG_LENGTH_MAX];

  jpeg->err->format_message (jpeg, message);
  fail (errors->decoder, message);
}

/* Rejects damaged data, which libjpeg would replace by grey. Warnings that do
 * not affect pixels are ignored. */
static void
jpeg_warned (j_common_ptr jpeg, int level)
{
  gint code = jpeg->err->msg_code;

  if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR
      && code != JWRN_ADOBE_XFORM)
    jpeg_failed (jpeg);
}

/* Limits the number of passes of a progressive file. */
static void
jpeg_progressed (j_common_ptr jpeg)
{
  if (((j_decompress_ptr)jpeg)->input_scan_number > MAX_SCANS)
    fail (((JpegErrors *)jpeg->err)->decoder, "too many scans");
}

static void
jpeg_decode (Decoder *self, j_decompress_ptr jpeg)
{
  jpeg_mem_src (jpeg, self->data, self->size);
  jpeg_read_header (jpeg, TRUE);
  if (jpeg->num_components != 1 && jpeg->num_components != 3)
    fail (self, "only grey and colour JPEG are read, not CMYK");
  jpeg->out_color_space = JCS_RGB;
  begin_picture (self, jpeg->image_width, jpeg->image_height);
  jpeg_start_decompress (jpeg);
  while (jpeg->output_scanline < jpeg->output_height) {
    JSAMPROW row = picture_row (self, jpeg->output_scanline);
    jpeg_read_scanlines (jpeg, &row, 1);
  }
  jpeg_finish_decompress (jpeg);
}

static gboolean
read_jpeg (Decoder *self)
{
  struct jpeg_decompress_struct jpeg = { 0 };
  JpegErrors errors = { .decoder = self };
  struct jpeg_progress_mgr progress = { .progress_monitor = jpeg_progressed };
  volatile gboolean ok = FALSE;

  jpeg.err = jpeg_std_error (&errors.base);
  errors.base.error_exit = jpeg_failed;
  errors.base.emit_message = jpeg_warned;
  if (setjmp (self->failed) == 0) {
    jpeg_create_decompress (&jpeg);
    jpeg.progress = &progress;
    jpeg_decode (self, &jpeg);
    ok = TRUE;
  }
  jpeg_destroy_decompress (&jpeg);
  return ok;
}

/* -- files ---------------------------------------------------------------- */

CcsPicture *
ccs_picture_parse (gconstpointer data, gsize size, const char *label,
                   GError **error)
{
  static const guint8 png_magic[]
      = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
  static const guint8 jpeg_magic[] = { 0xff, 0xd8, 0xff };
  Decoder decoder = { .data = data, .size = size };
  gboolean ok;

  if (size >= sizeof png_magic
      && memcmp (data, png_magic, sizeof png_magic) == 0) {
    ok = read_png (&decoder);
  } else if (size >= sizeof jpeg_magic
             && memcmp (data, jpeg_magic, sizeof jpeg_magic) == 0) {
    ok = read_jpeg (&decoder);
  } else {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: neither a PNG nor a JPEG picture", label);
    return NULL;
  }
  if (ok)
    return decoder.picture;
  g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT, "%s: %s", label,
               decoder.message);
  g_clear_pointer (&decoder.picture, ccs_picture_free);
  return NULL;
}

/* Reads an open regular file of bounded size. Returns NULL with errno set on
 * error. */
static guint8 *
read_open_file (gint fd, gsize *size)
{
  g_autofree guint8 *data = NULL;
  struct stat status;

  if (fstat (fd, &status) != 0)
    return NULL;
  if (!S_ISREG (status.st_mode) || status.st_size > MAX_FILE_SIZE) {
    errno = S_ISDIR (status.st_mode)   ? EISDIR
            : S_ISREG (status.st_mode) ? EFBIG
                                       : EINVAL;
    return NULL;
  }
  data = g_try_malloc (status.st_size + 1);
  if (!data) {
    errno = ENOMEM;
    return NULL;
  }
  for (*size = 0; *size < (gsize)status.st_size;) {
    gssize got = read (fd, data + *size, status.st_size - *size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return NULL;
    if (got == 0)
      break;
    *size += got;
  }
  return g_steal_pointer (&data);
}

static guint8 *
read_file (const char *path, gsize *size, GError **error)
{
  gint fd = g_open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  guint8 *data = fd < 0 ? NULL : read_open_file (fd, size);

  if (!data)
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: %s", path,
                 g_strerror (errno));
  if (fd >= 0)
    close (fd);
  return data;
}

CcsPicture *
ccs_picture_load (const char *path, GError **error)
{
  gsize size = 0;
  g_autofree guint8 *data = read_file (path, &size, error);

  if (!data)
    return NULL;
  return ccs_picture_parse (data, size, path, error);
}

void
ccs_picture_free (CcsPicture *self)
{
  if (!self)
    return;
  g_free (self->rgb);
  g_free (self);
}
