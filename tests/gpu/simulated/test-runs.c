/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs and copies of the CUDA module on the simulated runtime, which executes
 * work as late as possible: a missing wait gives wrong results, and a call that
 * CUDA forbids ends the process. */
#include <gmodule.h>
#include <string.h>

#include "backend/registry.h"
#include "../../suite.h"
#include "backend/cuda/libraries.h"
#include "plan/plan.h"
#include "simulated-runtime.h"

#define ROWS 6
#define WIDTH 24
#define N_RUNS 40
#define N_THREADS 3
/* Needs more than two pieces of pinned memory. */
#define LARGE (2 * 1024 * 1024 + 512 * 1024 + 3)
#define N_ITEMS 5
static const gint64 sizes_of_items[] = { 1, 1001, 100003, 400009 };

/* A plan with the input x, [n] or [ROWS,WIDTH], and the output y. */
typedef struct
{
  CcsPlan *plan;
  CcsValueId x, y;
} Machine;

/* Returns a function of the module. */
static gpointer
function_of_module (const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("CCSTEREO_BACKEND_PATH"),
                                            "libccstereo-cuda.so", NULL);
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  gpointer function = NULL;

  ck_assert (module && g_module_symbol (module, name, &function));
  return function;
}

static CcsTensor *
ramp (CcsShape shape)
{
  const gint64 n = ccs_shape_elements (&shape);
  float *data = g_new (float, n);

  for (gint64 i = 0; i < n; i++)
    data[i] = (float)(i % 7) - 3.f;
  return ccs_tensor_new_take (CCS_F32, &shape, data);
}

static void
make_plan (Machine *self, CcsProgram *p, const char *backend_name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsBackend) backend
      = ccs_backend_open (backend_name, NULL, &error);

  ck_assert_msg (backend != NULL, "%s", error ? error->message : "");
  self->plan = ccs_plan_new (backend, p, CCS_PLAN_NONE, &error);
  ck_assert_msg (self->plan != NULL, "%s", error ? error->message : "");
}

/* Plans a product with a constant, followed by a normalisation of its rows:
 * this uses a library call, own kernels and shared memory. */
static Machine
machine_new (const char *backend_name)
{
  const CcsAttrs norm = { .norm.eps = 1e-5f };
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, FALSE);
  Machine self;
  CcsValueId in[3];

  self.x
      = ccs_program_input (p, "x", CCS_F32, (CcsShape)CCS_SHAPE (ROWS, WIDTH));
  in[0] = ccs_matmul (
      p, self.x,
      ccs_program_const (p, "w", ramp ((CcsShape)CCS_SHAPE (WIDTH, WIDTH))),
      CCS_NONE, FALSE, FALSE, 1.f, CCS_NO_ACT);
  in[1] = ccs_program_const (p, "g", ramp ((CcsShape)CCS_SHAPE (WIDTH)));
  in[2] = ccs_program_const (p, "b", ramp ((CcsShape)CCS_SHAPE (WIDTH)));
  self.y = ccs_program_output (
      p, "y", ccs_program_append (p, CCS_OP_LAYER_NORM, in, 3, &norm));
  make_plan (&self, p, backend_name);
  return self;
}

static void
start_with (Machine *self, gint seed)
{
  float x[ROWS * WIDTH];
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (x); i++)
    x[i] = (float)((seed * 31 + (gint)i * 17) % 23) - 11.f;
  ck_assert_msg (ccs_plan_write (self->plan, self->x, x, sizeof x, &error)
                     && ccs_plan_start (self->plan, CCS_PHASE_FORWARD, &error),
                 "%s", error ? error->message : "");
}

static void
finish_with (Machine *self, float *y)
{
  const gsize bytes = ROWS * WIDTH * sizeof *y;
  g_autoptr (GError) error = NULL;

  ck_assert_msg (ccs_plan_finish (self->plan, &error)
                     && ccs_plan_read (self->plan, self->y, y, bytes, &error),
                 "%s", error ? error->message : "");
}

static void
run_with (Machine *self, gint seed, float *y)
{
  start_with (self, seed);
  finish_with (self, y);
}

/* Checks that @y is the result of @exact for @seed. */
static void
assert_result (Machine *exact, gint seed, const float *y)
{
  float wanted[ROWS * WIDTH];

  run_with (exact, seed, wanted);
  for (guint k = 0; k < G_N_ELEMENTS (wanted); k++)
    ck_assert_msg (ABS (y[k] - wanted[k]) < 1e-4f,
                   "run with %d gives %g at %u, not %g", seed, y[k], k,
                   wanted[k]);
}

static gpointer
run_often (gpointer user)
{
  const gint first = GPOINTER_TO_INT (user);
  Machine tested = machine_new ("cuda"), exact = machine_new ("reference");

  for (gint i = 0; i < N_RUNS; i++) {
    float y[ROWS * WIDTH];

    run_with (&tested, first + i, y);
    assert_result (&exact, first + i, y);
  }
  ccs_plan_free (tested.plan);
  ccs_plan_free (exact.plan);
  return NULL;
}

START_TEST (a_list_gives_the_same_alone_and_as_a_graph)
{
  run_often (GINT_TO_POINTER (1));
}
END_TEST

START_TEST (threads_share_a_device)
{
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new (NULL, run_often, GINT_TO_POINTER (100 * i));
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}
END_TEST

/* While one plan runs, the inputs of the other are uploaded and its run is
 * issued. From the second round on, both plans run as graphs. */
START_TEST (a_plan_is_written_to_while_another_runs)
{
  Machine plans[2] = { machine_new ("cuda"), machine_new ("cuda") };
  Machine exact = machine_new ("reference");
  guint (*done) (void) = function_of_module ("simulated_done_kernels");
  float y[ROWS * WIDTH];

  start_with (&plans[0], 0);
  for (gint i = 1; i < N_RUNS; i++) {
    const guint before = done ();

    start_with (&plans[i % 2], i);
    ck_assert_uint_eq (done (), before);
    finish_with (&plans[(i - 1) % 2], y);
    assert_result (&exact, i - 1, y);
  }
  finish_with (&plans[(N_RUNS - 1) % 2], y);
  assert_result (&exact, N_RUNS - 1, y);
  ccs_plan_free (plans[0].plan);
  ccs_plan_free (plans[1].plan);
  ccs_plan_free (exact.plan);
}
END_TEST

/* The op uses little of the data, so this checks the copies. */
START_TEST (what_is_larger_than_the_pinned_memory_passes_in_pieces)
{
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, FALSE);
  g_autofree float *x = g_new (float, LARGE);
  g_autofree float *y = g_new0 (float, LARGE);
  g_autoptr (GError) error = NULL;
  Machine self;
  float last;

  self.x = ccs_program_input (p, "x", CCS_F32, (CcsShape)CCS_SHAPE (LARGE));
  self.y = ccs_program_output (p, "y", ccs_slice (p, self.x, 0, LARGE - 1, 1));
  make_plan (&self, p, "cuda");
  for (guint i = 0; i < LARGE; i++)
    x[i] = (float)i;
  ck_assert (ccs_plan_write (self.plan, self.x, x, LARGE * sizeof *x, &error));
  ck_assert (ccs_plan_run (self.plan, CCS_PHASE_FORWARD, &error));
  ck_assert (ccs_plan_read (self.plan, self.x, y, LARGE * sizeof *y, &error));
  ck_assert_int_eq (memcmp (x, y, LARGE * sizeof *x), 0);
  ck_assert (ccs_plan_read (self.plan, self.y, &last, sizeof last, &error));
  ck_assert_float_eq (last, x[LARGE - 1]);
  ccs_plan_free (self.plan);
}
END_TEST

/* Writes @n items of @size elements, and checks that their doubles are read. */
static void
double_items (Machine *self, gint64 size, guint n, float first)
{
  const gsize bytes = size * sizeof (float);
  float *sent[N_ITEMS], *got[N_ITEMS];
  g_autoptr (GError) error = NULL;

  for (guint k = 0; k < n; k++) {
    sent[k] = g_new (float, size);
    got[k] = g_new0 (float, size);
    for (gint64 i = 0; i < size; i++)
      sent[k][i] = first + (float)(i + 100 * k);
  }
  ck_assert (ccs_plan_write_items (
      self->plan, self->x, (const gconstpointer *)sent, n, bytes, &error));
  ck_assert (ccs_plan_run (self->plan, CCS_PHASE_FORWARD, &error));
  ck_assert (ccs_plan_read_items (self->plan, self->y, (const gpointer *)got, n,
                                  bytes, &error));
  for (guint k = 0; k < n; k++) {
    for (gint64 i = 0; i < size; i++)
      ck_assert_float_eq (got[k][i], 2 * sent[k][i]);
    g_free (sent[k]);
    g_free (got[k]);
  }
}

/* Items are larger or smaller than half of the pinned memory, and a run of
 * items may start anywhere in it. The last run is not full. */
START_TEST (items_come_from_and_go_to_memory_of_their_own)
{
  const gint64 size = sizes_of_items[_i];
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, FALSE);
  Machine self;

  self.x = ccs_program_input (p, "x", CCS_F32,
                              (CcsShape)CCS_SHAPE (N_ITEMS, size));
  self.y = ccs_program_output (p, "y", ccs_add (p, self.x, self.x, CCS_NO_ACT));
  make_plan (&self, p, "cuda");
  for (guint n = N_ITEMS; n >= N_ITEMS - 2; n--)
    double_items (&self, size, n, n);
  ccs_plan_free (self.plan);
}
END_TEST

/* New state memory is zero and does not show previous content of the memory. */
START_TEST (new_memory_is_zero)
{
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  float x[WIDTH] = { 1.f }, y[WIDTH];
  Machine self;

  self.x = ccs_program_input (p, "x", CCS_F32, (CcsShape)CCS_SHAPE (WIDTH));
  self.y = ccs_program_output (
      p, "y",
      ccs_add (p, self.x,
               ccs_program_state (p, "s", (CcsShape)CCS_SHAPE (WIDTH)),
               CCS_NO_ACT));
  make_plan (&self, p, "cuda");
  ck_assert (ccs_plan_write (self.plan, self.x, x, sizeof x, &error));
  ck_assert (ccs_plan_run (self.plan, CCS_PHASE_FORWARD, &error));
  ck_assert (ccs_plan_read (self.plan, self.y, y, sizeof y, &error));
  ck_assert_int_eq (memcmp (x, y, sizeof x), 0);
  ccs_plan_free (self.plan);
}
END_TEST

/* Returns the module's libraries. */
static const CcsCudaLibraries *
libraries (void)
{
  const CcsCudaLibraries *(*get) (GError **)
      = function_of_module ("ccs_cuda_libraries");

  return get (NULL);
}

START_TEST (a_thread_keeps_the_context_that_it_was_in)
{
  const CcsCudaLibraries *lib = libraries ();
  const CUcontext own = (CUcontext)&lib;
  CUcontext found = NULL;
  float y[ROWS * WIDTH];
  Machine self;

  lib->cuCtxSetCurrent (own);
  self = machine_new ("cuda");
  for (gint i = 0; i < 3; i++)
    run_with (&self, i, y);
  ccs_plan_free (self.plan);
  lib->cuCtxGetCurrent (&found);
  ck_assert_ptr_eq (found, own);
  lib->cuCtxSetCurrent (NULL);
}
END_TEST

/* Returns how many runs it takes until there is a graph, at most @most. */
static guint
runs_without_a_graph (Machine *machine, guint most)
{
  guint (*launched) (void) = function_of_module ("simulated_launched_graphs");
  const guint before = launched ();
  float y[ROWS * WIDTH];
  guint n = 0;

  while (launched () == before && n < most)
    run_with (machine, n++, y);
  return n - 1;
}

START_TEST (a_capture_that_was_broken_is_tried_again)
{
  void (*break_captures) (guint)
      = function_of_module ("simulated_break_captures");
  Machine self = machine_new ("cuda");

  break_captures (2);
  ck_assert_uint_eq (runs_without_a_graph (&self, N_RUNS), 3);
  ccs_plan_free (self.plan);
}
END_TEST

START_TEST (a_list_that_cannot_be_captured_runs_without_a_graph)
{
  void (*break_captures) (guint)
      = function_of_module ("simulated_break_captures");
  Machine self = machine_new ("cuda");

  break_captures (3);
  ck_assert_uint_eq (runs_without_a_graph (&self, N_RUNS), N_RUNS - 1);
  ccs_plan_free (self.plan);
}
END_TEST

static Suite *
runs_suite (void)
{
  Suite *suite = suite_create ("runs");
  TCase *simulated = tcase_create ("simulated");

  tcase_add_test (simulated, a_list_gives_the_same_alone_and_as_a_graph);
  tcase_add_test (simulated, threads_share_a_device);
  tcase_add_test (simulated, a_plan_is_written_to_while_another_runs);
  tcase_add_test (simulated,
                  what_is_larger_than_the_pinned_memory_passes_in_pieces);
  tcase_add_loop_test (simulated, items_come_from_and_go_to_memory_of_their_own,
                       0, G_N_ELEMENTS (sizes_of_items));
  tcase_add_test (simulated, new_memory_is_zero);
  tcase_add_test (simulated, a_thread_keeps_the_context_that_it_was_in);
  tcase_add_test (simulated, a_capture_that_was_broken_is_tried_again);
  tcase_add_test (simulated,
                  a_list_that_cannot_be_captured_runs_without_a_graph);
  suite_add_tcase (suite, simulated);
  return suite;
}

int
main (void)
{
  return run_suite (runs_suite ());
}
