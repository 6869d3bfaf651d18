/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the convolution family. A convolution, its transpose (which is its
 * data gradient) and its filter gradient are the same sum over the same
 * neighbourhoods; they differ in which of the three arrays is the result. */
#include "row-util.h"
#include "vec.h"

/* A correlation relates small[b,y,x,o] and large[b, y stride - pad + ky
 * dilation, .., i] through filter[o,ky,kx,i]. A convolution reads large and
 * writes small. */
typedef struct
{
  const CcsOperand *large, *small, *filter;
  gint32 stride, pad, dilation;
} Correlation;

/* Adds the terms of @n contiguous elements. */
typedef void (*CorrelationTerm) (float *large, float *small, float *filter,
                                 gsize n);

static void
into_small (float *large, float *small, float *filter, gsize n)
{
  *small += ccs_vec_dot (large, filter, n);
}

static void
into_large (float *large, float *small, float *filter, gsize n)
{
  ccs_vec_axpy (large, *small, filter, n);
}

static void
into_filter (float *large, float *small, float *filter, gsize n)
{
  ccs_vec_axpy (filter, *small, large, n);
}

/* Computes which of @n_taps taps from @origin on are inside [0, extent): those
 * from *@first to before *@end. */
static void
taps_inside (gint64 origin, gint64 extent, gint64 n_taps, gint64 dilation,
             gint64 *first, gint64 *end)
{
  *first = origin >= 0 ? 0 : (-origin + dilation - 1) / dilation;
  *end = origin >= extent ? 0 : (extent - 1 - origin) / dilation + 1;
  *end = MIN (*end, n_taps);
}

/* Adds the terms of one element of small: channel @o at row @y, column @x. */
static void
correlate_at (const Correlation *c, CorrelationTerm term, gint64 b, gint64 y,
              gint64 x, gint64 o)
{
  const gint64 *size = c->large->shape.dim, *taps = c->filter->shape.dim;
  const gint64 width = size[2], channels = size[3];
  const gint64 top = y * c->stride - c->pad, left = x * c->stride - c->pad;
  const gboolean runs = c->dilation == 1 && c->large->pitch == channels
                        && c->filter->pitch == channels;
  float *small = ccs_operand_row (c->small, (b * c->small->shape.dim[1] + y)
                                                    * c->small->shape.dim[2]
                                                + x)
                 + o;
  gint64 ky, ky_end, kx_first, kx_end;

  taps_inside (top, size[1], taps[1], c->dilation, &ky, &ky_end);
  taps_inside (left, width, taps[2], c->dilation, &kx_first, &kx_end);
  if (kx_first >= kx_end)
    return;
  for (; ky < ky_end; ky++) {
    const gint64 row = (b * size[1] + top + ky * c->dilation) * width + left;
    const gint64 tap = (o * taps[1] + ky) * taps[2];

    /* Adjacent taps read adjacent pixels, so their terms are one run. */
    if (runs)
      term (ccs_operand_row (c->large, row + kx_first), small,
            ccs_operand_row (c->filter, tap + kx_first),
            (kx_end - kx_first) * channels);
    else
      for (gint64 kx = kx_first; kx < kx_end; kx++)
        term (ccs_operand_row (c->large, row + kx * c->dilation), small,
              ccs_operand_row (c->filter, tap + kx), channels);
  }
}

/* Adds all terms to the array that is written. The column loop is the inner
 * one, so that a row of pixels shares one output channel's filter in cache. */
static void
correlate (const Correlation *c, CorrelationTerm term)
{
  const gint64 *size = c->small->shape.dim;

  for (gint64 b = 0; b < size[0]; b++)
    for (gint64 y = 0; y < size[1]; y++)
      for (gint64 o = 0; o < size[3]; o++)
        for (gint64 x = 0; x < size[2]; x++)
          correlate_at (c, term, b, y, x, o);
}

/* y = act (y + bias + residual) */
static void
finish (const CcsOperand *y, const CcsOperand *bias, const CcsOperand *residual,
        CcsAct act)
{
  const gint64 rows = ccs_shape_rows (&y->shape);
  const gint64 channels = ccs_shape_channels (&y->shape);
  const float *add = bias != NULL ? bias->data : NULL;

  for (gint64 r = 0; r < rows; r++) {
    float *to = ccs_operand_row (y, r);
    const float *other = residual != NULL && residual->data != NULL
                             ? ccs_operand_row (residual, r)
                             : NULL;

    for (gint64 c = 0; c < channels; c++) {
      float sum = to[c];

      if (add != NULL)
        sum += add[c];
      if (other != NULL)
        sum += other[c];
      to[c] = ccs_act_apply (act, sum);
    }
  }
}

/* -- shapes ---------------------------------------------------------------- */

/* Returns the number of positions of a filter with @taps taps on @extent
 * pixels; 0 if it does not fit. */
static gint64
positions (const CcsAttrs *attrs, gint64 extent, gint64 taps)
{
  const gint64 room = extent + 2 * (gint64)attrs->conv.pad
                      - attrs->conv.dilation * (taps - 1) - 1;

  return room < 0 ? 0 : room / attrs->conv.stride + 1;
}

static gboolean
check_geometry (const CcsOp *op, const CcsValue *const *in, GError **error)
{
  if (op->attrs.conv.stride < 1 || op->attrs.conv.dilation < 1
      || op->attrs.conv.pad < 0)
    return ccs_op_shape_error (
        op, error, "stride %d, dilation %d and pad %d make no grid",
        op->attrs.conv.stride, op->attrs.conv.dilation, op->attrs.conv.pad);
  for (guint i = 0; i < 2; i++)
    if (in[i]->shape.rank != 4)
      return ccs_op_shape_error (op, error, "input %u has rank %u, not 4", i,
                                 in[i]->shape.rank);
  return TRUE;
}

/* Checks that @small is the number of positions of @taps taps on @large pixels.
 */
static gboolean
check_positions (const CcsOp *op, const gint64 *small, const gint64 *large,
                 const gint64 *taps, GError **error)
{
  for (guint i = 1; i < 3; i++)
    if (large[i] < 1 || taps[i] < 1
        || positions (&op->attrs, large[i], taps[i]) != small[i])
      return ccs_op_shape_error (op, error,
                                 "%" G_GINT64_FORMAT
                                 " taps on %" G_GINT64_FORMAT " pixels do not "
                                 "give %" G_GINT64_FORMAT " positions",
                                 taps[i], large[i], small[i]);
  return TRUE;
}

static gboolean
conv2d_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
              GError **error)
{
  if (!ccs_op_expect_floats (op, in, 4, CCS_OP_INPUT (2) | CCS_OP_INPUT (3),
                             error)
      || !check_geometry (op, in, error))
    return FALSE;

  const gint64 *x = in[0]->shape.dim, *w = in[1]->shape.dim;
  const CcsShape y = CCS_SHAPE (x[0], positions (&op->attrs, x[1], w[1]),
                                positions (&op->attrs, x[2], w[2]), w[0]);

  if (x[3] != w[3])
    return ccs_op_shape_error (op, error,
                               "the filter takes %" G_GINT64_FORMAT
                               " channels, the input has %" G_GINT64_FORMAT,
                               w[3], x[3]);
  if (y.dim[1] < 1 || y.dim[2] < 1)
    return ccs_op_shape_error (op, error,
                               "the filter is larger than the input");
  ccs_op_set_result (&out[0], y);
  return ccs_op_expect_shape (op, in, 2, CCS_SHAPE (w[0]), error)
         && ccs_op_expect_shape (op, in, 3, y, error);
}

static gboolean
conv_transpose2d_infer (const CcsOp *op, const CcsValue *const *in,
                        CcsValue *out, GError **error)
{
  if (!ccs_op_expect_floats (op, in, 3, CCS_OP_INPUT (2), error)
      || !check_geometry (op, in, error))
    return FALSE;

  const gint64 *x = in[0]->shape.dim, *w = in[1]->shape.dim;
  const CcsShape y
      = CCS_SHAPE (x[0], op->attrs.conv.out_h, op->attrs.conv.out_w, w[3]);

  if (x[3] != w[0])
    return ccs_op_shape_error (op, error,
                               "the filter takes %" G_GINT64_FORMAT
                               " channels, the input has %" G_GINT64_FORMAT,
                               w[0], x[3]);
  ccs_op_set_result (&out[0], y);
  return check_positions (op, x, y.dim, w, error)
         && ccs_op_expect_shape (op, in, 2, CCS_SHAPE (w[3]), error);
}

static gboolean
weight_grad_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                   GError **error)
{
  if (!ccs_op_expect_floats (op, in, 2, 0, error)
      || !check_geometry (op, in, error))
    return FALSE;

  const gint64 *x = in[0]->shape.dim, *dy = in[1]->shape.dim;
  const CcsShape w
      = CCS_SHAPE (dy[3], op->attrs.conv.out_h, op->attrs.conv.out_w, x[3]);

  if (x[0] != dy[0])
    return ccs_op_shape_error (
        op, error, "batches of %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT,
        x[0], dy[0]);
  ccs_op_set_result (&out[0], w);
  return check_positions (op, dy, x, w.dim, error);
}

/* -- gradients ------------------------------------------------------------- */

/* Appends the filter gradient of a correlation. */
static CcsValueId
append_weight_grad (CcsProgram *p, CcsValueId large, CcsValueId small,
                    const CcsAttrs *attrs, const CcsShape *filter)
{
  CcsAttrs of_filter = *attrs;

  of_filter.conv.out_h = filter->dim[1];
  of_filter.conv.out_w = filter->dim[2];
  of_filter.conv.act = CCS_NO_ACT;
  return ccs_program_append (p, CCS_OP_CONV2D_WEIGHT_GRAD,
                             (const CcsValueId[]){ large, small }, 2,
                             &of_filter);
}

static CcsValueId
append_bias_grad (CcsProgram *p, CcsValueId dy, CcsValueId bias)
{
  return ccs_reduce (p, dy, ccs_program_value (p, bias)->shape, 1.f);
}

static void
conv2d_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                 const gboolean *want, CcsValueId *din)
{
  const CcsAttrs *attrs = &op->attrs;
  const CcsShape x = ccs_program_value (p, op->in[0])->shape;
  const CcsShape w = ccs_program_value (p, op->in[1])->shape;
  const CcsValueId dy
      = ccs_op_activation_grad (p, dout[0], op->out[0], attrs->conv.act);

  if (want[0])
    din[0] = ccs_conv_transpose2d (
        p, dy, op->in[1], CCS_NONE, attrs->conv.stride, attrs->conv.pad,
        attrs->conv.dilation, x.dim[1], x.dim[2], CCS_NO_ACT);
  if (want[1])
    din[1] = append_weight_grad (p, op->in[0], dy, attrs, &w);
  if (want[2])
    din[2] = append_bias_grad (p, dy, op->in[2]);
  if (want[3])
    din[3] = dy;
}

static void
conv_transpose2d_gradient (CcsProgram *p, const CcsOp *op,
                           const CcsValueId *dout, const gboolean *want,
                           CcsValueId *din)
{
  const CcsAttrs *attrs = &op->attrs;
  const CcsShape w = ccs_program_value (p, op->in[1])->shape;
  const CcsValueId dy
      = ccs_op_activation_grad (p, dout[0], op->out[0], attrs->conv.act);

  if (want[0])
    din[0] = ccs_conv2d (p, dy, op->in[1], CCS_NONE, attrs->conv.stride,
                         attrs->conv.pad, attrs->conv.dilation, CCS_NO_ACT);
  if (want[1])
    din[1] = append_weight_grad (p, dy, op->in[0], attrs, &w);
  if (want[2])
    din[2] = append_bias_grad (p, dy, op->in[2]);
}

/* -- reference ------------------------------------------------------------- */

static void
run_correlation (const CcsOp *op, const CcsOperand *large,
                 const CcsOperand *small, const CcsOperand *filter,
                 CorrelationTerm term)
{
  const Correlation c = {
    .large = large,
    .small = small,
    .filter = filter,
    .stride = op->attrs.conv.stride,
    .pad = op->attrs.conv.pad,
    .dilation = op->attrs.conv.dilation,
  };

  correlate (&c, term);
}

static void
conv2d_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  ccs_operand_clear (&out[0]);
  run_correlation (op, &in[0], &out[0], &in[1], into_small);
  finish (&out[0], &in[2], &in[3], op->attrs.conv.act);
}

static void
conv_transpose2d_reference (const CcsOp *op, const CcsOperand *in,
                            const CcsOperand *out)
{
  ccs_operand_clear (&out[0]);
  run_correlation (op, &out[0], &in[0], &in[1], into_large);
  finish (&out[0], &in[2], NULL, op->attrs.conv.act);
}

static void
weight_grad_reference (const CcsOp *op, const CcsOperand *in,
                       const CcsOperand *out)
{
  ccs_operand_clear (&out[0]);
  run_correlation (op, &in[0], &in[1], &out[0], into_filter);
}

#define ROW(kind) [kind - CCS_OP_CONV2D]

const CcsOpRow ccs_op_rows_conv[] = {
  ROW (CCS_OP_CONV2D) = {
    .name = "conv2d",
    .min_in = 2, .max_in = 4, .n_out = 1,
    .flags = CCS_OP_FLAG_PITCHED,
    .infer = conv2d_infer,
    .gradient = conv2d_gradient,
    .reference = conv2d_reference,
  },
  ROW (CCS_OP_CONV_TRANSPOSE2D) = {
    .name = "conv_transpose2d",
    .min_in = 2, .max_in = 3, .n_out = 1,
    .flags = CCS_OP_FLAG_PITCHED,
    .infer = conv_transpose2d_infer,
    .gradient = conv_transpose2d_gradient,
    .reference = conv_transpose2d_reference,
  },
  ROW (CCS_OP_CONV2D_WEIGHT_GRAD) = {
    .name = "conv2d_weight_grad",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .infer = weight_grad_infer,
    .reference = weight_grad_reference,
  },
};
