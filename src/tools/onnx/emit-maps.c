/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Emitters of ops on maps [B,H,W,C]: convolutions, batch norm, pooling,
 * resizing. In ONNX channels come first. */
#include "translation.h"

#include <math.h>

gboolean
onnx_emit_conv2d (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const gint64 *filter = onnx_shape (self, op->in[1])->dim;
  const gint64 stride = op->attrs.conv.stride, pad = op->attrs.conv.pad;
  const gint64 dilation = op->attrs.conv.dilation;
  const gint64 kernel[] = { filter[1], filter[2] };
  const gint64 strides[] = { stride, stride };
  const gint64 pads[] = { pad, pad, pad, pad };
  const gint64 dilations[] = { dilation, dilation };
  const char *x = onnx_operand (self, op->in[0], ONNX_CHANNELS_FIRST);
  const char *w = onnx_operand (self, op->in[1], ONNX_CHANNELS_FIRST);
  const char *bias = onnx_operand (self, op->in[2], ONNX_PLAIN);

  if (op->in[3] != CCS_NONE)
    return onnx_no_form (self, error, "it has a residual");
  onnx_result (self, op->out[0], ONNX_CHANNELS_FIRST, op->attrs.conv.act,
               "Conv", ONNX_INPUTS (x, w, bias),
               ONNX_ATTRS (ONNX_INTS ("kernel_shape", kernel, 2),
                           ONNX_INTS ("strides", strides, 2),
                           ONNX_INTS ("pads", pads, 4),
                           ONNX_INTS ("dilations", dilations, 2)));
  return TRUE;
}

/* Returns the rows or columns that the formula of the transposed convolution
 * lacks. */
static gint64
output_padding (const CcsOp *op, gint64 from, gint64 to, gint64 kernel)
{
  return to
         - ((from - 1) * op->attrs.conv.stride - 2 * op->attrs.conv.pad
            + op->attrs.conv.dilation * (kernel - 1) + 1);
}

gboolean
onnx_emit_conv_transpose2d (OnnxTranslation *self, const CcsOp *op,
                            GError **error)
{
  const gint64 *filter = onnx_shape (self, op->in[1])->dim;
  const gint64 *from = onnx_shape (self, op->in[0])->dim;
  const gint64 stride = op->attrs.conv.stride, pad = op->attrs.conv.pad;
  const gint64 dilation = op->attrs.conv.dilation;
  const gint64 kernel[] = { filter[1], filter[2] };
  const gint64 strides[] = { stride, stride };
  const gint64 pads[] = { pad, pad, pad, pad };
  const gint64 dilations[] = { dilation, dilation };
  const gint64 padding[]
      = { output_padding (op, from[1], op->attrs.conv.out_h, kernel[0]),
          output_padding (op, from[2], op->attrs.conv.out_w, kernel[1]) };
  const char *x = onnx_operand (self, op->in[0], ONNX_CHANNELS_FIRST);
  const char *w = onnx_operand (self, op->in[1], ONNX_CHANNELS_FIRST);
  const char *bias = onnx_operand (self, op->in[2], ONNX_PLAIN);

  onnx_result (self, op->out[0], ONNX_CHANNELS_FIRST, op->attrs.conv.act,
               "ConvTranspose", ONNX_INPUTS (x, w, bias),
               ONNX_ATTRS (ONNX_INTS ("kernel_shape", kernel, 2),
                           ONNX_INTS ("strides", strides, 2),
                           ONNX_INTS ("pads", pads, 4),
                           ONNX_INTS ("dilations", dilations, 2),
                           ONNX_INTS ("output_padding", padding, 2)));
  return TRUE;
}

gboolean
onnx_emit_batch_norm (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const CcsShape *shape = onnx_shape (self, op->in[0]);
  const gint64 channels = ccs_shape_channels (shape);
  const char *in[5];

  if (shape->rank != 4)
    return onnx_no_form (self, error, "its input has rank %u, not 4",
                         shape->rank);
  in[0] = onnx_operand (self, op->in[0], ONNX_CHANNELS_FIRST);
  for (guint i = 1; i < G_N_ELEMENTS (in); i++)
    in[i] = onnx_operand (self, op->in[i], ONNX_PLAIN);
  if (!in[1])
    in[1] = onnx_filled (self, channels, 1.f);
  if (!in[2])
    in[2] = onnx_filled (self, channels, 0.f);
  onnx_result (self, op->out[0], ONNX_CHANNELS_FIRST, op->attrs.norm.act,
               "BatchNormalization",
               ONNX_INPUTS (in[0], in[1], in[2], in[3], in[4]),
               ONNX_ATTRS (ONNX_F ("epsilon", op->attrs.norm.eps)));
  return TRUE;
}

gboolean
onnx_emit_max_pool (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const gint64 size = op->attrs.pool.kernel, stride = op->attrs.pool.stride;
  const gint64 pad = op->attrs.pool.pad;
  const gint64 kernel[] = { size, size };
  const gint64 strides[] = { stride, stride };
  const gint64 pads[] = { pad, pad, pad, pad };
  const char *x = onnx_operand (self, op->in[0], ONNX_CHANNELS_FIRST);

  if (op->out[1] != CCS_NONE)
    return onnx_no_form (self, error, "its positions are read");
  onnx_result (self, op->out[0], ONNX_CHANNELS_FIRST, CCS_NO_ACT, "MaxPool",
               ONNX_INPUTS (x),
               ONNX_ATTRS (ONNX_INTS ("kernel_shape", kernel, 2),
                           ONNX_INTS ("strides", strides, 2),
                           ONNX_INTS ("pads", pads, 4)));
  return TRUE;
}

/* Returns a factor for which runtimes, which truncate @from times the factor,
 * compute the size @to. */
static float
resize_factor (gint64 from, gint64 to)
{
  float factor = (float)to / from;

  while (floorf (from * factor) < to)
    factor = nextafterf (factor, INFINITY);
  return factor;
}

gboolean
onnx_emit_resize_rows (OnnxTranslation *self, const CcsOp *op, GError **error)
{
  const gint64 rank = 4;
  const float factors[]
      = { 1.f, 1.f,
          resize_factor (onnx_shape (self, op->in[0])->dim[1],
                         onnx_shape (self, op->out[0])->dim[1]),
          1.f };
  const char *x = onnx_operand (self, op->in[0], ONNX_CHANNELS_FIRST);
  const char *scales
      = onnx_constant (self, ONNX_FLOAT, &rank, 1, factors, sizeof factors);

  /* An empty name means: no region of interest. */
  onnx_result (
      self, op->out[0], ONNX_CHANNELS_FIRST, CCS_NO_ACT, "Resize",
      ONNX_INPUTS (x, "", scales),
      ONNX_ATTRS (ONNX_S ("mode", "linear"),
                  ONNX_S ("coordinate_transformation_mode", "align_corners")));
  return TRUE;
}
