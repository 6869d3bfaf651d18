/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the training losses (specification section 6): mean square, amplitude
 * over time, phase, and InfoNCE. A loss is a scalar [1]; the first input of its
 * gradient op is the gradient of that scalar. */
#include "row-util.h"

#include <math.h>

static gboolean
scalar_result (CcsValue *out)
{
  ccs_op_set_result (out, CCS_SHAPE (1));
  return TRUE;
}

/* Checks that a gradient op's input 0 is a scalar. */
static gboolean
takes_scalar (const CcsOp *op, const CcsValue *const *in, GError **error)
{
  return ccs_op_expect_shape (op, in, 0, CCS_SHAPE (1), error);
}

static gboolean
same_shapes (const CcsOp *op, const CcsValue *a, const CcsValue *b,
             GError **error)
{
  if (!ccs_shape_equal (&a->shape, &b->shape))
    return ccs_op_shape_error (op, error, "the two sides differ in shape");
  if (ccs_shape_elements (&a->shape) < 1)
    return ccs_op_shape_error (op, error, "no elements");
  return TRUE;
}

/* Appends the gradients of a loss that is symmetric in its inputs: @kind takes
 * dloss, the input that is differentiated, and the other one. */
static void
symmetric_gradient (CcsProgram *p, CcsOpKind kind, const CcsOp *op,
                    const CcsValueId *dout, const gboolean *want,
                    CcsValueId *din)
{
  for (guint i = 0; i < 2; i++)
    if (want[i])
      din[i] = ccs_program_append (
          p, kind, (CcsValueId[]){ dout[0], op->in[i], op->in[1 - i] }, 3,
          &op->attrs);
}

static double
sign (double x)
{
  return (x > 0) - (x < 0);
}

/* -- MSE_LOSS: mean of (a - b)^2 ------------------------------------------- */

static gboolean
mse_loss_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                GError **error)
{
  return ccs_op_expect_floats (op, in, 2, 0, error)
         && same_shapes (op, in[0], in[1], error) && scalar_result (&out[0]);
}

static void
mse_loss_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                   const gboolean *want, CcsValueId *din)
{
  symmetric_gradient (p, CCS_OP_MSE_LOSS_GRAD, op, dout, want, din);
}

static void
mse_loss_reference (const CcsOp *op, const CcsOperand *in,
                    const CcsOperand *out)
{
  const CcsShape *shape = &in[0].shape;
  double sum = 0;

  for (gint64 r = 0; r < ccs_shape_rows (shape); r++) {
    const float *a = ccs_operand_row (&in[0], r);
    const float *b = ccs_operand_row (&in[1], r);
    for (gint64 c = 0; c < ccs_shape_channels (shape); c++) {
      double difference = (double)a[c] - b[c];
      sum += difference * difference;
    }
  }
  ccs_operand_row (&out[0], 0)[0] = sum / ccs_shape_elements (shape);
}

/* dloss, a, b -> da; also for AMP_LOSS_GRAD. */
static gboolean
symmetric_grad_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                      GError **error)
{
  if (!ccs_op_expect_floats (op, in, 3, 0, error)
      || !takes_scalar (op, in, error)
      || !same_shapes (op, in[1], in[2], error))
    return FALSE;
  ccs_op_set_result (&out[0], in[1]->shape);
  return TRUE;
}

static void
mse_loss_grad_reference (const CcsOp *op, const CcsOperand *in,
                         const CcsOperand *out)
{
  const CcsShape *shape = &in[1].shape;
  double scale
      = 2. * ccs_operand_row (&in[0], 0)[0] / ccs_shape_elements (shape);

  for (gint64 r = 0; r < ccs_shape_rows (shape); r++) {
    const float *a = ccs_operand_row (&in[1], r);
    const float *b = ccs_operand_row (&in[2], r);
    float *da = ccs_operand_row (&out[0], r);
    for (gint64 c = 0; c < ccs_shape_channels (shape); c++)
      da[c] = scale * ((double)a[c] - b[c]);
  }
}

/* -- AMP_LOSS: a, b [B,F,T,2]; mean over b, bin and re/im of the difference
 * between the norms over time ---------------------------------------------- */

static gboolean
amp_loss_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                GError **error)
{
  if (!ccs_op_expect_floats (op, in, 2, 0, error)
      || !same_shapes (op, in[0], in[1], error))
    return FALSE;
  if (in[0]->shape.rank != 4)
    return ccs_op_shape_error (op, error, "spectrum of rank %u, not 4",
                               in[0]->shape.rank);
  return scalar_result (&out[0]);
}

static void
amp_loss_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                   const gboolean *want, CcsValueId *din)
{
  symmetric_gradient (p, CCS_OP_AMP_LOSS_GRAD, op, dout, want, din);
}

/* Returns the norm over time of part @c (re or im) of one bin, which starts at
 * @row. */
static double
norm_over_time (const CcsOperand *spectrum, gint64 row, gint64 c)
{
  double sum = 0;
  for (gint64 t = 0; t < spectrum->shape.dim[2]; t++) {
    double x = ccs_operand_row (spectrum, row + t)[c];
    sum += x * x;
  }
  return sqrt (sum);
}

static void
amp_loss_reference (const CcsOp *op, const CcsOperand *in,
                    const CcsOperand *out)
{
  const CcsShape *shape = &in[0].shape;
  gint64 bins = shape->dim[0] * shape->dim[1], parts = shape->dim[3];
  double sum = 0;

  for (gint64 bin = 0; bin < bins; bin++)
    for (gint64 c = 0; c < parts; c++)
      sum += fabs (norm_over_time (&in[0], bin * shape->dim[2], c)
                   - norm_over_time (&in[1], bin * shape->dim[2], c));
  ccs_operand_row (&out[0], 0)[0] = sum / (bins * parts);
}

static void
amp_loss_grad_reference (const CcsOp *op, const CcsOperand *in,
                         const CcsOperand *out)
{
  const CcsOperand *a = &in[1], *b = &in[2];
  const CcsShape *shape = &a->shape;
  gint64 bins = shape->dim[0] * shape->dim[1], parts = shape->dim[3];
  double dloss = ccs_operand_row (&in[0], 0)[0];

  for (gint64 bin = 0; bin < bins; bin++)
    for (gint64 c = 0; c < parts; c++) {
      gint64 row = bin * shape->dim[2];
      double norm = norm_over_time (a, row, c);
      double slope = sign (norm - norm_over_time (b, row, c));
      /* the gradient of a zero norm is zero by definition */
      double scale = norm > 0 ? dloss * slope / (bins * parts) / norm : 0;
      for (gint64 t = 0; t < shape->dim[2]; t++)
        ccs_operand_row (&out[0], row + t)[c]
            = scale * ccs_operand_row (a, row + t)[c];
    }
}

/* -- PHASE_LOSS: real, generated [..,2F] -> loss, stat [2] ----------------- */

enum
{
  STAT_BOUND, /* energy above which a point is kept */
  STAT_COUNT, /* points kept */
  N_STAT
};

static gboolean
phase_check (const CcsOp *op, const CcsValue *real, const CcsValue *generated,
             GError **error)
{
  if (!same_shapes (op, real, generated, error))
    return FALSE;
  if (ccs_shape_channels (&real->shape) % 2)
    return ccs_op_shape_error (
        op, error, "rows of %" G_GINT64_FORMAT " are no (re, im) pairs",
        ccs_shape_channels (&real->shape));
  return TRUE;
}

static gboolean
phase_loss_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                  GError **error)
{
  if (!ccs_op_expect_floats (op, in, 2, 0, error)
      || !phase_check (op, in[0], in[1], error))
    return FALSE;
  ccs_op_set_result (&out[1], CCS_SHAPE (N_STAT));
  return scalar_result (&out[0]);
}

static void
phase_loss_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                     const gboolean *want, CcsValueId *din)
{
  if (want[1])
    din[1] = ccs_program_append (
        p, CCS_OP_PHASE_LOSS_GRAD,
        (CcsValueId[]){ dout[0], op->in[0], op->in[1], op->out[1] }, 4,
        &op->attrs);
}

/* Computed in float, as the threshold is, so that loss and gradient keep the
 * same points. */
static float
energy (const float *point)
{
  return fabsf (point[0]) + fabsf (point[1]);
}

/* The published angle: atan2 (re, im). */
static double
angle (const float *point)
{
  return atan2 (point[0], point[1]);
}

static gboolean
is_kept (const float *real, const float *generated, float bound)
{
  return energy (generated) > bound && energy (real) > bound;
}

static double
mean_energy (const CcsOperand *spectrum)
{
  gint64 bins = ccs_shape_channels (&spectrum->shape) / 2;
  gint64 rows = ccs_shape_rows (&spectrum->shape);
  double sum = 0;

  for (gint64 r = 0; r < rows; r++)
    for (gint64 f = 0; f < bins; f++)
      sum += energy (ccs_operand_row (spectrum, r) + 2 * f);
  return sum / (rows * bins);
}

static void
phase_loss_reference (const CcsOp *op, const CcsOperand *in,
                      const CcsOperand *out)
{
  const CcsShape *shape = &in[0].shape;
  gint64 bins = ccs_shape_channels (shape) / 2, count = 0;
  float bound = op->attrs.loss.threshold * mean_energy (&in[1]);
  double sum = 0;

  for (gint64 r = 0; r < ccs_shape_rows (shape); r++)
    for (gint64 f = 0; f < bins; f++) {
      const float *real = ccs_operand_row (&in[0], r) + 2 * f;
      const float *generated = ccs_operand_row (&in[1], r) + 2 * f;
      if (!is_kept (real, generated, bound))
        continue;
      double apart = fabs (angle (real) - angle (generated));
      sum += G_PI - fabs (apart - G_PI);
      count++;
    }
  ccs_operand_row (&out[0], 0)[0] = count ? sum / count : 0;
  if (out[1].data) {
    float *stat = out[1].data;
    stat[STAT_BOUND] = bound;
    stat[STAT_COUNT] = count;
  }
}

/* dloss, real, generated, stat -> dgenerated */
static gboolean
phase_loss_grad_infer (const CcsOp *op, const CcsValue *const *in,
                       CcsValue *out, GError **error)
{
  if (!ccs_op_expect_floats (op, in, 4, 0, error)
      || !takes_scalar (op, in, error)
      || !phase_check (op, in[1], in[2], error))
    return FALSE;
  if (!ccs_op_expect_shape (op, in, 3, CCS_SHAPE (N_STAT), error))
    return FALSE;
  ccs_op_set_result (&out[0], in[2]->shape);
  return TRUE;
}

/* Computes the gradient of the absolute angle difference (at most pi) with
 * respect to @generated, times @scale. */
static void
phase_point_gradient (const float *real, const float *generated, double scale,
                      float *gradient)
{
  double difference = angle (real) - angle (generated);
  double re = generated[0], im = generated[1];
  double slope = scale * sign (G_PI - fabs (difference)) * -sign (difference);

  gradient[0] = slope * im / (re * re + im * im);
  gradient[1] = -slope * re / (re * re + im * im);
}

static void
phase_loss_grad_reference (const CcsOp *op, const CcsOperand *in,
                           const CcsOperand *out)
{
  const CcsShape *shape = &in[1].shape;
  gint64 bins = ccs_shape_channels (shape) / 2;
  const float *stat = in[3].data;
  double scale = ccs_operand_row (&in[0], 0)[0] / MAX (1., stat[STAT_COUNT]);

  for (gint64 r = 0; r < ccs_shape_rows (shape); r++)
    for (gint64 f = 0; f < bins; f++) {
      const float *real = ccs_operand_row (&in[1], r) + 2 * f;
      const float *generated = ccs_operand_row (&in[2], r) + 2 * f;
      float *gradient = ccs_operand_row (&out[0], r) + 2 * f;
      if (is_kept (real, generated, stat[STAT_BOUND]))
        phase_point_gradient (real, generated, scale, gradient);
      else
        gradient[0] = gradient[1] = 0.f;
    }
}

/* -- INFO_NCE: z [3N,C]: anchors, positives, negatives ----------------------
 * Anchor i and positive i are a pair; negatives have no partner and count only
 * as others. For i in a pair with p, and s = z z^T / temperature,
 *   log_prob = s_ip - log (exp (s_ip) + sum over j not i, p of exp (s_ij)),
 * and the loss is -sum of log_prob / 3N. What the published code subtracts per
 * row for stability cancels out exactly. */

/* Added to the number of partners, as in the published code. The number is 1 in
 * every pair. */
#define PARTNERS_EPS 1e-8

static gboolean
info_nce_check (const CcsOp *op, const CcsShape *z, GError **error)
{
  if (z->rank != 2 || z->dim[0] % 3 || z->dim[0] < 3)
    return ccs_op_shape_error (
        op, error, "embeddings of rank %u, not 2, or rows not 3N", z->rank);
  if (!(op->attrs.loss.temperature > 0))
    return ccs_op_shape_error (op, error, "temperature %g",
                               op->attrs.loss.temperature);
  return TRUE;
}

static gboolean
info_nce_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                GError **error)
{
  return ccs_op_expect_floats (op, in, 1, 0, error)
         && info_nce_check (op, &in[0]->shape, error)
         && scalar_result (&out[0]);
}

static void
info_nce_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                   const gboolean *want, CcsValueId *din)
{
  if (want[0])
    din[0] = ccs_program_append (p, CCS_OP_INFO_NCE_GRAD,
                                 (CcsValueId[]){ dout[0], op->in[0] }, 2,
                                 &op->attrs);
}

static double
similarity (const CcsOp *op, const CcsOperand *z, gint64 i, gint64 j)
{
  const float *a = ccs_operand_row (z, i), *b = ccs_operand_row (z, j);
  double sum = 0;
  for (gint64 c = 0; c < z->shape.dim[1]; c++)
    sum += (double)a[c] * b[c];
  return sum / op->attrs.loss.temperature;
}

/* Returns the log of the sum over j != i of exp (s_ij). */
static double
log_partition (const CcsOp *op, const CcsOperand *z, gint64 i)
{
  gint64 n = z->shape.dim[0];
  double top = -INFINITY, sum = 0;

  for (gint64 j = 0; j < n; j++)
    if (j != i)
      top = MAX (top, similarity (op, z, i, j));
  for (gint64 j = 0; j < n; j++)
    if (j != i)
      sum += exp (similarity (op, z, i, j) - top);
  return top + log (sum);
}

/* Returns the partner of row @i of 3 x @pairs rows, or -1. */
static gint64
partner (gint64 i, gint64 pairs)
{
  return i < pairs ? i + pairs : i < 2 * pairs ? i - pairs : -1;
}

static void
info_nce_reference (const CcsOp *op, const CcsOperand *in,
                    const CcsOperand *out)
{
  const CcsOperand *z = &in[0];
  gint64 n = z->shape.dim[0], pairs = n / 3;
  double sum = 0;

  for (gint64 i = 0; i < 2 * pairs; i++)
    sum += similarity (op, z, i, partner (i, pairs)) - log_partition (op, z, i);
  ccs_operand_row (&out[0], 0)[0] = -sum / (1 + PARTNERS_EPS) / n;
}

/* dloss, z -> dz */
static gboolean
info_nce_grad_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                     GError **error)
{
  if (!ccs_op_expect_floats (op, in, 2, 0, error)
      || !takes_scalar (op, in, error)
      || !info_nce_check (op, &in[1]->shape, error))
    return FALSE;
  ccs_op_set_result (&out[0], in[1]->shape);
  return TRUE;
}

/* Rows whose gradients share one table on the stack. */
#define TILE 32

/* Adds the gradients of the similarities between rows i0 .. i0 + ni (in pairs)
 * and rows j0 .. j0 + nj to both. @partition is log_partition() of the former.
 */
static void
info_nce_tile (const CcsOp *op, const CcsOperand *z, const CcsOperand *dz,
               const double *partition, gint64 i0, gint64 ni, gint64 j0,
               gint64 nj, double scale)
{
  gint64 pairs = z->shape.dim[0] / 3;
  double ds[TILE][TILE]; /* d loss / d (z_i . z_j) */

  for (gint64 i = 0; i < ni; i++)
    for (gint64 j = 0; j < nj; j++) {
      double s = similarity (op, z, i0 + i, j0 + j);
      double target = j0 + j == partner (i0 + i, pairs);
      ds[i][j]
          = i0 + i == j0 + j ? 0 : scale * (exp (s - partition[i]) - target);
    }
  for (gint64 c = 0; c < z->shape.dim[1]; c++) {
    for (gint64 i = 0; i < ni; i++) {
      double sum = 0;
      for (gint64 j = 0; j < nj; j++)
        sum += ds[i][j] * ccs_operand_row (z, j0 + j)[c];
      ccs_operand_row (dz, i0 + i)[c] += sum;
    }
    for (gint64 j = 0; j < nj; j++) {
      double sum = 0;
      for (gint64 i = 0; i < ni; i++)
        sum += ds[i][j] * ccs_operand_row (z, i0 + i)[c];
      ccs_operand_row (dz, j0 + j)[c] += sum;
    }
  }
}

static void
info_nce_grad_reference (const CcsOp *op, const CcsOperand *in,
                         const CcsOperand *out)
{
  const CcsOperand *z = &in[1], *dz = &out[0];
  gint64 n = z->shape.dim[0], pairs = n / 3;
  double scale = ccs_operand_row (&in[0], 0)[0] / (1 + PARTNERS_EPS) / n
                 / op->attrs.loss.temperature;

  ccs_operand_clear (dz);
  for (gint64 i0 = 0; i0 < 2 * pairs; i0 += TILE) {
    gint64 ni = MIN (TILE, 2 * pairs - i0);
    double partition[TILE];
    for (gint64 i = 0; i < ni; i++)
      partition[i] = log_partition (op, z, i0 + i);
    for (gint64 j0 = 0; j0 < n; j0 += TILE)
      info_nce_tile (op, z, dz, partition, i0, ni, j0, MIN (TILE, n - j0),
                     scale);
  }
}

#define ROW(kind) [kind - CCS_OP_MSE_LOSS]

const CcsOpRow ccs_op_rows_loss[] = {
  ROW (CCS_OP_MSE_LOSS) = {
    .name = "mse_loss",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .infer = mse_loss_infer,
    .gradient = mse_loss_gradient,
    .reference = mse_loss_reference,
  },
  ROW (CCS_OP_MSE_LOSS_GRAD) = {
    .name = "mse_loss_grad",
    .min_in = 3, .max_in = 3, .n_out = 1,
    .infer = symmetric_grad_infer,
    .reference = mse_loss_grad_reference,
  },
  ROW (CCS_OP_AMP_LOSS) = {
    .name = "amp_loss",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .infer = amp_loss_infer,
    .gradient = amp_loss_gradient,
    .reference = amp_loss_reference,
  },
  ROW (CCS_OP_AMP_LOSS_GRAD) = {
    .name = "amp_loss_grad",
    .min_in = 3, .max_in = 3, .n_out = 1,
    .infer = symmetric_grad_infer,
    .reference = amp_loss_grad_reference,
  },
  ROW (CCS_OP_PHASE_LOSS) = {
    .name = "phase_loss",
    .min_in = 2, .max_in = 2, .n_out = 2,
    .infer = phase_loss_infer,
    .gradient = phase_loss_gradient,
    .reference = phase_loss_reference,
  },
  ROW (CCS_OP_PHASE_LOSS_GRAD) = {
    .name = "phase_loss_grad",
    .min_in = 4, .max_in = 4, .n_out = 1,
    .infer = phase_loss_grad_infer,
    .reference = phase_loss_grad_reference,
  },
  ROW (CCS_OP_INFO_NCE) = {
    .name = "info_nce",
    .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = info_nce_infer,
    .gradient = info_nce_gradient,
    .reference = info_nce_reference,
  },
  ROW (CCS_OP_INFO_NCE_GRAD) = {
    .name = "info_nce_grad",
    .min_in = 2, .max_in = 2, .n_out = 1,
    .infer = info_nce_grad_infer,
    .reference = info_nce_grad_reference,
  },
};
