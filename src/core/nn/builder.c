/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The builders of the ops: each packs its operands and attributes and appends
 * one op, or a short, fixed sequence of ops. */
#include "program-private.h"

#include <ccstereo/error.h>

#define APPEND(p, kind, attrs, ...)                                            \
  ccs_program_append ((p), (kind), (const CcsValueId[]){ __VA_ARGS__ },        \
                      G_N_ELEMENTS (((const CcsValueId[]){ __VA_ARGS__ })),    \
                      (attrs))
#define APPEND_SHAPED(p, kind, attrs, shape, ...)                              \
  ccs_program_append_shaped (                                                  \
      (p), (kind), (const CcsValueId[]){ __VA_ARGS__ },                        \
      G_N_ELEMENTS (((const CcsValueId[]){ __VA_ARGS__ })), (attrs), (shape))

CcsValueId
ccs_conv2d (CcsProgram *p, CcsValueId x, CcsValueId w, CcsValueId bias,
            gint stride, gint pad, gint dilation, CcsAct act)
{
  CcsAttrs attrs = {
    .conv = { .stride = stride, .pad = pad, .dilation = dilation, .act = act }
  };

  return APPEND (p, CCS_OP_CONV2D, &attrs, x, w, bias);
}

CcsValueId
ccs_conv_transpose2d (CcsProgram *p, CcsValueId x, CcsValueId w,
                      CcsValueId bias, gint stride, gint pad, gint dilation,
                      gint out_h, gint out_w, CcsAct act)
{
  CcsAttrs attrs = { .conv = { .stride = stride,
                               .pad = pad,
                               .dilation = dilation,
                               .out_h = out_h,
                               .out_w = out_w,
                               .act = act } };

  return APPEND (p, CCS_OP_CONV_TRANSPOSE2D, &attrs, x, w, bias);
}

CcsValueId
ccs_batch_norm (CcsProgram *p, CcsValueId x, CcsValueId w, CcsValueId b,
                CcsValueId running_mean, CcsValueId running_var, gint groups,
                float eps, float momentum, CcsAct act)
{
  CcsAttrs attrs = {
    .norm = { .groups = groups, .eps = eps, .momentum = momentum, .act = act }
  };

  return APPEND (p, p->training ? CCS_OP_BATCH_NORM_TRAIN : CCS_OP_BATCH_NORM,
                 &attrs, x, w, b, running_mean, running_var);
}

CcsValueId
ccs_layer_norm (CcsProgram *p, CcsValueId x, CcsValueId w, CcsValueId b,
                float eps)
{
  CcsAttrs attrs = { .norm = { .groups = 1, .eps = eps } };

  return APPEND (p, CCS_OP_LAYER_NORM, &attrs, x, w, b);
}

CcsValueId
ccs_l2_normalize (CcsProgram *p, CcsValueId x, float eps)
{
  CcsAttrs attrs = { .norm = { .groups = 1, .eps = eps } };

  return APPEND (p, CCS_OP_L2_NORMALIZE, &attrs, x);
}

CcsValueId
ccs_activation (CcsProgram *p, CcsValueId x, CcsAct act)
{
  CcsAttrs attrs = { .pointwise = { act } };

  return APPEND (p, CCS_OP_ACTIVATION, &attrs, x);
}

CcsValueId
ccs_add (CcsProgram *p, CcsValueId a, CcsValueId b, CcsAct act)
{
  CcsAttrs attrs = { .pointwise = { act } };

  return APPEND (p, CCS_OP_ADD, &attrs, a, b);
}

CcsValueId
ccs_sub (CcsProgram *p, CcsValueId a, CcsValueId b)
{
  CcsAttrs attrs = { .pointwise = { CCS_NO_ACT } };

  return APPEND (p, CCS_OP_SUB, &attrs, a, b);
}

CcsValueId
ccs_mul (CcsProgram *p, CcsValueId a, CcsValueId b)
{
  CcsAttrs attrs = { .pointwise = { CCS_NO_ACT } };

  return APPEND (p, CCS_OP_MUL, &attrs, a, b);
}

CcsValueId
ccs_affine (CcsProgram *p, CcsValueId x, float scale, float shift)
{
  CcsAttrs attrs = { .affine = { scale, shift } };

  return APPEND (p, CCS_OP_AFFINE, &attrs, x);
}

CcsValueId
ccs_modulate (CcsProgram *p, CcsValueId x, CcsValueId gamma, CcsValueId beta,
              CcsAct act)
{
  CcsAttrs attrs = { .pointwise = { act } };

  return APPEND (p, CCS_OP_MODULATE, &attrs, x, gamma, beta);
}

CcsValueId
ccs_complex_mul (CcsProgram *p, CcsValueId a, CcsValueId b,
                 gboolean conjugate_b)
{
  CcsAttrs attrs = { .complex_mul = { conjugate_b } };

  return APPEND (p, CCS_OP_COMPLEX_MUL, &attrs, a, b);
}

CcsValueId
ccs_reshape (CcsProgram *p, CcsValueId x, CcsShape shape)
{
  return APPEND_SHAPED (p, CCS_OP_RESHAPE, NULL, shape, x);
}

CcsValueId
ccs_transpose (CcsProgram *p, CcsValueId x, gint d0, gint d1, gint d2, gint d3)
{
  CcsAttrs attrs = { .transpose = { { d0, d1, d2, d3 } } };

  return APPEND (p, CCS_OP_TRANSPOSE, &attrs, x);
}

CcsValueId
ccs_concat (CcsProgram *p, const CcsValueId *parts, guint n, gint axis)
{
  CcsAttrs attrs = { .slice = { .axis = axis } };

  return ccs_program_append (p, CCS_OP_CONCAT, parts, n, &attrs);
}

CcsValueId
ccs_slice (CcsProgram *p, CcsValueId x, gint axis, gint64 start, gint64 length)
{
  CcsAttrs attrs = { .slice = { .axis = axis, .start = start } };
  CcsShape shape;

  if (x == CCS_NONE)
    return CCS_NONE;
  shape = ccs_program_value (p, x)->shape;
  if (axis < 0 || (guint)axis >= shape.rank) {
    ccs_program_fail (p, g_error_new (CCS_ERROR, CCS_ERROR_SHAPE,
                                      "slice: no axis %d in a value of rank %u",
                                      axis, shape.rank));
    return CCS_NONE;
  }
  shape.dim[axis] = length;
  return APPEND_SHAPED (p, CCS_OP_SLICE, &attrs, shape, x);
}

CcsValueId
ccs_broadcast (CcsProgram *p, CcsValueId x, CcsShape shape, float scale)
{
  CcsAttrs attrs = { .affine = { scale, 0.f } };

  return APPEND_SHAPED (p, CCS_OP_BROADCAST, &attrs, shape, x);
}

CcsValueId
ccs_reduce (CcsProgram *p, CcsValueId x, CcsShape shape, float scale)
{
  CcsAttrs attrs = { .affine = { scale, 0.f } };

  return APPEND_SHAPED (p, CCS_OP_REDUCE, &attrs, shape, x);
}

CcsValueId
ccs_gather_tokens (CcsProgram *p, CcsValueId x, CcsValueId index)
{
  return APPEND (p, CCS_OP_GATHER_TOKENS, NULL, x, index);
}

CcsValueId
ccs_lookup (CcsProgram *p, CcsValueId x, CcsValueId table)
{
  return APPEND (p, CCS_OP_LOOKUP, NULL, x, table);
}

CcsValueId
ccs_matmul (CcsProgram *p, CcsValueId a, CcsValueId b, CcsValueId bias,
            gboolean transpose_a, gboolean transpose_b, float alpha, CcsAct act)
{
  CcsAttrs attrs = { .matmul = { transpose_a, transpose_b, alpha, act } };

  return APPEND (p, CCS_OP_MATMUL, &attrs, a, b, bias);
}

CcsValueId
ccs_linear (CcsProgram *p, CcsValueId x, CcsValueId weight, CcsValueId bias,
            CcsAct act)
{
  CcsShape shape;
  CcsValueId rows, y;

  if (x == CCS_NONE || weight == CCS_NONE)
    return CCS_NONE;
  shape = ccs_program_value (p, x)->shape;
  rows = shape.rank == 2
             ? x
             : ccs_reshape (p, x,
                            CCS_SHAPE (ccs_shape_rows (&shape),
                                       ccs_shape_channels (&shape)));
  y = ccs_matmul (p, rows, weight, bias, FALSE, TRUE, 1.f, act);
  if (shape.rank == 2)
    return y;
  shape.dim[shape.rank - 1] = ccs_program_value (p, weight)->shape.dim[0];
  return ccs_reshape (p, y, shape);
}

CcsValueId
ccs_attention (CcsProgram *p, CcsValueId q, CcsValueId k, CcsValueId v,
               gint heads)
{
  CcsAttrs attrs = { .attention = { heads } };

  return APPEND (p, CCS_OP_ATTENTION, &attrs, q, k, v);
}

CcsValueId
ccs_max_pool (CcsProgram *p, CcsValueId x, gint kernel, gint stride, gint pad)
{
  CcsAttrs attrs = { .pool = { kernel, stride, pad } };

  return APPEND (p, CCS_OP_MAX_POOL, &attrs, x);
}

CcsValueId
ccs_resize_rows (CcsProgram *p, CcsValueId x, gint out_h)
{
  CcsShape shape;

  if (x == CCS_NONE)
    return CCS_NONE;
  shape = ccs_program_value (p, x)->shape;
  shape.dim[1] = out_h;
  return APPEND_SHAPED (p, CCS_OP_RESIZE_ROWS, NULL, shape, x);
}

CcsValueId
ccs_frame (CcsProgram *p, CcsValueId x, gint window, gint hop, gint pad,
           CcsPadMode mode)
{
  CcsAttrs attrs = { .frame = { window, hop, pad, mode } };

  return APPEND (p, CCS_OP_FRAME, &attrs, x);
}

CcsValueId
ccs_overlap_add (CcsProgram *p, CcsValueId frames, gint64 n, gint hop, gint pad,
                 CcsPadMode mode)
{
  CcsAttrs attrs = { .frame = { .hop = hop, .pad = pad, .mode = mode } };
  CcsShape shape;

  if (frames == CCS_NONE)
    return CCS_NONE;
  shape = ccs_program_value (p, frames)->shape;
  attrs.frame.window = (gint32)shape.dim[2];
  return APPEND_SHAPED (p, CCS_OP_OVERLAP_ADD, &attrs,
                        CCS_SHAPE (shape.dim[0], n), frames);
}

CcsValueId
ccs_level (CcsProgram *p, CcsValueId x, float target, float floor)
{
  CcsAttrs attrs = { .level = { target, floor } };

  return APPEND (p, CCS_OP_LEVEL, &attrs, x);
}

CcsValueId
ccs_mse_loss (CcsProgram *p, CcsValueId a, CcsValueId b)
{
  return APPEND (p, CCS_OP_MSE_LOSS, NULL, a, b);
}

CcsValueId
ccs_amp_loss (CcsProgram *p, CcsValueId a, CcsValueId b)
{
  return APPEND (p, CCS_OP_AMP_LOSS, NULL, a, b);
}

CcsValueId
ccs_phase_loss (CcsProgram *p, CcsValueId real, CcsValueId generated,
                float threshold)
{
  CcsAttrs attrs = { .loss = { .threshold = threshold } };

  return APPEND (p, CCS_OP_PHASE_LOSS, &attrs, real, generated);
}

CcsValueId
ccs_info_nce (CcsProgram *p, CcsValueId z, float temperature)
{
  CcsAttrs attrs = { .loss = { .temperature = temperature } };

  return APPEND (p, CCS_OP_INFO_NCE, &attrs, z);
}

void
ccs_adam (CcsProgram *p, CcsValueId param, CcsValueId grad, CcsValueId m,
          CcsValueId v, CcsValueId hyper, float beta1, float beta2, float eps,
          float weight_decay)
{
  CcsAttrs attrs = { .adam = { beta1, beta2, eps, weight_decay } };

  APPEND (p, CCS_OP_ADAM, &attrs, param, grad, m, v, hyper);
}
