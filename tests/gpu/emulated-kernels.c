/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernels for the CPU, in a file of their own: what they do with memory can
 * be watched by compiling them otherwise. */
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
