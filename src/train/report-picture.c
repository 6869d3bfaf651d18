/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report-picture.h"
#include "model/config.h"
#include "spectrum.h"
#include <ccstereo/error.h>
#include <complex.h>
#include <math.h>
#include <png.h>

#define MAX_COLUMNS 760
#define COLOURS 256

/* Colours from silence to the loudest. Brightness increases all the way, so
 * that the scale can be read without colours. */
static const guint8 stops[][3] = { { 0, 0, 8 },      { 40, 12, 84 },
                                   { 101, 21, 110 }, { 159, 42, 99 },
                                   { 212, 72, 66 },  { 245, 125, 21 },
                                   { 250, 193, 39 }, { 252, 255, 184 } };

static void
fill_colours (guint8 colours[COLOURS][3])
{
  const double last = G_N_ELEMENTS (stops) - 1;

  for (guint i = 0; i < COLOURS; i++) {
    double at = i * last / (COLOURS - 1);
    guint low = MIN ((guint)at, (guint)last - 1);

    for (guint c = 0; c < 3; c++)
      colours[i][c] = (guint8)lround (
          stops[low][c] + (at - low) * (stops[low + 1][c] - stops[low][c]));
  }
}

/* Encodes a PNG. Returns NULL if libpng runs out of memory. (transfer full) */
static guint8 *
encode (const guint8 *pixels, guint width, guint height, gsize *size)
{
  guint8 colours[COLOURS][3];
  png_image image = { .version = PNG_IMAGE_VERSION,
                      .width = width,
                      .height = height,
                      .format = PNG_FORMAT_RGB_COLORMAP,
                      .colormap_entries = COLOURS };
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX (image);
  guint8 *png = g_malloc (bytes);

  fill_colours (colours);
  if (!png_image_write_to_memory (&image, png, &bytes, 0, pixels, 0, colours)) {
    g_free (png);
    return NULL;
  }
  *size = bytes;
  return png;
}

/* Encodes @pixels, indices of colours, as a data: URI. */
static char *
data_uri (const guint8 *pixels, guint width, guint height, GError **error)
{
  gsize size;
  g_autofree guint8 *png = encode (pixels, width, height, &size);
  g_autofree char *base64 = NULL;

  if (png == NULL) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_MEMORY,
                 "a picture of the report could not be encoded");
    return NULL;
  }
  base64 = g_base64_encode (png, size);
  return g_strconcat ("data:image/png;base64,", base64, NULL);
}

static double
power_of (double complex value)
{
  return creal (value) * creal (value) + cimag (value) * cimag (value);
}

double
ccs_report_loudest (const float *const channels[2], gsize n)
{
  gsize values = ccs_spectrum_frames (n) * CCS_BINS;
  double loudest = 1e-12;

  for (guint c = 0; c < 2; c++) {
    g_autofree double complex *spectrum
        = ccs_spectrum_new (channels[c], n, CCS_PAD_ZERO);

    for (gsize i = 0; i < values; i++)
      loudest = fmax (loudest, power_of (spectrum[i]));
  }
  return loudest;
}

/* Returns the colour of bin @k in column @column: that of the loudest of its
 * frames. */
static guint8
colour (const double complex *spectrum, gsize frames, guint columns,
        guint column, guint k, double loudest)
{
  gsize first = column * frames / columns;
  gsize end = MAX (first + 1, (column + 1) * frames / columns);
  double power = 0., db;

  for (gsize t = first; t < end; t++)
    power = fmax (power, power_of (spectrum[t * CCS_BINS + k]));
  db = 10. * log10 (fmax (power, 1e-20) / loudest);
  return (guint8)((COLOURS - 1)
                  * CLAMP (1. + db / CCS_REPORT_RANGE_DB, 0., 1.));
}

char *
ccs_report_spectrogram (const float *samples, gsize n, double loudest,
                        GError **error)
{
  gsize frames = ccs_spectrum_frames (n);
  guint columns = (guint)MIN (frames, MAX_COLUMNS);
  g_autofree double complex *spectrum
      = ccs_spectrum_new (samples, n, CCS_PAD_ZERO);
  g_autofree guint8 *pixels = g_malloc (columns * CCS_BINS);

  for (guint k = 0; k < CCS_BINS; k++)
    for (guint c = 0; c < columns; c++)
      pixels[(CCS_BINS - 1 - k) * columns + c]
          = colour (spectrum, frames, columns, c, k, loudest);
  return data_uri (pixels, columns, CCS_BINS, error);
}

char *
ccs_report_colours (GError **error)
{
  guint8 row[COLOURS];

  for (guint i = 0; i < COLOURS; i++)
    row[i] = i;
  return data_uri (row, COLOURS, 1, error);
}
