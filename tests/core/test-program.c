/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs, passes and plans: rewriting a program must preserve its results. */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "nn/gradient.h"
#include "nn/passes.h"
#include "plan/plan.h"
#include "plan/memory-plan.h"
#include "../suite.h"
#include "backend/registry.h"

static CcsTensor *
random_tensor (GRand *rand, CcsShape shape, double low, double high)
{
  gint64 n = ccs_shape_elements (&shape);
  float *data = g_new (float, n);

  for (gint64 i = 0; i < n; i++)
    data[i] = g_rand_double_range (rand, low, high);
  return ccs_tensor_new_take (CCS_F32, &shape, data);
}

/* A stem, a residual block with a projected shortcut, and a head that splits,
 * concatenates and reshapes, so that every pass applies. */
static CcsStateDict *
block_params (void)
{
  static const struct
  {
    const char *name;
    gint rank, dim[4];
  } all[] = {
    { "stem", 4, { 6, 3, 3, 3 } }, { "one", 4, { 8, 6, 3, 3 } },
    { "two", 4, { 8, 8, 3, 3 } },  { "short", 4, { 8, 6, 1, 1 } },
    { "up", 4, { 8, 4, 4, 4 } },   { "lin", 2, { 5, 12 } },
    { "lin.bias", 1, { 5 } },
  };
  static const struct
  {
    const char *name;
    gint channels;
  } norms[]
      = { { "n0", 6 }, { "n1", 8 }, { "n2", 8 }, { "n3", 8 }, { "n4", 4 } };
  CcsStateDict *dict = ccs_state_dict_new ();
  GRand *rand = g_rand_new_with_seed (7);

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    CcsShape shape = { .rank = all[i].rank };

    for (gint d = 0; d < all[i].rank; d++)
      shape.dim[d] = all[i].dim[d];
    ccs_state_dict_insert (dict, all[i].name,
                           random_tensor (rand, shape, -.5, .5));
  }
  for (guint i = 0; i < G_N_ELEMENTS (norms); i++) {
    const char *parts[] = { "weight", "bias", "mean", "var" };

    for (guint k = 0; k < 4; k++) {
      g_autofree char *name
          = g_strdup_printf ("%s.%s", norms[i].name, parts[k]);

      ccs_state_dict_insert (dict, name,
                             random_tensor (rand, CCS_SHAPE (norms[i].channels),
                                            k == 3 ? .5 : -.5, 1.5));
    }
  }
  g_rand_free (rand);
  return dict;
}

static CcsValueId
norm (CcsProgram *p, const char *name, CcsValueId x, gint channels, CcsAct act)
{
  CcsValueId v[4];
  const char *parts[] = { "weight", "bias", "mean", "var" };

  for (guint k = 0; k < 4; k++) {
    g_autofree char *full = g_strdup_printf ("%s.%s", name, parts[k]);

    v[k] = k < 2 ? ccs_program_param (p, full, CCS_SHAPE (channels),
                                      CCS_LAYOUT_PLAIN)
                 : ccs_program_buffer (p, full, CCS_SHAPE (channels));
  }
  return ccs_batch_norm (p, x, v[0], v[1], v[2], v[3], 1, 1e-5f, .1f, act);
}

static CcsValueId
filter (CcsProgram *p, const char *name, gint a, gint b, gint k)
{
  return ccs_program_param (p, name, CCS_SHAPE (a, b, k, k), CCS_LAYOUT_FILTER);
}

static CcsProgram *
block_program (CcsStateDict *params, gboolean training)
{
  CcsProgram *p = ccs_program_new (params, training);
  CcsValueId x = ccs_program_input (p, "x", CCS_F32, CCS_SHAPE (2, 9, 7, 3));
  CcsValueId stem = norm (p, "n0",
                          ccs_conv2d (p, x, filter (p, "stem", 6, 3, 3),
                                      CCS_NONE, 1, 1, 1, CCS_NO_ACT),
                          6, CCS_RELU);
  CcsValueId one = norm (p, "n1",
                         ccs_conv2d (p, stem, filter (p, "one", 8, 6, 3),
                                     CCS_NONE, 2, 1, 1, CCS_NO_ACT),
                         8, CCS_LEAKY_RELU (.1f));
  CcsValueId two = norm (p, "n2",
                         ccs_conv2d (p, one, filter (p, "two", 8, 8, 3),
                                     CCS_NONE, 1, 1, 1, CCS_NO_ACT),
                         8, CCS_NO_ACT);
  CcsValueId shortcut = norm (p, "n3",
                              ccs_conv2d (p, stem, filter (p, "short", 8, 6, 1),
                                          CCS_NONE, 2, 0, 1, CCS_NO_ACT),
                              8, CCS_NO_ACT);
  CcsValueId sum
      = ccs_activation (p, ccs_add (p, two, shortcut, CCS_NO_ACT), CCS_RELU);
  CcsValueId up
      = norm (p, "n4",
              ccs_conv_transpose2d (p, sum, filter (p, "up", 8, 4, 4), CCS_NONE,
                                    2, 1, 1, 10, 8, CCS_NO_ACT),
              4, CCS_RELU);
  CcsValueId half = ccs_slice (p, up, 3, 1, 2);
  CcsValueId doubled = ccs_activation (p, half, CCS_RELU);
  CcsValueId wide = ccs_concat (
      p, (CcsValueId[]){ up, doubled, ccs_affine (p, up, .5f, 1.f), doubled },
      4, 3);
  CcsValueId rows = ccs_reshape (p, wide, CCS_SHAPE (2 * 80, 12));
  CcsValueId y = ccs_linear (
      p, rows,
      ccs_program_param (p, "lin", CCS_SHAPE (5, 12), CCS_LAYOUT_PLAIN),
      ccs_program_param (p, "lin.bias", CCS_SHAPE (5), CCS_LAYOUT_PLAIN),
      CCS_NO_ACT);

  ccs_program_output (p, "y", ccs_activation (p, y, CCS_SIGMOID));
  return p;
}

static void
run_block (CcsProgram *p, const char *backend_name, float *y, gsize bytes)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsBackend) backend
      = ccs_backend_open (backend_name, NULL, &error);
  g_autoptr (CcsPlan) plan = NULL;
  float x[2 * 9 * 7 * 3];
  GRand *rand = g_rand_new_with_seed (3);

  ck_assert_msg (backend != NULL, "%s", error ? error->message : "");
  plan = ccs_plan_new (backend, p, CCS_PLAN_NONE, &error);
  ck_assert_msg (plan != NULL, "%s", error ? error->message : "");
  for (guint i = 0; i < G_N_ELEMENTS (x); i++)
    x[i] = g_rand_double_range (rand, -1, 1);
  g_rand_free (rand);
  ck_assert (
      ccs_plan_write (plan, ccs_program_find (p, "x"), x, sizeof x, &error));
  /* Runs the plan twice: nothing of the first run may affect the second. */
  ck_assert (ccs_plan_run (plan, CCS_PHASE_ALL, &error));
  ck_assert (ccs_plan_run (plan, CCS_PHASE_ALL, &error));
  ck_assert (ccs_plan_read (plan, ccs_program_find (p, "y"), y, bytes, &error));
}

typedef void (*Pass) (CcsProgram *);

static const Pass passes[] = {
  ccs_pass_fold_batch_norm, ccs_pass_fuse_epilogues, ccs_pass_views,
  ccs_pass_dead_ops,        ccs_program_optimize,
};

START_TEST (every_pass_keeps_the_result)
{
  g_autoptr (CcsStateDict) params = block_params ();
  g_autoptr (CcsProgram) plain = block_program (params, FALSE);
  g_autoptr (CcsProgram) rewritten = block_program (params, FALSE);
  float want[160 * 5], got[160 * 5];

  run_block (plain, "reference", want, sizeof want);
  passes[_i](rewritten);
  run_block (rewritten, "reference", got, sizeof got);
  for (guint i = 0; i < G_N_ELEMENTS (want); i++)
    ck_assert_float_eq_tol (got[i], want[i], 2e-6);
  run_block (rewritten, "cpu", got, sizeof got);
  for (guint i = 0; i < G_N_ELEMENTS (want); i++)
    ck_assert_float_eq_tol (got[i], want[i], 2e-6);
}
END_TEST

static guint
count (const CcsProgram *p, CcsOpKind kind)
{
  guint n = 0;

  for (guint i = 0; i < ccs_program_n_ops (p); i++)
    n += ccs_program_op (p, i)->kind == kind;
  return n;
}

START_TEST (optimizing_leaves_no_norm_sum_or_copy)
{
  g_autoptr (CcsStateDict) params = block_params ();
  g_autoptr (CcsProgram) p = block_program (params, FALSE);

  ccs_program_optimize (p);
  ck_assert_uint_eq (count (p, CCS_OP_BATCH_NORM), 0);
  ck_assert_uint_eq (count (p, CCS_OP_ADD), 0);
  ck_assert_uint_eq (count (p, CCS_OP_RESHAPE), 0);
  ck_assert_uint_eq (count (p, CCS_OP_SLICE), 0);
  /* "doubled" has the same operand twice, and one of the two has to be
   * copied. */
  ck_assert_uint_eq (count (p, CCS_OP_CONCAT), 1);
  ck_assert_uint_eq (count (p, CCS_OP_ACTIVATION), 1);
}
END_TEST

/* Exactly three values become narrow: both operands of the sum, and the sum.
 * The stem has six channels, and other ops read the later values. */
START_TEST (only_what_convolutions_alone_read_becomes_narrow)
{
  g_autoptr (CcsStateDict) params = block_params ();
  g_autoptr (CcsProgram) p = block_program (params, FALSE);
  guint narrow = 0;

  ccs_program_optimize (p);
  ccs_pass_narrow (p, CCS_F16);
  for (guint i = 0; i < ccs_program_n_values (p); i++) {
    const CcsValue *value = ccs_program_value (p, i);

    if (value->dtype != CCS_F16)
      continue;
    narrow++;
    ck_assert_int_eq (value->shape.dim[3], 8);
    ck_assert_int_eq (ccs_program_op (p, value->producer)->kind, CCS_OP_CONV2D);
  }
  ck_assert_uint_eq (narrow, 3);
}
END_TEST

START_TEST (memory_of_values_alive_together_is_apart)
{
  g_autoptr (CcsStateDict) params = block_params ();
  g_autoptr (CcsProgram) p = block_program (params, FALSE);
  g_autoptr (CcsMemoryPlan) shared = ccs_memory_plan_new (p, FALSE);
  g_autoptr (CcsMemoryPlan) spread = ccs_memory_plan_new (p, TRUE);

  /* Without passes there are no views: an op's operands and results must not
   * overlap, except a result in place of the first operand. */
  for (guint i = 0; i < ccs_program_n_ops (p); i++) {
    const CcsOp *op = ccs_program_op (p, i);
    gsize y = shared->offset[op->out[0]];
    gsize y_bytes
        = 4 * ccs_shape_elements (&ccs_program_value (p, op->out[0])->shape);

    for (guint k = 0; k < CCS_MAX_INPUTS && op->in[k] != CCS_NONE; k++) {
      gsize x = shared->offset[op->in[k]];
      gsize x_bytes
          = 4 * ccs_shape_elements (&ccs_program_value (p, op->in[k])->shape);

      if (x == G_MAXSIZE || (k == 0 && x == y))
        continue;
      ck_assert (x + x_bytes <= y || y + y_bytes <= x);
    }
  }
  ck_assert_uint_lt (shared->size, spread->size);
}
END_TEST

START_TEST (first_mistake_is_reported_with_its_operands)
{
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  CcsValueId a = ccs_program_input (p, "a", CCS_F32, CCS_SHAPE (2, 3));
  CcsValueId b = ccs_program_input (p, "b", CCS_F32, CCS_SHAPE (4, 5));
  CcsValueId c = ccs_matmul (p, a, b, CCS_NONE, FALSE, FALSE, 1.f, CCS_NO_ACT);

  ck_assert_int_eq (c, CCS_NONE);
  ck_assert_int_eq (ccs_add (p, c, a, CCS_NO_ACT), CCS_NONE);
  ck_assert (!ccs_program_check (p, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_SHAPE));
  ck_assert_ptr_nonnull (strstr (error->message, "matmul"));
  ck_assert_ptr_nonnull (strstr (error->message, "2x3"));
  ck_assert_ptr_nonnull (strstr (error->message, "4x5"));
}
END_TEST

START_TEST (missing_or_misshapen_parameter_is_named)
{
  g_autoptr (CcsStateDict) params = block_params ();
  g_autoptr (CcsProgram) p = ccs_program_new (params, FALSE);
  g_autoptr (CcsProgram) q = ccs_program_new (params, FALSE);
  g_autoptr (GError) missing = NULL, misshapen = NULL;

  ccs_program_param (p, "absent", CCS_SHAPE (1), CCS_LAYOUT_PLAIN);
  ck_assert (!ccs_program_check (p, &missing));
  ck_assert (g_error_matches (missing, CCS_ERROR, CCS_ERROR_MODEL));
  ck_assert_ptr_nonnull (strstr (missing->message, "absent"));
  ccs_program_param (q, "lin", CCS_SHAPE (5, 13), CCS_LAYOUT_PLAIN);
  ck_assert (!ccs_program_check (q, &misshapen));
  ck_assert_ptr_nonnull (strstr (misshapen->message, "lin"));
  ck_assert_ptr_nonnull (strstr (misshapen->message, "5x12"));
}
END_TEST

START_TEST (gradient_of_a_value_used_twice_adds_up)
{
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, TRUE);
  g_autoptr (CcsBackend) backend = ccs_backend_open ("reference", NULL, NULL);
  g_autoptr (CcsPlan) plan = NULL;
  CcsValueId x = ccs_program_input (p, "x", CCS_F32, CCS_SHAPE (1));
  CcsValueId y
      = ccs_add (p, ccs_mul (p, x, x), ccs_affine (p, x, 3.f, 0.f), CCS_NO_ACT);
  CcsValueId grad = CCS_NONE;
  float at = 5.f, slope = 0.f;

  ck_assert (ccs_program_gradient (p, y, &x, 1, &grad, NULL));
  ccs_program_output (p, "slope", grad);
  plan = ccs_plan_new (backend, p, CCS_PLAN_NONE, NULL);
  ck_assert (ccs_plan_write (plan, x, &at, sizeof at, NULL));
  ck_assert (ccs_plan_run (plan, CCS_PHASE_ALL, NULL));
  ck_assert (ccs_plan_read (plan, grad, &slope, sizeof slope, NULL));
  ck_assert_float_eq (slope, 13.f);
}
END_TEST

START_TEST (update_phase_can_be_held_back)
{
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, TRUE);
  g_autoptr (CcsBackend) backend = ccs_backend_open ("reference", NULL, NULL);
  g_autoptr (CcsPlan) plan = NULL;
  CcsValueId w = ccs_program_param (p, "w", CCS_SHAPE (1), CCS_LAYOUT_PLAIN);
  CcsValueId target = ccs_program_input (p, "t", CCS_F32, CCS_SHAPE (1));
  CcsValueId hyper = ccs_program_input (p, "h", CCS_F32, CCS_SHAPE (4));
  CcsValueId loss = ccs_mse_loss (p, w, target), grad;
  float t = 1.f, h[4] = { .1f, .1f, .001f, 1.f }, value;

  ck_assert (ccs_program_gradient (p, loss, &w, 1, &grad, NULL));
  ccs_program_set_phase (p, CCS_PHASE_UPDATE);
  ccs_adam (p, w, grad, ccs_program_state (p, "m", CCS_SHAPE (1)),
            ccs_program_state (p, "v", CCS_SHAPE (1)), hyper, .9f, .999f, 1e-8f,
            0.f);
  plan = ccs_plan_new (backend, p, CCS_PLAN_NONE, NULL);
  ck_assert (ccs_plan_write (plan, target, &t, sizeof t, NULL));
  ck_assert (ccs_plan_write (plan, hyper, h, sizeof h, NULL));
  ck_assert (ccs_plan_run (plan, CCS_PHASE_FORWARD, NULL));
  ck_assert (ccs_plan_run (plan, CCS_PHASE_BACKWARD, NULL));
  ck_assert (ccs_plan_read (plan, w, &value, sizeof value, NULL));
  ck_assert_float_eq (value, 0.f);
  ck_assert (ccs_plan_run (plan, CCS_PHASE_UPDATE, NULL));
  ck_assert (ccs_plan_read (plan, w, &value, sizeof value, NULL));
  ck_assert_float_eq_tol (value, .1f, 1e-6);
}
END_TEST

START_TEST (access_of_the_wrong_size_is_refused)
{
  g_autoptr (CcsStateDict) params = block_params ();
  g_autoptr (CcsProgram) p = block_program (params, FALSE);
  g_autoptr (CcsBackend) backend = ccs_backend_open ("reference", NULL, NULL);
  g_autoptr (CcsPlan) plan = ccs_plan_new (backend, p, CCS_PLAN_NONE, NULL);
  g_autoptr (GError) size = NULL, item = NULL, constant = NULL;
  float few[4] = { 0 }, bias[5] = { 0 };
  const gconstpointer items[] = { few, few };

  ck_assert (!ccs_plan_write (plan, ccs_program_find (p, "x"), few, sizeof few,
                              &size));
  ck_assert (g_error_matches (size, CCS_ERROR, CCS_ERROR_ARGUMENT));
  ck_assert (!ccs_plan_write_items (plan, ccs_program_find (p, "x"), items, 2,
                                    sizeof few, &item));
  ck_assert (g_error_matches (item, CCS_ERROR, CCS_ERROR_ARGUMENT));
  ck_assert (!ccs_plan_write (plan, ccs_program_find (p, "lin.bias"), bias,
                              sizeof bias, &constant));
  ck_assert_ptr_nonnull (strstr (constant->message, "constant"));
}
END_TEST

START_TEST (exported_filter_is_the_published_one)
{
  g_autoptr (CcsStateDict) params = block_params ();
  g_autoptr (CcsProgram) p = block_program (params, TRUE);
  g_autoptr (CcsBackend) backend = ccs_backend_open ("reference", NULL, NULL);
  g_autoptr (CcsPlan) plan = ccs_plan_new (backend, p, CCS_PLAN_NONE, NULL);
  g_autoptr (CcsTensor) got
      = ccs_plan_export (plan, ccs_program_find (p, "up"), NULL);
  CcsTensor *want = ccs_state_dict_lookup (params, "up");

  ck_assert (ccs_shape_equal (&got->shape, &want->shape));
  ck_assert_mem_eq (got->data, want->data, ccs_tensor_size (want));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("program");
  TCase *tc = tcase_create ("program");

  tcase_set_timeout (tc, 120);
  tcase_add_loop_test (tc, every_pass_keeps_the_result, 0,
                       G_N_ELEMENTS (passes));
  tcase_add_test (tc, optimizing_leaves_no_norm_sum_or_copy);
  tcase_add_test (tc, only_what_convolutions_alone_read_becomes_narrow);
  tcase_add_test (tc, memory_of_values_alive_together_is_apart);
  tcase_add_test (tc, first_mistake_is_reported_with_its_operands);
  tcase_add_test (tc, missing_or_misshapen_parameter_is_named);
  tcase_add_test (tc, gradient_of_a_value_used_twice_adds_up);
  tcase_add_test (tc, update_phase_can_be_held_back);
  tcase_add_test (tc, access_of_the_wrong_size_is_refused);
  tcase_add_test (tc, exported_filter_is_the_published_one);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
