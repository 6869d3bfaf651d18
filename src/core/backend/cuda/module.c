/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one symbol that the module exports. */
#include "cuda-backend.h"

extern const CcsBackendModule ccs_backend_module;

static const CcsBackendClass *
load (const CcsBackendHost *host, GError **error)
{
  return ccs_cuda_set_host (host, error) ? &ccs_backend_cuda : NULL;
}

const CcsBackendModule ccs_backend_module = { CCS_BACKEND_ABI, load };
