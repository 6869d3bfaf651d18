/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes a WAV file binaural with libccstereo's C API alone.
 *
 *   binauralize IN.wav FRAMES.rgb WIDTH HEIGHT OUT.wav
 *
 * FRAMES.rgb holds 10 frames per second, each HEIGHT rows of WIDTH pixels of 3
 * bytes (ffmpeg -i VIDEO -r 10 -pix_fmt rgb24 -f rawvideo FRAMES.rgb). Needs a
 * model: the installed default one, or CCSTEREO_MODEL. Compiles as C and C++:
 *
 *   cc binauralize.c $(pkg-config --cflags --libs ccstereo sndfile) */
#include <ccstereo/ccstereo.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAME_NS (G_GINT64_CONSTANT (1000000000) / CCS_ANALYSIS_FPS)
#define BLOCK 4096

static guint8 resized[3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT];
static guint8 cropped[3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT];
static float samples[2 * BLOCK];

/* Ends the program with a message unless @ok. */
static void
check (gboolean ok, const char *what, const GError *error)
{
  if (ok)
    return;
  fprintf (stderr, "binauralize: %s\n", error ? error->message : what);
  exit (1);
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  SF_INFO in_info, out_info;

  check (argc == 6, "usage: IN.wav FRAMES.rgb WIDTH HEIGHT OUT.wav", NULL);
  const int width = atoi (argv[3]), height = atoi (argv[4]);
  CcsResize *resize = ccs_resize_new (width, height, CCS_RESIZE_WIDTH,
                                      CCS_RESIZE_HEIGHT, &error);
  check (resize != NULL, argv[3], error);
  in_info.format = 0;
  SNDFILE *in = sf_open (argv[1], SFM_READ, &in_info);
  check (in != NULL, argv[1], NULL);
  FILE *frames = fopen (argv[2], "rb");
  check (frames != NULL, argv[2], NULL);
  out_info = in_info;
  out_info.channels = 2;
  out_info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_24;
  SNDFILE *out = sf_open (argv[5], SFM_WRITE, &out_info);
  check (out != NULL, argv[5], NULL);

  char *path = ccs_model_default_path (&error);
  check (path != NULL, NULL, error);
  CcsModel *model = ccs_model_load (path, "auto", NULL, &error);
  check (model != NULL, path, error);
  CcsBinauralizerOptions options = CCS_BINAURALIZER_OPTIONS_INIT;
  options.rate = in_info.samplerate;
  options.channels = in_info.channels;
  CcsBinauralizer *engine = ccs_binauralizer_new (model, &options, &error);
  check (engine != NULL, NULL, error);

  guint8 *frame = (guint8 *)g_malloc (3 * (gsize)width * height);
  float *feature = g_new (float, ccs_model_feature_size (model));
  const guint8 *input = cropped;
  for (gint64 k = 0; fread (frame, width * 3, height, frames) == (gsize)height;
       k++) {
    ccs_resize_run (resize, frame, width * 3, resized, CCS_RESIZE_WIDTH * 3);
    ccs_crop (resized, ccs_tdss_point (k + 1), cropped);
    check (ccs_model_encode (model, &input, 1, &feature, &error)
               && ccs_binauralizer_push_feature (engine, k * FRAME_NS, feature,
                                                 &error),
           NULL, error);
  }
  ccs_binauralizer_end_features (engine);

  gsize n;
  do {
    n = (gsize)sf_readf_float (in, samples, BLOCK);
    check (n > 0 ? ccs_binauralizer_push_audio (engine, samples, n, &error)
                       && ccs_binauralizer_process (engine, FALSE, &error)
                 : ccs_binauralizer_drain (engine, &error),
           NULL, error);
    gsize done;
    while ((done = ccs_binauralizer_pull (engine, samples, BLOCK)) > 0)
      check (sf_writef_float (out, samples, done) == (sf_count_t)done, argv[5],
             NULL);
  } while (n > 0);

  ccs_binauralizer_unref (engine);
  ccs_model_unref (model);
  ccs_resize_free (resize);
  g_free (path);
  g_free (frame);
  g_free (feature);
  fclose (frames);
  sf_close (in);
  check (sf_close (out) == 0, argv[5], NULL);
  return 0;
}
