/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The C side of kernels.cu. */
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/list.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Launches a kernel. @params are copied; @shared is in bytes. */
cudaError_t ccs_kernel_launch (CcsKernelId kernel, unsigned blocks,
                               unsigned shared, void *params,
                               cudaStream_t stream);
/* Checks that the module has code for the current device. */
cudaError_t ccs_kernel_check_device (void);
const char *ccs_kernel_name (CcsKernelId kernel);

#ifdef __cplusplus
}
#endif
