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

/* The function that prepares the kernel of an op. */
typedef struct
{
  CcsOpKind kind;
  CcsCpuPrepare prepare;
} CcsCpuKernel;

/* The kernels of each family, beside their code. A row without a function ends
 * the array. An op without a kernel runs its reference code. */
extern const CcsCpuKernel ccs_cpu_attention_kernels[];
extern const CcsCpuKernel ccs_cpu_conv_kernels[];
extern const CcsCpuKernel ccs_cpu_matmul_kernels[];
extern const CcsCpuKernel ccs_cpu_norm_kernels[];
extern const CcsCpuKernel ccs_cpu_optimizer_kernels[];
extern const CcsCpuKernel ccs_cpu_pointwise_kernels[];
extern const CcsCpuKernel ccs_cpu_reduce_kernels[];
extern const CcsCpuKernel ccs_cpu_row_norm_kernels[];
extern const CcsCpuKernel ccs_cpu_sample_kernels[];
extern const CcsCpuKernel ccs_cpu_shape_kernels[];
extern const CcsCpuKernel ccs_cpu_signal_kernels[];

extern const CcsBackendClass ccs_backend_cpu;

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
