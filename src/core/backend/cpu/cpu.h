/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the files of the CPU backend: the backend object, its worker
 * thread, and its kernels. Private to this folder. */
#pragma once

#include <ccstereo/error.h>

#include "../constant.h"
#include "dnnl-version.h"
#include "worker.h"

G_BEGIN_DECLS

#define CCS_CPU_ALIGNMENT 64

typedef struct
{
  CcsBackend base;
  CcsWorker *worker; /* thread that prepares and runs kernels */
  CcsWorker *crowd;  /* NULL: waiting threads spin */
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  gint failure; /* atomic: first dnnl_status_t error of the current run */
} CcsCpu;

/* Compiles one kernel, on the worker; kernel->run stays NULL where this kernel
 * does not serve the configuration, and the row's reference function runs. */
typedef gboolean (*CcsCpuPrepare) (CcsCpu *cpu, CcsKernel *kernel,
                                   const CcsKernelHints *hints, GError **error);

#define CCS_CPU_KERNEL(name)                                                   \
  gboolean ccs_cpu_prepare_##name (CcsCpu *cpu, CcsKernel *kernel,             \
                                   const CcsKernelHints *hints,                \
                                   GError **error)

CCS_CPU_KERNEL (conv2d);
CCS_CPU_KERNEL (conv_transpose2d);
CCS_CPU_KERNEL (spread);
CCS_CPU_KERNEL (winograd);
CCS_CPU_KERNEL (columns);
CCS_CPU_KERNEL (weight_sums);
CCS_CPU_KERNEL (conv2d_weight_grad);
CCS_CPU_KERNEL (batch_norm);
CCS_CPU_KERNEL (batch_norm_train);
CCS_CPU_KERNEL (batch_norm_grad);
CCS_CPU_KERNEL (layer_norm);
CCS_CPU_KERNEL (layer_norm_grad);
CCS_CPU_KERNEL (l2_normalize);
CCS_CPU_KERNEL (l2_normalize_grad);
CCS_CPU_KERNEL (activation);
CCS_CPU_KERNEL (activation_grad);
CCS_CPU_KERNEL (binary);
CCS_CPU_KERNEL (affine);
CCS_CPU_KERNEL (modulate);
CCS_CPU_KERNEL (complex_mul);
CCS_CPU_KERNEL (transpose);
CCS_CPU_KERNEL (concat);
CCS_CPU_KERNEL (slice);
CCS_CPU_KERNEL (slice_grad);
CCS_CPU_KERNEL (copy);
CCS_CPU_KERNEL (broadcast);
CCS_CPU_KERNEL (reduce);
CCS_CPU_KERNEL (gather_tokens);
CCS_CPU_KERNEL (lookup);
CCS_CPU_KERNEL (matmul);
CCS_CPU_KERNEL (attention);
CCS_CPU_KERNEL (attention_grad);
CCS_CPU_KERNEL (max_pool);
CCS_CPU_KERNEL (max_pool_grad);
CCS_CPU_KERNEL (resize_rows);
CCS_CPU_KERNEL (resize_rows_grad);
CCS_CPU_KERNEL (frame);
CCS_CPU_KERNEL (overlap_add);
CCS_CPU_KERNEL (level);
CCS_CPU_KERNEL (square_sum);
CCS_CPU_KERNEL (adam);

extern const CcsBackendClass ccs_backend_cpu;

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

/* -- oneDNN (dnnl.c) ------------------------------------------------------ */
#define CCS_DNNL_MAX_ARGS 8

/* A primitive with its arguments; the scratchpad is set for each run. */
typedef struct
{
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t args[CCS_DNNL_MAX_ARGS];
  gint n_args;
  dnnl_memory_t scratchpad;
  gsize scratch; /* bytes of it */
} CcsDnnl;

/* Checks @status. CCS_ERROR_BACKEND names @what. */
gboolean ccs_dnnl_check (dnnl_status_t status, const char *what,
                         GError **error);
/* Returns the logical NCHW descriptor of dense NHWC memory (transfer full). */
CcsDnnlDesc ccs_dnnl_desc_dense (const CcsShape *shape);
/* Returns the descriptor of @rows x @columns taps of an OHWI filter, counted
 * from the first of them (transfer full). */
CcsDnnlDesc ccs_dnnl_desc_filter (const CcsShape *filter, gint rows,
                                  gint columns);
/* Makes attributes with a user-mode scratchpad and @post_ops. (transfer full)
 */
dnnl_primitive_attr_t ccs_dnnl_attr (const_dnnl_post_ops_t post_ops);
/* Makes the primitive of @pd (transfer full). */
gboolean ccs_dnnl_init (CcsDnnl *self, CcsCpu *cpu, dnnl_primitive_desc_t pd,
                        const char *what, GError **error);
/* Adds argument @arg with layout @md at @data. */
gboolean ccs_dnnl_arg (CcsDnnl *self, CcsCpu *cpu, int arg, CcsDnnlConstDesc md,
                       void *data, GError **error);
void ccs_dnnl_set_arg_data (CcsDnnl *self, int arg, void *data);
/* Runs the primitive. An error is also stored in cpu->failure. */
dnnl_status_t ccs_dnnl_run (CcsDnnl *self, CcsCpu *cpu, void *scratch);
void ccs_dnnl_clear (CcsDnnl *self);
/* Copies between layouts now. */
gboolean ccs_dnnl_reorder_once (CcsCpu *cpu, CcsDnnlConstDesc from,
                                void *from_data, CcsDnnlConstDesc to,
                                void *to_data, const char *what,
                                GError **error);
/* Makes a primitive that copies between layouts. */
gboolean ccs_dnnl_reorder (CcsDnnl *self, CcsCpu *cpu, CcsDnnlConstDesc from,
                           void *from_data, CcsDnnlConstDesc to, void *to_data,
                           GError **error);

G_END_DECLS
