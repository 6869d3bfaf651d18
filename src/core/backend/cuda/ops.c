/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the function that prepares an op in its family. */
#include "cuda-backend.h"

static const CcsCudaKernel *const families[] = {
  ccs_cuda_product_kernels,     ccs_cuda_norm_kernels,
  ccs_cuda_elementwise_kernels, ccs_cuda_reduce_kernels,
  ccs_cuda_sample_kernels,
};

/* Returns the function that prepares kernels of @kind, or NULL if the backend
 * has no kernel for it. */
static CcsCudaPrepare
find_prepare (CcsOpKind kind)
{
  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    for (const CcsCudaKernel *row = families[i]; row->prepare; row++)
      if (row->kind == kind)
        return row->prepare;
  return NULL;
}

/* Kernels count elements in 32 bits. */
static gboolean
check_size (const CcsOp *op, const CcsOperand *x, GError **error)
{
  if (x->data == NULL || ccs_shape_rows (&x->shape) * x->pitch <= G_MAXINT32)
    return TRUE;
  return ccs_cuda_host->op_shape_error (
      op, error,
      "an operand of %" G_GINT64_FORMAT
      " elements is larger than the GPU takes",
      ccs_shape_rows (&x->shape) * x->pitch);
}

gboolean
ccs_cuda_prepare (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
                  GError **error)
{
  const CcsCudaPrepare prepare = find_prepare (kernel->op->kind);

  kernel->run = NULL;
  kernel->state = NULL;
  kernel->free_state = NULL;
  kernel->scratch = 0;
  for (guint i = 0; i < CCS_MAX_INPUTS; i++)
    if (!check_size (kernel->op, &kernel->in[i], error))
      return FALSE;
  for (guint i = 0; i < CCS_MAX_OUTPUTS; i++)
    if (!check_size (kernel->op, &kernel->out[i], error))
      return FALSE;
  if (prepare == NULL)
    return ccs_cuda_host->op_shape_error (kernel->op, error,
                                          "it has no CUDA kernel");
  return prepare (cuda, kernel, hints, error);
}
