/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sums, losses, and the optimiser. */
#include "cuda-backend.h"

/* Number of blocks that occupy a large device; sums with fewer are divided into
 * parts. */
#define WANTED_BLOCKS 512
/* Terms per thread below which a sum is not divided further. */
#define LEAST_TERMS 64
/* Columns per block if kept elements are adjacent. */
#define MAX_ACROSS 32
/* Shared memory per block that every device supports without an attribute. */
#define MAX_SHARED (48 * 1024)
#define ROW_SHARED (2 * CCS_BLOCK_THREADS * sizeof (double))
#define SOFTMAX_SHARED ((CCS_BLOCK_THREADS + 1) * sizeof (double))

static gsize
align_scratch (gsize bytes)
{
  return (bytes + 63) / 64 * 64;
}

/* -- reductions ------------------------------------------------------------ */

/* Splits @shape into the dimensions that @y keeps and those that are summed. */
static void
split_shape (const CcsShape *shape, const CcsShape *y, CcsShape *kept,
             CcsShape *summed)
{
  const guint missing = shape->rank - y->rank;

  *kept = *summed = *shape;
  for (guint d = 0; d < shape->rank; d++) {
    if (d < missing || y->dim[d - missing] == 1)
      kept->dim[d] = 1;
    else
      summed->dim[d] = 1;
  }
}

static guint
columns_of_block (const CcsReduceParams *p)
{
  guint across = 1;

  if (p->kept_a[p->kept.rank - 1] != 1)
    return 1;
  while (across < MAX_ACROSS && across < p->n_kept)
    across *= 2;
  return across;
}

static void
fill_walks (CcsReduceParams *p, const CcsOperand *a, const CcsOperand *b,
            const CcsOperand *y)
{
  const CcsShape scalar = CCS_SHAPE (1);
  const CcsShape *to = y ? &y->shape : &scalar;
  gint64 kept_strides[3][CCS_MAX_RANK] = { { 0 } };
  gint64 summed_strides[2][CCS_MAX_RANK] = { { 0 } };
  CcsShape kept, summed;

  split_shape (&a->shape, to, &kept, &summed);
  ccs_operand_strides (a, kept_strides[0]);
  ccs_operand_strides (a, summed_strides[0]);
  if (b) {
    ccs_operand_strides (b, kept_strides[1]);
    ccs_operand_strides (b, summed_strides[1]);
  }
  ccs_broadcast_strides (to, y ? y->pitch : 1, &a->shape, kept_strides[2]);
  p->n_kept = ccs_shape_elements (&kept);
  p->n_summed = ccs_shape_elements (&summed);
  p->kept = ccs_walk_over (&kept, kept_strides, 3);
  p->summed = ccs_walk_over (&summed, summed_strides, 2);
  ccs_strides_to (p->kept_a, kept_strides[0]);
  ccs_strides_to (p->kept_b, kept_strides[1]);
  ccs_strides_to (p->kept_y, kept_strides[2]);
  ccs_strides_to (p->summed_a, summed_strides[0]);
  ccs_strides_to (p->summed_b, summed_strides[1]);
}

static void
add_reduce (CcsSteps *steps, const CcsReduceParams *p, guint blocks)
{
  CcsLaunch *launch = ccs_steps_add (steps, CCS_KERNEL_reduce, blocks);

  launch->shared = CCS_BLOCK_THREADS * sizeof (double);
  launch->scratch = TRUE;
  launch->params.reduce = *p;
}

gsize
ccs_steps_reduce (CcsSteps *steps, CcsTerm term, const CcsOperand *a,
                  const CcsOperand *b, const CcsOperand *y, double scale)
{
  CcsReduceParams p = { .a = a->data, .term = term, .scale = scale };
  guint columns, lanes;

  p.b = b ? b->data : NULL;
  fill_walks (&p, a, b, y);
  p.across = columns_of_block (&p);
  columns = (p.n_kept + p.across - 1) / p.across;
  lanes = CCS_BLOCK_THREADS / p.across;
  p.parts = CLAMP (p.n_summed / (lanes * LEAST_TERMS), 1,
                   MAX (1, WANTED_BLOCKS / columns));
  p.scratch_offset = y ? 0 : align_scratch (sizeof (double));
  if (p.parts > 1) {
    add_reduce (steps, &p, columns * p.parts);
    p.a = NULL;
  }
  p.y = y ? y->data : NULL;
  p.to_total = y == NULL;
  add_reduce (steps, &p, columns);
  return align_scratch (p.scratch_offset
                        + (gsize)p.parts * p.n_kept * sizeof (double));
}

static gboolean
prepare_reduce (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  CcsSteps *steps = ccs_steps_new ();

  ccs_steps_finish (steps, kernel,
                    ccs_steps_reduce (steps, CCS_TERM_VALUE, &kernel->in[0],
                                      NULL, &kernel->out[0],
                                      kernel->op->attrs.affine.scale));
  return TRUE;
}

/* -- losses ---------------------------------------------------------------- */

static gboolean
prepare_mse_loss (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
                  GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *a = &kernel->in[0];

  ccs_steps_finish (steps, kernel,
                    ccs_steps_reduce (steps, CCS_TERM_SQUARE_DIFFERENCE, a,
                                      &kernel->in[1], &kernel->out[0],
                                      1. / ccs_shape_elements (&a->shape)));
  return TRUE;
}

static gboolean
prepare_mse_loss_grad (CcsCuda *cuda, CcsKernel *kernel,
                       const CcsKernelHints *hints, GError **error)
{
  CcsSteps *steps = ccs_steps_new ();

  ccs_steps_elementwise (steps, CCS_EW_SCALED_DIFFERENCE, &kernel->in[1],
                         &kernel->in[2], &kernel->in[0], &kernel->out[0])
      ->scale
      = 2. / ccs_shape_elements (&kernel->in[1].shape);
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

/* Appends y = scale x the sum of @n doubles at the start of scratch. */
static CcsSumParams *
add_sum (CcsSteps *steps, const CcsOperand *y, guint n, double scale)
{
  CcsLaunch *launch = ccs_steps_add (steps, CCS_KERNEL_sum, 1);

  launch->shared = ROW_SHARED;
  launch->scratch = TRUE;
  launch->params.sum
      = (CcsSumParams){ .n = n, .y = ccs_floats (y), .scale = scale };
  return &launch->params.sum;
}

/* The loss and its gradient, whose operands follow dloss. */
static gboolean
prepare_amp_loss (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
                  GError **error)
{
  const gboolean is_grad = kernel->op->kind == CCS_OP_AMP_LOSS_GRAD;
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *a = &kernel->in[is_grad], *b = a + 1;
  const gint64 *size = a->shape.dim;
  const guint n = size[0] * size[1] * size[3];
  CcsLaunch *launch = ccs_steps_add_threads (steps, CCS_KERNEL_amp, n);

  launch->scratch = !is_grad;
  launch->params.amp = (CcsAmpParams){
    .a = ccs_floats (a),
    .b = ccs_floats (b),
    .dloss = is_grad ? ccs_floats (&kernel->in[0]) : NULL,
    .da = is_grad ? ccs_floats (&kernel->out[0]) : NULL,
    .n = n,
    .times = size[2],
    .parts = size[3],
    .a_pitch = a->pitch,
    .b_pitch = b->pitch,
    .da_pitch = is_grad ? kernel->out[0].pitch : 0,
  };
  if (!is_grad)
    add_sum (steps, &kernel->out[0], n, 1. / n);
  ccs_steps_finish (steps, kernel, is_grad ? 0 : n * sizeof (double));
  return TRUE;
}

static gboolean
prepare_phase_loss (CcsCuda *cuda, CcsKernel *kernel,
                    const CcsKernelHints *hints, GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *real = &kernel->in[0], *generated = &kernel->in[1];
  const guint n = ccs_shape_elements (&real->shape) / 2;
  const guint blocks = CLAMP (n / (CCS_BLOCK_THREADS * 4), 1, WANTED_BLOCKS);
  const gsize sums = ccs_steps_reduce (steps, CCS_TERM_MAGNITUDE, generated,
                                       NULL, NULL, 1. / n);
  const gsize counts = sums + blocks * sizeof (double);
  CcsLaunch *launch = ccs_steps_add (steps, CCS_KERNEL_phase, blocks);
  CcsSumParams *sum;

  launch->shared = ROW_SHARED;
  launch->scratch = TRUE;
  launch->params.phase = (CcsPhaseParams){
    .sum_offset = sums,
    .count_offset = counts,
    .real = ccs_floats (real),
    .generated = ccs_floats (generated),
    .n = n,
    .blocks = blocks,
    .threshold = kernel->op->attrs.loss.threshold,
  };
  sum = add_sum (steps, &kernel->out[0], blocks, 1.);
  sum->offset = sums;
  sum->count_offset = counts;
  sum->counted = TRUE;
  sum->stat = ccs_floats (&kernel->out[1]);
  sum->threshold = kernel->op->attrs.loss.threshold;
  ccs_steps_finish (steps, kernel, counts + blocks * sizeof (double));
  return TRUE;
}

static gboolean
prepare_phase_loss_grad (CcsCuda *cuda, CcsKernel *kernel,
                         const CcsKernelHints *hints, GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const guint n = ccs_shape_elements (&kernel->in[1].shape) / 2;
  CcsLaunch *launch = ccs_steps_add_threads (steps, CCS_KERNEL_phase_grad, n);

  launch->params.phase_grad = (CcsPhaseParams){
    .real = ccs_floats (&kernel->in[1]),
    .generated = ccs_floats (&kernel->in[2]),
    .dloss = ccs_floats (&kernel->in[0]),
    .stat = ccs_floats (&kernel->in[3]),
    .dgenerated = ccs_floats (&kernel->out[0]),
    .n = n,
  };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

/* The loss and its gradient. The published division by 1 + 1e-8 partners is
 * one by 1 in float. */
static gboolean
prepare_info_nce (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
                  GError **error)
{
  const gboolean is_grad = kernel->op->kind == CCS_OP_INFO_NCE_GRAD;
  g_autoptr (CcsSteps) steps = ccs_steps_new ();
  const CcsOperand *z = &kernel->in[is_grad];
  const gint64 n = z->shape.dim[0], pairs = n / 3;
  CcsLaunch *launch = ccs_steps_add (steps, CCS_KERNEL_nce, 2 * pairs);
  CcsNceParams params = {
    .z = ccs_floats (z),
    .pairs = pairs,
    .channels = z->shape.dim[1],
    .z_pitch = z->pitch,
    .temperature = kernel->op->attrs.loss.temperature,
  };

  launch->shared = SOFTMAX_SHARED + n * sizeof (double);
  launch->scratch = TRUE;
  if (launch->shared > MAX_SHARED)
    return ccs_cuda_host->op_shape_error (
        kernel->op, error,
        "%" G_GINT64_FORMAT " embeddings are more than the GPU compares", n);
  if (is_grad) {
    params.dloss = ccs_floats (&kernel->in[0]);
    params.dz = ccs_floats (&kernel->out[0]);
    params.dz_pitch = kernel->out[0].pitch;
    params.scale = 1. / n / params.temperature;
    launch->params.nce = params;
    launch = ccs_steps_add (steps, CCS_KERNEL_nce_grad, n);
    launch->scratch = TRUE;
    launch->params.nce_grad = params;
  } else {
    launch->params.nce = params;
    add_sum (steps, &kernel->out[0], 2 * pairs, -1. / n);
  }
  ccs_steps_finish (g_steal_pointer (&steps), kernel,
                    2 * pairs * (is_grad ? n : 1) * sizeof (double));
  return TRUE;
}

/* -- update ---------------------------------------------------------------- */

static gboolean
prepare_square_sum (CcsCuda *cuda, CcsKernel *kernel,
                    const CcsKernelHints *hints, GError **error)
{
  CcsSteps *steps = ccs_steps_new ();

  steps->table = CCS_TABLE_SQUARES;
  steps->entry.squares = (CcsSquaresEntry){
    .x = ccs_floats (&kernel->in[0]),
    .y = ccs_floats (&kernel->out[0]),
    .n = ccs_shape_elements (&kernel->in[0].shape),
  };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_adam (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
              GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *in = kernel->in;

  steps->table = CCS_TABLE_ADAM;
  steps->entry.adam = (CcsAdamEntry){
    .param = ccs_floats (&in[0]),
    .m = ccs_floats (&in[2]),
    .v = ccs_floats (&in[3]),
    .grad = ccs_floats (&in[1]),
    .hyper = ccs_floats (&in[4]),
    .n = ccs_shape_elements (&in[0].shape),
    .beta1 = kernel->op->attrs.adam.beta1,
    .beta2 = kernel->op->attrs.adam.beta2,
    .eps = kernel->op->attrs.adam.eps,
    .weight_decay = kernel->op->attrs.adam.weight_decay,
  };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

const CcsCudaKernel ccs_cuda_reduce_kernels[] = {
  { CCS_OP_REDUCE, prepare_reduce },
  { CCS_OP_MSE_LOSS, prepare_mse_loss },
  { CCS_OP_MSE_LOSS_GRAD, prepare_mse_loss_grad },
  { CCS_OP_AMP_LOSS, prepare_amp_loss },
  { CCS_OP_AMP_LOSS_GRAD, prepare_amp_loss },
  { CCS_OP_PHASE_LOSS, prepare_phase_loss },
  { CCS_OP_PHASE_LOSS_GRAD, prepare_phase_loss_grad },
  { CCS_OP_INFO_NCE, prepare_info_nce },
  { CCS_OP_INFO_NCE_GRAD, prepare_info_nce },
  { CCS_OP_SQUARE_SUM, prepare_square_sum },
  { CCS_OP_ADAM, prepare_adam },
  { 0 },
};
