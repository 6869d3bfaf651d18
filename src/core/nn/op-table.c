/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the row of a kind in the array of its family. */
#include "op-table.h"

static const struct
{
  const CcsOpRow *rows;
  CcsOpKind first;
} families[] = {
  { ccs_op_rows_conv, CCS_OP_CONV2D },
  { ccs_op_rows_norm, CCS_OP_BATCH_NORM },
  { ccs_op_rows_row_norm, CCS_OP_LAYER_NORM },
  { ccs_op_rows_pointwise, CCS_OP_ACTIVATION },
  { ccs_op_rows_shape, CCS_OP_RESHAPE },
  { ccs_op_rows_reduce, CCS_OP_BROADCAST },
  { ccs_op_rows_gather, CCS_OP_GATHER_TOKENS },
  { ccs_op_rows_product, CCS_OP_MATMUL },
  { ccs_op_rows_sample, CCS_OP_MAX_POOL },
  { ccs_op_rows_signal, CCS_OP_FRAME },
  { ccs_op_rows_loss, CCS_OP_MSE_LOSS },
  { ccs_op_rows_optimizer, CCS_OP_SQUARE_SUM },
};

const CcsOpRow *
ccs_op_row (CcsOpKind kind)
{
  guint family = G_N_ELEMENTS (families) - 1;

  g_return_val_if_fail ((guint)kind < CCS_N_OPS, NULL);
  while (kind < families[family].first)
    family--;
  return &families[family].rows[kind - families[family].first];
}
