/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu-check.h"

#include <ccstereo/error.h>

gboolean
ccs_gpu_check (cudaError_t status, const char *what, GError **error)
{
  if (status == cudaSuccess)
    return TRUE;
  cudaGetLastError (); /* clears the error, so that other checks do not see it
                        */
  g_set_error (error, CCS_ERROR,
               status == cudaErrorMemoryAllocation ? CCS_ERROR_MEMORY
                                                   : CCS_ERROR_BACKEND,
               "CUDA: %s: %s", what, cudaGetErrorString (status));
  return FALSE;
}
