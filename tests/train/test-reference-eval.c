/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The published evaluation: indices of windows and frames, the eight
 * metrics, and the whole test protocol with TDSS on a clip of 2 s. */
#include <string.h>

#include "backend/registry.h"
#include "../core/reference-support.h"
#include "audio/window-grid.h"
#include "binauralizer/clip.h"
#include "checkpoint/checkpoint.h"

#include "metrics.h"
#include "model/model-private.h"

#define TOLERANCE 1e-5
#define PHASE_TOLERANCE 3e-4
#define FRAME_OFFSET 0.1 /* seconds, as published */

static char **metric_files, **clip_files;

static JsonObject *
evaluation_object (JsonNode *evaluation, const char *member)
{
  JsonObject *root = json_node_get_object (evaluation);

  if (!json_object_has_member (root, member))
    ck_abort_msg ("evaluation.json has no \"%s\"", member);
  return json_object_get_object_member (root, member);
}

static JsonNode *
load_evaluation (void)
{
  g_autofree char *path = reference_path ("evaluation.json");

  return reference_load_json (path);
}

static void
assert_metrics (JsonObject *want, const double values[CCS_N_METRICS])
{
  ck_assert_uint_eq (json_object_get_size (want), CCS_N_METRICS);
  for (guint m = 0; m < CCS_N_METRICS; m++) {
    const char *name = ccs_metric_name (m);

    if (!json_object_has_member (want, name))
      ck_abort_msg ("evaluation.json has no metric %s", name);
    reference_assert_near (name, values[m],
                           json_object_get_double_member (want, name),
                           m == CCS_METRIC_PHASE ? PHASE_TOLERANCE : TOLERANCE);
  }
}

/* Sets @rows to the two rows of a [2,n] tensor. */
static gsize
stereo_rows (const CcsCheckpoint *file, const char *name, const float *rows[2])
{
  CcsTensor *tensor = ccs_state_dict_lookup (file->tensors, name);

  if (tensor == NULL || tensor->dtype != CCS_F32 || tensor->shape.rank != 2
      || tensor->shape.dim[0] != 2)
    ck_abort_msg ("no stereo signal %s", name);
  rows[0] = tensor->data;
  rows[1] = rows[0] + tensor->shape.dim[1];
  return tensor->shape.dim[1];
}

/* -- the protocol -------------------------------------------------------- */

/* Returns the frame index as the published loader computes it, which rounds
 * the duration to whole seconds. */
static gint64
published_frame (gsize window, gsize n)
{
  return ccs_grid_frame (window * CCS_HOP, n, n / CCS_MODEL_RATE, FRAME_OFFSET,
                         CCS_WINDOW, CCS_ANALYSIS_FPS);
}

static void
assert_frame_numbers (gsize n, JsonArray *want)
{
  for (guint w = 0; w < json_array_get_length (want); w++) {
    gint64 frame = published_frame (w, n);

    if (frame != json_array_get_int_element (want, w))
      ck_abort_msg ("%" G_GSIZE_FORMAT " samples, window %u: frame "
                    "%" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT,
                    n, w, frame, json_array_get_int_element (want, w));
  }
}

START_TEST (windows_and_frame_numbers_are_the_published_ones)
{
  g_autoptr (JsonNode) evaluation = load_evaluation ();
  JsonObject *protocol = evaluation_object (evaluation, "protocol");
  g_autoptr (GList) lengths = json_object_get_members (protocol);

  ck_assert_ptr_nonnull (lengths);
  for (GList *l = lengths; l != NULL; l = l->next) {
    JsonObject *want = json_object_get_object_member (protocol, l->data);
    JsonArray *frames = json_object_get_array_member (want, "frame_index");
    gsize n = g_ascii_strtoull (l->data, NULL, 10);
    gsize windows = ccs_grid_windows (n, CCS_WINDOW, CCS_HOP);

    ck_assert_int_eq (CCS_HOP, json_object_get_int_member (want, "hop"));
    ck_assert_int_eq (windows, json_object_get_int_member (want, "windows"));
    ck_assert_int_eq (windows, json_array_get_length (frames));
    ck_assert_int_eq (ccs_grid_padded (n, CCS_WINDOW, CCS_HOP),
                      json_object_get_int_member (want, "padded"));
    ck_assert_int_eq ((windows - 1) * CCS_HOP,
                      json_object_get_int_member (want, "last"));
    assert_frame_numbers (n, frames);
  }
}
END_TEST

/* -- the metrics --------------------------------------------------------- */

START_TEST (metrics_of_the_stored_signals_are_the_published_ones)
{
  g_autoptr (CcsCheckpoint) file = reference_load (metric_files[_i]);
  g_autoptr (JsonNode) evaluation = load_evaluation ();
  g_autoptr (GError) error = NULL;
  const float *prediction[2], *truth[2];
  double values[CCS_N_METRICS];
  gsize n = stereo_rows (file, "pred", prediction);

  ck_assert_uint_eq (stereo_rows (file, "gt", truth), n);
  assert_ok (ccs_metrics_compute (prediction, truth, n, values, &error), error);
  assert_metrics (evaluation_object (evaluation, "metrics"), values);
}
END_TEST

/* -- the clip ------------------------------------------------------------ */

typedef struct
{
  gsize n;
  GHashTable *features; /* frame index -> its feature */
} Clip;

static const float *
feature_of_window (gsize window, gpointer user_data)
{
  Clip *clip = user_data;

  return g_hash_table_lookup (
      clip->features, GSIZE_TO_POINTER (published_frame (window, clip->n)));
}

/* Encodes the TDSS crop of the noise image "eval.frame.K". */
static float *
encode_frame (CcsModel *model, const char *seed, gint64 frame)
{
  g_autofree char *name
      = g_strdup_printf ("eval.frame.%" G_GINT64_FORMAT, frame);
  g_autofree guint8 *picture
      = reference_pixels (seed, name, 3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT);
  g_autofree guint8 *crop = g_malloc (3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT);
  g_autoptr (GError) error = NULL;
  float *feature = g_new (float, ccs_model_feature_size (model));

  ccs_crop (picture, ccs_tdss_point (frame), crop);
  assert_ok (ccs_model_encode (model, (const guint8 *const[]){ crop }, 1,
                               (float *const[]){ feature }, &error),
             error);
  return feature;
}

static GHashTable *
encode_frames (CcsModel *model, const char *seed, gsize n)
{
  GHashTable *features = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  gsize windows = ccs_grid_windows (n, CCS_WINDOW, CCS_HOP);

  for (gsize w = 0; w < windows; w++) {
    gint64 frame = published_frame (w, n);

    if (!g_hash_table_contains (features, GSIZE_TO_POINTER (frame)))
      g_hash_table_insert (features, GSIZE_TO_POINTER (frame),
                           encode_frame (model, seed, frame));
  }
  return features;
}

static CcsModel *
clip_model (const CcsCheckpoint *file, int index)
{
  CcsModelConfig config
      = reference_config (reference_metadata_int (file, "backbone"),
                          reference_metadata_int (file, "dim_scale"));
  g_autoptr (CcsStateDict) params
      = reference_state_dict (&config, reference_metadata (file, "seed"));
  g_autoptr (CcsBackend) backend = reference_backend (clip_files, index);
  g_autoptr (GError) error = NULL;
  CcsModel *model
      = ccs_model_new (params, "reference parameters", backend, &error);

  assert_ok (model != NULL, error);
  return model;
}

/* Runs the clip's mix through the test protocol. Returns [2,n]. */
static float *
binauralize (const CcsCheckpoint *file, CcsModel *model, const float *left,
             const float *right, gsize n)
{
  g_autofree float *mix = g_new (float, n);
  g_autofree float *difference = g_new (float, n);
  g_autoptr (GHashTable) features
      = encode_frames (model, reference_metadata (file, "seed"), n);
  g_autoptr (GError) error = NULL;
  float *binaural = g_new (float, 2 * n);
  Clip clip = { n, features };

  for (gsize i = 0; i < n; i++)
    mix[i] = left[i] + right[i];
  assert_ok (ccs_binauralize_clip (model, mix, n, feature_of_window, &clip,
                                   difference, &error),
             error);
  for (gsize i = 0; i < n; i++) {
    binaural[i] = (mix[i] + difference[i]) / 2;
    binaural[n + i] = (mix[i] - difference[i]) / 2;
  }
  return binaural;
}

START_TEST (clip_through_the_protocol_is_the_published_one)
{
  g_autoptr (CcsCheckpoint) file
      = reference_load (reference_file (clip_files, _i));
  g_autoptr (CcsModel) model = clip_model (file, _i);
  g_autoptr (JsonNode) evaluation = load_evaluation ();
  JsonObject *want = evaluation_object (evaluation, "eval_clip");
  g_autoptr (GError) error = NULL;
  gsize n, n_right;
  const float *left = reference_floats (file->tensors, "left", &n);
  const float *right = reference_floats (file->tensors, "right", &n_right);
  g_autofree float *truth = NULL, *prediction = NULL;
  double values[CCS_N_METRICS];

  ck_assert_uint_eq (n, n_right);
  ck_assert_int_eq (ccs_grid_windows (n, CCS_WINDOW, CCS_HOP),
                    json_object_get_int_member (want, "windows"));
  assert_frame_numbers (n, json_object_get_array_member (want, "frame_index"));
  prediction = binauralize (file, model, left, right, n);
  reference_assert_entry (file, "predicted_binaural", prediction, 2 * n,
                          TOLERANCE);

  truth = g_new (float, 2 * n);
  memcpy (truth, left, n * sizeof *truth);
  memcpy (truth + n, right, n * sizeof *truth);
  ccs_metrics_normalise_peak ((float *const[2]){ truth, truth + n }, n);
  ccs_metrics_normalise_peak ((float *const[2]){ prediction, prediction + n },
                              n);
  assert_ok (ccs_metrics_compute (
                 (const float *const[2]){ prediction, prediction + n },
                 (const float *const[2]){ truth, truth + n }, n, values,
                 &error),
             error);
  assert_metrics (
      json_object_get_object_member (want, "metrics_after_peak_normalise"),
      values);
}
END_TEST

START_TEST (the_folder_holds_metrics_and_a_clip)
{
  ck_assert_msg (metric_files[0] != NULL, "no metrics*.safetensors");
  ck_assert_msg (clip_files[0] != NULL, "no eval-clip*.safetensors");
}
END_TEST

int
main (void)
{
  const TTest *const tests[]
      = { clip_through_the_protocol_is_the_published_one };
  Suite *suite = suite_create ("reference-eval");
  TCase *numbers = tcase_create ("numbers");
  int status;

  metric_files = reference_files ("metrics*.safetensors");
  clip_files = reference_files ("eval-clip*.safetensors");
  tcase_add_test (numbers, the_folder_holds_metrics_and_a_clip);
  tcase_add_test (numbers, windows_and_frame_numbers_are_the_published_ones);
  tcase_add_loop_test (numbers,
                       metrics_of_the_stored_signals_are_the_published_ones, 0,
                       (int)g_strv_length (metric_files));
  suite_add_tcase (suite, numbers);
  reference_add_cases (suite, g_strv_length (clip_files), tests,
                       G_N_ELEMENTS (tests), NULL);
  status = reference_run (suite);
  g_strfreev (metric_files);
  g_strfreev (clip_files);
  return status;
}
