/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which kernels are combined into one launch over a table. Launches are
 * counted, but not run; the op suite and training steps test their results. */
#include <string.h>

#include "../suite.h"
#include "backend/cuda/cuda-backend.h"
#include "backend/host-memory.h"
#include "nn/op-table.h"

#define MAX_KERNELS 8
#define WIDTH 300

static guint launched[CCS_N_KERNELS];

void
ccs_cuda_launch (CcsCuda *cuda, const CcsLaunch *launch)
{
  launched[launch->kernel]++;
}

gboolean
ccs_cuda_call_conv (CcsCuda *cuda, const CcsCallSite *site, CcsCall *call,
                    GError **error)
{
  return FALSE;
}

gboolean
ccs_cuda_call_matmul (CcsCuda *cuda, const CcsCallSite *site, CcsCall *call,
                      GError **error)
{
  return FALSE;
}

static const CcsBackendClass host_class = {
  .name = "counting",
  .host_memory = TRUE,
  .alloc = ccs_host_alloc,
  .release = ccs_host_release,
  .upload = ccs_host_upload,
  .download = ccs_host_download,
};

/* Kernels on parts of one memory. */
typedef struct
{
  CcsCuda cuda;
  CcsOp ops[MAX_KERNELS];
  CcsKernel kernels[MAX_KERNELS];
  guint n;
  float memory[64][WIDTH];
} Bench;

static Bench *
bench_new (void)
{
  Bench *self = g_new0 (Bench, 1);

  ck_assert (ccs_cuda_set_host (&ccs_backend_host, NULL));
  self->cuda.base.klass = &host_class;
  memset (launched, 0, sizeof launched);
  return self;
}

static void
bench_free (Bench *self)
{
  for (guint i = 0; i < self->n; i++)
    self->kernels[i].free_state (self->kernels[i].state);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Bench, bench_free)

static CcsOperand
vector_at (Bench *self, guint row, gint64 n)
{
  return (CcsOperand){ self->memory[row], CCS_F32, CCS_SHAPE (n), n };
}

/* Adds a kernel of @kind that uses the given rows; the list ends with -1. If
 * the kind has a result, it is the first row. */
static void
add_kernel (Bench *self, CcsOpKind kind, const gint *rows)
{
  CcsKernel *kernel = &self->kernels[self->n];
  CcsOp *op = &self->ops[self->n++];
  guint k = 0;

  op->kind = kind;
  kernel->op = op;
  kernel->row = ccs_op_row (kind);
  if (kernel->row->n_out > 0)
    kernel->out[0]
        = vector_at (self, *rows++, kind == CCS_OP_SQUARE_SUM ? 1 : WIDTH);
  for (; *rows >= 0; rows++)
    kernel->in[k++] = vector_at (self, *rows, WIDTH);
  ck_assert (ccs_cuda_prepare (&self->cuda, kernel, NULL, NULL));
}

#define ADD(self, kind, ...)                                                   \
  add_kernel (self, kind, (const gint[]){ __VA_ARGS__, -1 })

static void
run (Bench *self)
{
  g_autoptr (CcsCudaList) list
      = ccs_cuda_list_new (&self->cuda, self->kernels, self->n, NULL);

  ck_assert_ptr_nonnull (list);
  ck_assert (ccs_cuda_list_run (list, NULL, NULL));
}

START_TEST (updates_of_many_parameters_are_one_launch)
{
  g_autoptr (Bench) bench = bench_new ();

  /* Rows are parameter, gradient, and both moments. The last row, the rates,
   * is shared. */
  ADD (bench, CCS_OP_ADAM, 0, 1, 2, 3, 60);
  ADD (bench, CCS_OP_ADAM, 4, 5, 6, 7, 60);
  ADD (bench, CCS_OP_ADAM, 8, 9, 10, 11, 60);
  run (bench);
  ck_assert_uint_eq (launched[CCS_KERNEL_adam], 1);
}
END_TEST

START_TEST (an_update_of_what_another_updates_waits_for_it)
{
  g_autoptr (Bench) bench = bench_new ();

  ADD (bench, CCS_OP_ADAM, 0, 1, 2, 3, 60);
  ADD (bench, CCS_OP_ADAM, 4, 5, 6, 7, 60);
  ADD (bench, CCS_OP_ADAM, 0, 9, 10, 11, 60);
  run (bench);
  ck_assert_uint_eq (launched[CCS_KERNEL_adam], 2);
}
END_TEST

START_TEST (an_update_by_what_another_writes_waits_for_it)
{
  g_autoptr (Bench) bench = bench_new ();

  ADD (bench, CCS_OP_ADAM, 0, 1, 2, 3, 60);
  ADD (bench, CCS_OP_ADAM, 4, 2, 6, 7, 60);
  run (bench);
  ck_assert_uint_eq (launched[CCS_KERNEL_adam], 2);
}
END_TEST

START_TEST (sums_of_squares_are_two_launches)
{
  g_autoptr (Bench) bench = bench_new ();

  ADD (bench, CCS_OP_SQUARE_SUM, 40, 0);
  ADD (bench, CCS_OP_SQUARE_SUM, 41, 1);
  ADD (bench, CCS_OP_SQUARE_SUM, 42, 2);
  run (bench);
  ck_assert_uint_eq (launched[CCS_KERNEL_squares], 1);
  ck_assert_uint_eq (launched[CCS_KERNEL_squares_finish], 1);
}
END_TEST

START_TEST (what_stands_between_stays_between)
{
  g_autoptr (Bench) bench = bench_new ();

  ADD (bench, CCS_OP_SQUARE_SUM, 40, 0);
  ADD (bench, CCS_OP_SQUARE_SUM, 41, 1);
  ADD (bench, CCS_OP_ADD, 42, 40, 41);
  ADD (bench, CCS_OP_SQUARE_SUM, 43, 2);
  run (bench);
  ck_assert_uint_eq (launched[CCS_KERNEL_squares], 2);
  ck_assert_uint_eq (launched[CCS_KERNEL_elementwise], 1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("table");
  TCase *tc = tcase_create ("lists");

  tcase_add_test (tc, updates_of_many_parameters_are_one_launch);
  tcase_add_test (tc, an_update_of_what_another_updates_waits_for_it);
  tcase_add_test (tc, an_update_by_what_another_writes_waits_for_it);
  tcase_add_test (tc, sums_of_squares_are_two_launches);
  tcase_add_test (tc, what_stands_between_stays_between);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
