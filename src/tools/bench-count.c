/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-count.h"

#include "nn/op-table.h"

static gint64
elements (const CcsProgram *p, CcsValueId id)
{
  return ccs_shape_elements (&ccs_program_value (p, id)->shape);
}

static gint64
op_macs (const CcsProgram *p, const CcsOp *op)
{
  const CcsShape *filter, *a;

  switch (op->kind) {
  case CCS_OP_CONV2D:
    filter = &ccs_program_value (p, op->in[1])->shape;
    return elements (p, op->out[0]) * filter->dim[1] * filter->dim[2]
           * filter->dim[3];
  case CCS_OP_CONV_TRANSPOSE2D:
    filter = &ccs_program_value (p, op->in[1])->shape;
    return elements (p, op->in[0]) * filter->dim[1] * filter->dim[2]
           * filter->dim[3];
  case CCS_OP_MATMUL:
    a = &ccs_program_value (p, op->in[0])->shape;
    return elements (p, op->out[0])
           * a->dim[a->rank - (op->attrs.matmul.transpose_a ? 2 : 1)];
  default:
    return 0;
  }
}

gint64
bench_count_macs (const CcsProgram *p)
{
  gint64 macs = 0;

  for (guint i = 0; i < ccs_program_n_ops (p); i++)
    macs += op_macs (p, ccs_program_op (p, i));
  return macs;
}

static CcsValueId
root_of (const CcsProgram *p, CcsValueId id)
{
  while (ccs_program_value (p, id)->view_of != CCS_NONE)
    id = ccs_program_value (p, id)->view_of;
  return id;
}

static gint64
value_bytes (const CcsProgram *p, CcsValueId id)
{
  return elements (p, id) * ccs_dtype_size (ccs_program_value (p, id)->dtype);
}

/* Returns the bytes that a concatenation copies. An input that was computed
 * at its final place is not copied. */
static gint64
concat_bytes (const CcsProgram *p, const CcsOp *op)
{
  gint64 bytes = 0;

  for (guint k = 0; k < CCS_MAX_INPUTS; k++)
    if (op->in[k] != CCS_NONE
        && root_of (p, op->in[k]) != root_of (p, op->out[0]))
      bytes += 2 * value_bytes (p, op->in[k]);
  return bytes;
}

static gint64
op_bytes (const CcsProgram *p, const CcsOp *op)
{
  gint64 bytes = 0;

  if (op->kind == CCS_OP_CONCAT)
    return concat_bytes (p, op);
  for (guint k = 0; k < CCS_MAX_INPUTS; k++)
    if (op->in[k] != CCS_NONE)
      bytes += value_bytes (p, op->in[k]);
  for (guint k = 0; k < CCS_MAX_OUTPUTS; k++)
    if (op->out[k] != CCS_NONE)
      bytes += value_bytes (p, op->out[k]);
  return bytes;
}

gint64
bench_count_bytes (const CcsProgram *p)
{
  gint64 bytes = 0;

  for (guint i = 0; i < ccs_program_n_ops (p); i++)
    bytes += op_bytes (p, ccs_program_op (p, i));
  return bytes;
}
