/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Emitters of ops that move or select elements. */
#include "translation.h"

#include "nn/op-table.h"

/* Returns the shape of @id as an operand of Reshape, which infers the batch. */
static const char *
target_shape (OnnxTranslation *self, CcsValueId id)
{
  CcsShape shape = *onnx_shape (self, id);

  if (self->values[id].batched)
    shape.dim[0] = -1;
  return onnx_integers (self, shape.dim, shape.rank);
}

gboolean
onnx_emit_reshape (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const char *x = onnx_operand (self, op->in[0], ONNX_PLAIN);

  onnx_result (self, op->out[0], ONNX_PLAIN, CCS_NO_ACT, "Reshape",
               ONNX_INPUTS (x, target_shape (self, op->out[0])), NULL);
  return TRUE;
}

gboolean
onnx_emit_transpose (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const char *x = onnx_operand (self, op->in[0], ONNX_PLAIN);
  const guint rank = onnx_shape (self, op->in[0])->rank;
  gint64 perm[CCS_MAX_RANK];

  for (guint i = 0; i < rank; i++)
    perm[i] = op->attrs.transpose.perm[i];
  onnx_result (self, op->out[0], ONNX_PLAIN, CCS_NO_ACT, "Transpose",
               ONNX_INPUTS (x), ONNX_ATTRS (ONNX_INTS ("perm", perm, rank)));
  return TRUE;
}

gboolean
onnx_emit_concat (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const char *parts[CCS_MAX_INPUTS + 1] = { NULL };
  const guint rank = onnx_shape (self, op->in[0])->rank;
  OnnxLayout layout;
  guint n = 0;

  while (n < CCS_MAX_INPUTS && op->in[n] != CCS_NONE)
    n++;
  layout = onnx_layout_of (self, op, n);
  for (guint i = 0; i < n; i++)
    parts[i] = onnx_operand (self, op->in[i], layout);
  onnx_result (self, op->out[0], layout, CCS_NO_ACT, "Concat", parts,
               ONNX_ATTRS (ONNX_I (
                   "axis", onnx_axis (rank, op->attrs.slice.axis, layout))));
  return TRUE;
}

/* Returns rows of a constant as a constant. */
static CcsTensor *
constant_rows (CcsTensor *x, gint64 start, const CcsShape *shape)
{
  gsize row = ccs_tensor_size (x) / x->shape.dim[0];
  gsize size = ccs_shape_elements (shape) * ccs_dtype_size (x->dtype);

  return ccs_tensor_new_take (
      x->dtype, shape, g_memdup2 ((const guint8 *)x->data + start * row, size));
}

gboolean
onnx_emit_slice (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const CcsShape *to = onnx_shape (self, op->out[0]);
  CcsTensor *constant = self->values[op->in[0]].constant;
  const gint32 axis = op->attrs.slice.axis;
  const gint64 start = op->attrs.slice.start, end = start + to->dim[axis];
  OnnxLayout layout = onnx_layout_of (self, op, 1);
  gint64 at = onnx_axis (to->rank, axis, layout);
  const char *x;

  if (constant && axis == 0) {
    self->values[op->out[0]].constant = constant_rows (constant, start, to);
    return TRUE;
  }
  x = onnx_operand (self, op->in[0], layout);
  onnx_result (self, op->out[0], layout, CCS_NO_ACT, "Slice",
               ONNX_INPUTS (x, onnx_integers (self, &start, 1),
                            onnx_integers (self, &end, 1),
                            onnx_integers (self, &at, 1)),
               NULL);
  return TRUE;
}

/* y[..,c] = table[c][x[..,c]], which is element c CCS_LOOKUP_LEVELS + x of the
 * flat table. Maps are transposed to channels-first here, while elements are
 * bytes. */
gboolean
onnx_emit_lookup (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const CcsShape *shape = onnx_shape (self, op->in[0]);
  const CcsTensor *table = self->values[op->in[1]].constant;
  const gint64 channels = ccs_shape_channels (shape);
  const gint64 levels = channels * CCS_LOOKUP_LEVELS;
  const gint64 offset_dims[] = { channels, 1, 1 };
  g_autofree gint32 *offsets = g_new (gint32, channels);
  const char *x, *index, *first, *flat;

  if (shape->rank != 4 || !table)
    return onnx_no_form (self, error,
                         "its input is no map, or its table no "
                         "constant");
  for (gint64 c = 0; c < channels; c++)
    offsets[c] = c * CCS_LOOKUP_LEVELS;
  first = onnx_constant (self, ONNX_INT32, offset_dims, 3, offsets,
                         channels * sizeof *offsets);
  flat = onnx_constant (self, ONNX_FLOAT, &levels, 1, table->data,
                        levels * sizeof (float));
  x = onnx_operand (self, op->in[0], ONNX_CHANNELS_FIRST);
  index = onnx_apply (self, "Cast", ONNX_INPUTS (x),
                      ONNX_ATTRS (ONNX_I ("to", ONNX_INT32)));
  index = onnx_apply (self, "Add", ONNX_INPUTS (index, first), NULL);
  onnx_result (self, op->out[0], ONNX_CHANNELS_FIRST, CCS_NO_ACT, "Gather",
               ONNX_INPUTS (flat, index), ONNX_ATTRS (ONNX_I ("axis", 0)));
  return TRUE;
}

/* Pads x [B,..] of rank @rank with zeros before and after along @axis. */
static const char *
padded (OnnxTranslation *self, const char *x, guint rank, guint axis,
        gint64 before, gint64 after)
{
  gint64 pads[2 * CCS_MAX_RANK] = { 0 };

  pads[axis] = before;
  pads[rank + axis] = after;
  return onnx_apply (self, "Pad",
                     ONNX_INPUTS (x, onnx_integers (self, pads, 2 * rank)),
                     ONNX_ATTRS (ONNX_S ("mode", "constant")));
}

/* [B,n] -> [B,frames,window]: gathers the elements of the padded signal. */
gboolean
onnx_emit_frame (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const gint64 *dims = &onnx_shape (self, op->out[0])->dim[1];
  const gint64 n = dims[0] * dims[1], pad = op->attrs.frame.pad;
  g_autofree gint32 *samples = g_new (gint32, n);
  const char *x, *signal, *index;

  if (op->attrs.frame.mode != CCS_PAD_ZERO)
    return onnx_no_form (self, error, "its padding is reflected");
  for (gint64 i = 0; i < n; i++)
    samples[i] = i / dims[1] * op->attrs.frame.hop + i % dims[1];
  x = onnx_operand (self, op->in[0], ONNX_PLAIN);
  signal = padded (self, x, 2, 1, pad, pad);
  index
      = onnx_constant (self, ONNX_INT32, dims, 2, samples, n * sizeof *samples);
  onnx_result (self, op->out[0], ONNX_PLAIN, CCS_NO_ACT, "Gather",
               ONNX_INPUTS (signal, index), ONNX_ATTRS (ONNX_I ("axis", 1)));
  return TRUE;
}

/* [B,frames,window] -> [B,n]: splits windows into parts of one hop; part k of
 * frame t is added to hop t + k of the padded signal. */
gboolean
onnx_emit_overlap_add (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const CcsShape *x = onnx_shape (self, op->in[0]);
  const gint64 frames = x->dim[1], window = x->dim[2];
  const gint64 hop = op->attrs.frame.hop, pad = op->attrs.frame.pad;
  const gint64 n = onnx_shape (self, op->out[0])->dim[1];
  const gint64 parts = (window + hop - 1) / hop;
  const gint64 hops = MAX (frames + parts - 1, (pad + n + hop - 1) / hop);
  const gint64 flat[] = { -1, hops * hop };
  const gint64 axis = 1, end = pad + n;
  const char *whole, *sum = NULL;

  if (op->attrs.frame.mode != CCS_PAD_ZERO)
    return onnx_no_form (self, error, "its padding is reflected");
  whole = padded (self, onnx_operand (self, op->in[0], ONNX_PLAIN), 3, 2, 0,
                  parts * hop - window);
  for (gint64 k = 0; k < parts; k++) {
    const char *part = onnx_slice (self, whole, 2, k * hop, hop);

    part = padded (self, part, 3, 1, k, hops - frames - k);
    sum = sum ? onnx_apply (self, "Add", ONNX_INPUTS (sum, part), NULL) : part;
  }
  sum = onnx_apply (self, "Reshape",
                    ONNX_INPUTS (sum, onnx_integers (self, flat, 2)), NULL);
  onnx_result (self, op->out[0], ONNX_PLAIN, CCS_NO_ACT, "Slice",
               ONNX_INPUTS (sum, onnx_integers (self, &pad, 1),
                            onnx_integers (self, &end, 1),
                            onnx_integers (self, &axis, 1)),
               NULL);
  return TRUE;
}
