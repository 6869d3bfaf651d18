/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CUDA module without a GPU: every kernel of the CUDA backend runs on the
 * CPU, block by block, so that its index arithmetic and its use of shared
 * memory can be tested anywhere. Convolutions and matrix products, which a
 * library does on the GPU, run their reference code; what stands around them
 * is the module's. */
#include "backend/cuda/cuda.h"
#include "backend/host-memory.h"

#include <string.h>

extern const CcsBackendClass ccs_backend_cuda;

/* -- launches -------------------------------------------------------------- */

typedef void (*EmulatedKernel) (const CcsPoint *at, gconstpointer params,
                                gint phase);

#define X(name, Params, phases)                                                \
  static void emulate_##name (const CcsPoint *at, gconstpointer params,        \
                              gint phase)                                      \
  {                                                                            \
    ccs_kernel_##name (at, params, phase);                                     \
  }
CCS_KERNEL_LIST (X)
#undef X

static const struct
{
  EmulatedKernel run;
  gint n_phases;
} kernels[CCS_N_KERNELS] = {
#define X(name, Params, phases) { emulate_##name, phases },
  CCS_KERNEL_LIST (X)
#undef X
};

/* Neither the blocks nor the threads of a phase have an order: they run in one
 * that no kernel can rely on, and another in every phase. */
#define THREAD_STEP 97
#define SHARED_GUARD 64
#define GUARD_BYTE 0xA5

static void
run_block (const CcsLaunch *launch, guint block, char *shared)
{
  for (gint phase = 0; phase < kernels[launch->kernel].n_phases; phase++)
    for (guint i = 0; i < CCS_BLOCK_THREADS; i++) {
      const guint thread
          = (i * THREAD_STEP + 31 * (guint)phase) % CCS_BLOCK_THREADS;
      const CcsPoint at = { block, thread, shared };

      kernels[launch->kernel].run (&at, &launch->params, phase);
    }
}

void
ccs_cuda_launch (CcsCuda *cuda, const CcsLaunch *launch)
{
  const gsize bytes = launch->shared + SHARED_GUARD;
  g_autofree char *shared = g_malloc (bytes);

  for (guint block = launch->blocks; block-- > 0;) {
    /* What is not written first is not a number. */
    memset (shared, 0xff, launch->shared);
    memset (shared + launch->shared, GUARD_BYTE, SHARED_GUARD);
    run_block (launch, block, shared);
    for (guint i = 0; i < SHARED_GUARD; i++)
      if ((guint8)shared[launch->shared + i] != GUARD_BYTE && !cuda->failure)
        cuda->failure = g_strdup_printf (
            "kernel %u writes beyond its shared memory", launch->kernel);
  }
}

/* -- library calls --------------------------------------------------------- */

typedef struct
{
  const CcsOpRow *row;
  CcsOp op; /* without bias, residual and activation */
  CcsOperand in[CCS_MAX_INPUTS];
  CcsOperand out[CCS_MAX_OUTPUTS];
} Reference;

static void
run_reference (CcsCuda *cuda, gpointer state, void *scratch)
{
  Reference *self = state;

  self->row->reference (&self->op, self->in, self->out);
}

static Reference *
call_reference (const CcsKernel *kernel, CcsCall *call)
{
  Reference *self = g_new0 (Reference, 1);

  self->row = kernel->row;
  self->op = *kernel->op;
  memcpy (self->in, kernel->in, 2 * sizeof *self->in);
  memcpy (self->out, kernel->out, sizeof self->out);
  *call = (CcsCall){ run_reference, self, g_free, 0, FALSE };
  return self;
}

gboolean
ccs_cuda_call_conv (CcsCuda *cuda, const CcsKernel *kernel, CcsCall *call,
                    GError **error)
{
  call_reference (kernel, call)->op.attrs.conv.act = CCS_NO_ACT;
  return TRUE;
}

gboolean
ccs_cuda_call_matmul (CcsCuda *cuda, const CcsKernel *kernel, CcsCall *call,
                      GError **error)
{
  call_reference (kernel, call)->op.attrs.matmul.act = CCS_NO_ACT;
  return TRUE;
}

/* -- the class ------------------------------------------------------------- */

static CcsBackend *
emulation_open (const CcsBackendOptions *options, GError **error)
{
  CcsCuda *self = g_new0 (CcsCuda, 1);

  self->base.klass = &ccs_backend_cuda;
  self->base.n_threads = 1;
  return &self->base;
}

static void
emulation_close (CcsBackend *backend)
{
  CcsCuda *self = (CcsCuda *)backend;

  g_free (self->failure);
  g_free (self);
}

static gboolean
emulation_prepare (CcsBackend *backend, CcsKernel *kernel,
                   const CcsKernelHints *hints, GError **error)
{
  return ccs_cuda_prepare ((CcsCuda *)backend, kernel, error);
}

static gboolean
emulation_run (CcsBackend *backend, const CcsKernel *list, guint n,
               void *scratch, gpointer *capture, GError **error)
{
  CcsCuda *self = (CcsCuda *)backend;

  for (guint i = 0; i < n; i++) {
    list[i].run (backend, list[i].state, scratch);
    if (self->failure) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "%s: %s",
                   list[i].row->name, self->failure);
      g_clear_pointer (&self->failure, g_free);
      return FALSE;
    }
  }
  return TRUE;
}

static void
emulation_drop_capture (CcsBackend *backend, gpointer capture)
{
}

const CcsBackendClass ccs_backend_cuda = {
  .name = "cuda",
  .host_memory = TRUE,
  .open = emulation_open,
  .close = emulation_close,
  .alloc = ccs_host_alloc,
  .release = ccs_host_release,
  .upload = ccs_host_copy,
  .download = ccs_host_copy,
  .prepare = emulation_prepare,
  .run = emulation_run,
  .drop_capture = emulation_drop_capture,
};
