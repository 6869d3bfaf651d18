/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernels from which conv.c chooses one for each convolution. */
#pragma once

#include "cpu.h"

G_BEGIN_DECLS

/* Returns whether convolutions without a better kernel of our own run in
 * oneDNN: if both use AVX-512. These kernels of oneDNN are faster than ours,
 * and their sums do not depend on batch and threads, except those of the filter
 * gradient on the number of threads. Its kernels for other processors have
 * neither property and round more. */
gboolean ccs_cpu_onednn_convolves (void);

/* Returns whether the Winograd kernel supports this CONV2D or CONV_TRANSPOSE2D.
 */
gboolean ccs_cpu_winograd_serves (const CcsKernel *kernel,
                                  const CcsKernelHints *hints);

/* Each is a CcsCpuPrepare, in a file of its own: conv-winograd.c and
 * conv-columns.c (CONV2D, CONV_TRANSPOSE2D), conv-transpose.c
 * (CONV_TRANSPOSE2D) and conv-weight-grad.c (CONV2D_WEIGHT_GRAD). */
gboolean ccs_cpu_prepare_winograd (CcsCpu *cpu, CcsKernel *kernel,
                                   const CcsKernelHints *hints, GError **error);
gboolean ccs_cpu_prepare_columns (CcsCpu *cpu, CcsKernel *kernel,
                                  const CcsKernelHints *hints, GError **error);
gboolean ccs_cpu_prepare_spread (CcsCpu *cpu, CcsKernel *kernel,
                                 const CcsKernelHints *hints, GError **error);
gboolean ccs_cpu_prepare_weight_sums (CcsCpu *cpu, CcsKernel *kernel,
                                      const CcsKernelHints *hints,
                                      GError **error);

G_END_DECLS
