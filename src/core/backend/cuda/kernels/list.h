/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of kernels: X (name, parameters, phases). The function is
 * ccs_kernel_NAME. Entry points on the GPU, the emulation's table and the
 * kernel ids are made from this list. */
#pragma once

#include "attention.h"
#include "elementwise.h"
#include "loss.h"
#include "narrow.h"
#include "norm.h"
#include "reduce.h"
#include "sample.h"
#include "table.h"

#define CCS_KERNEL_LIST(X)                                                     \
  X (elementwise, CcsElementwiseParams, 1)                                     \
  X (move, CcsMoveParams, 1)                                                   \
  X (narrow, CcsNarrowParams, 1)                                               \
  X (widen, CcsWidenParams, 1)                                                 \
  X (complex, CcsComplexParams, 1)                                             \
  X (gather, CcsTokensParams, 1)                                               \
  X (scatter, CcsTokensParams, 1)                                              \
  X (lookup, CcsLookupParams, 1)                                               \
  X (reduce, CcsReduceParams, CCS_REDUCE_PHASES)                               \
  X (moments, CcsMomentsParams, CCS_NORM_SUM_PHASES)                           \
  X (moments_finish, CcsMomentsFinishParams, 1)                                \
  X (normalise, CcsNormaliseParams, 1)                                         \
  X (norm_sums, CcsNormSumsParams, CCS_NORM_SUM_PHASES)                        \
  X (norm_sums_finish, CcsNormSumsFinishParams, 1)                             \
  X (norm_grad, CcsNormGradParams, 1)                                          \
  X (layer_norm, CcsLayerNormParams, CCS_LAYER_NORM_PHASES)                    \
  X (layer_norm_grad, CcsLayerNormGradParams, CCS_ROW_PHASES)                  \
  X (l2_norm, CcsL2NormParams, CCS_ROW_PHASES)                                 \
  X (attention, CcsAttentionParams, CCS_ATTENTION_PHASES)                      \
  X (attention_grad, CcsAttentionParams, CCS_ATTENTION_GRAD_PHASES)            \
  X (attention_grad_keys, CcsAttentionParams, 1)                               \
  X (max_pool, CcsPoolParams, 1)                                               \
  X (max_pool_grad, CcsPoolParams, 1)                                          \
  X (resize_rows, CcsResizeParams, 1)                                          \
  X (resize_rows_grad, CcsResizeParams, 1)                                     \
  X (frame, CcsFrameParams, 1)                                                 \
  X (overlap_add, CcsFrameParams, 1)                                           \
  X (level, CcsLevelParams, CCS_ROW_PHASES)                                    \
  X (amp, CcsAmpParams, 1)                                                     \
  X (sum, CcsSumParams, CCS_ROW_PHASES)                                        \
  X (phase, CcsPhaseParams, CCS_ROW_PHASES)                                    \
  X (phase_grad, CcsPhaseParams, 1)                                            \
  X (nce, CcsNceParams, CCS_NCE_PHASES)                                        \
  X (nce_grad, CcsNceParams, 1)                                                \
  X (adam, CcsAdamParams, 1)                                                   \
  X (squares, CcsSquaresParams, CCS_SQUARES_PHASES)                            \
  X (squares_finish, CcsSquaresParams, CCS_SQUARES_PHASES)

typedef enum
{
#define X(name, Params, phases) CCS_KERNEL_##name,
  CCS_KERNEL_LIST (X)
#undef X
      CCS_N_KERNELS
} CcsKernelId;
