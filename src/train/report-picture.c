/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report-picture.h"
#include "model/config.h"
#include "error.h"
#include "spectrum.h"
#include <complex.h>
#include <math.h>
#include <png.h>
#include <string.h>

#define RANGE_DB 70.
#define MAX_COLUMNS 760

/* Darkness of bin @k in picture column @column: 0 white .. 255 black. */
static guint8
darkness (const double complex *spectrum, gsize frames, guint columns,
          guint column, guint k, double loudest)
{
  gsize first = column * frames / columns;
  gsize end = MAX (first + 1, (column + 1) * frames / columns);
  double power = 0., db;

  for (gsize t = first; t < end; t++) {
    double size = cabs (spectrum[t * CCS_BINS + k]);

    power = fmax (power, size * size);
  }
  db = 10. * log10 (fmax (power, 1e-20) / loudest);
  return (guint8)(255. * CLAMP (1. + db / RANGE_DB, 0., 1.));
}

static double
loudest_power (const double complex *spectrum, gsize n)
{
  double loudest = 1e-12;

  for (gsize i = 0; i < n; i++) {
    double size = cabs (spectrum[i]);

    loudest = fmax (loudest, size * size);
  }
  return loudest;
}

/* (transfer full); NULL where libpng has no memory */
static guint8 *
encode_grey (const guint8 *pixels, guint width, guint height, gsize *size)
{
  png_image image = { .version = PNG_IMAGE_VERSION,
                      .width = width,
                      .height = height,
                      .format = PNG_FORMAT_GRAY };
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX (image);
  guint8 *png = g_malloc (bytes);

  if (!png_image_write_to_memory (&image, png, &bytes, 0, pixels, 0, NULL)) {
    g_free (png);
    return NULL;
  }
  *size = bytes;
  return png;
}

char *
ccs_report_spectrogram (const float *samples, gsize n, GError **error)
{
  gsize frames = ccs_spectrum_frames (n), size;
  guint columns = (guint)MIN (frames, MAX_COLUMNS);
  g_autofree double complex *spectrum
      = ccs_spectrum_new (samples, n, CCS_PAD_ZERO);
  double loudest = loudest_power (spectrum, frames * CCS_BINS);
  g_autofree guint8 *pixels = g_malloc (columns * CCS_BINS);
  g_autofree guint8 *png = NULL;
  g_autofree char *base64 = NULL;

  for (guint k = 0; k < CCS_BINS; k++)
    for (guint c = 0; c < columns; c++)
      pixels[(CCS_BINS - 1 - k) * columns + c]
          = 255 - darkness (spectrum, frames, columns, c, k, loudest);
  png = encode_grey (pixels, columns, CCS_BINS, &size);
  if (png == NULL) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_MEMORY,
                 "a spectrogram could not be encoded");
    return NULL;
  }
  base64 = g_base64_encode (png, size);
  return g_strconcat ("data:image/png;base64,", base64, NULL);
}
