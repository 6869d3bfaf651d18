/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where elements are: rows, strides and the rows that a reduction adds up, for
 * the reference code and the backends. */
#pragma once

#include "op-table.h"

G_BEGIN_DECLS

/* Computes the strides of @b, in elements, for each dimension of @a; 0 if @b is
 * repeated along it. Rows of @b are @pitch apart. */
void ccs_broadcast_strides (const CcsShape *b, gint64 pitch, const CcsShape *a,
                            gint64 strides[CCS_MAX_RANK]);
/* Computes the strides of @x, in elements; 0 for a dimension of 1. */
void ccs_operand_strides (const CcsOperand *x, gint64 strides[CCS_MAX_RANK]);

/* Returns the first element of row @row. */
static inline float *
ccs_operand_row (const CcsOperand *operand, gint64 row)
{
  return (float *)operand->data + row * operand->pitch;
}

/* Returns the offset in elements of row @row of @shape with @strides (of its
 * leading dimensions, from ccs_broadcast_strides()). */
static inline gint64
ccs_strided_row (const CcsShape *shape, const gint64 *strides, gint64 row)
{
  gint64 offset = 0;

  for (guint i = shape->rank > 0 ? shape->rank - 1 : 0; i-- > 0;) {
    offset += row % shape->dim[i] * strides[i];
    row /= shape->dim[i];
  }
  return offset;
}

/* The rows of a reduction of x to y. The rows of x that add up to one row of y
 * are found by running through the dimensions in which y repeats, the rows of y
 * by running through the others. */
typedef struct
{
  CcsShape kept, summed; /* x's shape with the other dimensions 1 */
  gint64 x_strides[CCS_MAX_RANK];
  gint64 y_strides[CCS_MAX_RANK]; /* 0 where y repeats */
  gboolean channels_summed;
} CcsReduction;

/* Fills @self for operands of which @y's shape broadcasts to @x's. */
void ccs_reduction_init (CcsReduction *self, const CcsOperand *x,
                         const CcsOperand *y);

G_END_DECLS
