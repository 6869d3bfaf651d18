/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program: values and ops in two arrays, in an order in which every op's
 * inputs stand before it. This header builds programs. Each function below
 * appends one op and returns the value it produces. A mistake (operands that do
 * not fit) makes the program faulty: the first error is kept, every later call
 * returns CCS_NONE, and ccs_program_check() reports it, so that a model reads
 * as plain composition. Knows no CCStereo and no backend.
 *
 * Layout: activations are NHWC (rank 4), tokens [B,T,C] (rank 3), rows [N,C]
 * (rank 2). Convolution filters are OHWI: what PyTorch stores as OIHW (and,
 * for a transposed convolution, IOHW) is brought into that order when a
 * parameter is bound, and back when it is exported. */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* An empty program. @params (transfer none) (nullable) is where
 * ccs_program_param() finds its data; without it parameters are zero. With
 * @training, batch norms use the batch's statistics and nothing may be folded.
 */
CcsProgram *ccs_program_new (CcsStateDict *params, gboolean training);
CcsProgram *ccs_program_ref (CcsProgram *self);
void ccs_program_unref (CcsProgram *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsProgram, ccs_program_unref)

gboolean ccs_program_is_training (const CcsProgram *self);
/* FALSE with the first error made while building. */
gboolean ccs_program_check (const CcsProgram *self, GError **error);

guint ccs_program_n_values (const CcsProgram *self);
const CcsValue *ccs_program_value (const CcsProgram *self, CcsValueId id);
guint ccs_program_n_ops (const CcsProgram *self);
const CcsOp *ccs_program_op (const CcsProgram *self, guint index);
/* The value called @name, or CCS_NONE. */
CcsValueId ccs_program_find (const CcsProgram *self, const char *name);

/* -- values ------------------------------------------------------------ */
CcsValueId ccs_program_input (CcsProgram *self, const char *name,
                              CcsDType dtype, CcsShape shape);
/* The parameter @name of the state_dict, which must have the published @shape
 * (that of the state_dict: filters as [A,B,kh,kw]). Asking twice for a name
 * gives the same value. */
CcsValueId ccs_program_param (CcsProgram *self, const char *name,
                              CcsShape shape, CcsLayout layout);
/* A buffer that ops update (running statistics), from the state_dict. */
CcsValueId ccs_program_buffer (CcsProgram *self, const char *name,
                               CcsShape shape);
/* Zero-initialised persistent storage. */
CcsValueId ccs_program_state (CcsProgram *self, const char *name,
                              CcsShape shape);
/* Takes @tensor. */
CcsValueId ccs_program_const (CcsProgram *self, const char *name,
                              CcsTensor *tensor);
/* Names a value and keeps it readable after a run. Returns @id. */
CcsValueId ccs_program_output (CcsProgram *self, const char *name,
                               CcsValueId id);
/* Names a value without keeping it (tests and listings find it). Returns @id.
 */
CcsValueId ccs_program_name (CcsProgram *self, const char *name, CcsValueId id);
/* Phase of the ops appended from here on; FORWARD at first. */
void ccs_program_set_phase (CcsProgram *self, CcsPhase phase);

/* -- ops ---------------------------------------------------------------- */
/* The general form: appends an op, infers the shapes of its results, returns
 * the first. Everything below is a typed front to it. @in is copied up to
 * @n_in, the rest is CCS_NONE. */
CcsValueId ccs_program_append (CcsProgram *self, CcsOpKind kind,
                               const CcsValueId *in, guint n_in,
                               const CcsAttrs *attrs);
/* The same for ops whose result's shape is an argument: RESHAPE, SLICE,
 * SLICE_GRAD, BROADCAST, REDUCE, OVERLAP_ADD, RESIZE_ROWS(_GRAD),
 * MAX_POOL_GRAD, SCATTER_TOKENS. */
CcsValueId ccs_program_append_shaped (CcsProgram *self, CcsOpKind kind,
                                      const CcsValueId *in, guint n_in,
                                      const CcsAttrs *attrs, CcsShape shape);
/* Result @k (1, 2) of the op that produced @id. */
CcsValueId ccs_program_result (const CcsProgram *self, CcsValueId id, guint k);

/* x [B,H,W,I], w [O,kh,kw,I], bias [O] or CCS_NONE -> [B,H',W',O] */
CcsValueId ccs_conv2d (CcsProgram *p, CcsValueId x, CcsValueId w,
                       CcsValueId bias, gint stride, gint pad, gint dilation,
                       CcsAct act);
/* x [B,H,W,A], w [A,kh,kw,O], bias [O] or CCS_NONE -> [B,out_h,out_w,O]; this
 * is also CONV2D's gradient with respect to its input. */
CcsValueId ccs_conv_transpose2d (CcsProgram *p, CcsValueId x, CcsValueId w,
                                 CcsValueId bias, gint stride, gint pad,
                                 gint dilation, gint out_h, gint out_w,
                                 CcsAct act);
/* Over the last dimension; statistics over all others. In a training program
 * BATCH_NORM_TRAIN with @groups, else BATCH_NORM. @w, @b may be CCS_NONE. */
CcsValueId ccs_batch_norm (CcsProgram *p, CcsValueId x, CcsValueId w,
                           CcsValueId b, CcsValueId running_mean,
                           CcsValueId running_var, gint groups, float eps,
                           float momentum, CcsAct act);
/* Over the last dimension, of C; w and b [C]. */
CcsValueId ccs_layer_norm (CcsProgram *p, CcsValueId x, CcsValueId w,
                           CcsValueId b, float eps);
/* Over the last dimension: x / max (|x|, eps). */
CcsValueId ccs_l2_normalize (CcsProgram *p, CcsValueId x, float eps);
/* Element by element, of x's shape. */
CcsValueId ccs_activation (CcsProgram *p, CcsValueId x, CcsAct act);
/* b has a's shape; or broadcasts to it: aligned at the last dimension, each
 * dimension equal or 1. */
CcsValueId ccs_add (CcsProgram *p, CcsValueId a, CcsValueId b, CcsAct act);
CcsValueId ccs_sub (CcsProgram *p, CcsValueId a, CcsValueId b);
CcsValueId ccs_mul (CcsProgram *p, CcsValueId a, CcsValueId b);
/* scale x + shift */
CcsValueId ccs_affine (CcsProgram *p, CcsValueId x, float scale, float shift);
/* act (x (1 + gamma) + beta), all of x's shape. */
CcsValueId ccs_modulate (CcsProgram *p, CcsValueId x, CcsValueId gamma,
                         CcsValueId beta, CcsAct act);
/* Of one shape, with (re, im) pairs in the last dimension: a b, or a conj (b).
 */
CcsValueId ccs_complex_mul (CcsProgram *p, CcsValueId a, CcsValueId b,
                            gboolean conjugate_b);
/* The same elements in the same order. */
CcsValueId ccs_reshape (CcsProgram *p, CcsValueId x, CcsShape shape);
/* Dimension i of the result is dimension d_i of x; -1 behind the last. */
CcsValueId ccs_transpose (CcsProgram *p, CcsValueId x, gint d0, gint d1,
                          gint d2, gint d3);
/* @n parts, up to CCS_MAX_INPUTS, that differ in size along @axis alone, which
 * is the first or the last; and the part of @length from @start on. */
CcsValueId ccs_concat (CcsProgram *p, const CcsValueId *parts, guint n,
                       gint axis);
CcsValueId ccs_slice (CcsProgram *p, CcsValueId x, gint axis, gint64 start,
                      gint64 length);
/* x, which broadcasts to @shape, repeated to it, times @scale. */
CcsValueId ccs_broadcast (CcsProgram *p, CcsValueId x, CcsShape shape,
                          float scale);
/* Sums x over the dimensions in which @shape (which broadcasts to x's) is 1 or
 * absent, times @scale. */
CcsValueId ccs_reduce (CcsProgram *p, CcsValueId x, CcsShape shape,
                       float scale);
/* y[b,j,:] = x[b,index[j],:]; index is S32. */
CcsValueId ccs_gather_tokens (CcsProgram *p, CcsValueId x, CcsValueId index);
/* x [..,C] in 8 bits, table [C,256]: y[..,c] = table[c,x[..,c]]. */
CcsValueId ccs_lookup (CcsProgram *p, CcsValueId x, CcsValueId table);
/* a [..,M,K] (or [..,K,M] transposed), b [..,K,N] (or [..,N,K]); equal leading
 * dimensions, or b of rank 2 with a of rank 2. bias [N] or CCS_NONE. */
CcsValueId ccs_matmul (CcsProgram *p, CcsValueId a, CcsValueId b,
                       CcsValueId bias, gboolean transpose_a,
                       gboolean transpose_b, float alpha, CcsAct act);
/* x [..,K], weight [N,K], bias [N] -> [..,N], whatever x's rank. */
CcsValueId ccs_linear (CcsProgram *p, CcsValueId x, CcsValueId weight,
                       CcsValueId bias, CcsAct act);
/* q [B,Tq,D], k and v [B,Tk,D] -> [B,Tq,D]; head h takes channels h D/heads
 * and on; softmax (q k^T / sqrt (D/heads)) v. */
CcsValueId ccs_attention (CcsProgram *p, CcsValueId q, CcsValueId k,
                          CcsValueId v, gint heads);
/* x [B,H,W,C] -> [B,H',W',C]; padding is never the largest. */
CcsValueId ccs_max_pool (CcsProgram *p, CcsValueId x, gint kernel, gint stride,
                         gint pad);
/* Bilinear with aligned corners, along H only. */
CcsValueId ccs_resize_rows (CcsProgram *p, CcsValueId x, gint out_h);
/* [B,n] -> [B,1 + (n + 2 pad - window)/hop,window]; frame t starts at sample
 * t hop - pad. */
CcsValueId ccs_frame (CcsProgram *p, CcsValueId x, gint window, gint hop,
                      gint pad, CcsPadMode mode);
/* [B,frames,window] -> [B,n]: the adjoint of ccs_frame() on n samples. */
CcsValueId ccs_overlap_add (CcsProgram *p, CcsValueId frames, gint64 n,
                            gint hop, gint pad, CcsPadMode mode);
/* x [B,n] -> y [B,n] = x target / max (floor, rms of its row). Result 1 is the
 * gain max (floor, rms) / target that undoes it, [B,1]. */
CcsValueId ccs_level (CcsProgram *p, CcsValueId x, float target, float floor);
/* Every loss is a scalar [1]. This one: the mean of (a - b)^2 over two of one
 * shape. */
CcsValueId ccs_mse_loss (CcsProgram *p, CcsValueId a, CcsValueId b);
/* Spectra [B,F,T,2]: mean over b, re/im and bin of
 * | |a|_2 over time - |b|_2 over time |. Differentiable in both. */
CcsValueId ccs_amp_loss (CcsProgram *p, CcsValueId a, CcsValueId b);
/* Phase loss of two spectra with (re, im) last (specification section 6).
 * Differentiable in @generated. stat: energy threshold, number of points kept.
 */
CcsValueId ccs_phase_loss (CcsProgram *p, CcsValueId real, CcsValueId generated,
                           float threshold);
/* z [3N,C], L2-normalised: anchors, positives, negatives. */
CcsValueId ccs_info_nce (CcsProgram *p, CcsValueId z, float temperature);
/* param and moments in place; hyper: learning rate, 1 - beta1^t, 1 - beta2^t,
 * factor on the gradient. */
void ccs_adam (CcsProgram *p, CcsValueId param, CcsValueId grad, CcsValueId m,
               CcsValueId v, CcsValueId hyper, float beta1, float beta2,
               float eps, float weight_decay);

G_END_DECLS
