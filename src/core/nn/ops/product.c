/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the products: matrix product and multi-head attention. Attention
 * stores its probabilities, so that the gradient does not compute the softmax
 * again. */
#include "row-util.h"

#include <math.h>

/* -- MATMUL: y [..,M,N] = act (alpha op(a) op(b) + bias) ------------------- */

static gboolean
matmul_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
              GError **error)
{
  gboolean ta = op->attrs.matmul.transpose_a;
  gboolean tb = op->attrs.matmul.transpose_b;

  if (!ccs_op_expect_floats (op, in, 3, CCS_OP_INPUT (2), error))
    return FALSE;
  const CcsShape *a = &in[0]->shape, *b = &in[1]->shape;
  if (a->rank < 2 || a->rank != b->rank)
    return ccs_op_shape_error (
        op, error, "operands of rank %u and %u, not of the same from 2 on",
        a->rank, b->rank);
  guint row = a->rank - 2, col = a->rank - 1;
  for (guint i = 0; i < row; i++)
    if (a->dim[i] != b->dim[i])
      return ccs_op_shape_error (op, error, "leading dimensions differ");
  if (a->dim[ta ? row : col] != b->dim[tb ? col : row])
    return ccs_op_shape_error (op, error, "inner dimensions differ");

  CcsShape y = *a;
  y.dim[row] = a->dim[ta ? col : row];
  y.dim[col] = b->dim[tb ? row : col];
  if (!ccs_op_expect_shape (op, in, 2, CCS_SHAPE (y.dim[col]), error))
    return FALSE;
  ccs_op_set_result (&out[0], y);
  return TRUE;
}

static void
matmul_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                 const gboolean *want, CcsValueId *din)
{
  CcsValueId a = op->in[0], b = op->in[1], bias = op->in[2];
  CcsValueId dz
      = ccs_op_activation_grad (p, dout[0], op->out[0], op->attrs.matmul.act);
  gboolean ta = op->attrs.matmul.transpose_a;
  gboolean tb = op->attrs.matmul.transpose_b;
  float alpha = op->attrs.matmul.alpha;

  /* d op(a) = alpha dz op(b)^T and d op(b) = alpha op(a)^T dz. For a transposed
   * operand the transposed product is computed. */
  if (want[0])
    din[0]
        = ta ? ccs_matmul (p, b, dz, CCS_NONE, tb, TRUE, alpha, CCS_NO_ACT)
             : ccs_matmul (p, dz, b, CCS_NONE, FALSE, !tb, alpha, CCS_NO_ACT);
  if (want[1])
    din[1]
        = tb ? ccs_matmul (p, dz, a, CCS_NONE, TRUE, ta, alpha, CCS_NO_ACT)
             : ccs_matmul (p, a, dz, CCS_NONE, !ta, FALSE, alpha, CCS_NO_ACT);
  if (bias != CCS_NONE && want[2])
    din[2] = ccs_reduce (p, dz, ccs_program_value (p, bias)->shape, 1.f);
}

static void
matmul_reference (const CcsOp *op, const CcsOperand *in, const CcsOperand *out)
{
  const CcsOperand *a = &in[0], *b = &in[1], *y = &out[0];
  const float *bias = in[2].data;
  gboolean ta = op->attrs.matmul.transpose_a;
  gboolean tb = op->attrs.matmul.transpose_b;
  guint rank = a->shape.rank;
  gint64 rows_a = a->shape.dim[rank - 2], rows_b = b->shape.dim[rank - 2];
  gint64 m = y->shape.dim[rank - 2], n = y->shape.dim[rank - 1];
  gint64 k = ta ? rows_a : a->shape.dim[rank - 1];
  gint64 batch = ccs_shape_rows (&y->shape) / m;
  /* elements from one i, j or k to the next */
  gint64 a_i = ta ? 1 : a->pitch, a_k = ta ? a->pitch : 1;
  gint64 b_j = tb ? b->pitch : 1, b_k = tb ? 1 : b->pitch;

  for (gint64 z = 0; z < batch; z++) {
    const float *az = ccs_operand_row (a, z * rows_a);
    const float *bz = ccs_operand_row (b, z * rows_b);
    for (gint64 i = 0; i < m; i++) {
      float *yi = ccs_operand_row (y, z * m + i);
      for (gint64 j = 0; j < n; j++) {
        double sum = 0;
        for (gint64 l = 0; l < k; l++)
          sum += (double)az[i * a_i + l * a_k] * bz[l * b_k + j * b_j];
        sum = op->attrs.matmul.alpha * sum + (bias ? bias[j] : 0.f);
        yi[j] = ccs_act_apply (op->attrs.matmul.act, sum);
      }
    }
  }
}

/* -- ATTENTION: per head, o = softmax (q k^T / sqrt (d)) v ----------------- */

static gboolean
attention_check (const CcsOp *op, const CcsValue *const *qkv, GError **error)
{
  const CcsShape *q = &qkv[0]->shape, *k = &qkv[1]->shape;
  gint32 heads = op->attrs.attention.heads;

  if (q->rank != 3 || k->rank != 3)
    return ccs_op_shape_error (op, error, "tokens of rank %u and %u, not 3",
                               q->rank, k->rank);
  if (!ccs_shape_equal (k, &qkv[2]->shape))
    return ccs_op_shape_error (op, error, "keys and values differ in shape");
  if (q->dim[0] != k->dim[0] || q->dim[2] != k->dim[2])
    return ccs_op_shape_error (op, error,
                               "queries and keys differ in batch or channels");
  if (heads < 1 || q->dim[2] % heads)
    return ccs_op_shape_error (
        op, error, "%" G_GINT64_FORMAT " channels do not split into %d heads",
        q->dim[2], heads);
  return TRUE;
}

static gboolean
attention_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                 GError **error)
{
  if (!ccs_op_expect_floats (op, in, 3, 0, error)
      || !attention_check (op, in, error))
    return FALSE;
  const CcsShape *q = &in[0]->shape, *k = &in[1]->shape;
  ccs_op_set_result (&out[0], *q);
  ccs_op_set_result (&out[1], CCS_SHAPE (q->dim[0], op->attrs.attention.heads,
                                         q->dim[1], k->dim[1]));
  return TRUE;
}

static void
attention_gradient (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                    const gboolean *want, CcsValueId *din)
{
  CcsValueId dq = ccs_program_append (
      p, CCS_OP_ATTENTION_GRAD,
      (CcsValueId[]){ dout[0], op->in[0], op->in[1], op->in[2], op->out[1] }, 5,
      &op->attrs);

  for (guint i = 0; i < 3; i++)
    if (want[i])
      din[i] = i == 0 ? dq : ccs_program_result (p, dq, i);
}

static double
dot (const float *a, const float *b, gint64 n)
{
  double sum = 0;
  for (gint64 i = 0; i < n; i++)
    sum += (double)a[i] * b[i];
  return sum;
}

/* Attention processes tokens and channels in tiles of this size, with
 * accumulators on the stack. */
#define TILE 32

/* Computes attention for one query of one head: @q, @o [d]; @k, @v the head's
 * columns of Tk rows; @p [Tk], or NULL if it is not needed. */
static void
attend (const float *q, const float *k, gint64 k_pitch, const float *v,
        gint64 v_pitch, gint64 n_keys, gint64 d, float *o, float *p)
{
  double scale = 1 / sqrt ((double)d), top = -INFINITY, total = 0;

  for (gint64 j = 0; j < n_keys; j++)
    top = MAX (top, scale * dot (q, k + j * k_pitch, d));
  for (gint64 j = 0; j < n_keys; j++)
    total += exp (scale * dot (q, k + j * k_pitch, d) - top);
  for (gint64 c0 = 0; c0 < d; c0 += TILE) {
    gint64 n = MIN (TILE, d - c0);
    double sum[TILE] = { 0 };
    for (gint64 j = 0; j < n_keys; j++) {
      double weight = exp (scale * dot (q, k + j * k_pitch, d) - top) / total;
      if (p)
        p[j] = weight;
      for (gint64 c = 0; c < n; c++)
        sum[c] += weight * v[j * v_pitch + c0 + c];
    }
    for (gint64 c = 0; c < n; c++)
      o[c0 + c] = sum[c];
  }
}

static void
attention_reference (const CcsOp *op, const CcsOperand *in,
                     const CcsOperand *out)
{
  const CcsOperand *q = &in[0], *k = &in[1], *v = &in[2];
  gint64 heads = op->attrs.attention.heads;
  gint64 batch = q->shape.dim[0], tq = q->shape.dim[1], tk = k->shape.dim[1];
  gint64 d = q->shape.dim[2] / heads;

  for (gint64 b = 0; b < batch; b++)
    for (gint64 h = 0; h < heads; h++)
      for (gint64 i = 0; i < tq; i++)
        attend (ccs_operand_row (q, b * tq + i) + h * d,
                ccs_operand_row (k, b * tk) + h * d, k->pitch,
                ccs_operand_row (v, b * tk) + h * d, v->pitch, tk, d,
                ccs_operand_row (&out[0], b * tq + i) + h * d,
                out[1].data
                    ? ccs_operand_row (&out[1], (b * heads + h) * tq + i)
                    : NULL);
}

/* -- ATTENTION_GRAD: do, q, k, v, p -> dq, dk, dv -------------------------- */

static gboolean
attention_grad_infer (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                      GError **error)
{
  if (!ccs_op_expect_floats (op, in, 5, 0, error)
      || !attention_check (op, in + 1, error))
    return FALSE;
  const CcsShape *q = &in[1]->shape, *k = &in[2]->shape;
  CcsShape p
      = CCS_SHAPE (q->dim[0], op->attrs.attention.heads, q->dim[1], k->dim[1]);
  if (!ccs_op_expect_shape (op, in, 0, *q, error)
      || !ccs_op_expect_shape (op, in, 4, p, error))
    return FALSE;
  ccs_op_set_result (&out[0], *q);
  ccs_op_set_result (&out[1], *k);
  ccs_op_set_result (&out[2], *k);
  return TRUE;
}

/* One head of one item: its first query, key and row of p, and the first of
 * its d channels. */
typedef struct
{
  const CcsOperand *in, *out; /* of the op */
  gint64 q_row, k_row, p_row, column;
  gint64 tq, tk, d;
} AttentionHead;

static float *
head_row (const AttentionHead *self, const CcsOperand *operand, gint64 first,
          gint64 row)
{
  return ccs_operand_row (operand, first + row) + self->column;
}

/* Returns d loss / d p of query @i and key @j. */
static double
head_dp (const AttentionHead *self, gint64 i, gint64 j)
{
  return dot (head_row (self, &self->in[0], self->q_row, i),
              head_row (self, &self->in[3], self->k_row, j), self->d);
}

/* Adds sum over the tile's @n of weight[row][i] (or weight[i][row]) x from's
 * row @x0 + i to row @row of @to. */
static void
head_add (const AttentionHead *self, const CcsOperand *to, gint64 to_first,
          gint64 row, const double *weight, gint64 weight_step,
          const CcsOperand *from, gint64 from_first, gint64 n)
{
  if (!to->data)
    return;
  float *y = head_row (self, to, to_first, row);
  for (gint64 c = 0; c < self->d; c++) {
    double sum = 0;
    for (gint64 i = 0; i < n; i++)
      sum += weight[i * weight_step] * head_row (self, from, from_first, i)[c];
    y[c] += sum;
  }
}

/* Queries i0 .. i0 + ni against keys j0 .. j0 + nj. @mean: sum over all keys
 * of p dp, of each of these queries. */
static void
head_tile (const AttentionHead *self, gint64 i0, gint64 ni, gint64 j0,
           gint64 nj, const double *mean)
{
  const CcsOperand *grad = &self->in[0], *q = &self->in[1], *k = &self->in[2];
  double p[TILE][TILE], ds[TILE][TILE], scale = 1 / sqrt ((double)self->d);

  for (gint64 i = 0; i < ni; i++) {
    const float *pi = ccs_operand_row (&self->in[4], self->p_row + i0 + i);
    for (gint64 j = 0; j < nj; j++) {
      p[i][j] = pi[j0 + j];
      ds[i][j] = scale * p[i][j] * (head_dp (self, i0 + i, j0 + j) - mean[i]);
    }
    head_add (self, &self->out[0], self->q_row, i0 + i, ds[i], 1, k,
              self->k_row + j0, nj);
  }
  for (gint64 j = 0; j < nj; j++) {
    head_add (self, &self->out[1], self->k_row, j0 + j, &ds[0][j], TILE, q,
              self->q_row + i0, ni);
    head_add (self, &self->out[2], self->k_row, j0 + j, &p[0][j], TILE, grad,
              self->q_row + i0, ni);
  }
}

static void
head_gradient (const AttentionHead *self)
{
  for (gint64 i0 = 0; i0 < self->tq; i0 += TILE) {
    gint64 ni = MIN (TILE, self->tq - i0);
    double mean[TILE] = { 0 };
    for (gint64 i = 0; i < ni; i++) {
      const float *p = ccs_operand_row (&self->in[4], self->p_row + i0 + i);
      for (gint64 j = 0; j < self->tk; j++)
        mean[i] += p[j] * head_dp (self, i0 + i, j);
    }
    for (gint64 j0 = 0; j0 < self->tk; j0 += TILE)
      head_tile (self, i0, ni, j0, MIN (TILE, self->tk - j0), mean);
  }
}

static void
attention_grad_reference (const CcsOp *op, const CcsOperand *in,
                          const CcsOperand *out)
{
  const CcsShape *p = &in[4].shape;
  gint64 batch = p->dim[0], heads = p->dim[1], d = in[1].shape.dim[2] / heads;
  AttentionHead head = { in, out, .tq = p->dim[2], .tk = p->dim[3], .d = d };

  for (guint k = 0; k < 3; k++)
    if (out[k].data)
      ccs_operand_clear (&out[k]);
  for (gint64 b = 0; b < batch; b++)
    for (gint64 h = 0; h < heads; h++) {
      head.q_row = b * head.tq;
      head.k_row = b * head.tk;
      head.p_row = (b * heads + h) * head.tq;
      head.column = h * d;
      head_gradient (&head);
    }
}

#define ROW(kind) [kind - CCS_OP_MATMUL]

const CcsOpRow ccs_op_rows_product[] = {
  ROW (CCS_OP_MATMUL) = {
    .name = "matmul",
    .min_in = 2, .max_in = 3, .n_out = 1,
    .flags = CCS_OP_FLAG_PITCHED,
    .infer = matmul_infer,
    .gradient = matmul_gradient,
    .reference = matmul_reference,
  },
  ROW (CCS_OP_ATTENTION) = {
    .name = "attention",
    .min_in = 3, .max_in = 3, .n_out = 2,
    .infer = attention_infer,
    .gradient = attention_gradient,
    .reference = attention_reference,
  },
  ROW (CCS_OP_ATTENTION_GRAD) = {
    .name = "attention_grad",
    .min_in = 5, .max_in = 5, .n_out = 3,
    .infer = attention_grad_infer,
    .reference = attention_grad_reference,
  },
};
