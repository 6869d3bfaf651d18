/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the files of the CUDA backend. An op becomes at most one library
 * call (convolution, matrix product) and a list of launches of own kernels.
 * ccs_cuda_launch() and the two calls execute them; the GPU and the tests'
 * emulation implement these differently. */
#pragma once

#include <ccstereo/error.h>

#include "../../nn/strides.h"
#include "../host.h"
#include "kernels/list.h"

G_BEGIN_DECLS

/* Number of a model's batches merged into one: 32 frames are at least a
 * millisecond of work. Four of these per call, so that all uploads but the
 * first overlap with a run. Estimated, not measured. */
#define CCS_CUDA_JOINT 4
#define CCS_CUDA_BULK (4 * CCS_CUDA_JOINT)

typedef struct
{
  CcsBackend base;
  char *failure; /* the first error of the current run, or NULL */
} CcsCuda;

/* The class of the backend: the GPU's (gpu.c), or the tests' emulation's. */
extern const CcsBackendClass ccs_backend_cuda;

/* The library's functions; NULL until the module is loaded. */
extern const CcsBackendHost *ccs_cuda_host;
/* Sets ccs_cuda_host. CCS_ERROR_BACKEND if @host has another ABI number or is
 * too small. */
gboolean ccs_cuda_set_host (const CcsBackendHost *host, GError **error);

/* -- launches (launch.c) --------------------------------------------------- */

typedef struct
{
  CcsKernelId kernel;
  guint blocks, shared; /* blocks of CCS_BLOCK_THREADS; bytes */
  gboolean scratch;     /* the first parameter is the pointer to scratch */
  union
  {
    char *scratch;
#define X(name, Params, phases) Params name;
    CCS_KERNEL_LIST (X)
#undef X
  } params;
} CcsLaunch;

/* A library call on fixed memory. */
typedef struct
{
  void (*run) (CcsCuda *cuda, gpointer state, void *scratch);
  gpointer state;
  GDestroyNotify free_state;
  gsize scratch;
  /* CONV2D, MATMUL: the call also does bias, residual and activation. */
  gboolean epilogue;
} CcsCall;

/* The kind of a kernel whose op can be done by a launch over a table, together
 * with adjacent kernels of the same kind (table.c). */
typedef enum
{
  CCS_TABLE_NONE,
  CCS_TABLE_ADAM,
  CCS_TABLE_SQUARES
} CcsTableKind;

/* The state of every kernel of this backend. */
typedef struct
{
  CcsTableKind table;
  union
  {
    CcsAdamEntry adam;
    CcsSquaresEntry squares;
  } entry;      /* entry of the table; the kernel has no launches */
  CcsCall call; /* run is NULL if there is no call */
  guint before; /* number of launches before the call; the others follow it */
  GArray *launches;
  GPtrArray *constants; /* CcsConstant that the call reads */
} CcsSteps;

CcsSteps *ccs_steps_new (void);
void ccs_steps_free (CcsSteps *self);
/* Appends a launch with zeroed parameters; valid until the next one. */
CcsLaunch *ccs_steps_add (CcsSteps *self, CcsKernelId kernel, gsize blocks);
/* Appends a launch with at least @n threads. */
CcsLaunch *ccs_steps_add_threads (CcsSteps *self, CcsKernelId kernel, gsize n);
/* Makes @kernel run these steps with @scratch bytes. */
void ccs_steps_finish (CcsSteps *self, CcsKernel *kernel, gsize scratch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsSteps, ccs_steps_free)

CcsDeviceAct ccs_device_act_of (CcsAct act);
/* Returns the element type for F32, BF16 or F16. */
CcsElement ccs_device_element (CcsDType dtype);
/* Makes a walk over @shape for @n arrays with @strides. Drops dimensions of
 * size 1 and joins dimensions that are contiguous in all arrays. Rewrites
 * @strides. */
CcsWalk ccs_walk_over (const CcsShape *shape, gint64 (*strides)[CCS_MAX_RANK],
                       guint n);
/* Copies strides to 32-bit integers. */
void ccs_strides_to (int to[4], const gint64 from[CCS_MAX_RANK]);
static inline float *
ccs_floats (const CcsOperand *x)
{
  return x->data;
}

/* -- what a call computes on (narrow.c) ------------------------------------ */

/* An operand of a call. With @in_scratch its data is NULL, and the operand is
 * at byte @at of the scratch memory. */
typedef struct
{
  CcsOperand operand;
  gboolean in_scratch;
  gsize at;
} CcsCallOperand;

/* A kernel's op with the operands for a library call: the kernel's own, or
 * 16-bit copies with padded channels. The kernel's own may have 16 bits, too,
 * after ccs_pass_narrow(). */
typedef struct
{
  const CcsKernel *kernel;
  CcsCallOperand in[2], out;
  CcsOperand bias; /* CONV2D: bias in the result's type, if the call adds it */
  gsize
      scratch; /* bytes of the operands in scratch; those of the call follow */
} CcsCallSite;

static inline void *
ccs_call_data (const CcsCallOperand *x, void *scratch)
{
  return x->in_scratch ? (char *)scratch + x->at : x->operand.data;
}

/* Returns whether a call for the site may include the epilogue: there is one,
 * libraries support its activation, and all its operands have one type. */
static inline gboolean
ccs_call_site_has_epilogue (const CcsCallSite *site)
{
  const CcsKernel *kernel = site->kernel;
  const CcsOperand *bias = &site->bias, *residual = &kernel->in[3];
  const CcsDType dtype = site->out.operand.dtype;
  const CcsActKind act = kernel->op->attrs.conv.act.kind;

  return kernel->op->kind == CCS_OP_CONV2D && !site->out.in_scratch
         && (act == CCS_ACT_NONE || act == CCS_ACT_RELU)
         && (bias->data || residual->data || act != CCS_ACT_NONE)
         && (bias->data == NULL || bias->dtype == dtype)
         && (residual->data == NULL || residual->dtype == dtype);
}

/* Makes the site of a convolution (any of the three kinds) in the precision of
 * @cuda. Appends the conversion of its factors to @steps. */
gboolean ccs_steps_site_conv (CcsSteps *steps, CcsCuda *cuda,
                              const CcsKernel *kernel,
                              const CcsKernelHints *hints, CcsCallSite *site,
                              GError **error);
gboolean ccs_steps_site_matmul (CcsSteps *steps, CcsCuda *cuda,
                                const CcsKernel *kernel,
                                const CcsKernelHints *hints, CcsCallSite *site,
                                GError **error);
/* Appends y = act (x + bias + residual). x is the 16-bit result of @site, in
 * scratch memory or in y. */
void ccs_steps_widen (CcsSteps *steps, const CcsCallSite *site,
                      const CcsOperand *bias, const CcsOperand *residual,
                      CcsAct act);

/* -- lists as they are run (table.c) --------------------------------------- */

typedef struct _CcsCudaList CcsCudaList;

/* Makes a list of @kernels [n], which must outlive it. Must not be called
 * during a capture. */
CcsCudaList *ccs_cuda_list_new (CcsCuda *cuda, const CcsKernel *kernels,
                                guint n, GError **error);
void ccs_cuda_list_free (CcsCudaList *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsCudaList, ccs_cuda_list_free)
/* Runs the kernels in order. The error names the op that failed. */
gboolean ccs_cuda_list_run (const CcsCudaList *self, void *scratch,
                            GError **error);

/* -- ops ------------------------------------------------------------------- */

/* Fills @kernel. The error names the op. */
gboolean ccs_cuda_prepare (CcsCuda *cuda, CcsKernel *kernel,
                           const CcsKernelHints *hints, GError **error);

typedef gboolean (*CcsCudaPrepare) (CcsCuda *cuda, CcsKernel *kernel,
                                    const CcsKernelHints *hints,
                                    GError **error);

/* The function that prepares the kernel of an op. */
typedef struct
{
  CcsOpKind kind;
  CcsCudaPrepare prepare;
} CcsCudaKernel;

/* The kernels of each family, beside their code. A row without a function ends
 * the array. Every op has a kernel. */
extern const CcsCudaKernel ccs_cuda_elementwise_kernels[];
extern const CcsCudaKernel ccs_cuda_norm_kernels[];
extern const CcsCudaKernel ccs_cuda_product_kernels[];
extern const CcsCudaKernel ccs_cuda_reduce_kernels[];
extern const CcsCudaKernel ccs_cuda_sample_kernels[];

/* Appends y = @mode (a, b, c) over y's shape. b and c may broadcast; they may
 * be NULL or without data if the mode does not need them. */
CcsElementwiseParams *
ccs_steps_elementwise (CcsSteps *steps, CcsElementwiseMode mode,
                       const CcsOperand *a, const CcsOperand *b,
                       const CcsOperand *c, const CcsOperand *y);
/* Appends y = scale x the sum of @term over the dimensions in which y (NULL: a
 * scalar double at the start of scratch) is 1 or absent. Returns the bytes of
 * scratch it needs. */
gsize ccs_steps_reduce (CcsSteps *steps, CcsTerm term, const CcsOperand *a,
                        const CcsOperand *b, const CcsOperand *y, double scale);

/* -- what a device does ---------------------------------------------------- */

void ccs_cuda_launch (CcsCuda *cuda, const CcsLaunch *launch);
/* Makes a call for CONV2D, CONV_TRANSPOSE2D or CONV2D_WEIGHT_GRAD. */
gboolean ccs_cuda_call_conv (CcsCuda *cuda, const CcsCallSite *site,
                             CcsCall *call, GError **error);
gboolean ccs_cuda_call_matmul (CcsCuda *cuda, const CcsCallSite *site,
                               CcsCall *call, GError **error);

G_END_DECLS
