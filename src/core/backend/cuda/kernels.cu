/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The GPU's entry points: a __global__ function for every kernel of the list,
 * its phases one after the other, and a table of them. */
#include "kernels.h"

extern __shared__ double ccs_shared[];

/* A thread that has nothing to do in a phase still meets the others. */
#define X(name, Params, phases)                                                \
  __global__ void __launch_bounds__ (CCS_BLOCK_THREADS)                        \
      ccs_entry_##name (const __grid_constant__ Params params)                 \
  {                                                                            \
    const CcsPlace at = { blockIdx.x, threadIdx.x, (char *)ccs_shared };       \
                                                                               \
    _Pragma ("unroll") for (int phase = 0; phase < phases; phase++)            \
    {                                                                          \
      if (phase > 0)                                                           \
        __syncthreads ();                                                      \
      ccs_kernel_##name (&at, &params, phase);                                 \
    }                                                                          \
  }
CCS_KERNEL_LIST (X)
#undef X

static const void *const entries[CCS_N_KERNELS] = {
#define X(name, Params, phases) (const void *)ccs_entry_##name,
  CCS_KERNEL_LIST (X)
#undef X
};

static const char *const names[CCS_N_KERNELS] = {
#define X(name, Params, phases) #name,
  CCS_KERNEL_LIST (X)
#undef X
};

cudaError_t
ccs_kernel_launch (CcsKernelId kernel, unsigned blocks, unsigned shared,
                   void *params, cudaStream_t stream)
{
  void *arguments[] = { params };

  return cudaLaunchKernel (entries[kernel], dim3 (blocks),
                           dim3 (CCS_BLOCK_THREADS), arguments, shared, stream);
}

cudaError_t
ccs_kernel_check_device (void)
{
  struct cudaFuncAttributes attributes;

  return cudaFuncGetAttributes (&attributes, entries[0]);
}

const char *
ccs_kernel_name (CcsKernelId kernel)
{
  return names[kernel];
}
