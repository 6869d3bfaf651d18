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

/* Makes an empty program. ccs_program_param() finds data in @params (transfer
 * none) (nullable); without it parameters are zero. With @training, batch norms
 * use the statistics of the batch, and nothing may be folded. */
CcsProgram *ccs_program_new (CcsStateDict *params, gboolean training);
CcsProgram *ccs_program_ref (CcsProgram *self);
void ccs_program_unref (CcsProgram *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsProgram, ccs_program_unref)

gboolean ccs_program_is_training (const CcsProgram *self);
/* Returns FALSE, with the first error of a builder, if the program is invalid.
 */
gboolean ccs_program_check (const CcsProgram *self, GError **error);

guint ccs_program_n_values (const CcsProgram *self);
const CcsValue *ccs_program_value (const CcsProgram *self, CcsValueId id);
guint ccs_program_n_ops (const CcsProgram *self);
const CcsOp *ccs_program_op (const CcsProgram *self, guint index);
/* Returns the value called @name, or CCS_NONE. */
CcsValueId ccs_program_find (const CcsProgram *self, const char *name);

/* -- values ------------------------------------------------------------ */
CcsValueId ccs_program_input (CcsProgram *self, const char *name,
                              CcsDType dtype, CcsShape shape);
/* Returns the parameter @name of the state_dict. @shape is its shape there
 * (filters as [A,B,kh,kw]). A second call with the same name returns the same
 * value. */
CcsValueId ccs_program_param (CcsProgram *self, const char *name,
                              CcsShape shape, CcsLayout layout);
/* Returns a buffer of the state_dict that ops update (running statistics). */
CcsValueId ccs_program_buffer (CcsProgram *self, const char *name,
                               CcsShape shape);
/* Adds persistent storage, initialised to zero. */
CcsValueId ccs_program_state (CcsProgram *self, const char *name,
                              CcsShape shape);
/* Adds a constant. @tensor (transfer full) */
CcsValueId ccs_program_const (CcsProgram *self, const char *name,
                              CcsTensor *tensor);
/* Names a value and keeps it readable after a run. Returns @id. */
CcsValueId ccs_program_output (CcsProgram *self, const char *name,
                               CcsValueId id);
/* Names a value without keeping it (tests and listings find it). Returns @id.
 */
CcsValueId ccs_program_name (CcsProgram *self, const char *name, CcsValueId id);
/* Sets the phase of the ops that are appended next; initially FORWARD. */
void ccs_program_set_phase (CcsProgram *self, CcsPhase phase);

/* -- ops ---------------------------------------------------------------- */
/* Appends an op, infers the shapes of its results and returns the first result.
 * The builders below call it. @in has @n_in values; missing ones become
 * CCS_NONE. */
CcsValueId ccs_program_append (CcsProgram *self, CcsOpKind kind,
                               const CcsValueId *in, guint n_in,
                               const CcsAttrs *attrs);
/* Appends an op whose result has the shape @shape: RESHAPE, SLICE, SLICE_GRAD,
 * BROADCAST, REDUCE, OVERLAP_ADD, RESIZE_ROWS(_GRAD), MAX_POOL_GRAD,
 * SCATTER_TOKENS. */
CcsValueId ccs_program_append_shaped (CcsProgram *self, CcsOpKind kind,
                                      const CcsValueId *in, guint n_in,
                                      const CcsAttrs *attrs, CcsShape shape);
/* Returns result @k (1, 2) of the op that computes @id. */
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
/* Batch norm: normalises channels (the last dimension) with statistics over all
 * other dimensions. BATCH_NORM_TRAIN with @groups in a training program, else
 * BATCH_NORM. @w, @b may be CCS_NONE. */
CcsValueId ccs_batch_norm (CcsProgram *p, CcsValueId x, CcsValueId w,
                           CcsValueId b, CcsValueId running_mean,
                           CcsValueId running_var, gint groups, float eps,
                           float momentum, CcsAct act);
/* Layer norm over the last dimension, of size C; w and b [C]. */
CcsValueId ccs_layer_norm (CcsProgram *p, CcsValueId x, CcsValueId w,
                           CcsValueId b, float eps);
/* L2 norm over the last dimension: x / max (|x|, eps). */
CcsValueId ccs_l2_normalize (CcsProgram *p, CcsValueId x, float eps);
/* act (x) */
CcsValueId ccs_activation (CcsProgram *p, CcsValueId x, CcsAct act);
/* act (a + b), a - b, a b. b has the shape of a or broadcasts to it: aligned at
 * the last dimension, each dimension equal or 1. */
CcsValueId ccs_add (CcsProgram *p, CcsValueId a, CcsValueId b, CcsAct act);
CcsValueId ccs_sub (CcsProgram *p, CcsValueId a, CcsValueId b);
CcsValueId ccs_mul (CcsProgram *p, CcsValueId a, CcsValueId b);
/* scale x + shift */
CcsValueId ccs_affine (CcsProgram *p, CcsValueId x, float scale, float shift);
/* act (x (1 + gamma) + beta), all of x's shape. */
CcsValueId ccs_modulate (CcsProgram *p, CcsValueId x, CcsValueId gamma,
                         CcsValueId beta, CcsAct act);
/* Complex product a b, or a conj (b), of two values with the same shape and
 * (re, im) pairs in the last dimension. */
CcsValueId ccs_complex_mul (CcsProgram *p, CcsValueId a, CcsValueId b,
                            gboolean conjugate_b);
/* Changes the shape; elements keep their order. */
CcsValueId ccs_reshape (CcsProgram *p, CcsValueId x, CcsShape shape);
/* Transposes: dimension i of the result is dimension d_i of x. Unused d_i are
 * -1. */
CcsValueId ccs_transpose (CcsProgram *p, CcsValueId x, gint d0, gint d1,
                          gint d2, gint d3);
/* Concatenates @n parts, at most CCS_MAX_INPUTS, along @axis (the first or last
 * dimension); and the reverse: @length elements along @axis from @start on. */
CcsValueId ccs_concat (CcsProgram *p, const CcsValueId *parts, guint n,
                       gint axis);
CcsValueId ccs_slice (CcsProgram *p, CcsValueId x, gint axis, gint64 start,
                      gint64 length);
/* Repeats x, which broadcasts to @shape, to @shape, and multiplies by @scale.
 */
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
/* Linear layer: x [..,K], weight [N,K], bias [N] -> [..,N], for any rank of x.
 */
CcsValueId ccs_linear (CcsProgram *p, CcsValueId x, CcsValueId weight,
                       CcsValueId bias, CcsAct act);
/* Attention: q [B,Tq,D], k and v [B,Tk,D] -> [B,Tq,D]: softmax (q k^T / sqrt
 * (D/heads)) v for each head. Head h has the channels from h D/heads on. */
CcsValueId ccs_attention (CcsProgram *p, CcsValueId q, CcsValueId k,
                          CcsValueId v, gint heads);
/* Maximum pooling: x [B,H,W,C] -> [B,H',W',C]; padding is never the maximum. */
CcsValueId ccs_max_pool (CcsProgram *p, CcsValueId x, gint kernel, gint stride,
                         gint pad);
/* Bilinear interpolation with aligned corners, along H only. */
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
/* Mean of (a - b)^2; a and b have the same shape. All losses are scalars [1].
 */
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
