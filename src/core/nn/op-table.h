/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The op table: one row has everything about an op except the backends'
 * kernels. Rows are in nn/ops/, one file for each family. A row's reference
 * function defines what the op computes, in plain loops over plain arrays; the
 * reference backend runs it. */
#pragma once

#include "op.h"

G_BEGIN_DECLS

/* A value in a backend's memory. Rows (the last dimension) are dense;
 * consecutive rows are pitch elements apart. data is NULL for an optional
 * operand that is missing. */
typedef struct
{
  void *data;
  CcsDType dtype;
  CcsShape shape;
  gint64 pitch;
} CcsOperand;

/* Number of different values of an element of LOOKUP's x. */
#define CCS_LOOKUP_LEVELS 256

typedef enum
{
  CCS_OP_FLAG_NONE = 0,
  /* Kernels of this op on every backend take rows apart (pitch above the
   * channel count): inputs and results may be views into wider tensors. */
  CCS_OP_FLAG_PITCHED_IN = 1 << 0,
  CCS_OP_FLAG_PITCHED_OUT = 1 << 1,
  /* y may share x's memory (input 0, result 0) when x ends here. */
  CCS_OP_FLAG_IN_PLACE = 1 << 2,
  /* Writes to its inputs (running statistics, parameters): never removed. */
  CCS_OP_FLAG_SIDE_EFFECT = 1 << 3,
} CcsOpFlags;

typedef struct
{
  const char *name;
  guint min_in, max_in, n_out;
  CcsOpFlags flags;
  /* Computes shapes and types of the results from those of the inputs (NULL for
   * a missing one). A rank of G_MAXUINT means that the result does not exist
   * with these inputs. For ops whose result shape is an argument
   * (ccs_program_append_shaped()), the caller sets out[0] before the call, and
   * the row checks it. */
  gboolean (*infer) (const CcsOp *op, const CcsValue *const *in, CcsValue *out,
                     GError **error);
  /* Appends ops that compute the gradients of the inputs from @dout (CCS_NONE
   * for a result without a gradient), and stores these in @din (initially
   * CCS_NONE). @want[i] is whether input i needs a gradient. NULL: the op has
   * no gradient. @op is a copy, because appending may move the program's ops.
   */
  void (*gradient) (CcsProgram *p, const CcsOp *op, const CcsValueId *dout,
                    const gboolean *want, CcsValueId *din);
  void (*reference) (const CcsOp *op, const CcsOperand *in,
                     const CcsOperand *out);
} CcsOpRow;

const CcsOpRow *ccs_op_row (CcsOpKind kind);

/* The rows of each family, indexed from its first kind. */
extern const CcsOpRow ccs_op_rows_conv[];      /* CONV2D ..  */
extern const CcsOpRow ccs_op_rows_norm[];      /* BATCH_NORM .. */
extern const CcsOpRow ccs_op_rows_row_norm[];  /* LAYER_NORM .. */
extern const CcsOpRow ccs_op_rows_pointwise[]; /* ACTIVATION .. */
extern const CcsOpRow ccs_op_rows_shape[];     /* RESHAPE .. */
extern const CcsOpRow ccs_op_rows_reduce[];    /* BROADCAST .. */
extern const CcsOpRow ccs_op_rows_gather[];    /* GATHER_TOKENS .. */
extern const CcsOpRow ccs_op_rows_product[];   /* MATMUL .. */
extern const CcsOpRow ccs_op_rows_sample[];    /* MAX_POOL .. */
extern const CcsOpRow ccs_op_rows_signal[];    /* FRAME .. */
extern const CcsOpRow ccs_op_rows_loss[];      /* MSE_LOSS .. */
extern const CcsOpRow ccs_op_rows_optimizer[]; /* SQUARE_SUM .. */

/* Sets CCS_ERROR_SHAPE with a message that names the op. Returns FALSE. */
gboolean ccs_op_shape_error (const CcsOp *op, GError **error,
                             const char *format, ...) G_GNUC_PRINTF (3, 4);
/* Makes @out a dense F32 result with @shape. */
void ccs_op_set_result (CcsValue *out, CcsShape shape);
/* Returns whether @b broadcasts to @a (aligned at the last dimension). */
gboolean ccs_shape_broadcasts (const CcsShape *b, const CcsShape *a);
/* Return act (x), and the derivative of act at y = act (x). */
float ccs_act_apply (CcsAct act, float x);
float ccs_act_derivative (CcsAct act, float y);

G_END_DECLS
