/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every op of the table, over random shapes: a backend against the reference
 * functions, gradients against central differences, programs with
 * views against programs without, and small random nets as wholes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"

#include "backend/backend.h"
#include "nn/gradient.h"
#include "nn/passes.h"
#include "nn/plan.h"
#include "op-known-values.h"
#include "op-nets.h"

#define FORWARD_ROUNDS 24
#define GRADIENT_ROUNDS 12
#define NET_ROUNDS 8
#define SHARED_ROUNDS 40
#define SPOILT_ROUNDS 60

/* Largest error over largest magnitude of a value. The reference functions sum
 * in double or in several lanes; a backend may sum up to some thousand products
 * in float, in any order. */
#define TOLERANCE 1e-5
/* Values that should be zero (a bias in front of a batch norm has no gradient)
 * come out as rounding noise: magnitudes below this count as this. */
#define MAGNITUDE_FLOOR 1e-4
/* Of values written down with 8 digits. */
#define KNOWN_TOLERANCE 2e-6
/* Gradients of few parameters are sums over many elements, which cancel in
 * part. */
#define GRADIENT_TOLERANCE 5e-5
/* In a net, errors of one op pass through those behind it. */
#define NET_TOLERANCE 1e-4
/* Step of differences: each element moves by this or twice this. */
#define STEP (1. / 64)
/* Nets are steeper; much below this rounding takes over. */
#define NET_STEP (1. / 256)
/* Of the gradient's norm. Results are rounded to float32, 6e-8 of O(1) values,
 * and differences divide that by the step: some 1e-5 for the few hundred
 * elements there are. The five-point formula leaves STEP^4, below that, of
 * well-behaved functions. A wrong term in one element of N shows as
 * 1/sqrt (N) > 0.03. */
#define DIFFERENCE_TOLERANCE 2e-3

/* Slopes below this drown in the rounding of the results; in a net, a bias in
 * front of a batch norm has a gradient of zero. */
#define NORM_FLOOR 1e-2
#define NET_NORM_FLOOR 1.
#define MAX_FEEDS 128

#define ROWS_APART (CCS_OP_FLAG_PITCHED_IN | CCS_OP_FLAG_PITCHED_OUT)

#define assert_ok(call, error, net_case)                                       \
  do {                                                                         \
    if (!(call))                                                               \
      ck_abort_msg ("%s: %s: %s", net_case, #call, error->message);            \
  } while (0)

/* Makes everything up to the label unique for a round; what is drawn depends
 * on the case and the round only. */
static Net *
net_new (const char *label, guint round, gboolean training)
{
  Net *net = g_new0 (Net, 1);

  net->round = round;
  net->rand = g_rand_new_with_seed (g_str_hash (label) + round);
  net->program = ccs_program_new (NULL, training);
  net->feeds = g_array_new (FALSE, TRUE, sizeof (Feed));
  return net;
}

static void
net_free (Net *net)
{
  for (guint i = 0; i < net->feeds->len; i++)
    g_free (g_array_index (net->feeds, Feed, i).data);
  g_array_unref (net->feeds);
  g_rand_free (net->rand);
  ccs_program_unref (net->program);
  g_free (net);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Net, net_free)

/* -- running --------------------------------------------------------------- */

/* The backend held against the reference functions: "cpu", or the caller's
 * choice. */
static const char *
tested_backend (void)
{
  const char *name = g_getenv ("CCSTEREO_TEST_BACKEND");
  return name ? name : "cpu";
}

/* Why this machine cannot run the tests, or NULL. (transfer full) */
static char *
why_not_here (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsBackend) backend
      = ccs_backend_open (tested_backend (), NULL, &error);
  return backend ? NULL : g_strdup (error->message);
}

static CcsPlan *
plan_on (const char *backend_name, Net *net, CcsPlanFlags flags,
         const char *label)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsBackend) backend
      = ccs_backend_open (backend_name, NULL, &error);
  assert_ok (backend, error, label);
  CcsPlan *plan = ccs_plan_new (backend, net->program, flags, &error);
  assert_ok (plan, error, label);
  return plan;
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

/* A plan whose values can all be read, run once with its guards looked at where
 * its memory can be. */
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

/* Largest difference over largest magnitude; NaN where there is one. */
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

/* Every result and every state that @got still has, but for the loss: its terms
 * cancel to any degree. */
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

/* -- building -------------------------------------------------------------- */

/* @y in wider rows, beside something else. */
static CcsValueId
widen_result (Net *net, CcsValueId y)
{
  CcsProgram *p = net->program;
  CcsShape shape = ccs_program_value (p, y)->shape;

  if (shape.rank < 2 || ccs_program_value (p, y)->dtype != CCS_F32)
    return y;
  CcsValueId other = net_dense_input (net, shape, fill_noise);
  CcsValueId parts[] = { ccs_affine (p, other, 1.f, 1.f), y };
  return ccs_concat (p, parts, 2, shape.rank - 1);
}

/* The program of one case and round; its result is an output. */
static Net *
build_forward (const OpCase *op_case, guint round, gboolean pitched)
{
  Net *net = net_new (op_case->name, round, op_case->training);

  net->pitched = pitched;
  CcsValueId y = op_case->build (net);
  if (pitched && y != CCS_NONE)
    y = widen_result (net, y);
  ccs_program_output (net->program, "y", y);
  return net;
}

/* Continues @net by loss = sum y weights, and by the gradient of that for every
 * feed that has one; these are outputs, and stored in @grads. Returns the
 * weights. */
static const float *
append_gradient (Net *net, CcsValueId y, CcsValueId *grads, const char *label)
{
  g_autoptr (GError) error = NULL;
  CcsProgram *p = net->program;
  CcsValueId wrt[MAX_FEEDS];
  guint n = 0, n_feeds = net->feeds->len;

  assert_ok (ccs_program_check (p, &error), error, label);
  CcsValueId weights
      = net_dense_input (net, ccs_program_value (p, y)->shape, fill_apart);
  CcsValueId loss = ccs_reduce (p, ccs_mul (p, y, weights), CCS_SHAPE (1), 1.f);
  ccs_program_name (p, "loss", loss);
  for (guint i = 0; i < n_feeds; i++)
    if (g_array_index (net->feeds, Feed, i).differentiable)
      wrt[n++] = g_array_index (net->feeds, Feed, i).id;
  g_assert (n <= G_N_ELEMENTS (wrt));
  assert_ok (ccs_program_gradient (p, loss, wrt, n, grads, &error), error,
             label);
  return g_array_index (net->feeds, Feed, n_feeds).data;
}

static gboolean
has_gradient (const OpCase *op_case)
{
  return ccs_op_row (op_case->kind)->gradient != NULL;
}

/* Feeds that are not differentiable stand behind in no case: the gradients are
 * in the order of those that are. */
static Net *
build_gradient (const OpCase *op_case, guint round, gboolean smooth,
                CcsValueId *y, const float **weights, CcsValueId *grads)
{
  g_autofree char *name = g_strconcat (op_case->name, " gradient", NULL);
  Net *net = net_new (name, round, TRUE);

  net->smooth = smooth;
  *y = op_case->build (net);
  *weights = append_gradient (net, *y, grads, op_case->name);
  return net;
}

/* -- every op -------------------------------------------------------------- */

static void
mark_kinds (Net *net, gboolean *seen)
{
  for (guint i = 0; i < ccs_program_n_ops (net->program); i++)
    seen[ccs_program_op (net->program, i)->kind] = TRUE;
}

START_TEST (every_op_has_a_case)
{
  gboolean seen[CCS_N_OPS] = { FALSE };

  for (guint i = 0; i < G_N_ELEMENTS (op_cases); i++) {
    g_autoptr (Net) net = build_forward (&op_cases[i], 0, FALSE);
    mark_kinds (net, seen);
    if (has_gradient (&op_cases[i])) {
      CcsValueId y, grads[MAX_FEEDS];
      const float *weights;
      g_autoptr (Net) backward
          = build_gradient (&op_cases[i], 0, TRUE, &y, &weights, grads);
      mark_kinds (backward, seen);
    }
  }
  for (guint kind = 0; kind < CCS_N_OPS; kind++)
    ck_assert_msg (seen[kind], "no case has %s", ccs_op_row (kind)->name);
}
END_TEST

START_TEST (forward_agrees_with_reference)
{
  const OpCase *op_case = &op_cases[_i];

  for (guint round = 0; round < FORWARD_ROUNDS; round++) {
    g_autofree char *label
        = g_strdup_printf ("%s, round %u", op_case->name, round);
    g_autoptr (Net) net = build_forward (op_case, round, FALSE);
    g_autoptr (CcsPlan) want = run_guarded ("reference", net, label);
    g_autoptr (CcsPlan) got = run_guarded (tested_backend (), net, label);
    compare_values (got, want, TOLERANCE, label);
  }
}
END_TEST

START_TEST (gradient_agrees_with_reference)
{
  const OpCase *op_case = &op_cases[_i];

  if (!has_gradient (op_case))
    return;
  for (guint round = 0; round < GRADIENT_ROUNDS; round++) {
    g_autofree char *label
        = g_strdup_printf ("%s gradient, round %u", op_case->name, round);
    CcsValueId y, grads[MAX_FEEDS];
    const float *weights;
    g_autoptr (Net) net
        = build_gradient (op_case, round, FALSE, &y, &weights, grads);
    g_autoptr (CcsPlan) want = run_guarded ("reference", net, label);
    g_autoptr (CcsPlan) got = run_guarded (tested_backend (), net, label);
    compare_values (got, want, GRADIENT_TOLERANCE, label);
  }
}
END_TEST

START_TEST (known_values_come_out)
{
  const char *const backends[] = { "reference", tested_backend () };
  const KnownValue *known = &known_values[_i];

  for (guint i = 0; i < G_N_ELEMENTS (backends); i++) {
    g_autoptr (Net) net = net_new (known->name, 0, FALSE);
    CcsValueId id = known->build (net);
    g_autoptr (CcsPlan) plan = run_guarded (backends[i], net, known->name);
    CcsShape shape = ccs_program_value (net->program, id)->shape;
    g_autofree float *got = plan_read (plan, id, known->name);

    ck_assert_int_eq (ccs_shape_elements (&shape), known->n);
    for (guint k = 0; k < known->n; k++)
      ck_assert_msg (fabs (got[k] - known->want[k])
                         <= KNOWN_TOLERANCE * MAX (1, fabs (known->want[k])),
                     "%s on %s: element %u is %.8g, not %.8g", known->name,
                     backends[i], k, got[k], known->want[k]);
  }
}
END_TEST

/* -- differences ----------------------------------------------------------- */

typedef struct
{
  Net *net;
  CcsPlan *plan;
  CcsValueId y;
  const float *weights;
  double step, norm_floor;
  const char *label;
} Probe;

/* The loss with @feed moved by @step along @direction. */
static double
probe_loss (Probe *probe, const Feed *feed, const float *direction, double step)
{
  g_autoptr (GError) error = NULL;
  gsize n = feed->bytes / sizeof (float);
  g_autofree float *moved = g_memdup2 (feed->data, feed->bytes);
  Feed there = { feed->id, moved, feed->bytes, TRUE };
  CcsShape shape = ccs_program_value (probe->net->program, probe->y)->shape;
  double loss = 0;

  for (gsize i = 0; i < n; i++)
    moved[i] += step * direction[i];
  plan_feed (probe->plan, &there, probe->label);
  assert_ok (ccs_plan_run (probe->plan, CCS_PHASE_FORWARD, &error), error,
             probe->label);
  g_autofree float *y = plan_read (probe->plan, probe->y, probe->label);
  for (gint64 i = 0; i < ccs_shape_elements (&shape); i++)
    loss += (double)probe->weights[i] * y[i];
  return loss;
}

/* Along a direction of random signs, d loss / d step at 0 by five points. */
static double
probe_slope (Probe *probe, const Feed *feed, const float *direction)
{
  double h = probe->step;
  double near = probe_loss (probe, feed, direction, h)
                - probe_loss (probe, feed, direction, -h);
  double far = probe_loss (probe, feed, direction, 2 * h)
               - probe_loss (probe, feed, direction, -2 * h);

  plan_feed (probe->plan, feed, probe->label);
  return (8 * near - far) / (12 * h);
}

static void
check_feed (Probe *probe, const Feed *feed, CcsValueId grad)
{
  gsize n = feed->bytes / sizeof (float);
  g_autofree float *direction = g_new (float, n);
  double slope = 0, norm = 0;

  ck_assert_msg (grad != CCS_NONE, "%s: operand %d has no gradient",
                 probe->label, feed->id);
  g_autofree float *gradient = plan_read (probe->plan, grad, probe->label);
  for (gsize i = 0; i < n; i++) {
    direction[i] = g_rand_boolean (probe->net->rand) ? 1.f : -1.f;
    slope += gradient[i] * direction[i];
    norm += (double)gradient[i] * gradient[i];
  }
  norm = MAX (sqrt (norm), probe->norm_floor);
  double measured = probe_slope (probe, feed, direction);
  ck_assert_msg (fabs (measured - slope) <= DIFFERENCE_TOLERANCE * norm,
                 "%s: operand %d: slope %.7g, by differences %.7g, norm %.3g",
                 probe->label, feed->id, slope, measured, norm);
}

/* @grads: of the differentiable feeds, in order. */
static void
check_differences (Net *net, CcsValueId y, const float *weights,
                   const CcsValueId *grads, double step, double norm_floor,
                   const char *label)
{
  g_autoptr (CcsPlan) plan = run_guarded ("reference", net, label);
  Probe probe = { net, plan, y, weights, step, norm_floor, label };
  guint n_feeds = net->feeds->len - 1; /* the last one is the weights */

  for (guint i = 0; i < n_feeds; i++) {
    const Feed *feed = &g_array_index (net->feeds, Feed, i);
    if (feed->differentiable)
      check_feed (&probe, feed, *grads++);
  }
}

START_TEST (gradient_agrees_with_differences)
{
  const OpCase *op_case = &op_cases[_i];

  if (!has_gradient (op_case))
    return;
  for (guint round = 0; round < GRADIENT_ROUNDS; round++) {
    g_autofree char *label
        = g_strdup_printf ("%s differences, round %u", op_case->name, round);
    CcsValueId y, grads[MAX_FEEDS];
    const float *weights;
    g_autoptr (Net) net
        = build_gradient (op_case, round, TRUE, &y, &weights, grads);
    check_differences (net, y, weights, grads, STEP, NORM_FLOOR, label);
  }
}
END_TEST

/* -- mistakes -------------------------------------------------------------- */

/* Other than @shape in one dimension or in rank. */
static CcsShape
spoil_shape (Net *net, CcsShape shape)
{
  if (shape.rank > 0 && pick (net, 0, 3))
    shape.dim[pick (net, 0, shape.rank - 1)] += pick (net, 1, 2);
  else if (shape.rank < CCS_MAX_RANK)
    shape.dim[shape.rank++] = pick (net, 1, 3);
  else
    shape.dim[--shape.rank] = 0;
  return shape;
}

/* Makes one operand, attribute or asked dimension of @op other than it was. */
static void
spoil_op (Net *net, CcsOp *op, guint n_in, CcsShape *asked)
{
  g_autofree char *name = net_new_name (net);
  gint32 words[sizeof (CcsAttrs) / sizeof (gint32)];
  CcsValueId *in = &op->in[pick (net, 0, n_in - 1)];
  CcsShape shape = { 0 };

  if (*in != CCS_NONE)
    shape = ccs_program_value (net->program, *in)->shape;
  switch (pick (net, 0, 4)) {
  case 0:
    *in = CCS_NONE;
    break;
  case 1:
    *in = ccs_program_input (net->program, name, CCS_F32,
                             spoil_shape (net, shape));
    break;
  case 2:
    *in = ccs_program_input (net->program, name, CCS_S32, shape);
    break;
  case 3:
    *asked = spoil_shape (net, *asked);
    break;
  default:
    memcpy (words, &op->attrs, sizeof words);
    words[pick (net, 0, 5)] = pick (net, -3, 9);
    memcpy (&op->attrs, words, sizeof words);
    break;
  }
}

/* Appends some op of the case once more, spoilt. Returns whether it was
 * refused; what is accepted must run within its memory. */
static gboolean
append_spoilt (Net *net, const char *label)
{
  g_autoptr (GError) error = NULL;
  CcsProgram *p = net->program;
  CcsOp op = *ccs_program_op (p, pick (net, 0, ccs_program_n_ops (p) - 1));
  const char *name = ccs_op_row (op.kind)->name;
  CcsShape asked = CCS_SHAPE_SCALAR;
  guint n_in = CCS_MAX_INPUTS;

  while (op.in[n_in - 1] == CCS_NONE)
    n_in--;
  if (op.out[0] != CCS_NONE)
    asked = ccs_program_value (p, op.out[0])->shape;
  spoil_op (net, &op, n_in, &asked);
  ccs_program_append_shaped (p, op.kind, op.in, n_in, &op.attrs, asked);
  if (ccs_program_check (p, &error)) {
    g_autoptr (CcsPlan) plan = run_guarded ("reference", net, label);
    return FALSE;
  }
  ck_assert_msg (g_error_matches (error, CCS_ERROR, CCS_ERROR_SHAPE)
                     && g_str_has_prefix (error->message, name),
                 "%s: a spoilt %s gives: %s", label, name, error->message);
  return TRUE;
}

START_TEST (operands_that_do_not_fit_are_refused_by_name)
{
  const OpCase *op_case = &op_cases[_i];
  guint refused = 0;

  for (guint round = 0; round < SPOILT_ROUNDS; round++) {
    g_autofree char *label
        = g_strdup_printf ("%s spoilt, round %u", op_case->name, round);
    CcsValueId y, grads[MAX_FEEDS];
    const float *weights;
    g_autoptr (Net) net
        = has_gradient (op_case)
              ? build_gradient (op_case, round, TRUE, &y, &weights, grads)
              : build_forward (op_case, round, FALSE);
    refused += append_spoilt (net, label);
  }
  ck_assert_msg (refused > SPOILT_ROUNDS / 8, "%s: only %u of %u were refused",
                 op_case->name, refused, SPOILT_ROUNDS);
}
END_TEST

/* -- views and shared memory ----------------------------------------------- */

/* Everything a caller sees: outputs and states. */
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

/* As plans are used: optimised, results sharing memory. */
static void
check_shared_memory (const char *backend, Net *net, CcsPlan *want,
                     double tolerance, const char *label)
{
  g_autoptr (CcsPlan) plan = plan_on (backend, net, CCS_PLAN_NONE, label);

  plan_run (plan, net, CCS_PHASE_ALL, label);
  compare_outputs (plan, want, tolerance, label);
  /* nothing of the first run is left behind but states, which are fed */
  plan_run (plan, net, CCS_PHASE_ALL, label);
  compare_outputs (plan, want, tolerance, label);
}

START_TEST (optimised_programs_with_views_agree)
{
  const OpCase *op_case = &op_cases[_i];

  for (guint round = 0; round < FORWARD_ROUNDS; round++) {
    g_autofree char *label
        = g_strdup_printf ("%s in wide rows, round %u", op_case->name, round);
    g_autoptr (Net) plain = build_forward (op_case, round, TRUE);
    g_autoptr (Net) net = build_forward (op_case, round, TRUE);
    ccs_program_optimize (net->program);

    g_autoptr (CcsPlan) want = run_guarded ("reference", plain, label);
    g_autoptr (CcsPlan) reference = run_guarded ("reference", net, label);
    compare_values (reference, want, TOLERANCE, label);
    g_autoptr (CcsPlan) cpu = run_guarded (tested_backend (), net, label);
    compare_values (cpu, want, TOLERANCE, label);
    check_shared_memory ("reference", net, want, TOLERANCE, label);
    check_shared_memory (tested_backend (), net, want, TOLERANCE, label);
  }
}
END_TEST

static gboolean
is_pitched (const CcsProgram *program, CcsValueId id)
{
  if (id == CCS_NONE)
    return FALSE;
  const CcsValue *value = ccs_program_value (program, id);
  return value->pitch > ccs_shape_channels (&value->shape);
}

static void
note_pitched (const CcsProgram *program, CcsOpFlags *met)
{
  for (guint i = 0; i < ccs_program_n_ops (program); i++) {
    const CcsOp *op = ccs_program_op (program, i);
    for (guint k = 0; k < CCS_MAX_INPUTS; k++)
      if (is_pitched (program, op->in[k]))
        met[op->kind] |= CCS_OP_FLAG_PITCHED_IN;
    for (guint k = 0; k < CCS_MAX_OUTPUTS; k++)
      if (is_pitched (program, op->out[k]))
        met[op->kind] |= CCS_OP_FLAG_PITCHED_OUT;
  }
}

/* The test above does meet ops whose rows are apart: all that take such rows,
 * and no others. */
START_TEST (rows_apart_reach_the_ops_that_take_them)
{
  CcsOpFlags met[CCS_N_OPS] = { CCS_OP_FLAG_NONE };

  for (guint i = 0; i < G_N_ELEMENTS (op_cases); i++)
    for (guint round = 0; round < FORWARD_ROUNDS; round++) {
      g_autoptr (Net) net = build_forward (&op_cases[i], round, TRUE);
      ccs_program_optimize (net->program);
      note_pitched (net->program, met);
    }
  for (guint kind = 0; kind < CCS_N_OPS; kind++) {
    CcsOpFlags takes = ccs_op_row (kind)->flags & ROWS_APART;
    ck_assert_msg (met[kind] == takes, "%s takes rows apart as %d, but met %d",
                   ccs_op_row (kind)->name, takes, met[kind]);
  }
}
END_TEST

/* -- small nets ------------------------------------------------------------ */

/* A net with its result and the gradients of everything as outputs. */
static Net *
build_net_gradient (guint round, gboolean smooth, CcsValueId *y,
                    const float **weights, CcsValueId *grads, const char *label)
{
  Net *net = net_new ("net", round, TRUE);

  net->smooth = smooth;
  *y = build_net (net);
  *weights = append_gradient (net, *y, grads, label);
  ccs_program_output (net->program, "y", *y);
  return net;
}

START_TEST (gradient_of_a_net_agrees_with_differences)
{
  for (guint round = 0; round < NET_ROUNDS; round++) {
    g_autofree char *label = g_strdup_printf ("net, round %u", round);
    CcsValueId y, grads[MAX_FEEDS];
    const float *weights;
    g_autoptr (Net) net
        = build_net_gradient (round, TRUE, &y, &weights, grads, label);
    check_differences (net, y, weights, grads, NET_STEP, NET_NORM_FLOOR, label);
  }
}
END_TEST

START_TEST (training_net_in_shared_memory_agrees)
{
  for (guint round = 0; round < SHARED_ROUNDS; round++) {
    g_autofree char *label = g_strdup_printf ("training net, round %u", round);
    CcsValueId y, grads[MAX_FEEDS];
    const float *weights;
    g_autoptr (Net) plain
        = build_net_gradient (round, FALSE, &y, &weights, grads, label);
    g_autoptr (Net) net
        = build_net_gradient (round, FALSE, &y, &weights, grads, label);
    ccs_program_optimize (net->program);
    g_autoptr (CcsPlan) want = run_guarded ("reference", plain, label);
    check_shared_memory ("reference", net, want, NET_TOLERANCE, label);
    check_shared_memory (tested_backend (), net, want, NET_TOLERANCE, label);
  }
}
END_TEST

START_TEST (inference_net_in_shared_memory_agrees)
{
  for (guint round = 0; round < SHARED_ROUNDS; round++) {
    g_autofree char *label = g_strdup_printf ("inference net, round %u", round);
    g_autoptr (Net) plain = net_new ("net", round, FALSE);
    g_autoptr (Net) net = net_new ("net", round, FALSE);

    ccs_program_output (plain->program, "y", build_net (plain));
    ccs_program_output (net->program, "y", build_net (net));
    ccs_program_optimize (net->program);
    g_autoptr (CcsPlan) want = run_guarded ("reference", plain, label);
    check_shared_memory ("reference", net, want, NET_TOLERANCE, label);
    check_shared_memory (tested_backend (), net, want, NET_TOLERANCE, label);
  }
}
END_TEST

static Suite *
ops_suite (void)
{
  Suite *suite = suite_create ("ops");
  TCase *table = tcase_create ("table"), *cases = tcase_create ("cases");
  TCase *nets = tcase_create ("nets");
  int n = G_N_ELEMENTS (op_cases);

  tcase_add_test (table, every_op_has_a_case);
  tcase_add_test (table, rows_apart_reach_the_ops_that_take_them);
  suite_add_tcase (suite, table);
  tcase_add_loop_test (cases, known_values_come_out, 0,
                       G_N_ELEMENTS (known_values));
  tcase_add_loop_test (cases, forward_agrees_with_reference, 0, n);
  tcase_add_loop_test (cases, gradient_agrees_with_reference, 0, n);
  tcase_add_loop_test (cases, gradient_agrees_with_differences, 0, n);
  tcase_add_loop_test (cases, operands_that_do_not_fit_are_refused_by_name, 0,
                       n);
  tcase_add_loop_test (cases, optimised_programs_with_views_agree, 0, n);
  suite_add_tcase (suite, cases);
  tcase_add_test (nets, gradient_of_a_net_agrees_with_differences);
  tcase_add_test (nets, training_net_in_shared_memory_agrees);
  tcase_add_test (nets, inference_net_in_shared_memory_agrees);
  suite_add_tcase (suite, nets);
  return suite;
}

int
main (void)
{
  g_autofree char *reason = why_not_here ();
  if (reason) {
    printf ("1..0 # SKIP %s\n", reason);
    return EXIT_SUCCESS;
  }
  SRunner *runner = srunner_create (ops_suite ());

  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
