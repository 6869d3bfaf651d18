/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors of the CUDA runtime as GErrors. */
#pragma once

#include <cuda_runtime_api.h>
#include <glib.h>

G_BEGIN_DECLS

/* Checks that @status is success. Otherwise returns FALSE with
 * CCS_ERROR_MEMORY or CCS_ERROR_BACKEND naming @what. */
gboolean ccs_gpu_check (cudaError_t status, const char *what, GError **error);

G_END_DECLS
