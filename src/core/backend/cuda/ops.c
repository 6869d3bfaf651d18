/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which function prepares which op. Every op of the table is here. */
#include "cuda-backend.h"

static const CcsCudaPrepare prepare_table[CCS_N_OPS] = {
  [CCS_OP_CONV2D] = ccs_cuda_prepare_conv2d,
  [CCS_OP_CONV_TRANSPOSE2D] = ccs_cuda_prepare_conv_transpose2d,
  [CCS_OP_CONV2D_WEIGHT_GRAD] = ccs_cuda_prepare_conv2d_weight_grad,
  [CCS_OP_BATCH_NORM] = ccs_cuda_prepare_batch_norm,
  [CCS_OP_BATCH_NORM_TRAIN] = ccs_cuda_prepare_batch_norm_train,
  [CCS_OP_BATCH_NORM_GRAD] = ccs_cuda_prepare_batch_norm_grad,
  [CCS_OP_LAYER_NORM] = ccs_cuda_prepare_layer_norm,
  [CCS_OP_LAYER_NORM_GRAD] = ccs_cuda_prepare_layer_norm_grad,
  [CCS_OP_L2_NORMALIZE] = ccs_cuda_prepare_l2_normalize,
  [CCS_OP_L2_NORMALIZE_GRAD] = ccs_cuda_prepare_l2_normalize_grad,
  [CCS_OP_ACTIVATION] = ccs_cuda_prepare_pointwise,
  [CCS_OP_ACTIVATION_GRAD] = ccs_cuda_prepare_pointwise,
  [CCS_OP_ADD] = ccs_cuda_prepare_pointwise,
  [CCS_OP_SUB] = ccs_cuda_prepare_pointwise,
  [CCS_OP_MUL] = ccs_cuda_prepare_pointwise,
  [CCS_OP_AFFINE] = ccs_cuda_prepare_affine,
  [CCS_OP_MODULATE] = ccs_cuda_prepare_pointwise,
  [CCS_OP_COMPLEX_MUL] = ccs_cuda_prepare_complex_mul,
  [CCS_OP_RESHAPE] = ccs_cuda_prepare_copy,
  [CCS_OP_TRANSPOSE] = ccs_cuda_prepare_transpose,
  [CCS_OP_CONCAT] = ccs_cuda_prepare_concat,
  [CCS_OP_SLICE] = ccs_cuda_prepare_slice,
  [CCS_OP_SLICE_GRAD] = ccs_cuda_prepare_slice_grad,
  [CCS_OP_COPY] = ccs_cuda_prepare_copy,
  [CCS_OP_BROADCAST] = ccs_cuda_prepare_broadcast,
  [CCS_OP_REDUCE] = ccs_cuda_prepare_reduce,
  [CCS_OP_GATHER_TOKENS] = ccs_cuda_prepare_gather_tokens,
  [CCS_OP_SCATTER_TOKENS] = ccs_cuda_prepare_scatter_tokens,
  [CCS_OP_LOOKUP] = ccs_cuda_prepare_lookup,
  [CCS_OP_MATMUL] = ccs_cuda_prepare_matmul,
  [CCS_OP_ATTENTION] = ccs_cuda_prepare_attention,
  [CCS_OP_ATTENTION_GRAD] = ccs_cuda_prepare_attention_grad,
  [CCS_OP_MAX_POOL] = ccs_cuda_prepare_max_pool,
  [CCS_OP_MAX_POOL_GRAD] = ccs_cuda_prepare_max_pool_grad,
  [CCS_OP_RESIZE_ROWS] = ccs_cuda_prepare_resize_rows,
  [CCS_OP_RESIZE_ROWS_GRAD] = ccs_cuda_prepare_resize_rows_grad,
  [CCS_OP_FRAME] = ccs_cuda_prepare_frame,
  [CCS_OP_OVERLAP_ADD] = ccs_cuda_prepare_overlap_add,
  [CCS_OP_LEVEL] = ccs_cuda_prepare_level,
  [CCS_OP_MSE_LOSS] = ccs_cuda_prepare_mse_loss,
  [CCS_OP_MSE_LOSS_GRAD] = ccs_cuda_prepare_mse_loss_grad,
  [CCS_OP_AMP_LOSS] = ccs_cuda_prepare_amp_loss,
  [CCS_OP_AMP_LOSS_GRAD] = ccs_cuda_prepare_amp_loss,
  [CCS_OP_PHASE_LOSS] = ccs_cuda_prepare_phase_loss,
  [CCS_OP_PHASE_LOSS_GRAD] = ccs_cuda_prepare_phase_loss_grad,
  [CCS_OP_INFO_NCE] = ccs_cuda_prepare_info_nce,
  [CCS_OP_INFO_NCE_GRAD] = ccs_cuda_prepare_info_nce,
  [CCS_OP_SQUARE_SUM] = ccs_cuda_prepare_square_sum,
  [CCS_OP_ADAM] = ccs_cuda_prepare_adam,
};

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
  return prepare_table[kernel->op->kind](cuda, kernel, hints, error);
}
