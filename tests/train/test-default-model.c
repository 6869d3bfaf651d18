/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Evaluates the model in data/models on test scenes, which are not in its
 * training data. */
#include "lateral.h"
#include "../suite.h"

#include <check.h>

#define SCENES 4 /* the third and fourth have one source each, on one side */
#define STFT_BELOW_MONO 0.75

static gboolean
add_clip (const CcsEvaluatedClip *clip, gpointer user_data, GError **error)
{
  ccs_lateral_add (user_data, clip);
  return TRUE;
}

START_TEST (things_are_heard_where_they_are_seen)
{
  CcsDatasetOptions options = CCS_DATASET_OPTIONS_INIT;
  CcsEvaluateOptions how = { .tdss = TRUE };
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsDataset) dataset = NULL;
  g_autoptr (CcsLateral) lateral = NULL;
  g_autoptr (CcsModel) model = NULL;
  CcsScores prediction, mono;
  guint clips;

  options.split = CCS_SPLIT_TEST;
  options.scene_count = SCENES;
  dataset = ccs_dataset_open (&options, &error);
  lateral = ccs_lateral_new (&options, &error);
  model = ccs_model_load (DEFAULT_MODEL, "cpu", NULL, &error);
  ck_assert_msg (dataset && lateral && model, "%s",
                 error ? error->message : "");
  ck_assert (ccs_evaluate (model, dataset, &how, add_clip, lateral, &prediction,
                           &mono, &clips, &error));
  ck_assert_double_lt (prediction.metrics[CCS_METRIC_STFT],
                       STFT_BELOW_MONO * mono.metrics[CCS_METRIC_STFT]);
  ck_assert_uint_ge (ccs_lateral_scores (lateral)->clips, 2);
  ck_assert_uint_eq (ccs_lateral_scores (lateral)->right_side,
                     ccs_lateral_scores (lateral)->clips);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("default-model");
  TCase *tc = tcase_create ("default-model");

  tcase_add_test (tc, things_are_heard_where_they_are_seen);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
