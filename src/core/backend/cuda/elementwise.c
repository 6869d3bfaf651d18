/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ops whose kernels compute one element per thread: pointwise ops, moves,
 * complex products, tokens, tables. */
#include "cuda-backend.h"

G_STATIC_ASSERT (CCS_LOOKUP_TABLE == CCS_LOOKUP_LEVELS);

/* -- pointwise ------------------------------------------------------------- */

/* Returns whether rows of an array can be read four elements at a time:
 * contiguous rows, or (@may_repeat) one element repeated along the last
 * dimension. */
static gboolean
takes_fours (const void *data, const gint64 *strides, guint rank,
             gboolean may_repeat)
{
  if (data == NULL || (may_repeat && strides[rank - 1] == 0))
    return TRUE;
  for (guint d = 0; d + 1 < rank; d++)
    if (strides[d] % 4 != 0)
      return FALSE;
  return strides[rank - 1] == 1 && (gsize)data % sizeof (float[4]) == 0;
}

/* Converts strides to units of four elements, unless the last dimension is
 * repeated. */
static void
strides_in_fours (gint64 *strides, guint rank)
{
  if (strides[rank - 1] == 0)
    return;
  for (guint d = 0; d + 1 < rank; d++)
    strides[d] /= 4;
}

enum
{
  A,
  B,
  C,
  Y,
  N_ARRAYS
};

static void
widen (CcsElementwiseParams *p, gint64 (*strides)[CCS_MAX_RANK])
{
  const guint last = p->walk.rank - 1;

  p->width = 1;
  if (p->walk.dim[last] % 4 != 0
      || !takes_fours (p->a, strides[A], last + 1, FALSE)
      || !takes_fours (p->b, strides[B], last + 1, TRUE)
      || !takes_fours (p->c, strides[C], last + 1, TRUE)
      || !takes_fours (p->y, strides[Y], last + 1, FALSE))
    return;
  p->width = 4;
  p->walk.dim[last] /= 4;
  p->n /= 4;
  p->b_repeats = strides[B][last] == 0;
  p->c_repeats = strides[C][last] == 0;
  for (guint k = 0; k < N_ARRAYS; k++)
    strides_in_fours (strides[k], last + 1);
}

static const float *
broadcast_operand (const CcsOperand *x, const CcsShape *shape, gint64 *strides)
{
  for (guint d = 0; d < CCS_MAX_RANK; d++)
    strides[d] = 0;
  if (x == NULL || x->data == NULL)
    return NULL;
  ccs_broadcast_strides (&x->shape, x->pitch, shape, strides);
  return x->data;
}

CcsElementwiseParams *
ccs_steps_elementwise (CcsSteps *steps, CcsElementwiseMode mode,
                       const CcsOperand *a, const CcsOperand *b,
                       const CcsOperand *c, const CcsOperand *y)
{
  gint64 strides[N_ARRAYS][CCS_MAX_RANK];
  CcsElementwiseParams filled = { .mode = mode, .y = y->data };
  CcsElementwiseParams *p;

  filled.a = broadcast_operand (a, &y->shape, strides[A]);
  filled.b = broadcast_operand (b, &y->shape, strides[B]);
  filled.c = broadcast_operand (c, &y->shape, strides[C]);
  ccs_operand_strides (y, strides[Y]);
  filled.n = ccs_shape_elements (&y->shape);
  filled.walk = ccs_walk_over (&y->shape, strides, N_ARRAYS);
  widen (&filled, strides);
  ccs_strides_to (filled.a_stride, strides[A]);
  ccs_strides_to (filled.b_stride, strides[B]);
  ccs_strides_to (filled.c_stride, strides[C]);
  ccs_strides_to (filled.y_stride, strides[Y]);
  p = &ccs_steps_add_threads (steps, CCS_KERNEL_elementwise, filled.n)
           ->params.elementwise;
  *p = filled;
  return p;
}

static gboolean
prepare_pointwise (CcsCuda *cuda, CcsKernel *kernel,
                   const CcsKernelHints *hints, GError **error)
{
  static const CcsElementwiseMode modes[CCS_N_OPS] = {
    [CCS_OP_ACTIVATION] = CCS_EW_ACTIVATION,
    [CCS_OP_ACTIVATION_GRAD] = CCS_EW_ACTIVATION_GRAD,
    [CCS_OP_ADD] = CCS_EW_ADD,
    [CCS_OP_SUB] = CCS_EW_SUB,
    [CCS_OP_MUL] = CCS_EW_MUL,
    [CCS_OP_MODULATE] = CCS_EW_MODULATE,
  };
  CcsSteps *steps = ccs_steps_new ();

  ccs_steps_elementwise (steps, modes[kernel->op->kind], &kernel->in[0],
                         &kernel->in[1], &kernel->in[2], &kernel->out[0])
      ->act
      = ccs_device_act_of (kernel->op->attrs.pointwise.act);
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_affine (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  CcsElementwiseParams *p = ccs_steps_elementwise (
      steps, CCS_EW_AFFINE, &kernel->in[0], NULL, NULL, &kernel->out[0]);

  p->scale = kernel->op->attrs.affine.scale;
  if (kernel->op->kind == CCS_OP_AFFINE)
    p->shift = kernel->op->attrs.affine.shift;
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_complex_mul (CcsCuda *cuda, CcsKernel *kernel,
                     const CcsKernelHints *hints, GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const gsize n = ccs_shape_elements (&kernel->out[0].shape) / 2;
  CcsLaunch *launch = ccs_steps_add_threads (steps, CCS_KERNEL_complex, n);

  launch->params.complex = (CcsComplexParams){
    ccs_floats (&kernel->in[0]), ccs_floats (&kernel->in[1]),
    ccs_floats (&kernel->out[0]), n,
    kernel->op->attrs.complex_mul.conjugate_b ? -1.f : 1.f
  };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

/* -- moves ----------------------------------------------------------------- */

/* Joins elements into larger ones, up to 16 bytes, if both arrays allow it. */
static void
enlarge (CcsMoveParams *p, gint64 (*strides)[CCS_MAX_RANK])
{
  const guint last = p->walk.rank - 1;

  while (p->size < 16 && p->walk.dim[last] % 2 == 0 && strides[1][last] == 1
         && (p->x == NULL || strides[0][last] == 1)
         && (gsize)p->y % (2 * p->size) == 0
         && (gsize)p->x % (2 * p->size) == 0) {
    for (guint d = 0; d < last; d++)
      if (strides[0][d] % 2 != 0 || strides[1][d] % 2 != 0)
        return;
    for (guint d = 0; d < last; d++) {
      strides[0][d] /= 2;
      strides[1][d] /= 2;
    }
    p->walk.dim[last] /= 2;
    p->n /= 2;
    p->size *= 2;
  }
}

/* Appends y = x over @shape; @strides are those of x and y, in elements. */
static void
add_move (CcsSteps *steps, const void *x, void *y, gsize size,
          const CcsShape *shape, gint64 (*strides)[CCS_MAX_RANK])
{
  CcsMoveParams p = { x, y, ccs_shape_elements (shape), .size = size };

  p.walk = ccs_walk_over (shape, strides, 2);
  enlarge (&p, strides);
  ccs_strides_to (p.x_stride, strides[0]);
  ccs_strides_to (p.y_stride, strides[1]);
  ccs_steps_add_threads (steps, CCS_KERNEL_move, p.n)->params.move = p;
}

/* Appends a copy of @x to a part of @y. */
static void
add_copy (CcsSteps *steps, const CcsOperand *x, const CcsOperand *y,
          const CcsShape *shape, gint64 from, gint64 to)
{
  const gsize size = ccs_dtype_size (x->dtype);
  gint64 strides[2][CCS_MAX_RANK];
  const char *source = (const char *)x->data + from * size;
  char *target = (char *)y->data + to * size;

  /* A part that is a view of the result is already in place. */
  if (source == target)
    return;
  ccs_operand_strides (x, strides[0]);
  ccs_operand_strides (y, strides[1]);
  add_move (steps, source, target, size, shape, strides);
}

static gboolean
prepare_copy (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
              GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *x = &kernel->in[0], *y = &kernel->out[0];

  if (ccs_shape_equal (&x->shape, &y->shape)) {
    add_copy (steps, x, y, &x->shape, 0, 0);
  } else { /* a reshape of dense values */
    const CcsShape flat = CCS_SHAPE (ccs_shape_elements (&x->shape));
    gint64 strides[2][CCS_MAX_RANK] = { { 1 }, { 1 } };

    add_move (steps, x->data, y->data, ccs_dtype_size (x->dtype), &flat,
              strides);
  }
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_transpose (CcsCuda *cuda, CcsKernel *kernel,
                   const CcsKernelHints *hints, GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *x = &kernel->in[0], *y = &kernel->out[0];
  gint64 of_x[CCS_MAX_RANK], strides[2][CCS_MAX_RANK] = { { 0 } };

  ccs_operand_strides (x, of_x);
  for (guint d = 0; d < y->shape.rank; d++)
    strides[0][d] = of_x[kernel->op->attrs.transpose.perm[d]];
  ccs_operand_strides (y, strides[1]);
  add_move (steps, x->data, y->data, ccs_dtype_size (x->dtype), &y->shape,
            strides);
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

/* Returns the offset in elements of the part of @whole at @start along the op's
 * axis. */
static gint64
part_offset (const CcsOp *op, const CcsOperand *whole, gint64 start)
{
  gint64 strides[CCS_MAX_RANK];

  if (op->attrs.slice.axis + 1 == (gint32)whole->shape.rank)
    return start;
  ccs_operand_strides (whole, strides);
  /* a dimension of 1 has no stride; a part of it starts at 0 */
  return start * strides[op->attrs.slice.axis];
}

static gboolean
prepare_concat (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  gint64 start = 0;

  for (guint i = 0; i < CCS_MAX_INPUTS && kernel->in[i].data; i++) {
    const CcsOperand *part = &kernel->in[i];

    add_copy (steps, part, &kernel->out[0], &part->shape, 0,
              part_offset (kernel->op, &kernel->out[0], start));
    start += part->shape.dim[kernel->op->attrs.slice.axis];
  }
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_slice (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
               GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const gint64 start = kernel->op->attrs.slice.start;

  add_copy (steps, &kernel->in[0], &kernel->out[0], &kernel->out[0].shape,
            part_offset (kernel->op, &kernel->in[0], start), 0);
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_slice_grad (CcsCuda *cuda, CcsKernel *kernel,
                    const CcsKernelHints *hints, GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *dx = &kernel->out[0];
  const gint64 start = kernel->op->attrs.slice.start;
  gint64 strides[2][CCS_MAX_RANK] = { { 0 } };

  ccs_operand_strides (dx, strides[1]);
  add_move (steps, NULL, dx->data, ccs_dtype_size (dx->dtype), &dx->shape,
            strides);
  add_copy (steps, &kernel->in[0], dx, &kernel->in[0].shape, 0,
            part_offset (kernel->op, dx, start));
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

/* -- tokens ---------------------------------------------------------------- */

static gboolean
prepare_tokens (CcsKernel *kernel, CcsKernelId id)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *x = &kernel->in[0], *y = &kernel->out[0];
  const gsize n = ccs_shape_elements (&y->shape);
  CcsLaunch *launch = ccs_steps_add_threads (steps, id, n);
  const CcsTokensParams params = {
    .x = ccs_floats (x),
    .index = kernel->in[1].data,
    .y = ccs_floats (y),
    .n = n,
    .channels = ccs_shape_channels (&x->shape),
    .n_in = x->shape.dim[1],
    .n_out = y->shape.dim[1],
    .n_index = kernel->in[1].shape.dim[0],
  };

  if (id == CCS_KERNEL_gather)
    launch->params.gather = params;
  else
    launch->params.scatter = params;
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_gather_tokens (CcsCuda *cuda, CcsKernel *kernel,
                       const CcsKernelHints *hints, GError **error)
{
  return prepare_tokens (kernel, CCS_KERNEL_gather);
}

static gboolean
prepare_scatter_tokens (CcsCuda *cuda, CcsKernel *kernel,
                        const CcsKernelHints *hints, GError **error)
{
  return prepare_tokens (kernel, CCS_KERNEL_scatter);
}

static gboolean
prepare_lookup (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *x = &kernel->in[0];
  const gsize n = ccs_shape_elements (&x->shape);

  ccs_steps_add_threads (steps, CCS_KERNEL_lookup, n)->params.lookup
      = (CcsLookupParams){ x->data, ccs_floats (&kernel->in[1]),
                           ccs_floats (&kernel->out[0]), n,
                           ccs_shape_channels (&x->shape) };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

const CcsCudaKernel ccs_cuda_elementwise_kernels[] = {
  { CCS_OP_ACTIVATION, prepare_pointwise },
  { CCS_OP_ACTIVATION_GRAD, prepare_pointwise },
  { CCS_OP_ADD, prepare_pointwise },
  { CCS_OP_SUB, prepare_pointwise },
  { CCS_OP_MUL, prepare_pointwise },
  { CCS_OP_AFFINE, prepare_affine },
  { CCS_OP_MODULATE, prepare_pointwise },
  { CCS_OP_COMPLEX_MUL, prepare_complex_mul },
  { CCS_OP_RESHAPE, prepare_copy },
  { CCS_OP_TRANSPOSE, prepare_transpose },
  { CCS_OP_CONCAT, prepare_concat },
  { CCS_OP_SLICE, prepare_slice },
  { CCS_OP_SLICE_GRAD, prepare_slice_grad },
  { CCS_OP_COPY, prepare_copy },
  { CCS_OP_BROADCAST, prepare_affine },
  { CCS_OP_GATHER_TOKENS, prepare_gather_tokens },
  { CCS_OP_SCATTER_TOKENS, prepare_scatter_tokens },
  { CCS_OP_LOOKUP, prepare_lookup },
  { 0 },
};
