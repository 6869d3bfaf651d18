/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the signal front end: splitting samples into overlapping frames, its
 * adjoint, and level normalisation. Framing and a product with a basis matrix
 * are a short-time Fourier transform. */
#include "row-util.h"

#include <math.h>

/* -- FRAME: x [B,n] -> y [B,frames,window] --------------------------------- */

static gint64
frame_count (const CcsOp *op, gint64 n, gint64 window)
{
  return 1 + (n + 2 * op->attrs.frame.pad - window) / op->attrs.frame.hop;
}

/* Checks splitting @n samples into frames of @window. */
static gboolean
frame_check (const CcsOp *op, gint64 n, gint64 window, GError **error)
{
  gint32 pad = op->attrs.frame.pad;

  if (window < 1 || op->attrs.frame.hop < 1 || pad < 0)
    return ccs_op_shape_error (op, error,
                               "window %" G_GINT64_FORMAT ", hop %d, pad %d",
                               window, op->attrs.frame.hop, pad);
  if (n < 1 || n + 2 * pad < window)
    return ccs_op_shape_error (
        op, error, "%" G_GINT64_FORMAT " samples do not fill a window", n);
  if (op->attrs.frame.mode == CCS_PAD_REFLECT && pad >= n)
    return ccs_op_shape_error (
        op, error,
        "reflected padding of %d needs more than %" G_GINT64_FORMAT " samples",
        pad, n);
  return TRUE;
}

static gboolean
frame_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
             GError **error)
{
  const CcsShape *x = &in[0]->shape;
  gint32 window = op->attrs.frame.window;

  if (!ccs_op_expect_floats (op, in, 1, 0, error))
    return FALSE;
  if (x->rank != 2)
    return ccs_op_shape_error (op, error, "signal of rank %u, not 2", x->rank);
  if (!frame_check (op, x->dim[1], window, error))
    return FALSE;
  ccs_op_set_result (
      &out[0],
      CCS_SHAPE (x->dim[0], frame_count (op, x->dim[1], window), window));
  return TRUE;
}

static void
frame_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0]
        = ccs_program_append_shaped (p, CCS_OP_OVERLAP_ADD, dout, 1, &op->attrs,
                                     ccs_program_value (p, op->in[0])->shape);
}

static void
frame_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  const CcsShape *y = &out[0].shape;
  gint64 n = in[0].shape.dim[1];
  gboolean reflect = op->attrs.frame.mode == CCS_PAD_REFLECT;

  for (gint64 b = 0; b < y->dim[0]; b++) {
    const float *x = ccs_operand_row (&in[0], b);
    for (gint64 t = 0; t < y->dim[1]; t++) {
      float *frame = ccs_operand_row (&out[0], b * y->dim[1] + t);
      gint64 start = t * op->attrs.frame.hop - op->attrs.frame.pad;
      for (gint64 i = 0; i < y->dim[2]; i++) {
        gint64 at = start + i;
        if (reflect)
          at = at < 0 ? -at : at >= n ? 2 * (n - 1) - at : at;
        frame[i] = at < 0 || at >= n ? 0.f : x[at];
      }
    }
  }
}

/* -- OVERLAP_ADD: x [B,frames,window] -> y [B,n], the adjoint of FRAME ----- */

static gboolean
overlap_add_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                   GError **error)
{
  const CcsShape *x = &in[0]->shape;
  CcsShape y = out[0].shape;

  if (!ccs_op_expect_floats (op, in, 1, 0, error))
    return FALSE;
  if (x->rank != 3 || y.rank != 2)
    return ccs_op_shape_error (
        op, error, "frames of rank %u, not 3, or signal of rank %u, not 2",
        x->rank, y.rank);
  if (!frame_check (op, y.dim[1], x->dim[2], error))
    return FALSE;
  if (x->dim[0] != y.dim[0] || x->dim[2] != op->attrs.frame.window
      || x->dim[1] != frame_count (op, y.dim[1], x->dim[2]))
    return ccs_op_shape_error (
        op, error, "these are not the frames of %" G_GINT64_FORMAT " samples",
        y.dim[1]);
  ccs_op_set_result (&out[0], y);
  return TRUE;
}

static void
overlap_add_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                      const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0] = ccs_program_append (p, CCS_OP_FRAME, dout, 1, &op->attrs);
}

/* Returns the sum of the frames of @item at sample @at, which may be in the
 * padding. */
static double
overlap_at (const CcsOp *op, const CcsOperand *frames, gint64 item, gint64 at)
{
  gint64 count = frames->shape.dim[1], window = frames->shape.dim[2];
  gint64 hop = op->attrs.frame.hop, padded = at + op->attrs.frame.pad;
  gint64 first = padded < window ? 0 : (padded - window) / hop + 1;
  gint64 last = MIN (count - 1, padded / hop);
  double sum = 0;

  for (gint64 t = first; t <= last; t++)
    sum += ccs_operand_row (frames, item * count + t)[padded - t * hop];
  return sum;
}

static void
overlap_add_reference (const CcsOp *op, const CcsOperand *in,
                       const CcsOperand *out)
{
  gint64 n = out[0].shape.dim[1], pad = op->attrs.frame.pad;
  gboolean reflect = op->attrs.frame.mode == CCS_PAD_REFLECT;

  for (gint64 b = 0; b < out[0].shape.dim[0]; b++) {
    float *y = ccs_operand_row (&out[0], b);
    for (gint64 i = 0; i < n; i++) {
      double sum = overlap_at (op, &in[0], b, i);
      if (reflect && i >= 1 && i <= pad)
        sum += overlap_at (op, &in[0], b, -i);
      if (reflect && i <= n - 2 && i >= n - 1 - pad)
        sum += overlap_at (op, &in[0], b, 2 * (n - 1) - i);
      y[i] = sum;
    }
  }
}

/* -- LEVEL: x [B,n] -> y = x/gain, gain [B,1] = max (floor, rms)/target ---- */

static gboolean
level_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
             GError **error)
{
  const CcsShape *x = &in[0]->shape;

  if (!ccs_op_expect_floats (op, in, 1, 0, error))
    return FALSE;
  if (x->rank != 2 || x->dim[1] < 1)
    return ccs_op_shape_error (
        op, error, "signal of rank %u, not 2, or without samples", x->rank);
  if (!(op->attrs.level.target > 0 && op->attrs.level.floor > 0))
    return ccs_op_shape_error (op, error,
                               "target %g and floor %g must be above 0",
                               op->attrs.level.target, op->attrs.level.floor);
  ccs_op_set_result (&out[0], *x);
  ccs_op_set_result (&out[1], CCS_SHAPE (x->dim[0], 1));
  return TRUE;
}

static void
level_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  gint64 n = in[0].shape.dim[1];

  for (gint64 b = 0; b < in[0].shape.dim[0]; b++) {
    const float *x = ccs_operand_row (&in[0], b);
    float *y = ccs_operand_row (&out[0], b);
    double energy = 0;
    for (gint64 i = 0; i < n; i++)
      energy += (double)x[i] * x[i];
    double rms = MAX (op->attrs.level.floor, sqrt (energy / n));
    double gain = rms / op->attrs.level.target;
    for (gint64 i = 0; i < n; i++)
      y[i] = x[i] / gain;
    if (out[1].data)
      ccs_operand_row (&out[1], b)[0] = gain;
  }
}

#define ROW(kind) [kind - CCS_OP_FRAME]

const CcsOpRow ccs_op_rows_signal[] = {
  ROW (CCS_OP_FRAME) = {
    .name = "frame",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = frame_infer,
    .gradient = frame_gradient,
    .reference = frame_reference,
  },
  ROW (CCS_OP_OVERLAP_ADD) = {
    .name = "overlap_add",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = overlap_add_infer,
    .gradient = overlap_add_gradient,
    .reference = overlap_add_reference,
  },
  ROW (CCS_OP_LEVEL) = {
    .name = "level",
    .min_in = 1, .max_in = 1, .n_out = 2,
    .infer = level_infer,
    .reference = level_reference,
  },
};
