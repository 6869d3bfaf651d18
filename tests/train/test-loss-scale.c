/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dynamic loss scaling, tested on the CPU in float32. float32 does not need
 * it, so it must not change any step, except steps that overflow because the
 * scale is far too large. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "initial.h"
#include "loss-scale.h"
#include "step.h"
#include "backend/registry.h"
#include "../suite.h"

#define BATCH 2
#define STEPS 6
#define HALF 3
/* Four halvings above the largest scale at which the squares of this gradient
 * fit float32. */
#define TOO_LARGE 0x1p70

static CcsBackend *backend;
static float *left, *right;
static guint8 *frames;

static void
assert_ok (gboolean ok, const GError *error)
{
  ck_assert_msg (ok, "%s", error ? error->message : "no reason given");
}

static float *
noise (GRand *random, gsize n)
{
  float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    values[i] = (float)g_rand_double_range (random, -0.17, 0.17);
  return values;
}

/* Returns grey noise near the mean colour of ImageNet, so that normalised
 * values are small. */
static guint8 *
grey_noise (GRand *random, gsize n)
{
  guint8 *values = g_new (guint8, n);

  for (gsize i = 0; i < n; i++)
    values[i] = g_rand_int_range (random, 106, 126);
  return values;
}

static void
open_backend (void)
{
  g_autoptr (GError) error = NULL;
  GRand *random = g_rand_new_with_seed (1);

  backend = ccs_backend_open ("cpu", NULL, &error);
  assert_ok (backend != NULL, error);
  left = noise (random, BATCH * CCS_WINDOW);
  right = noise (random, BATCH * CCS_WINDOW);
  frames = grey_noise (random, BATCH * CCS_CROP_HEIGHT * CCS_CROP_WIDTH * 3);
  g_rand_free (random);
}

static void
close_backend (void)
{
  ccs_backend_unref (backend);
  g_free (left);
  g_free (right);
  g_free (frames);
}

static CcsTrainStep *
open_step (double scale, CcsStateDict *params, CcsStateDict *optimizer)
{
  CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  CcsTrainOptions options = CCS_TRAIN_OPTIONS_PUBLISHED;
  g_autoptr (CcsStateDict) fresh = ccs_initial_params (&config, 1);
  g_autoptr (GError) error = NULL;
  CcsTrainStep *step;

  options.batch = BATCH;
  options.total_steps = 100;
  options.scl = FALSE;
  options.loss_scale = scale;
  step = ccs_train_step_new (params ? params : fresh, &config, &options,
                             optimizer, backend, &error);
  assert_ok (step != NULL, error);
  return step;
}

static CcsTrainReport
run_step (CcsTrainStep *step)
{
  CcsTrainBatch batch = { .left = left, .right = right, .frames = frames };
  g_autoptr (GError) error = NULL;
  CcsTrainReport report;

  assert_ok (ccs_train_step_run (step, &batch, &report, &error), error);
  return report;
}

static CcsStateDict *
export_params (CcsTrainStep *step)
{
  g_autoptr (GError) error = NULL;
  CcsStateDict *params = ccs_train_step_export (step, &error);

  assert_ok (params != NULL, error);
  return params;
}

static CcsStateDict *
export_optimizer (CcsTrainStep *step)
{
  g_autoptr (GError) error = NULL;
  CcsStateDict *optimizer = ccs_train_step_export_optimizer (step, &error);

  assert_ok (optimizer != NULL, error);
  return optimizer;
}

/* Returns whether @name is a parameter that the optimiser updates. Running
 * statistics of batch norms change in skipped steps, too. */
static gboolean
is_learned (const char *name)
{
  return strstr (name, "running_") == NULL
         && strstr (name, "num_batches_tracked") == NULL;
}

static gboolean
same_tensor (const CcsTensor *a, const CcsTensor *b)
{
  return ccs_tensor_size (a) == ccs_tensor_size (b)
         && memcmp (a->data, b->data, ccs_tensor_size (a)) == 0;
}

static void
assert_same (CcsStateDict *a, CcsStateDict *b, gboolean learned_only)
{
  ck_assert_uint_eq (ccs_state_dict_size (a), ccs_state_dict_size (b));
  for (guint i = 0; i < ccs_state_dict_size (a); i++) {
    const char *name = ccs_state_dict_name (a, i);
    CcsTensor *other = ccs_state_dict_lookup (b, name);

    ck_assert_msg (other != NULL, "no %s", name);
    if (!learned_only || is_learned (name))
      ck_assert_msg (same_tensor (ccs_state_dict_tensor (a, i), other),
                     "%s differs", name);
  }
}

/* -- the scale without training -- */

START_TEST (an_overflow_halves_the_scale_and_restarts_the_count)
{
  CcsLossScale scale = { .scale = 8., .good = 5, .skipped = 1 };

  ccs_loss_scale_count (&scale, FALSE);
  ck_assert_double_eq (scale.scale, 4.);
  ck_assert_int_eq (scale.good, 0);
  ck_assert_int_eq (scale.skipped, 2);
}
END_TEST

START_TEST (a_row_of_good_steps_doubles_the_scale)
{
  CcsLossScale scale = { .scale = 8. };

  for (guint i = 1; i < CCS_LOSS_SCALE_PATIENCE; i++)
    ccs_loss_scale_count (&scale, TRUE);
  ck_assert_double_eq (scale.scale, 8.);
  ccs_loss_scale_count (&scale, TRUE);
  ck_assert_double_eq (scale.scale, 16.);
  ck_assert_int_eq (scale.good, 0);
}
END_TEST

START_TEST (the_scale_stays_within_its_bounds)
{
  CcsLossScale small = { .scale = CCS_LOSS_SCALE_LEAST };
  CcsLossScale large
      = { .scale = CCS_LOSS_SCALE_MOST, .good = CCS_LOSS_SCALE_PATIENCE - 1 };

  ccs_loss_scale_count (&small, FALSE);
  ccs_loss_scale_count (&large, TRUE);
  ck_assert_double_eq (small.scale, CCS_LOSS_SCALE_LEAST);
  ck_assert (ccs_loss_scale_is_least (&small));
  ck_assert_double_eq (large.scale, CCS_LOSS_SCALE_MOST);
}
END_TEST

/* -- in training -- */

START_TEST (a_scale_that_fits_changes_nothing)
{
  CcsTrainStep *plain = open_step (0., NULL, NULL);
  CcsTrainStep *scaled = open_step (1024., NULL, NULL);
  g_autoptr (CcsStateDict) want = NULL;
  g_autoptr (CcsStateDict) got = NULL;

  for (guint i = 0; i < 2; i++) {
    CcsTrainReport a = run_step (plain), b = run_step (scaled);

    ck_assert_double_eq (a.loss, b.loss);
    ck_assert (!b.skipped);
  }
  want = export_params (plain);
  got = export_params (scaled);
  assert_same (want, got, FALSE);
  ccs_train_step_free (plain);
  ccs_train_step_free (scaled);
}
END_TEST

START_TEST (an_overflowing_step_changes_no_parameter)
{
  CcsTrainStep *step = open_step (TOO_LARGE, NULL, NULL);
  g_autoptr (CcsStateDict) before = export_params (step);
  g_autoptr (CcsStateDict) after = NULL;
  CcsTrainReport report = run_step (step);

  after = export_params (step);
  ck_assert (report.skipped);
  ck_assert_double_eq (report.loss_scale, TOO_LARGE);
  ck_assert_uint_eq (ccs_train_step_index (step), 1);
  assert_same (before, after, TRUE);
  ck_assert_double_eq (run_step (step).loss_scale, TOO_LARGE / 2);
  ccs_train_step_free (step);
}
END_TEST

/* Adam's first update moves every parameter by about the learning rate, for
 * any gradient, if its bias correction is that of a first update. */
START_TEST (skipped_steps_count_as_no_updates)
{
  CcsTrainStep *step = open_step (TOO_LARGE, NULL, NULL);
  static const char name[] = "net_audio.audionet_convlayer2.0.weight";
  g_autoptr (CcsStateDict) before = export_params (step);
  g_autoptr (CcsStateDict) after = NULL;
  CcsTrainReport report;
  const CcsTensor *a, *b;
  gsize n, near = 0;
  guint skipped = 0;

  while ((report = run_step (step)).skipped)
    skipped++;
  ck_assert_uint_gt (skipped, 2);
  after = export_params (step);
  a = ccs_state_dict_lookup (before, name);
  b = ccs_state_dict_lookup (after, name);
  n = ccs_tensor_size (a) / sizeof (float);
  for (gsize i = 0; i < n; i++) {
    double moved = ((const float *)a->data)[i] - ((const float *)b->data)[i];

    near += fabs (fabs (moved) / report.lr_audio - 1.) < 0.02;
  }
  ck_assert_uint_gt (near, 0.9 * n);
  ccs_train_step_free (step);
}
END_TEST

static void
assert_same_state (CcsTrainStep *a, CcsTrainStep *b)
{
  g_autoptr (CcsStateDict) params_a = export_params (a);
  g_autoptr (CcsStateDict) params_b = export_params (b);
  g_autoptr (CcsStateDict) optimizer_a = export_optimizer (a);
  g_autoptr (CcsStateDict) optimizer_b = export_optimizer (b);

  assert_same (params_a, params_b, FALSE);
  assert_same (optimizer_a, optimizer_b, FALSE);
}

START_TEST (a_resumed_run_goes_on_with_its_scale)
{
  CcsTrainStep *straight = open_step (TOO_LARGE, NULL, NULL);
  CcsTrainStep *first = open_step (TOO_LARGE, NULL, NULL);
  CcsTrainStep *second;
  g_autoptr (CcsStateDict) params = NULL;
  g_autoptr (CcsStateDict) optimizer = NULL;

  for (guint i = 0; i < STEPS; i++)
    run_step (straight);
  for (guint i = 0; i < HALF; i++)
    run_step (first);
  params = export_params (first);
  optimizer = export_optimizer (first);
  second = open_step (TOO_LARGE, params, optimizer);
  for (guint i = HALF; i < STEPS; i++)
    run_step (second);
  assert_same_state (straight, second);
  ccs_train_step_free (straight);
  ccs_train_step_free (first);
  ccs_train_step_free (second);
}
END_TEST

START_TEST (a_state_without_a_scale_is_refused)
{
  g_autoptr (CcsStateDict) optimizer = ccs_state_dict_new ();
  CcsLossScale scale = { .scale = NAN };
  g_autoptr (GError) error = NULL;

  ck_assert (!ccs_loss_scale_restore (&scale, optimizer, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_MODEL));
  g_clear_error (&error);
  ccs_loss_scale_export (&scale, optimizer);
  ck_assert (!ccs_loss_scale_restore (&scale, optimizer, &error));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("loss-scale");
  TCase *scale = tcase_create ("scale");
  TCase *steps = tcase_create ("steps");

  tcase_add_test (scale, an_overflow_halves_the_scale_and_restarts_the_count);
  tcase_add_test (scale, a_row_of_good_steps_doubles_the_scale);
  tcase_add_test (scale, the_scale_stays_within_its_bounds);
  tcase_add_test (scale, a_state_without_a_scale_is_refused);
  suite_add_tcase (suite, scale);
  tcase_add_checked_fixture (steps, open_backend, close_backend);
  tcase_add_test (steps, a_scale_that_fits_changes_nothing);
  tcase_add_test (steps, an_overflowing_step_changes_no_parameter);
  tcase_add_test (steps, skipped_steps_count_as_no_updates);
  tcase_add_test (steps, a_resumed_run_goes_on_with_its_scale);
  suite_add_tcase (suite, steps);
  return run_suite (suite);
}
