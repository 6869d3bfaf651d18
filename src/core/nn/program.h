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

#include "tensor.h"

G_BEGIN_DECLS

/* The index of a value in its program. */
typedef gint32 CcsValueId;
#define CCS_NONE ((CcsValueId)-1)

typedef enum
{
  CCS_VALUE_INPUT,  /* written by the caller before a run */
  CCS_VALUE_PARAM,  /* bound to a parameter; a training program's
                     * optimiser ops write it */
  CCS_VALUE_STATE,  /* persistent between runs and written by ops:
                     * running statistics, optimiser moments */
  CCS_VALUE_CONST,  /* data fixed when the program is built */
  CCS_VALUE_RESULT, /* produced by an op; lives in the arena */
} CcsValueKind;

/* How a published array is laid out against the program's value. */
typedef enum
{
  CCS_LAYOUT_PLAIN,  /* the same */
  CCS_LAYOUT_FILTER, /* published [A,B,kh,kw], here [A,kh,kw,B] */
} CcsLayout;

typedef struct
{
  char *name; /* published name, or NULL */
  CcsValueKind kind;
  CcsDType dtype;
  CcsShape shape;
  CcsLayout layout; /* of PARAM and STATE */
  CcsTensor *data;  /* PARAM, STATE: initial; CONST: the value */
  gint32 producer;  /* op index for RESULT, else -1 */
  gboolean output;  /* readable after a run */
  /* A value that is part of another one's memory (set by passes): element 0
   * stands view_offset elements into view_of; consecutive rows (the last
   * dimension) are pitch elements apart. view_of is CCS_NONE otherwise, and
   * pitch the last dimension. */
  CcsValueId view_of;
  gint64 view_offset;
  gint64 pitch;
} CcsValue;

/* Every op there is; op-table.h has a row for each. */
typedef enum
{
  /* convolution */
  CCS_OP_CONV2D,             /* x, w, bias?, residual? -> y */
  CCS_OP_CONV_TRANSPOSE2D,   /* x, w, bias? -> y */
  CCS_OP_CONV2D_WEIGHT_GRAD, /* x, dy -> dw */
  /* batch norm */
  CCS_OP_BATCH_NORM,       /* x, w?, b?, mean, var -> y */
  CCS_OP_BATCH_NORM_TRAIN, /* x, w?, b?, run_mean, run_var -> y, mean, rstd */
  CCS_OP_BATCH_NORM_GRAD,  /* dy, x, w?, b?, mean, rstd -> dx, dw?, db? */
  /* norms over channels */
  CCS_OP_LAYER_NORM,        /* x, w, b -> y, mean, rstd */
  CCS_OP_LAYER_NORM_GRAD,   /* dy, x, w, mean, rstd -> dx, dw, db */
  CCS_OP_L2_NORMALIZE,      /* x -> y, scale */
  CCS_OP_L2_NORMALIZE_GRAD, /* dy, y, scale -> dx */
  /* pointwise */
  CCS_OP_ACTIVATION,      /* x -> y */
  CCS_OP_ACTIVATION_GRAD, /* dy, y -> dx */
  CCS_OP_ADD,             /* a, b -> act (a + b); b broadcasts */
  CCS_OP_SUB,             /* a, b -> a - b; b broadcasts */
  CCS_OP_MUL,             /* a, b -> a b; b broadcasts */
  CCS_OP_AFFINE,          /* x -> scale x + shift */
  CCS_OP_MODULATE,        /* x, gamma, beta -> act (x (1 + gamma) + beta) */
  CCS_OP_COMPLEX_MUL,     /* a, b -> a b, or a conj(b); last dim (re, im) */
  /* moving elements */
  CCS_OP_RESHAPE,    /* x -> y */
  CCS_OP_TRANSPOSE,  /* x -> y */
  CCS_OP_CONCAT,     /* x0 .. x7 -> y */
  CCS_OP_SLICE,      /* x -> y */
  CCS_OP_SLICE_GRAD, /* dy -> dx, zero outside the slice */
  CCS_OP_COPY,       /* x -> y, dense (put in by passes) */
  /* repeating and summing */
  CCS_OP_BROADCAST, /* x -> y = scale x */
  CCS_OP_REDUCE,    /* x -> y = scale sum over broadcast dims */
  /* choosing by number */
  CCS_OP_GATHER_TOKENS,  /* x [B,T,C], index [T] -> y */
  CCS_OP_SCATTER_TOKENS, /* dy [B,T,C], index [T] -> dx */
  CCS_OP_LOOKUP,         /* x [..,C] (U8), table [C,256] -> y [..,C] */
  /* products */
  CCS_OP_MATMUL,         /* a, b, bias? -> act (alpha op(a) op(b) + bias) */
  CCS_OP_ATTENTION,      /* q, k, v -> o, p */
  CCS_OP_ATTENTION_GRAD, /* do, q, k, v, p -> dq, dk, dv */
  /* pooling and sampling */
  CCS_OP_MAX_POOL,         /* x -> y, argmax? */
  CCS_OP_MAX_POOL_GRAD,    /* dy, argmax -> dx */
  CCS_OP_RESIZE_ROWS,      /* x [B,H,W,C] -> y [B,H',W,C] */
  CCS_OP_RESIZE_ROWS_GRAD, /* dy -> dx */
  /* signal */
  CCS_OP_FRAME,       /* x [B,n] -> [B,frames,window] */
  CCS_OP_OVERLAP_ADD, /* [B,frames,window] -> [B,n]; FRAME's adjoint */
  CCS_OP_LEVEL,       /* x [B,n] -> y, gain [B,1] */
  /* losses; every result is a scalar [1] */
  CCS_OP_MSE_LOSS,        /* a, b -> loss */
  CCS_OP_MSE_LOSS_GRAD,   /* dloss, a, b -> da */
  CCS_OP_AMP_LOSS,        /* a, b [B,F,T,2] -> loss */
  CCS_OP_AMP_LOSS_GRAD,   /* dloss, a, b -> da */
  CCS_OP_PHASE_LOSS,      /* real, generated [B,T,F*2] -> loss, stat [2] */
  CCS_OP_PHASE_LOSS_GRAD, /* dloss, real, generated, stat -> dgenerated */
  CCS_OP_INFO_NCE,        /* z [3N,C] -> loss */
  CCS_OP_INFO_NCE_GRAD,   /* dloss, z -> dz */
  /* optimiser */
  CCS_OP_SQUARE_SUM, /* x -> sum of squares [1] */
  CCS_OP_ADAM,       /* param, grad, m, v, hyper [4] -> (in place) */
  CCS_N_OPS
} CcsOpKind;

typedef enum
{
  CCS_ACT_NONE,
  CCS_ACT_RELU,
  CCS_ACT_LEAKY_RELU, /* slope below zero: CcsAct.slope */
  CCS_ACT_SIGMOID,
} CcsActKind;

typedef struct
{
  CcsActKind kind;
  float slope;
} CcsAct;

#define CCS_NO_ACT ((CcsAct){ CCS_ACT_NONE, 0.f })
#define CCS_RELU ((CcsAct){ CCS_ACT_RELU, 0.f })
#define CCS_LEAKY_RELU(s) ((CcsAct){ CCS_ACT_LEAKY_RELU, (s) })
#define CCS_SIGMOID ((CcsAct){ CCS_ACT_SIGMOID, 0.f })

typedef enum
{
  CCS_PAD_ZERO,
  CCS_PAD_REFLECT, /* edge sample not repeated */
} CcsPadMode;

/* Attributes of an op; which member counts is said in the op's builder. */
typedef union
{
  struct
  {
    gint32 stride, pad, dilation; /* the same in both directions */
    /* CONV_TRANSPOSE2D: of y; CONV2D_WEIGHT_GRAD: of the filter */
    gint32 out_h, out_w;
    CcsAct act;
  } conv;
  struct
  {
    gint32 groups; /* equal parts of the batch, each with its own
                    * statistics, in order */
    float eps, momentum;
    CcsAct act;
  } norm;
  struct
  {
    CcsAct act;
  } pointwise; /* ACTIVATION(_GRAD), ADD, SUB, MUL, MODULATE */
  struct
  {
    float scale, shift;
  } affine; /* AFFINE; BROADCAST, REDUCE: scale */
  struct
  {
    gboolean conjugate_b;
  } complex_mul;
  struct
  {
    gint32 perm[CCS_MAX_RANK]; /* y.dim[i] = x.dim[perm[i]] */
  } transpose;
  struct
  {
    gint32 axis;  /* 0 or the last */
    gint64 start; /* SLICE, SLICE_GRAD */
  } slice;        /* CONCAT, SLICE, SLICE_GRAD */
  struct
  {
    gboolean transpose_a, transpose_b;
    float alpha;
    CcsAct act;
  } matmul;
  struct
  {
    gint32 heads;
  } attention;
  struct
  {
    gint32 kernel, stride, pad;
  } pool;
  struct
  {
    gint32 window, hop, pad; /* samples; pad on both ends */
    CcsPadMode mode;
  } frame;
  struct
  {
    float target, floor; /* y = x target / max (floor, rms (x)) */
  } level;
  struct
  {
    float threshold;   /* PHASE_LOSS: kept above threshold x mean energy */
    float temperature; /* INFO_NCE */
  } loss;
  struct
  {
    float beta1, beta2, eps, weight_decay;
  } adam;
} CcsAttrs;

#define CCS_MAX_INPUTS 8
#define CCS_MAX_OUTPUTS 3

/* Runs can be cut at phase borders: look at the loss before the update. */
typedef enum
{
  CCS_PHASE_FORWARD = 1 << 0,
  CCS_PHASE_BACKWARD = 1 << 1,
  CCS_PHASE_UPDATE = 1 << 2,
  CCS_PHASE_ALL = 7,
} CcsPhase;

typedef struct
{
  CcsOpKind kind;
  CcsPhase phase;
  CcsValueId in[CCS_MAX_INPUTS];   /* CCS_NONE: an optional one left out */
  CcsValueId out[CCS_MAX_OUTPUTS]; /* CCS_NONE: a result nobody reads */
  CcsAttrs attrs;
} CcsOp;

typedef struct _CcsProgram CcsProgram;

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
/* Spectra with (re, im) last; the specification's section 6. Differentiable in
 * @generated. stat: energy bound and number of points kept. */
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
