/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures how long it takes to resize an image to 480x240: minimum and
 * median of many runs, in milliseconds, on one thread. */
#include <ccstereo/ccstereo.h>
#include <stdio.h>
#include <stdlib.h>

#define RUNS 50
#define CHANNELS 3

static gint
compare_times (gconstpointer a, gconstpointer b)
{
  const gint64 *x = a, *y = b;

  return (*x > *y) - (*x < *y);
}

static gboolean
bench (gint width, gint height, GError **error)
{
  const gsize stride = (gsize)width * CHANNELS;
  const gsize out_stride = CCS_RESIZE_WIDTH * CHANNELS;
  g_autoptr (CcsResize) resize = ccs_resize_new (
      width, height, CCS_RESIZE_WIDTH, CCS_RESIZE_HEIGHT, error);
  g_autofree guint8 *in = g_malloc (stride * height);
  g_autofree guint8 *out = g_malloc (out_stride * CCS_RESIZE_HEIGHT);
  gint64 times[RUNS];

  if (!resize)
    return FALSE;
  for (gsize i = 0; i < stride * height; i++)
    in[i] = (guint8)g_random_int ();
  for (gint run = 0; run < RUNS; run++) {
    gint64 start = g_get_monotonic_time ();

    ccs_resize_run (resize, in, stride, out, out_stride);
    times[run] = g_get_monotonic_time () - start;
  }
  qsort (times, RUNS, sizeof times[0], compare_times);
  printf ("%4dx%-4d  best %6.2f ms  median %6.2f ms\n", width, height,
          times[0] / 1e3, times[RUNS / 2] / 1e3);
  return TRUE;
}

int
main (void)
{
  static const gint sizes[][2] = {
    { 320, 180 }, { 640, 360 }, { 1280, 720 }, { 1920, 1080 }, { 3840, 2160 }
  };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GError) error = NULL;

    if (!bench (sizes[i][0], sizes[i][1], &error)) {
      fprintf (stderr, "%s\n", error->message);
      return EXIT_FAILURE;
    }
  }
  return EXIT_SUCCESS;
}
