/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs nets of test-ops.c on backends and compares their values. */
#pragma once

#include <check.h>

#include "backend/registry.h"
#include "plan/plan.h"
#include "op-net.h"

/* Errors are relative to at least this magnitude. Values that should be
 * zero, such as the gradient of a bias before a batch norm, consist of
 * rounding errors. */
#define MAGNITUDE_FLOOR 1e-4

#define assert_ok(call, error, net_case)                                       \
  do {                                                                         \
    if (!(call))                                                               \
      ck_abort_msg ("%s: %s: %s", net_case, #call, error->message);            \
  } while (0)

/* -- running --------------------------------------------------------------- */

/* Returns the backend that is compared with the reference functions:
 * $CCSTEREO_TEST_BACKEND, or "cpu". */
static const char *
tested_backend (void)
{
  const char *name = g_getenv ("CCSTEREO_TEST_BACKEND");
  return name ? name : "cpu";
}

/* Returns the reason why this machine cannot run the tests, or NULL.
 * (transfer full) */
static char *
why_not_here (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsBackend) backend
      = ccs_backend_open (tested_backend (), NULL, &error);
  return backend ? NULL : g_strdup (error->message);
}

/* @n_threads: 0 lets the backend choose. */
static CcsPlan *
plan_on_threads (const char *backend_name, gint n_threads, Net *net,
                 CcsPlanFlags flags, const char *label)
{
  const CcsBackendOptions options = { .n_threads = n_threads, .device_id = -1 };
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsBackend) backend
      = ccs_backend_open (backend_name, &options, &error);
  assert_ok (backend, error, label);
  CcsPlan *plan = ccs_plan_new (backend, net->program, flags, &error);
  assert_ok (plan, error, label);
  return plan;
}

static CcsPlan *
plan_on (const char *backend_name, Net *net, CcsPlanFlags flags,
         const char *label)
{
  return plan_on_threads (backend_name, 0, net, flags, label);
}

static void
plan_feed (CcsPlan *plan, const Feed *feed, const char *label)
{
  g_autoptr (GError) error = NULL;
  assert_ok (ccs_plan_write (plan, feed->id, feed->data, feed->bytes, &error),
             error, label);
}

static void
plan_run (CcsPlan *plan, Net *net, CcsPhase phases, const char *label)
{
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < net->feeds->len; i++)
    plan_feed (plan, &g_array_index (net->feeds, Feed, i), label);
  assert_ok (ccs_plan_run (plan, phases, &error), error, label);
}

/* Makes a plan in which all values can be read, and runs it once. Checks the
 * guards around its memory if the host can access that. */
static CcsPlan *
run_guarded (const char *backend_name, Net *net, const char *label)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsBackend) backend
      = ccs_backend_open (backend_name, NULL, &error);
  assert_ok (backend, error, label);
  CcsPlanFlags guard
      = backend->klass->host_memory ? CCS_PLAN_GUARD : CCS_PLAN_NONE;
  CcsPlan *plan = plan_on (backend_name, net, guard | CCS_PLAN_KEEP_ALL, label);

  plan_run (plan, net, CCS_PHASE_ALL, label);
  assert_ok (!guard || ccs_plan_check_guards (plan, &error), error, label);
  return plan;
}

/* As run_guarded(), on the CPU backend with @n_threads. */
static CcsPlan *
run_on_threads (gint n_threads, Net *net, const char *label)
{
  CcsPlan *plan
      = plan_on_threads ("cpu", n_threads, net, CCS_PLAN_KEEP_ALL, label);

  plan_run (plan, net, CCS_PHASE_ALL, label);
  return plan;
}

static gpointer
plan_read (CcsPlan *plan, CcsValueId id, const char *label)
{
  g_autoptr (GError) error = NULL;
  const CcsValue *value = ccs_program_value (ccs_plan_program (plan), id);
  gsize bytes
      = ccs_shape_elements (&value->shape) * ccs_dtype_size (value->dtype);
  gpointer data = g_malloc (bytes);

  assert_ok (ccs_plan_read (plan, id, data, bytes, &error), error, label);
  return data;
}

/* -- comparing ------------------------------------------------------------- */

/* Returns the largest difference divided by the largest magnitude; NaN if a
 * value is NaN. */
static double
relative_error (const float *got, const float *want, gsize n, double floor)
{
  double difference = 0, magnitude = floor;

  for (gsize i = 0; i < n; i++) {
    double apart = fabs ((double)got[i] - want[i]);
    if (isnan (apart))
      return apart;
    difference = MAX (difference, apart);
    magnitude = MAX (magnitude, fabs (want[i]));
  }
  return difference / magnitude;
}

static void
compare_value (CcsPlan *got, CcsPlan *want, CcsValueId id, double tolerance,
               const char *label)
{
  CcsProgram *program = ccs_plan_program (want);
  const CcsValue *value = ccs_program_value (program, id);
  const char *made_by
      = value->producer < 0
            ? "no op"
            : ccs_op_row (ccs_program_op (program, value->producer)->kind)
                  ->name;
  gsize n = ccs_shape_elements (&value->shape);
  g_autofree gpointer a = plan_read (got, id, label);
  g_autofree gpointer b = plan_read (want, id, label);
  g_autofree char *shape = ccs_shape_to_string (&value->shape);

  if (value->dtype != CCS_F32) {
    ck_assert_msg (memcmp (a, b, n * ccs_dtype_size (value->dtype)) == 0,
                   "%s: value %d [%s] of %s differs", label, id, shape,
                   made_by);
    return;
  }
  double error = relative_error (a, b, n, MAGNITUDE_FLOOR);
  ck_assert_msg (error <= tolerance,
                 "%s: value %d [%s] of %s is off by %g of its magnitude", label,
                 id, shape, made_by, error);
}

/* Compares all results and states whose memory @got has not reused. Leaves
 * out the loss, whose terms may cancel. */
static void
compare_values (CcsPlan *got, CcsPlan *want, double tolerance,
                const char *label)
{
  CcsProgram *program = ccs_plan_program (got);
  CcsValueId loss = ccs_program_find (program, "loss");
  guint compared = 0;

  for (guint id = 0; id < ccs_program_n_values (program); id++) {
    const CcsValue *value = ccs_program_value (program, id);
    if ((CcsValueId)id == loss)
      continue;
    if (value->kind == CCS_VALUE_STATE
        || (value->kind == CCS_VALUE_RESULT
            && (value->producer >= 0 || value->view_of != CCS_NONE))) {
      compare_value (got, want, id, tolerance, label);
      compared++;
    }
  }
  ck_assert_msg (compared > 0, "%s: nothing was compared", label);
}

/* Compares the values that a caller can read: outputs and states. */
static void
compare_outputs (CcsPlan *got, CcsPlan *want, double tolerance,
                 const char *label)
{
  CcsProgram *program = ccs_plan_program (got);
  guint compared = 0;

  for (guint id = 0; id < ccs_program_n_values (program); id++) {
    const CcsValue *value = ccs_program_value (program, id);
    if (value->output || value->kind == CCS_VALUE_STATE) {
      compare_value (got, want, id, tolerance, label);
      compared++;
    }
  }
  ck_assert_msg (compared > 0, "%s: nothing was compared", label);
}
