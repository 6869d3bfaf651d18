/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx-values MODEL FOLDER runs the library on a few generated items and
 * writes inputs and outputs as raw arrays, for onnx-runtime.py.
 * onnx-values --random BACKBONE DIM_SCALE MODEL writes a model with random
 * weights. */
#include "model-support.h"

#include <math.h>
#include <stdlib.h>

#include "checkpoint/checkpoint.h"

#define SEED 20

/* Levels of the mixes; the last one is treated as silence. */
static const double level[] = { 0.1, 3.0, 1e-3, 1e-5 };
#define N_ITEMS G_N_ELEMENTS (level)

static void
fill (GRand *rand, guint8 *frame, float *mix, guint item)
{
  for (gsize i = 0; i < PICTURE_BYTES; i++)
    frame[i] = g_rand_int_range (rand, 0, 256);
  for (guint i = 0; i < CCS_WINDOW; i++)
    mix[i] = level[item] * g_rand_double_range (rand, -1, 1);
}

static gboolean
write_array (const char *folder, const char *name, gconstpointer data,
             gsize size, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_set_contents (path, data, size, error);
}

static gboolean
write_values (const char *path, const char *folder, GError **error)
{
  g_autoptr (CcsModel) model = ccs_model_load (path, "cpu", NULL, error);
  gsize feature = model ? ccs_model_feature_size (model) : 0;
  g_autofree guint8 *frames = g_new (guint8, N_ITEMS * PICTURE_BYTES);
  g_autofree float *mixes = g_new (float, N_ITEMS *CCS_WINDOW);
  g_autofree float *differences = g_new (float, N_ITEMS *CCS_WINDOW);
  g_autofree float *features = g_new (float, N_ITEMS *feature);
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);
  const guint8 *frame[N_ITEMS];
  const float *mix[N_ITEMS];
  float *features_of[N_ITEMS], *difference[N_ITEMS];

  for (guint i = 0; i < N_ITEMS; i++) {
    frame[i] = frames + i * PICTURE_BYTES;
    mix[i] = mixes + i * CCS_WINDOW;
    features_of[i] = features + i * feature;
    difference[i] = differences + i * CCS_WINDOW;
    fill (rand, frames + i * PICTURE_BYTES, mixes + i * CCS_WINDOW, i);
  }
  return model && ccs_model_encode (model, frame, N_ITEMS, features_of, error)
         && ccs_model_separate (model, mix, (const float *const *)features_of,
                                N_ITEMS, difference, error)
         && write_array (folder, "frames", frames, N_ITEMS * PICTURE_BYTES,
                         error)
         && write_array (folder, "mix", mixes,
                         N_ITEMS * CCS_WINDOW * sizeof (float), error)
         && write_array (folder, "features", features,
                         N_ITEMS * feature * sizeof (float), error)
         && write_array (folder, "difference", differences,
                         N_ITEMS * CCS_WINDOW * sizeof (float), error);
}

static gboolean
write_random_model (gint backbone, gint dim_scale, const char *path,
                    GError **error)
{
  const CcsModelConfig config
      = { backbone, dim_scale, { TRUE, FALSE, TRUE, FALSE } };
  g_autoptr (CcsStateDict) params = random_params (&config, SEED);

  return ccs_checkpoint_save (path, params, NULL, CCS_F32, CCS_OUTPUT_OVERWRITE,
                              error);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = argc == 5
                    ? write_random_model (atoi (argv[2]), atoi (argv[3]),
                                          argv[4], &error)
                    : argc == 3 && write_values (argv[1], argv[2], &error);

  if (!ok)
    g_printerr ("onnx-values: %s\n", error ? error->message : "wrong usage");
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
