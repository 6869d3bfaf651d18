/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Library calls of the emulation, checked by cuDNN: a convolution is
 * emulated only if cuDNN has an engine for it on the described GPU. The
 * suites that use this show that a real GPU would support their
 * convolutions. */
#include "../described-gpu.h"
#include <ccstereo/error.h>

#include "../emulated-ops.h"

/* The module's function under another name. */
gboolean ccs_compile_conv (CcsCuda *cuda, const CcsCallSite *site,
                           CcsCall *call, GError **error);

CcsCuda *
ccs_emulated_new (GError **error)
{
  CcsGpu *self = g_new0 (CcsGpu, 1);
  const char *reason = ccs_describe_gpu (self);

  if (reason == NULL)
    return &self->base;
  g_set_error_literal (error, CCS_ERROR, CCS_ERROR_BACKEND, reason);
  g_free (self);
  return NULL;
}

gboolean
ccs_cuda_call_conv (CcsCuda *cuda, const CcsCallSite *site, CcsCall *call,
                    GError **error)
{
  CcsCall compiled = { NULL };

  if (!ccs_compile_conv (cuda, site, &compiled, error))
    return FALSE;
  compiled.free_state (compiled.state);
  ccs_emulated_call (cuda, site, call);
  return TRUE;
}

/* The file that makes the graphs needs these functions. They are not called,
 * because no graph is run. */
void
ccs_gpu_fail (CcsCuda *cuda, char *message)
{
  g_free (message);
}

CUcontext
ccs_gpu_enter (CcsGpu *self)
{
  return NULL;
}

void
ccs_gpu_leave (CcsGpu *self, CUcontext outer)
{
}
