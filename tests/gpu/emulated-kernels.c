/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernels compiled for the CPU. They are in a separate file, so that it
 * can be compiled with instrumentation of memory accesses. */
#include "emulated-ops.h"

#define X(name, Params, phases)                                                \
  static void emulate_##name (const CcsPlace *at, gconstpointer params,        \
                              gint phase)                                      \
  {                                                                            \
    ccs_kernel_##name (at, params, phase);                                     \
  }
CCS_KERNEL_LIST (X)
#undef X

const CcsEmulatedKernel ccs_emulated_kernels[CCS_N_KERNELS] = {
#define X(name, Params, phases) { #name, emulate_##name, phases },
  CCS_KERNEL_LIST (X)
#undef X
};
