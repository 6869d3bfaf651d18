/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Constants that several plans share, on a fake backend whose memory the
 * host cannot read. The backend counts allocations and uploads, and runs the
 * reference functions. */
#include <ccstereo/error.h>
#include <check.h>
#include <string.h>

#include "backend/host-memory.h"
#include "backend/constant.h"
#include "plan/plan.h"
#include "../suite.h"

extern const CcsBackendClass ccs_backend_reference;

/* ccs_constant_get_content() and ccs_constant_release() of the copy in
 * constant-copy.c. */
CcsConstant *copy_constant_get_content (CcsBackend *backend, CcsTensor *tensor,
                                        GError **error);
void copy_constant_release (CcsConstant *self);

#define ROWS 4
#define WIDTH 6

typedef struct
{
  CcsBackend base;
  gint blocks;   /* allocated and not yet freed */
  gint uploads;  /* uploads so far */
  gint fails_at; /* index of the upload that fails, from 1; 0: none */
} Device;

static void *
device_alloc (CcsBackend *self, gsize bytes, GError **error)
{
  g_atomic_int_inc (&((Device *)self)->blocks);
  return ccs_host_alloc (self, bytes, error);
}

static void
device_release (CcsBackend *self, void *memory)
{
  g_atomic_int_add (&((Device *)self)->blocks, -1);
  ccs_host_release (self, memory);
}

static gboolean
device_upload (CcsBackend *self, void *to, const gconstpointer *rows, guint n,
               gsize bytes, GError **error)
{
  Device *device = (Device *)self;

  if (g_atomic_int_add (&device->uploads, 1) + 1 == device->fails_at) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "the cable came off");
    return FALSE;
  }
  return ccs_host_upload (self, to, rows, n, bytes, error);
}

static void
device_close (CcsBackend *self)
{
}

/* Initialises a device on the stack; the test keeps a reference. */
static void
device_init (Device *self, CcsBackendClass *klass)
{
  *klass = ccs_backend_reference;
  klass->host_memory = FALSE;
  klass->alloc = device_alloc;
  klass->release = device_release;
  klass->upload = device_upload;
  klass->close = device_close;
  memset (self, 0, sizeof *self);
  self->base.klass = klass;
  g_atomic_ref_count_init (&self->base.ref_count);
  g_mutex_init (&self->base.constants_lock);
}

static CcsStateDict *
weights_new (void)
{
  CcsStateDict *params = ccs_state_dict_new ();
  CcsShape shape = CCS_SHAPE (WIDTH, WIDTH);
  float *data = g_new (float, WIDTH *WIDTH);

  for (gint i = 0; i < WIDTH * WIDTH; i++)
    data[i] = i;
  ccs_state_dict_insert (params, "weight",
                         ccs_tensor_new_take (CCS_F32, &shape, data));
  return params;
}

/* Plans y = x weight with a constant weight, for inference. */
static CcsPlan *
plan_new (CcsBackend *backend, CcsStateDict *params, gint64 rows,
          GError **error)
{
  g_autoptr (CcsProgram) p = ccs_program_new (params, FALSE);
  CcsValueId x = ccs_program_input (p, "x", CCS_F32, CCS_SHAPE (rows, WIDTH));
  CcsValueId weight = ccs_program_param (p, "weight", CCS_SHAPE (WIDTH, WIDTH),
                                         CCS_LAYOUT_PLAIN);

  ccs_program_output (
      p, "y",
      ccs_matmul (p, x, weight, CCS_NONE, FALSE, FALSE, 1.f, CCS_NO_ACT));
  return ccs_plan_new (backend, p, CCS_PLAN_NONE, error);
}

/* Checks the first row of y for a row of ones in x: the column sums of the
 * weight. */
static void
assert_column_sums (CcsPlan *plan, gint64 rows)
{
  CcsProgram *p = ccs_plan_program (plan);
  float x[ROWS * WIDTH], y[ROWS * WIDTH];
  gsize bytes = rows * WIDTH * sizeof (float);

  for (gint i = 0; i < ROWS * WIDTH; i++)
    x[i] = 1;
  ck_assert (ccs_plan_write (plan, ccs_program_find (p, "x"), x, bytes, NULL));
  ck_assert (ccs_plan_run (plan, CCS_PHASE_FORWARD, NULL));
  ck_assert (ccs_plan_read (plan, ccs_program_find (p, "y"), y, bytes, NULL));
  for (gint j = 0; j < WIDTH; j++)
    ck_assert_float_eq (y[j], WIDTH * (WIDTH * (WIDTH - 1) / 2) + WIDTH * j);
}

START_TEST (plans_with_the_same_weights_upload_them_once)
{
  Device device;
  CcsBackendClass klass;
  g_autoptr (CcsStateDict) params = weights_new ();

  device_init (&device, &klass);
  {
    g_autoptr (CcsPlan) small = plan_new (&device.base, params, 1, NULL);
    g_autoptr (CcsPlan) large = plan_new (&device.base, params, ROWS, NULL);

    ck_assert_int_eq (device.uploads, 1);
    assert_column_sums (small, 1);
    assert_column_sums (large, ROWS);
  }
  ck_assert_int_eq (device.blocks, 0);
}
END_TEST

START_TEST (weights_outlive_the_plan_that_uploaded_them)
{
  Device device;
  CcsBackendClass klass;
  g_autoptr (CcsStateDict) params = weights_new ();
  CcsPlan *first, *second;

  device_init (&device, &klass);
  first = plan_new (&device.base, params, 1, NULL);
  second = plan_new (&device.base, params, ROWS, NULL);
  ccs_plan_free (first);
  assert_column_sums (second, ROWS);
  ccs_plan_free (second);
  ck_assert_int_eq (device.blocks, 0);
}
END_TEST

START_TEST (other_weights_and_other_backends_have_their_own)
{
  Device devices[2];
  CcsBackendClass klass[2];
  g_autoptr (CcsStateDict) params = weights_new ();
  g_autoptr (CcsStateDict) others = weights_new ();

  device_init (&devices[0], &klass[0]);
  device_init (&devices[1], &klass[1]);
  {
    g_autoptr (CcsPlan) a = plan_new (&devices[0].base, params, 1, NULL);
    g_autoptr (CcsPlan) b = plan_new (&devices[0].base, others, 1, NULL);
    g_autoptr (CcsPlan) c = plan_new (&devices[1].base, params, 1, NULL);

    ck_assert (a && b && c);
    ck_assert_int_eq (devices[0].uploads, 2);
    ck_assert_int_eq (devices[1].uploads, 1);
  }
  ck_assert_int_eq (devices[0].blocks, 0);
  ck_assert_int_eq (devices[1].blocks, 0);
}
END_TEST

START_TEST (a_failed_upload_leaves_nothing_behind)
{
  Device device;
  CcsBackendClass klass;
  g_autoptr (CcsStateDict) params = weights_new ();
  g_autoptr (GError) error = NULL;

  device_init (&device, &klass);
  device.fails_at = 1;
  ck_assert_ptr_null (plan_new (&device.base, params, 1, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "the cable came off"));
  ck_assert_int_eq (device.blocks, 0);
  {
    g_autoptr (CcsPlan) again = plan_new (&device.base, params, 1, NULL);

    assert_column_sums (again, 1);
  }
  ck_assert_int_eq (device.blocks, 0);
}
END_TEST

/* The CUDA module may receive the table of functions from either copy. */
START_TEST (two_copies_of_the_library_share_the_constants_of_a_backend)
{
  Device device;
  CcsBackendClass klass;
  g_autoptr (CcsStateDict) params = weights_new ();
  CcsTensor *weight = ccs_state_dict_lookup (params, "weight");
  CcsConstant *constant;

  device_init (&device, &klass);
  constant = ccs_constant_get_content (&device.base, weight, NULL);
  ck_assert_ptr_eq (copy_constant_get_content (&device.base, weight, NULL),
                    constant);
  ccs_constant_release (constant);
  copy_constant_release (constant);
  ck_assert_int_eq (device.blocks, 0);
}
END_TEST

/* -- many threads ---------------------------------------------------------- */

#define N_THREADS 8
#define N_ROUNDS 50

typedef struct
{
  Device *device;
  CcsStateDict *params;
} Planner;

static gpointer
plan_again_and_again (gpointer data)
{
  Planner *self = data;

  for (gint i = 0; i < N_ROUNDS; i++) {
    g_autoptr (CcsPlan) plan
        = plan_new (&self->device->base, self->params, 1, NULL);

    assert_column_sums (plan, 1);
  }
  return NULL;
}

START_TEST (threads_that_plan_at_once_leave_nothing_behind)
{
  Device device;
  CcsBackendClass klass;
  g_autoptr (CcsStateDict) params = weights_new ();
  Planner planner = { &device, params };
  GThread *threads[N_THREADS];

  device_init (&device, &klass);
  for (gint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("planner", plan_again_and_again, &planner);
  for (gint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  ck_assert_int_eq (device.blocks, 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("constant");
  TCase *tc = tcase_create ("constants");

  tcase_add_test (tc, plans_with_the_same_weights_upload_them_once);
  tcase_add_test (tc, weights_outlive_the_plan_that_uploaded_them);
  tcase_add_test (tc, other_weights_and_other_backends_have_their_own);
  tcase_add_test (tc, a_failed_upload_leaves_nothing_behind);
  tcase_add_test (tc,
                  two_copies_of_the_library_share_the_constants_of_a_backend);
  tcase_add_test (tc, threads_that_plan_at_once_leave_nothing_behind);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
