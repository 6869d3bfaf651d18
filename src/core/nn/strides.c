/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "strides.h"

void
ccs_broadcast_strides (const CcsShape *b, gint64 pitch, const CcsShape *a,
                       gint64 strides[CCS_MAX_RANK])
{
  const guint missing = a->rank - b->rank;
  gint64 stride = 1;

  for (guint i = 0; i < CCS_MAX_RANK; i++)
    strides[i] = 0;
  for (guint i = b->rank; i-- > 0;) {
    if (b->dim[i] != 1)
      strides[missing + i] = stride;
    stride = i + 1 == b->rank ? pitch : stride * b->dim[i];
  }
}

void
ccs_operand_strides (const CcsOperand *x, gint64 strides[CCS_MAX_RANK])
{
  ccs_broadcast_strides (&x->shape, x->pitch, &x->shape, strides);
}

void
ccs_reduction_init (CcsReduction *self, const CcsOperand *x,
                    const CcsOperand *y)
{
  const guint last = x->shape.rank > 0 ? x->shape.rank - 1 : 0;

  ccs_operand_strides (x, self->x_strides);
  ccs_broadcast_strides (&y->shape, y->pitch, &x->shape, self->y_strides);
  self->kept = self->summed = x->shape;
  for (guint i = 0; i < last; i++) {
    if (self->y_strides[i] == 0)
      self->kept.dim[i] = 1;
    else
      self->summed.dim[i] = 1;
  }
  self->channels_summed
      = ccs_shape_channels (&y->shape) != ccs_shape_channels (&x->shape);
}
