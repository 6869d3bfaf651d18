/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CUDA module without a GPU, in host memory. It uses the module's code
 * that turns ops into launches. The code for devices is tested by the
 * simulation. */
#include "backend/host-memory.h"
#include "emulated-ops.h"

void
ccs_cuda_launch (CcsCuda *cuda, const CcsLaunch *launch)
{
  char *failure = ccs_emulated_launch (launch);

  if (cuda->failure)
    g_free (failure);
  else
    cuda->failure = failure;
}

/* -- the class ------------------------------------------------------------- */

static CcsBackend *
emulation_open (const CcsBackendOptions *options, GError **error)
{
  CcsCuda *self = ccs_emulated_new (error);

  if (self == NULL)
    return NULL;
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
  return ccs_cuda_prepare ((CcsCuda *)backend, kernel, hints, error);
}

static gboolean
emulation_run (CcsBackend *backend, const CcsKernel *kernels, guint n,
               void *scratch, gpointer *capture, GError **error)
{
  if (*capture == NULL)
    *capture = ccs_cuda_list_new ((CcsCuda *)backend, kernels, n, error);
  return *capture && ccs_cuda_list_run (*capture, scratch, error);
}

static void
emulation_drop_capture (CcsBackend *backend, gpointer capture)
{
  ccs_cuda_list_free (capture);
}

const CcsBackendClass ccs_backend_cuda = {
  .name = "cuda",
  .host_memory = TRUE,
  .bulk = CCS_CUDA_BULK,
  .joint = CCS_CUDA_JOINT,
  .takes_narrow = TRUE,
  .open = emulation_open,
  .close = emulation_close,
  .alloc = ccs_host_alloc,
  .release = ccs_host_release,
  .upload = ccs_host_upload,
  .download = ccs_host_download,
  .prepare = emulation_prepare,
  .run = emulation_run,
  .drop_capture = emulation_drop_capture,
};
