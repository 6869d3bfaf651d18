/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reference backend: runs each op's reference function on the caller's
 * thread. Tests compare other backends with it. */
#include "../backend.h"
#include <ccstereo/error.h>

#include "../host-memory.h"

extern const CcsBackendClass ccs_backend_reference;

static CcsBackend *
reference_open (const CcsBackendOptions *options, GError **error)
{
  CcsBackend *self;

  if (options->precision != CCS_PRECISION_FP32) {
    ccs_backend_refuse_precision (&ccs_backend_reference, options->precision,
                                  "it is what others are held against", error);
    return NULL;
  }
  self = g_new0 (CcsBackend, 1);
  self->klass = &ccs_backend_reference;
  self->n_threads = 1;
  return self;
}

static void
reference_close (CcsBackend *self)
{
  g_free (self);
}

static gboolean
reference_prepare (CcsBackend *self, CcsKernel *kernel,
                   const CcsKernelHints *hints, GError **error)
{
  return TRUE;
}

static gboolean
reference_run (CcsBackend *self, const CcsKernel *kernels, guint n,
               void *scratch, gpointer *capture, GError **error)
{
  for (guint i = 0; i < n; i++)
    kernels[i].row->reference (kernels[i].op, kernels[i].in, kernels[i].out);
  return TRUE;
}

static void
reference_drop_capture (CcsBackend *self, gpointer capture)
{
}

const CcsBackendClass ccs_backend_reference = {
  .name = "reference",
  .host_memory = TRUE,
  .open = reference_open,
  .close = reference_close,
  .alloc = ccs_host_alloc,
  .release = ccs_host_release,
  .upload = ccs_host_upload,
  .download = ccs_host_download,
  .prepare = reference_prepare,
  .run = reference_run,
  .drop_capture = reference_drop_capture,
};
