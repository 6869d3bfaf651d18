/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests every op with random shapes: backends against the reference functions,
 * gradients against central differences, programs with views against programs
 * without, and small random nets. */
#include <ccstereo/error.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/cpu/conv.h"
#include "nn/gradient.h"
#include "nn/passes.h"
#include "op-differences.h"
#include "op-known-values.h"
#include "op-nets.h"
#include "op-sums.h"
#include "../suite.h"

#define FORWARD_ROUNDS 24
#define GRADIENT_ROUNDS 12
#define NET_ROUNDS 8
#define SHARED_ROUNDS 40
#define SPOILT_ROUNDS 60
#define THREAD_ROUNDS 4
#define BLOCK_ROUNDS 4

/* Maximum error relative to the largest magnitude of a value. The reference
 * functions sum in double or in several lanes; a backend may sum some
 * thousand products in float, in any order. */
#define TOLERANCE 1e-5
/* Tolerance for known values, which are given with 8 digits. */
#define KNOWN_TOLERANCE 2e-6
/* Tolerance for gradients of parameters with few elements: they are sums
 * over many elements, which partly cancel. */
#define GRADIENT_TOLERANCE 5e-5
/* Tolerance for nets, in which errors of an op pass through later ops. */
#define NET_TOLERANCE 1e-4

#define ROWS_APART (CCS_OP_FLAG_PITCHED_IN | CCS_OP_FLAG_PITCHED_OUT)

/* -- every op -------------------------------------------------------------- */

static void
mark_kinds (Net *net, gboolean *seen)
{
  for (guint i = 0; i < ccs_program_n_ops (net->program); i++)
    seen[ccs_program_op (net->program, i)->kind] = TRUE;
}

/* Marks the ops that the tests of @op_case run, including those of its
 * gradient. */
static void
mark_case (const OpCase *op_case, gboolean *seen)
{
  g_autoptr (Net) net = build_forward (op_case, 0, FALSE);

  mark_kinds (net, seen);
  if (has_gradient (op_case)) {
    CcsValueId y, grads[MAX_FEEDS];
    const float *weights;
    g_autoptr (Net) backward
        = build_gradient (op_case, 0, TRUE, &y, &weights, grads);

    mark_kinds (backward, seen);
  }
}

START_TEST (every_op_has_a_case)
{
  gboolean seen[CCS_N_OPS] = { FALSE };

  for (guint i = 0; i < G_N_ELEMENTS (op_cases); i++)
    mark_case (&op_cases[i], seen);
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

/* -- blocks and threads ---------------------------------------------------- */

/* Compares bit for bit, except ops whose sums depend on oneDNN's threads. */
static void
compare_threads (Net *net, const char *label)
{
  gboolean seen[CCS_N_OPS] = { FALSE };
  g_autoptr (CcsPlan) one = run_on_threads (1, net, label);
  g_autoptr (CcsPlan) three = run_on_threads (3, net, label);

  gboolean by_threads;

  mark_kinds (net, seen);
  by_threads = seen[CCS_OP_CONV2D_WEIGHT_GRAD] && ccs_cpu_onednn_convolves ();
  compare_values (three, one, by_threads ? TOLERANCE : 0., label);
}

START_TEST (threads_do_not_change_a_bit)
{
  const OpCase *op_case = &op_cases[_i];

  for (guint round = 0; round < THREAD_ROUNDS; round++) {
    g_autoptr (Net) net = build_forward (op_case, round, FALSE);
    compare_threads (net, op_case->name);
    if (has_gradient (op_case)) {
      CcsValueId y, grads[MAX_FEEDS];
      const float *weights;
      g_autoptr (Net) backward
          = build_gradient (op_case, round, FALSE, &y, &weights, grads);
      compare_threads (backward, op_case->name);
    }
  }
}
END_TEST

START_TEST (convolution_in_blocks_agrees_with_reference)
{
  const char *label = blocks_case.name;
  CcsValueId y, grads[MAX_FEEDS];
  const float *weights;
  g_autoptr (Net) forward = build_forward (&blocks_case, _i, FALSE);
  g_autoptr (Net) backward
      = build_gradient (&blocks_case, _i, FALSE, &y, &weights, grads);
  Net *const nets[] = { forward, backward };

  for (guint i = 0; i < G_N_ELEMENTS (nets); i++) {
    g_autoptr (CcsPlan) want = run_guarded ("reference", nets[i], label);
    g_autoptr (CcsPlan) got = run_guarded (tested_backend (), nets[i], label);
    compare_values (got, want, i ? GRADIENT_TOLERANCE : TOLERANCE, label);
  }
}
END_TEST

START_TEST (threads_do_not_change_a_bit_of_a_convolution_in_blocks)
{
  CcsValueId y, grads[MAX_FEEDS];
  const float *weights;
  g_autoptr (Net) forward = build_forward (&blocks_case, _i, FALSE);
  g_autoptr (Net) backward
      = build_gradient (&blocks_case, _i, FALSE, &y, &weights, grads);

  compare_threads (forward, blocks_case.name);
  compare_threads (backward, blocks_case.name);
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

/* -- invalid operands ------------------------------------------------------ */

/* Returns a shape that differs from @shape in one dimension or in rank. */
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

/* Changes one operand, attribute or requested dimension of @op. */
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

/* Appends an op of the case again with a wrong operand or attribute. Returns
 * whether it was rejected; an accepted op must run within its memory. */
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

    ck_assert_ptr_nonnull (plan);
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

/* Runs a program as plans usually do: optimised, with shared memory. */
static void
check_shared_memory (const char *backend, Net *net, CcsPlan *want,
                     double tolerance, const char *label)
{
  g_autoptr (CcsPlan) plan = plan_on (backend, net, CCS_PLAN_NONE, label);

  plan_run (plan, net, CCS_PHASE_ALL, label);
  compare_outputs (plan, want, tolerance, label);
  /* Only states remain from the first run, and they are set again. */
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

/* Checks that the test above uses rows with gaps for exactly the ops that
 * support them. */
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

/* Builds a net whose outputs are its result and all gradients. */
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

/* Adds the tests of the cases @from to @to - 1. */
static void
add_case_tests (TCase *cases, int from, int to)
{
  tcase_add_loop_test (cases, forward_agrees_with_reference, from, to);
  tcase_add_loop_test (cases, gradient_agrees_with_reference, from, to);
  tcase_add_loop_test (cases, gradient_agrees_with_differences, from, to);
  tcase_add_loop_test (cases, operands_that_do_not_fit_are_refused_by_name,
                       from, to);
  tcase_add_loop_test (cases, optimised_programs_with_views_agree, from, to);
  if (g_str_equal (tested_backend (), "cpu"))
    tcase_add_loop_test (cases, threads_do_not_change_a_bit, from, to);
}

static Suite *
ops_suite (void)
{
  Suite *suite = suite_create ("ops");
  TCase *table = tcase_create ("table"), *cases = tcase_create ("cases");
  TCase *nets = tcase_create ("nets");

  tcase_add_test (table, every_op_has_a_case);
  tcase_add_test (table, rows_apart_reach_the_ops_that_take_them);
  suite_add_tcase (suite, table);
  tcase_add_loop_test (cases, known_values_come_out, 0,
                       G_N_ELEMENTS (known_values));
  add_case_tests (cases, 0, G_N_ELEMENTS (op_cases));
  if (g_str_equal (tested_backend (), "cpu")) {
    tcase_add_loop_test (cases, convolution_in_blocks_agrees_with_reference, 0,
                         BLOCK_ROUNDS);
    tcase_add_loop_test (cases,
                         threads_do_not_change_a_bit_of_a_convolution_in_blocks,
                         0, BLOCK_ROUNDS);
  }
  suite_add_tcase (suite, cases);
  tcase_add_test (nets, gradient_of_a_net_agrees_with_differences);
  tcase_add_test (nets, training_net_in_shared_memory_agrees);
  tcase_add_test (nets, inference_net_in_shared_memory_agrees);
  suite_add_tcase (suite, nets);
  return suite;
}

/* Returns a suite with the tests of all cases that run the op @name, or NULL
 * if there is no such op. */
static Suite *
suite_of_op (const char *name)
{
  Suite *suite = NULL;
  TCase *cases = tcase_create ("cases");
  guint kind = 0;

  while (kind < CCS_N_OPS && !g_str_equal (ccs_op_row (kind)->name, name))
    kind++;
  if (kind == CCS_N_OPS)
    return NULL;
  suite = suite_create (name);
  for (guint i = 0; i < G_N_ELEMENTS (op_cases); i++) {
    gboolean seen[CCS_N_OPS] = { FALSE };

    mark_case (&op_cases[i], seen);
    if (seen[kind])
      add_case_tests (cases, i, i + 1);
  }
  suite_add_tcase (suite, cases);
  return suite;
}

int
main (int argc, char **argv)
{
  gboolean sums = FALSE;
  g_autofree char *op = NULL, *backend = NULL, *reason = NULL;
  const GOptionEntry entries[] = {
    { "op", 0, 0, G_OPTION_ARG_STRING, &op, "Test this op only", "NAME" },
    { "backend", 0, 0, G_OPTION_ARG_STRING, &backend,
      "Backend to test (default: $CCSTEREO_TEST_BACKEND, then cpu)", "NAME" },
    { "sums", 0, 0, G_OPTION_ARG_NONE, &sums,
      "Print checksums of what each op computes", NULL },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  Suite *suite;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    fprintf (stderr, "test-ops: %s\n", error->message);
    return 2;
  }
  if (backend)
    g_setenv ("CCSTEREO_TEST_BACKEND", backend, TRUE);
  reason = why_not_here ();
  if (reason) {
    printf ("1..0 # SKIP %s\n", reason);
    return EXIT_SUCCESS;
  }
  if (sums) {
    print_sums ();
    return EXIT_SUCCESS;
  }
  suite = op ? suite_of_op (op) : ops_suite ();
  if (suite == NULL) {
    fprintf (stderr, "test-ops: unknown op \"%s\"\n", op);
    return 2;
  }
  return run_suite (suite);
}
