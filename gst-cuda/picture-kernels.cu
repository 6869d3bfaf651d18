/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The GPU's entry points of the kernels of pictures, to be found by name. */
#include "picture-kernels.h"

#define X(name, Params)                                                        \
  extern "C" __global__ void __launch_bounds__ (CCS_BLOCK_THREADS)             \
      ccs_entry_##name (const __grid_constant__ Params params)                 \
  {                                                                            \
    const CcsPlace at = { blockIdx.x, threadIdx.x, 0 };                        \
                                                                               \
    ccs_kernel_##name (&at, &params, 0);                                       \
  }
CCS_PICTURE_KERNEL_LIST (X)
