/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of emitters, which translate ops to ONNX. Ops that only training
 * uses have none. */
#include "translation.h"

static const OnnxEmitter emitters[CCS_N_OPS] = {
  [CCS_OP_CONV2D] = onnx_emit_conv2d,
  [CCS_OP_CONV_TRANSPOSE2D] = onnx_emit_conv_transpose2d,
  [CCS_OP_BATCH_NORM] = onnx_emit_batch_norm,
  [CCS_OP_LAYER_NORM] = onnx_emit_layer_norm,
  [CCS_OP_L2_NORMALIZE] = onnx_emit_l2_normalize,
  [CCS_OP_ADD] = onnx_emit_add,
  [CCS_OP_MUL] = onnx_emit_mul,
  [CCS_OP_AFFINE] = onnx_emit_affine,
  [CCS_OP_MODULATE] = onnx_emit_modulate,
  [CCS_OP_COMPLEX_MUL] = onnx_emit_complex_mul,
  [CCS_OP_RESHAPE] = onnx_emit_reshape,
  [CCS_OP_TRANSPOSE] = onnx_emit_transpose,
  [CCS_OP_CONCAT] = onnx_emit_concat,
  [CCS_OP_SLICE] = onnx_emit_slice,
  [CCS_OP_REDUCE] = onnx_emit_reduce,
  [CCS_OP_LOOKUP] = onnx_emit_lookup,
  [CCS_OP_MATMUL] = onnx_emit_matmul,
  [CCS_OP_ATTENTION] = onnx_emit_attention,
  [CCS_OP_MAX_POOL] = onnx_emit_max_pool,
  [CCS_OP_RESIZE_ROWS] = onnx_emit_resize_rows,
  [CCS_OP_FRAME] = onnx_emit_frame,
  [CCS_OP_OVERLAP_ADD] = onnx_emit_overlap_add,
  [CCS_OP_LEVEL] = onnx_emit_level,
};

OnnxEmitter
onnx_emitter (CcsOpKind kind)
{
  return emitters[kind];
}
