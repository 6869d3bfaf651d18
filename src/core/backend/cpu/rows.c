/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loops over rows that several kernels use before or after their own work. */
#include "rows.h"

#include <string.h>

void
ccs_copy_rows (const CcsOperand *from, const CcsOperand *to)
{
  const gint64 rows = ccs_rows (to), channels = ccs_channels (to);
  const gint64 part = ccs_part_rows (channels);
  const gsize bytes = channels * sizeof (float);

#pragma omp parallel for schedule(static) if (rows > part)
  for (gint64 first = 0; first < rows; first += part)
    for (gint64 r = first; r < MIN (first + part, rows); r++)
      memcpy (ccs_operand_row (to, r), ccs_operand_row (from, r), bytes);
}

void
ccs_epilogue (const CcsOperand *x, const float *bias,
              const CcsOperand *residual, CcsAct act, const CcsOperand *y)
{
  const CcsSimd *simd = ccs_simd ();
  const gint64 rows = ccs_rows (y), channels = ccs_channels (y);
  const gint64 part = ccs_part_rows (channels);
  const gboolean add = residual && residual->data;

  if (x->data == y->data && !bias && !add && act.kind == CCS_ACT_NONE)
    return;
#pragma omp parallel for schedule(static) if (rows > part)
  for (gint64 first = 0; first < rows; first += part)
    simd->epilogue (
        MIN (part, rows - first), channels, ccs_operand_row (x, first),
        x->pitch, bias, add ? ccs_operand_row (residual, first) : NULL,
        add ? residual->pitch : 0, act, ccs_operand_row (y, first), y->pitch);
}
