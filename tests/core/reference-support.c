/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See reference-support.h; the number generator and the entries' names are
 * described in tests/reference/README.md. */
#include "reference-support.h"
#include "backend/registry.h"
#include "../suite.h"
#include "checkpoint/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* -- the folder ---------------------------------------------------------- */

static const char *
folder (void)
{
  const char *chosen = g_getenv ("CCSTEREO_REFERENCE_DIR");

  return chosen != NULL ? chosen : REFERENCE_DIR;
}

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *)a, *(char *const *)b);
}

char **
reference_files (const char *glob)
{
  g_autoptr (GPatternSpec) pattern = g_pattern_spec_new (glob);
  g_autoptr (GDir) dir = g_dir_open (folder (), 0, NULL);
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_pattern_spec_match_string (pattern, name))
      g_ptr_array_add (paths, reference_path (name));
  g_ptr_array_sort (paths, compare_strings);
  g_ptr_array_add (paths, NULL);
  return (char **)g_ptr_array_steal (paths, NULL);
}

const float *
reference_floats (const CcsStateDict *dict, const char *name, gsize *n)
{
  const CcsTensor *tensor = ccs_state_dict_lookup (dict, name);

  if (tensor == NULL || tensor->dtype != CCS_F32)
    ck_abort_msg ("no float32 tensor is called %s", name);
  *n = ccs_shape_elements (&tensor->shape);
  return tensor->data;
}

char *
reference_path (const char *name)
{
  return g_build_filename (folder (), name, NULL);
}

CcsCheckpoint *
reference_load (const char *path)
{
  g_autoptr (GError) error = NULL;
  CcsCheckpoint *file = ccs_checkpoint_load (path, &error);

  assert_ok (file != NULL, error);
  return file;
}

JsonNode *
reference_load_json (const char *path)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;

  assert_ok (json_parser_load_from_file (parser, path, &error), error);
  return json_parser_steal_root (parser);
}

/* Timeout: a test runs a whole net in plain loops, possibly on a shared
 * machine. */
#define TEST_SECONDS 1800

/* Returns the name of the reference backend, or of the backend that is
 * compared with it: $CCSTEREO_TEST_BACKEND, or "cpu". */
static const char *
backend_name (guint b)
{
  const char *tested = g_getenv ("CCSTEREO_TEST_BACKEND");

  return b == 0 ? "reference" : tested ? tested : "cpu";
}

void
reference_add_cases (Suite *suite, guint n_files, const TTest *const *tests,
                     guint n_tests, const SFun setups[REFERENCE_BACKENDS])
{
  for (guint b = 0; b < REFERENCE_BACKENDS; b++) {
    TCase *tcase = tcase_create (backend_name (b));

    tcase_set_timeout (tcase, TEST_SECONDS);
    if (setups != NULL)
      tcase_add_unchecked_fixture (tcase, setups[b], NULL);
    for (guint t = 0; t < n_tests; t++)
      tcase_add_loop_test (tcase, tests[t], b * n_files, (b + 1) * n_files);
    suite_add_tcase (suite, tcase);
  }
}

const char *
reference_file (char **files, int index)
{
  return files[index % g_strv_length (files)];
}

CcsBackend *
reference_backend (char **files, int index)
{
  const char *name = backend_name (index / g_strv_length (files));
  CcsBackendOptions options = { .n_threads = 0, .device_id = -1 };
  g_autoptr (GError) error = NULL;
  CcsBackend *backend = ccs_backend_open (name, &options, &error);

  assert_ok (backend != NULL, error);
  g_debug ("%s on %s", reference_file (files, index), name);
  return backend;
}

int
reference_run (Suite *suite)
{
  g_autoptr (GError) error = NULL;
  CcsBackend *tested = ccs_backend_open (backend_name (1), NULL, &error);

  if (tested == NULL) {
    printf ("1..0 # SKIP %s\n", error->message);
    return 0;
  }
  /* Each test runs in a fork, which a backend's threads do not survive. */
  ccs_backend_unref (tested);
  return run_suite (suite);
}

/* -- metadata ------------------------------------------------------------ */

const char *
reference_metadata (const CcsCheckpoint *file, const char *key)
{
  const char *value = g_hash_table_lookup (file->metadata, key);

  if (value == NULL)
    ck_abort_msg ("the file's metadata has no \"%s\"", key);
  return value;
}

gint
reference_metadata_int (const CcsCheckpoint *file, const char *key)
{
  return (gint)g_ascii_strtoll (reference_metadata (file, key), NULL, 10);
}

CcsModelConfig
reference_config (gint backbone, gint dim_scale)
{
  CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;

  config.backbone = backbone;
  config.dim_scale = dim_scale;
  return config;
}

/* -- values generated from names ----------------------------------------- */

static guint64
name_hash (const char *seed, const char *name)
{
  g_autofree char *text = g_strconcat (seed, name, NULL);
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (const char *c = text; *c != '\0'; c++)
    hash = (hash ^ (guint8)*c) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

/* Returns element @i of the sequence of @hash, in [0, 1). */
static double
uniform (guint64 hash, guint64 i)
{
  guint64 x = hash + (i + 1) * G_GUINT64_CONSTANT (0x9E3779B97F4A7C15);

  x = (x ^ x >> 30) * G_GUINT64_CONSTANT (0xBF58476D1CE4E5B9);
  x = (x ^ x >> 27) * G_GUINT64_CONSTANT (0x94D049BB133111EB);
  x = x ^ x >> 31;
  return (x >> 40) * 0x1p-24;
}

/* Returns offset + scale x v, where v is u in [0, 1), or s = 2u - 1 if
 * @centred. */
static float *
sequence (const char *seed, const char *name, gsize n, double offset,
          double scale, gboolean centred)
{
  guint64 hash = name_hash (seed, name);
  float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++) {
    double u = uniform (hash, i);
    values[i] = (float)(offset + scale * (centred ? 2 * u - 1 : u));
  }
  return values;
}

float *
reference_noise (const char *seed, const char *name, gsize n, double scale)
{
  return sequence (seed, name, n, 0, scale, TRUE);
}

guint8 *
reference_pixels (const char *seed, const char *name, gsize n)
{
  guint64 hash = name_hash (seed, name);
  guint8 *pixels = g_new (guint8, n);

  for (gsize i = 0; i < n; i++)
    pixels[i] = (guint8)(256 * uniform (hash, i));
  return pixels;
}

guint8 *
reference_frames (const char *seed, const char *name, gint n)
{
  gsize cells = CCS_CROP_WIDTH * CCS_CROP_HEIGHT;
  g_autofree guint8 *planes = reference_pixels (seed, name, n * 3 * cells);
  guint8 *frames = g_new (guint8, n * 3 * cells);

  for (gint b = 0; b < n; b++)
    for (gsize c = 0; c < 3; c++)
      for (gsize i = 0; i < cells; i++)
        frames[(b * cells + i) * 3 + c] = planes[(b * 3 + c) * cells + i];
  return frames;
}

static float *
parameter_values (const char *seed, const CcsParamInfo *info, gsize n)
{
  const char *name = info->name;

  if (g_str_has_suffix (name, "running_var"))
    return sequence (seed, name, n, 1, 0.5, FALSE);
  if (g_str_has_suffix (name, "running_mean"))
    return sequence (seed, name, n, 0, 0.1, TRUE);
  if (info->shape.rank == 1 && g_str_has_suffix (name, "weight"))
    return sequence (seed, name, n, 1, 0.1, TRUE);
  if (info->shape.rank == 1)
    return sequence (seed, name, n, 0, 0.05, TRUE);
  return sequence (seed, name, n, 0, sqrt (6.0 / (n / info->shape.dim[0])),
                   TRUE);
}

CcsStateDict *
reference_state_dict (const CcsModelConfig *config, const char *seed)
{
  g_autoptr (GPtrArray) params = ccs_model_config_params (config);
  CcsStateDict *dict = ccs_state_dict_new ();

  for (guint i = 0; i < params->len; i++) {
    const CcsParamInfo *info = g_ptr_array_index (params, i);
    gsize n = ccs_shape_elements (&info->shape);
    gpointer data = info->dtype == CCS_S64
                        ? (gpointer)g_new0 (gint64, n)
                        : (gpointer)parameter_values (seed, info, n);

    if (!ccs_state_dict_insert (
            dict, info->name,
            ccs_tensor_new_take (info->dtype, &info->shape, data)))
      ck_abort_msg ("%s is twice in the list of parameters", info->name);
  }
  return dict;
}

/* -- layouts ------------------------------------------------------------- */

float *
reference_published_layout (const float *values, const CcsShape *shape)
{
  gsize n = ccs_shape_elements (shape);
  gsize outer = shape->dim[0];
  gsize channels = ccs_shape_channels (shape);
  gsize inner = n / (outer * channels);
  float *published = g_new (float, n);

  if (shape->rank < 3)
    memcpy (published, values, n * sizeof *values);
  for (gsize b = 0; shape->rank >= 3 && b < outer; b++)
    for (gsize i = 0; i < inner; i++)
      for (gsize c = 0; c < channels; c++) {
        gsize to = shape->rank == 4 ? (b * channels + c) * inner + i
                                    : (i * outer + b) * channels + c;
        published[to] = values[(b * inner + i) * channels + c];
      }
  return published;
}

/* -- comparisons --------------------------------------------------------- */

double
reference_error (const double *got, const double *want, gsize n)
{
  double error = 0, largest = 0;

  for (gsize i = 0; i < n; i++) {
    if (!isfinite (got[i]))
      return INFINITY;
    error = fmax (error, fabs (got[i] - want[i]));
    largest = fmax (largest, fabs (want[i]));
  }
  return error == 0 ? 0 : error / largest;
}

gsize
reference_probe_index (gsize n, gsize probes, gsize i)
{
  return i * (n / probes);
}

/* Returns the entry's values as double, and their number in @n. (transfer
 * full) */
static double *
entry_values (const CcsCheckpoint *file, const char *entry, gsize *n)
{
  CcsTensor *stored = ccs_state_dict_lookup (file->tensors, entry);
  g_autoptr (CcsTensor) tensor = NULL;

  if (stored == NULL)
    return NULL;
  tensor = ccs_tensor_convert (stored, CCS_F64);
  ck_assert_ptr_nonnull (tensor);
  *n = ccs_shape_elements (&tensor->shape);
  return g_memdup2 (tensor->data, *n * sizeof (double));
}

static void
assert_error (const char *entry, double error, double tolerance)
{
  g_debug ("%.3g of %.3g: %s", error, tolerance, entry);
  if (!(error <= tolerance))
    ck_abort_msg ("%s: relative error %.3g, allowed %.3g", entry, error,
                  tolerance);
}

/* Indices of the elements of NAME.stats. */
enum
{
  MEAN,
  DEVIATION,
  LARGEST,
  N_STATS
};

static void
statistics (const float *values, gsize n, double out[N_STATS])
{
  double mean = 0, variance = 0, largest = 0;

  for (gsize i = 0; i < n; i++)
    mean += values[i];
  mean /= n;
  for (gsize i = 0; i < n; i++) {
    variance += (values[i] - mean) * (values[i] - mean);
    largest = fmax (largest, fabs (values[i]));
  }
  out[MEAN] = mean;
  out[DEVIATION] = sqrt (variance / n);
  out[LARGEST] = largest;
}

static void
assert_whole (const char *name, const double *want, gsize n_want,
              const float *got, gsize n, double tolerance)
{
  g_autofree double *all = g_new (double, n);

  if (n != n_want)
    ck_abort_msg ("%s: %" G_GSIZE_FORMAT " elements, not %" G_GSIZE_FORMAT,
                  name, n, n_want);
  for (gsize i = 0; i < n; i++)
    all[i] = got[i];
  assert_error (name, reference_error (all, want, n), tolerance);
}

/* Compares the probes. The error is relative to the largest magnitude of the
 * whole tensor, which is part of its statistics: the probes alone may happen
 * to be small. */
static void
assert_probes (const char *entry, const double *want, gsize probes,
               double largest, const float *got, gsize n, double tolerance)
{
  double error = 0;

  if (n < probes)
    ck_abort_msg ("%s: only %" G_GSIZE_FORMAT " elements", entry, n);
  for (gsize i = 0; i < probes && isfinite (error); i++) {
    float value = got[reference_probe_index (n, probes, i)];

    error = isfinite (value) ? fmax (error, fabs (value - want[i])) : INFINITY;
  }
  assert_error (entry, error / largest, tolerance);
}

void
reference_assert_entry (const CcsCheckpoint *file, const char *name,
                        const float *got, gsize n, double tolerance)
{
  g_autofree char *probe = g_strconcat (name, ".probe", NULL);
  g_autofree char *stats = g_strconcat (name, ".stats", NULL);
  gsize n_want, n_stats = 0;
  g_autofree double *whole = entry_values (file, name, &n_want);
  g_autofree double *probes = NULL, *wanted_stats = NULL;
  double got_stats[N_STATS];

  if (whole != NULL) {
    assert_whole (name, whole, n_want, got, n, tolerance);
    return;
  }
  probes = entry_values (file, probe, &n_want);
  wanted_stats = entry_values (file, stats, &n_stats);
  if (probes == NULL || n_stats != N_STATS)
    ck_abort_msg ("the file has neither %s nor %s and %s", name, probe, stats);
  assert_probes (probe, probes, n_want, wanted_stats[LARGEST], got, n,
                 tolerance);
  statistics (got, n, got_stats);
  assert_error (stats, reference_error (got_stats, wanted_stats, N_STATS),
                tolerance);
}

void
reference_assert_near (const char *what, double got, double want,
                       double tolerance)
{
  assert_error (what, reference_error (&got, &want, 1), tolerance);
}
