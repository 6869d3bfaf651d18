/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of pooling and sampling of NHWC maps: maximum pooling, which stores the
 * position of the maximum, and bilinear resizing of rows with aligned corners.
 * The gradients gather, so that each element is written once. */
#include "row-util.h"

/* -- MAX_POOL: x [B,H,W,C] -> y [B,H',W',C], argmax [B,H',W',C] (U8) ------- */

static gint64
pooled_size (const CcsOp *op, gint64 size)
{
  return (size + 2 * op->attrs.pool.pad - op->attrs.pool.kernel)
             / op->attrs.pool.stride
         + 1;
}

/* Checks the attributes for pooling of shape @x. */
static gboolean
pool_check (const CcsOp *op, const CcsShape *x, GError **error)
{
  gint32 kernel = op->attrs.pool.kernel, pad = op->attrs.pool.pad;

  if (x->rank != 4)
    return ccs_op_shape_error (op, error, "map of rank %u, not 4", x->rank);
  /* a position in a window is a U8; every window must contain a sample */
  if (kernel < 1 || kernel > 16 || op->attrs.pool.stride < 1 || pad < 0
      || pad > kernel / 2)
    return ccs_op_shape_error (
        op, error,
        "kernel %d (1 to 16), stride %d, pad %d (at most half the kernel)",
        kernel, op->attrs.pool.stride, pad);
  if (x->dim[1] + 2 * pad < kernel || x->dim[2] + 2 * pad < kernel)
    return ccs_op_shape_error (op, error, "map smaller than the kernel");
  return TRUE;
}

static gboolean
max_pool_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                GError **error)
{
  const CcsShape *x = &in[0]->shape;

  if (!ccs_op_expect_floats (op, in, 1, 0, error) || !pool_check (op, x, error))
    return FALSE;
  CcsShape y = CCS_SHAPE (x->dim[0], pooled_size (op, x->dim[1]),
                          pooled_size (op, x->dim[2]), x->dim[3]);
  ccs_op_set_result (&out[0], y);
  ccs_op_set_result (&out[1], y);
  out[1].dtype = CCS_U8;
  return TRUE;
}

static void
max_pool_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                   const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0] = ccs_program_append_shaped (
        p, CCS_OP_MAX_POOL_GRAD, (CcsValueId[]){ dout[0], op->out[1] }, 2,
        &op->attrs, ccs_program_value (p, op->in[0])->shape);
}

/* Returns the maximum of the window at rows from @y0, columns from @x0 of
 * channel @c. */
static float
window_maximum (const CcsOp *op, const CcsOperand *x, gint64 item, gint64 y0,
                gint64 x0, gint64 c, guint8 *position)
{
  gint32 kernel = op->attrs.pool.kernel;
  gint64 height = x->shape.dim[1], width = x->shape.dim[2];
  gboolean found = FALSE;
  float best = 0.f;

  for (gint64 ky = MAX (0, -y0); ky < MIN (kernel, height - y0); ky++)
    for (gint64 kx = MAX (0, -x0); kx < MIN (kernel, width - x0); kx++) {
      gint64 row = (item * height + y0 + ky) * width + x0 + kx;
      float value = ccs_operand_row (x, row)[c];
      if (!found || value > best) {
        best = value;
        *position = ky * kernel + kx;
        found = TRUE;
      }
    }
  return best;
}

static void
max_pool_reference (const CcsOp *op, const CcsOperand *in,
                    const CcsOperand *out)
{
  const CcsShape *y = &out[0].shape;
  gint32 stride = op->attrs.pool.stride, pad = op->attrs.pool.pad;
  guint8 *argmax = out[1].data;
  gint64 row = 0;

  for (gint64 b = 0; b < y->dim[0]; b++)
    for (gint64 i = 0; i < y->dim[1]; i++)
      for (gint64 j = 0; j < y->dim[2]; j++, row++)
        for (gint64 c = 0; c < y->dim[3]; c++) {
          guint8 position = 0;
          ccs_operand_row (&out[0], row)[c] = window_maximum (
              op, &in[0], b, i * stride - pad, j * stride - pad, c, &position);
          if (argmax)
            argmax[row * out[1].pitch + c] = position;
        }
}

/* -- MAX_POOL_GRAD: dy, argmax -> dx --------------------------------------- */

static gboolean
max_pool_grad_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                     GError **error)
{
  CcsShape x = out[0].shape;

  if (!ccs_op_expect_floats (op, in, 1, 0, error)
      || !pool_check (op, &x, error))
    return FALSE;
  CcsShape y = CCS_SHAPE (x.dim[0], pooled_size (op, x.dim[1]),
                          pooled_size (op, x.dim[2]), x.dim[3]);
  if (!ccs_op_expect_shape (op, in, 0, y, error)
      || !ccs_op_expect_shape (op, in, 1, y, error))
    return FALSE;
  if (in[1] == NULL || in[1]->dtype != CCS_U8)
    return ccs_op_shape_error (op, error, "input 1 is not positions of %s",
                               ccs_dtype_name (CCS_U8));
  ccs_op_set_result (&out[0], x);
  return TRUE;
}

/* Return the first and the last window that can contain coordinate @at. */
static gint64
first_window (const CcsOp *op, gint64 at)
{
  gint64 before = at + op->attrs.pool.pad - op->attrs.pool.kernel;
  return before < 0 ? 0 : before / op->attrs.pool.stride + 1;
}

static gint64
last_window (const CcsOp *op, gint64 at, gint64 n)
{
  return MIN (n - 1, (at + op->attrs.pool.pad) / op->attrs.pool.stride);
}

/* Returns the sum of the gradients of windows with their maximum at (@i,@j). */
static double
pooled_gradient (const CcsOp *op, const CcsOperand *in, gint64 item, gint64 i,
                 gint64 j, gint64 c)
{
  gint32 kernel = op->attrs.pool.kernel, stride = op->attrs.pool.stride;
  gint32 pad = op->attrs.pool.pad;
  gint64 height = in[0].shape.dim[1], width = in[0].shape.dim[2];
  const guint8 *argmax = in[1].data;
  double sum = 0;

  for (gint64 y = first_window (op, i); y <= last_window (op, i, height); y++)
    for (gint64 x = first_window (op, j); x <= last_window (op, j, width);
         x++) {
      gint64 row = (item * height + y) * width + x;
      gint64 position = (i + pad - y * stride) * kernel + j + pad - x * stride;
      if (argmax[row * in[1].pitch + c] == position)
        sum += ccs_operand_row (&in[0], row)[c];
    }
  return sum;
}

static void
max_pool_grad_reference (const CcsOp *op, const CcsOperand *in,
                         const CcsOperand *out)
{
  const CcsShape *x = &out[0].shape;
  gint64 row = 0;

  for (gint64 b = 0; b < x->dim[0]; b++)
    for (gint64 i = 0; i < x->dim[1]; i++)
      for (gint64 j = 0; j < x->dim[2]; j++, row++)
        for (gint64 c = 0; c < x->dim[3]; c++)
          ccs_operand_row (&out[0], row)[c]
              = pooled_gradient (op, in, b, i, j, c);
}

/* -- RESIZE_ROWS: x [B,H,W,C] -> y [B,H',W,C] ------------------------------ */

/* Checks resizing of a map with shape @from to @to. */
static gboolean
resize_check (const CcsOp *op, const CcsShape *from, const CcsShape *to,
              GError **error)
{
  if (from->rank != 4 || to->rank != 4)
    return ccs_op_shape_error (op, error, "maps of rank %u and %u, not 4",
                               from->rank, to->rank);
  if (from->dim[0] != to->dim[0] || from->dim[2] != to->dim[2]
      || from->dim[3] != to->dim[3] || from->dim[1] < 1 || to->dim[1] < 1)
    return ccs_op_shape_error (
        op, error, "only the rows' number may change, and there must be rows");
  return TRUE;
}

static gboolean
resize_rows_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                   GError **error)
{
  CcsShape y = out[0].shape;

  if (!ccs_op_expect_floats (op, in, 1, 0, error)
      || !resize_check (op, &in[0]->shape, &y, error))
    return FALSE;
  ccs_op_set_result (&out[0], y);
  return TRUE;
}

static void
resize_rows_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                      const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0] = ccs_program_append_shaped (
        p, CCS_OP_RESIZE_ROWS_GRAD, dout, 1, &op->attrs,
        ccs_program_value (p, op->in[0])->shape);
}

/* Maps row @at of @to output rows to @from input rows: at (from - 1)/(to - 1).
 * Returns the input row at or above that, and in @part the fraction of the way
 * to the next row. Computed in integers up to one division. */
static gint64
source_row (gint64 at, gint64 from, gint64 to, double *part)
{
  gint64 steps = MAX (1, to - 1);
  *part = (double)(at * (from - 1) % steps) / steps;
  return at * (from - 1) / steps;
}

static void
resize_rows_reference (const CcsOp *op, const CcsOperand *in,
                       const CcsOperand *out)
{
  const CcsShape *y = &out[0].shape;
  gint64 height = in[0].shape.dim[1], width = y->dim[2];

  for (gint64 b = 0; b < y->dim[0]; b++)
    for (gint64 i = 0; i < y->dim[1]; i++) {
      double part;
      gint64 above = source_row (i, height, y->dim[1], &part);
      gint64 below = MIN (above + 1, height - 1);
      for (gint64 j = 0; j < width; j++) {
        const float *x0
            = ccs_operand_row (&in[0], (b * height + above) * width + j);
        const float *x1
            = ccs_operand_row (&in[0], (b * height + below) * width + j);
        float *yj = ccs_operand_row (&out[0], (b * y->dim[1] + i) * width + j);
        for (gint64 c = 0; c < y->dim[3]; c++)
          yj[c] = (1 - part) * x0[c] + part * x1[c];
      }
    }
}

/* -- RESIZE_ROWS_GRAD: dy -> dx -------------------------------------------- */

static gboolean
resize_rows_grad_infer (const CcsOp *op, const CcsValue *const *in,
                        CcsValue *out, GError **error)
{
  CcsShape x = out[0].shape;

  if (!ccs_op_expect_floats (op, in, 1, 0, error)
      || !resize_check (op, &x, &in[0]->shape, error))
    return FALSE;
  ccs_op_set_result (&out[0], x);
  return TRUE;
}

/* Returns the gradient of the element in row @i of @height, column @j. */
static double
resized_gradient (const CcsOperand *dy, gint64 item, gint64 i, gint64 height,
                  gint64 j, gint64 c)
{
  gint64 to = dy->shape.dim[1], width = dy->shape.dim[2];
  /* rows of dy between source rows i - 1 and i + 1 */
  gint64 steps = MAX (1, height - 1);
  gint64 first = height == 1 ? 0 : MAX (0, (i - 1) * (to - 1) / steps);
  gint64 last
      = height == 1 ? to - 1 : MIN (to - 1, (i + 1) * (to - 1) / steps + 1);
  double sum = 0;

  for (gint64 y = first; y <= last; y++) {
    double part;
    gint64 above = source_row (y, height, to, &part);
    double weight = above == i ? 1 - part : above + 1 == i ? part : 0;
    sum += weight * ccs_operand_row (dy, (item * to + y) * width + j)[c];
  }
  return sum;
}

static void
resize_rows_grad_reference (const CcsOp *op, const CcsOperand *in,
                            const CcsOperand *out)
{
  const CcsShape *x = &out[0].shape;
  gint64 row = 0;

  for (gint64 b = 0; b < x->dim[0]; b++)
    for (gint64 i = 0; i < x->dim[1]; i++)
      for (gint64 j = 0; j < x->dim[2]; j++, row++)
        for (gint64 c = 0; c < x->dim[3]; c++)
          ccs_operand_row (&out[0], row)[c]
              = resized_gradient (&in[0], b, i, x->dim[1], j, c);
}

#define ROW(kind) [kind - CCS_OP_MAX_POOL]

const CcsOpRow ccs_op_rows_sample[] = {
  ROW (CCS_OP_MAX_POOL) = {
    .name = "max_pool",
    .min_in = 1, .max_in = 1, .n_out = 2,
    .infer = max_pool_infer,
    .gradient = max_pool_gradient,
    .reference = max_pool_reference,
  },
  ROW (CCS_OP_MAX_POOL_GRAD) = {
    .name = "max_pool_grad",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .infer = max_pool_grad_infer,
    .reference = max_pool_grad_reference,
  },
  ROW (CCS_OP_RESIZE_ROWS) = {
    .name = "resize_rows",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = resize_rows_infer,
    .gradient = resize_rows_gradient,
    .reference = resize_rows_reference,
  },
  ROW (CCS_OP_RESIZE_ROWS_GRAD) = {
    .name = "resize_rows_grad",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = resize_rows_grad_infer,
    .reference = resize_rows_grad_reference,
  },
};
