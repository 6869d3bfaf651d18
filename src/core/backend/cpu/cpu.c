/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU backend: oneDNN where it is fast, own kernels elsewhere, all run by
 * one worker. An op without a kernel runs its reference code. */
#include "cpu.h"
#include "../host-memory.h"
#include "simd.h"

#include <string.h>

#include <omp.h>

/* Batches per run: lanes wait for each other once per run. */
#define CPU_BULK 4

static const CcsCpuKernel *const families[] = {
  ccs_cpu_conv_kernels,      ccs_cpu_norm_kernels,
  ccs_cpu_row_norm_kernels,  ccs_cpu_pointwise_kernels,
  ccs_cpu_shape_kernels,     ccs_cpu_reduce_kernels,
  ccs_cpu_matmul_kernels,    ccs_cpu_attention_kernels,
  ccs_cpu_sample_kernels,    ccs_cpu_signal_kernels,
  ccs_cpu_optimizer_kernels,
};

/* Returns the function that prepares kernels of @kind, or NULL if the backend
 * has no kernel for it. */
static CcsCpuPrepare
find_prepare (CcsOpKind kind)
{
  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    for (const CcsCpuKernel *row = families[i]; row->prepare; row++)
      if (row->kind == kind)
        return row->prepare;
  return NULL;
}

/* -- ops without a kernel of their own ------------------------------------- */

typedef struct
{
  const CcsOpRow *row;
  CcsOp op;
  CcsOperand in[CCS_MAX_INPUTS];
  CcsOperand out[CCS_MAX_OUTPUTS];
} Reference;

static void
run_reference (CcsBackend *backend, gpointer state, void *scratch)
{
  Reference *self = state;

  self->row->reference (&self->op, self->in, self->out);
}

static void
prepare_reference (CcsKernel *kernel)
{
  Reference *self = g_new (Reference, 1);

  self->row = kernel->row;
  self->op = *kernel->op;
  memcpy (self->in, kernel->in, sizeof self->in);
  memcpy (self->out, kernel->out, sizeof self->out);
  kernel->state = self;
  kernel->free_state = g_free;
  kernel->scratch = 0;
  kernel->run = run_reference;
}

/* -- the class ------------------------------------------------------------- */

static void
cpu_close (CcsBackend *backend)
{
  CcsCpu *self = (CcsCpu *)backend;

  if (self->worker)
    ccs_worker_free (self->worker);
  if (self->crowd)
    ccs_worker_free (self->crowd);
  if (self->stream)
    dnnl_stream_destroy (self->stream);
  if (self->engine)
    dnnl_engine_destroy (self->engine);
  g_free (self);
}

static void
start_team (gpointer data)
{
  gint *count = data; /* keeps the compiler from removing the region */

#pragma omp parallel
  g_atomic_int_inc (count);
}

/* Starts a team of idle threads. libgomp's waiting threads spin unless the
 * process has more threads than cores (GOMP_SPINCOUNT in its manual); then they
 * sleep almost at once. A team that has run once and is idle has that effect.
 */
static gboolean
gather_crowd (CcsCpu *self, GError **error)
{
  const gint n_threads = self->base.n_threads;
  /* libgomp counts the first thread, and the added threads of each team. */
  const gint size = MAX (omp_get_num_procs () - n_threads, 0) + 2;
  gint count = 0;

  if (n_threads < 2) /* no other thread waits at barriers */
    return TRUE;
  self->crowd = ccs_worker_new (size, error);
  return self->crowd
         && ccs_worker_call (self->crowd, start_team, &count, error);
}

static CcsBackend *
cpu_open (const CcsBackendOptions *options, GError **error)
{
  const gint n_threads = options->n_threads;
  CcsCpu *self;

  if (options->precision != CCS_PRECISION_FP32) {
    ccs_backend_refuse_precision (&ccs_backend_cpu, options->precision,
                                  "it offers fp32", error);
    return NULL;
  }
  if (!ccs_simd_check (error))
    return NULL;
  self = g_new0 (CcsCpu, 1);
  self->base.klass = &ccs_backend_cpu;
  self->base.n_threads = n_threads > 0 ? n_threads : omp_get_max_threads ();
  g_atomic_ref_count_init (&self->base.ref_count);
  self->worker = ccs_worker_new (self->base.n_threads, error);
  if (!self->worker || (options->shares_cores && !gather_crowd (self, error))
      || !ccs_dnnl_check (dnnl_engine_create (&self->engine, dnnl_cpu, 0),
                          "opening", error)
      || !ccs_dnnl_check (dnnl_stream_create (&self->stream, self->engine,
                                              dnnl_stream_default_flags),
                          "opening", error)) {
    cpu_close (&self->base);
    return NULL;
  }
  return &self->base;
}

typedef struct
{
  CcsCpuPrepare prepare;
  CcsCpu *cpu;
  CcsKernel *kernel;
  const CcsKernelHints *hints;
  GError **error;
  gboolean ok;
} PrepareCall;

static void
prepare_on_worker (gpointer data)
{
  PrepareCall *call = data;

  if (call->hints->one_thread)
    omp_set_num_threads (1);
  call->ok = call->prepare (call->cpu, call->kernel, call->hints, call->error);
  omp_set_num_threads (call->cpu->base.n_threads);
}

/* Prepares a kernel on the worker, because oneDNN divides its work by the
 * number of threads there. */
static gboolean
cpu_prepare (CcsBackend *backend, CcsKernel *kernel,
             const CcsKernelHints *hints, GError **error)
{
  static const CcsKernelHints no_hints;
  PrepareCall call = { find_prepare (kernel->op->kind),
                       (CcsCpu *)backend,
                       kernel,
                       hints ? hints : &no_hints,
                       error,
                       TRUE };

  kernel->run = NULL;
  kernel->state = NULL;
  kernel->free_state = NULL;
  kernel->scratch = 0;
  if (call.prepare
      && !ccs_worker_call (call.cpu->worker, prepare_on_worker, &call, error))
    return FALSE;
  if (call.ok && !kernel->run)
    prepare_reference (kernel);
  if (!call.ok && kernel->free_state) {
    kernel->free_state (kernel->state);
    kernel->free_state = NULL;
    kernel->state = NULL;
  }
  return call.ok;
}

/* The backend of which this thread runs a lane. */
static _Thread_local const CcsCpu *in_lane_of;

typedef struct
{
  CcsCpu *cpu;
  const CcsKernel *kernels;
  guint n;
  void *scratch;
  const CcsKernel *failed; /* the first */
} RunCall;

static void
run_kernels (RunCall *call)
{
  CcsCpu *cpu = call->cpu;

  for (guint i = 0; i < call->n && !call->failed; i++) {
    const CcsKernel *kernel = &call->kernels[i];

    kernel->run (&cpu->base, kernel->state, call->scratch);
    if (g_atomic_int_get (&cpu->failure) != dnnl_success)
      call->failed = kernel;
  }
}

static void
run_on_worker (gpointer data)
{
  RunCall *call = data;

  call->cpu->failure = dnnl_success;
  run_kernels (call);
}

static gboolean
cpu_run (CcsBackend *backend, const CcsKernel *kernels, guint n, void *scratch,
         gpointer *capture, GError **error)
{
  CcsCpu *self = (CcsCpu *)backend;
  RunCall call = { self, kernels, n, scratch, NULL };

  if (in_lane_of == self)
    run_kernels (&call);
  else if (!ccs_worker_call (self->worker, run_on_worker, &call, error))
    return FALSE;
  return !call.failed
         || ccs_dnnl_check (self->failure, call.failed->row->name, error);
}

typedef struct
{
  CcsCpu *cpu;
  guint n;
  CcsLane work;
  gpointer user;
} LanesCall;

/* Runs the lanes; parallel regions within a lane have one thread. */
static void
lanes_on_worker (gpointer data)
{
  const LanesCall *call = data;

  call->cpu->failure = dnnl_success;
  omp_set_num_threads (call->n);
#pragma omp parallel for schedule(static, 1)
  for (guint i = 0; i < call->n; i++) {
    in_lane_of = call->cpu;
    call->work (call->user, i);
    in_lane_of = NULL;
  }
  omp_set_num_threads (call->cpu->base.n_threads);
}

static gboolean
cpu_run_lanes (CcsBackend *backend, guint n, CcsLane work, gpointer user,
               GError **error)
{
  LanesCall call = { (CcsCpu *)backend, n, work, user };

  return ccs_worker_call (call.cpu->worker, lanes_on_worker, &call, error);
}

static void
cpu_drop_capture (CcsBackend *backend, gpointer capture)
{
}

const CcsBackendClass ccs_backend_cpu = {
  .name = "cpu",
  .host_memory = TRUE,
  .bulk = CPU_BULK,
  .open = cpu_open,
  .close = cpu_close,
  .alloc = ccs_host_alloc,
  .release = ccs_host_release,
  .upload = ccs_host_upload,
  .download = ccs_host_download,
  .prepare = cpu_prepare,
  .run = cpu_run,
  .drop_capture = cpu_drop_capture,
  .run_lanes = cpu_run_lanes,
};
