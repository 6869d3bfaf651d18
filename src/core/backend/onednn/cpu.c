/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU backend: oneDNN where it is fast, own kernels elsewhere, all run by
 * one worker. An op without an entry in the table runs its reference code. */
#include "cpu.h"

#include <stdlib.h>
#include <string.h>

#include <omp.h>

static const CcsCpuPrepare prepare_table[CCS_N_OPS] = {
  [CCS_OP_CONV2D] = ccs_cpu_prepare_conv2d,
  [CCS_OP_CONV_TRANSPOSE2D] = ccs_cpu_prepare_spread,
  [CCS_OP_CONV2D_WEIGHT_GRAD] = ccs_cpu_prepare_conv2d_weight_grad,
  [CCS_OP_MATMUL] = ccs_cpu_prepare_matmul,
};

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
  CcsCpu *self = (CcsCpu *) backend;

  if (self->worker)
    ccs_worker_free (self->worker);
  if (self->stream)
    dnnl_stream_destroy (self->stream);
  if (self->engine)
    dnnl_engine_destroy (self->engine);
  g_mutex_clear (&self->pack_lock);
  g_free (self);
}

static CcsBackend *
cpu_open (const CcsBackendOptions *options, GError **error)
{
  CcsCpu *self = g_new0 (CcsCpu, 1);
  gint n_threads = options ? options->n_threads : 0;

  self->base.klass = &ccs_backend_cpu;
  self->base.n_threads = n_threads > 0 ? n_threads : omp_get_num_procs ();
  g_atomic_ref_count_init (&self->base.ref_count);
  g_mutex_init (&self->pack_lock);
  self->worker = ccs_worker_new (self->base.n_threads, error);
  if (!self->worker
      || !ccs_dnnl_check (dnnl_engine_create (&self->engine, dnnl_cpu, 0),
          "opening", error)
      || !ccs_dnnl_check (dnnl_stream_create (&self->stream, self->engine,
              dnnl_stream_default_flags), "opening", error)) {
    cpu_close (&self->base);
    return NULL;
  }
  return &self->base;
}

static void *
cpu_alloc (CcsBackend *backend, gsize bytes, GError **error)
{
  return ccs_cpu_alloc (bytes, error);
}

static void
cpu_release (CcsBackend *backend, void *memory)
{
  free (memory);
}

static gboolean
cpu_copy (CcsBackend *backend, void *to, gconstpointer from, gsize bytes,
    GError **error)
{
  memcpy (to, from, bytes);
  return TRUE;
}

typedef struct
{
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

  call->ok = prepare_table[call->kernel->op->kind] (call->cpu, call->kernel,
      call->hints, call->error);
}

/* Compiled on the worker: oneDNN cuts its work by the threads it sees then. */
static gboolean
cpu_prepare (CcsBackend *backend, CcsKernel *kernel,
    const CcsKernelHints *hints, GError **error)
{
  static const CcsKernelHints no_hints;
  PrepareCall call = { (CcsCpu *) backend, kernel,
    hints ? hints : &no_hints, error, TRUE };

  kernel->run = NULL;
  kernel->state = NULL;
  kernel->free_state = NULL;
  kernel->scratch = 0;
  if (prepare_table[kernel->op->kind])
    ccs_worker_call (call.cpu->worker, prepare_on_worker, &call);
  if (call.ok && !kernel->run)
    prepare_reference (kernel);
  if (!call.ok && kernel->free_state) {
    kernel->free_state (kernel->state);
    kernel->free_state = NULL;
    kernel->state = NULL;
  }
  return call.ok;
}

typedef struct
{
  CcsCpu *cpu;
  const CcsKernel *kernels;
  guint n;
  void *scratch;
  const CcsKernel *failed;
  dnnl_status_t status;
} RunCall;

static void
run_on_worker (gpointer data)
{
  RunCall *call = data;
  CcsCpu *cpu = call->cpu;

  cpu->failure = dnnl_success;
  for (guint i = 0; i < call->n && cpu->failure == dnnl_success; i++) {
    const CcsKernel *kernel = &call->kernels[i];

    kernel->run (&cpu->base, kernel->state, call->scratch);
    call->failed = kernel;
  }
  call->status = cpu->failure;
}

static gboolean
cpu_run (CcsBackend *backend, const CcsKernel *kernels, guint n,
    void *scratch, gpointer *capture, GError **error)
{
  RunCall call = { (CcsCpu *) backend, kernels, n, scratch, NULL,
    dnnl_success };

  ccs_worker_call (call.cpu->worker, run_on_worker, &call);
  return call.status == dnnl_success
      || ccs_dnnl_check (call.status, call.failed->row->name, error);
}

static void
cpu_drop_capture (CcsBackend *backend, gpointer capture)
{
}

const CcsBackendClass ccs_backend_cpu = {
  .name = "cpu",
  .host_memory = TRUE,
  .open = cpu_open,
  .close = cpu_close,
  .alloc = cpu_alloc,
  .release = cpu_release,
  .upload = cpu_copy,
  .download = cpu_copy,
  .prepare = cpu_prepare,
  .run = cpu_run,
  .drop_capture = cpu_drop_capture,
};
