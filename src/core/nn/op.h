/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The elements of a program: values and ops. program.h appends them; op-table.h
 * describes each kind of op. */
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

/* Layout of a published array compared with the value in the program. */
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
  /* A view, made by passes, is a part of the memory of view_of. It starts at
   * element view_offset of that value, and its rows (the last dimension) are
   * pitch elements apart. Other values have view_of CCS_NONE and pitch equal to
   * the last dimension. */
  CcsValueId view_of;
  gint64 view_offset;
  gint64 pitch;
} CcsValue;

/* All ops; op-table.h has a row for each. */
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

/* Attributes of an op. The comments name the ops that use a member. */
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

/* Phases of a program. A run may execute some of them, so that the caller can
 * read the loss before the update. */
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
  CcsValueId
      in[CCS_MAX_INPUTS]; /* CCS_NONE: an optional input that is missing */
  CcsValueId out[CCS_MAX_OUTPUTS]; /* CCS_NONE: an unused result */
  CcsAttrs attrs;
} CcsOp;

typedef struct _CcsProgram CcsProgram;

G_END_DECLS
