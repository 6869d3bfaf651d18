/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cuda-backend.h"

const CcsBackendHost *ccs_cuda_host;

gboolean
ccs_cuda_set_host (const CcsBackendHost *host, GError **error)
{
  if (host->abi != CCS_BACKEND_ABI) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
                 "libccstereo has backend ABI %u, but the module has %u: "
                 "install both from the same version",
                 host->abi, CCS_BACKEND_ABI);
    return FALSE;
  }
  if (host->size < sizeof *host) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND,
                 "libccstereo's table of functions has %" G_GSIZE_FORMAT
                 " bytes, but the module needs %" G_GSIZE_FORMAT
                 ": install both from the same version",
                 host->size, sizeof *host);
    return FALSE;
  }
  g_atomic_pointer_set (&ccs_cuda_host, host);
  return TRUE;
}
