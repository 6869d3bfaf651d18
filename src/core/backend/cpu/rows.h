/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loops over rows, which divide work between threads. The size of a part does
 * not depend on the number of threads, so results do not either. */
#pragma once

#include "../../nn/strides.h"
#include "cpu.h"
#include "simd.h"

G_BEGIN_DECLS

/* Smallest number of elements of a part that is worth a thread. */
#define CCS_PART_ELEMENTS 16384

static inline gint64
ccs_rows (const CcsOperand *x)
{
  return ccs_shape_rows (&x->shape);
}

static inline gint64
ccs_channels (const CcsOperand *x)
{
  return ccs_shape_channels (&x->shape);
}

static inline gboolean
ccs_is_dense (const CcsOperand *x)
{
  return x->pitch == ccs_shape_channels (&x->shape);
}

/* Returns the number of rows of @channels in a part. */
static inline gint64
ccs_part_rows (gint64 channels)
{
  return MAX (1, CCS_PART_ELEMENTS / MAX (channels, 1));
}

/* Returns a dense operand with the shape of @x at @data. */
static inline CcsOperand
ccs_dense_at (const CcsOperand *x, void *data)
{
  CcsOperand dense = *x;

  dense.pitch = ccs_shape_channels (&x->shape);
  dense.data = data;
  return dense;
}

static inline gsize
ccs_align (gsize bytes)
{
  return (bytes + CCS_CPU_ALIGNMENT - 1) & ~(gsize)(CCS_CPU_ALIGNMENT - 1);
}

static inline gsize
ccs_operand_bytes (const CcsOperand *x)
{
  return ccs_shape_elements (&x->shape) * ccs_dtype_size (x->dtype);
}

/* Copies rows of 32-bit elements; the last dimension must agree. (rows.c) */
void ccs_copy_rows (const CcsOperand *from, const CcsOperand *to);
/* y = act (x + bias + residual), in place where @x is @y; bias and residual may
 * have no data. (rows.c) */
void ccs_epilogue (const CcsOperand *x, const float *bias,
                   const CcsOperand *residual, CcsAct act, const CcsOperand *y);

G_END_DECLS
