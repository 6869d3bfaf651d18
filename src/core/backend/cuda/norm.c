/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Launches of normalisations and their gradients. */
#include "cuda-backend.h"

/* Number of blocks that occupy a large device, and rows per thread below which
 * a group's rows are not divided further. */
#define WANTED_BLOCKS 512
#define LEAST_ROWS 16
#define ROW_SHARED (2 * CCS_BLOCK_THREADS * sizeof (double))

static guint
columns_of (const CcsNormParts *parts)
{
  return (parts->channels + CCS_NORM_ACROSS - 1) / CCS_NORM_ACROSS;
}

/* Divides @groups of @rows rows into parts. */
static CcsNormParts
cut_rows (gint64 rows, gint64 channels, gint groups)
{
  CcsNormParts parts = { .rows = rows, .groups = groups, .channels = channels };
  const gint64 blocks = (gint64)columns_of (&parts) * groups;
  const gint64 wanted = CLAMP (rows / (CCS_NORM_LANES * LEAST_ROWS), 1,
                               MAX (1, WANTED_BLOCKS / blocks));

  parts.rows_per_part = (rows + wanted - 1) / wanted;
  parts.parts = (rows + parts.rows_per_part - 1) / parts.rows_per_part;
  return parts;
}

/* Returns the offset of the statistics in scratch: after two doubles for each
 * part, group and channel. They are two floats for each group and channel. */
static gsize
stat_offset (const CcsNormParts *parts)
{
  return 2 * sizeof (double) * parts->groups * parts->parts * parts->channels;
}

static gsize
parts_scratch (const CcsNormParts *parts)
{
  return stat_offset (parts)
         + 2 * sizeof (float) * parts->groups * parts->channels;
}

static CcsLaunch *
add_parts (CcsSteps *steps, CcsKernelId kernel, const CcsNormParts *parts)
{
  CcsLaunch *launch = ccs_steps_add (
      steps, kernel, columns_of (parts) * parts->parts * parts->groups);

  launch->shared = ROW_SHARED;
  launch->scratch = TRUE;
  return launch;
}

/* -- batch norm ------------------------------------------------------------ */

static CcsNormaliseParams *
add_normalise (CcsSteps *steps, const CcsKernel *kernel)
{
  const CcsOperand *x = &kernel->in[0], *y = &kernel->out[0];
  const gsize n = ccs_shape_elements (&x->shape);
  CcsLaunch *launch = ccs_steps_add_threads (steps, CCS_KERNEL_normalise, n);

  launch->scratch = TRUE;
  launch->params.normalise = (CcsNormaliseParams){
    .x = ccs_floats (x),
    .w = ccs_floats (&kernel->in[1]),
    .b = ccs_floats (&kernel->in[2]),
    .y = ccs_floats (y),
    .n = n,
    .channels = ccs_shape_channels (&x->shape),
    .x_pitch = x->pitch,
    .y_pitch = y->pitch,
    .rows = ccs_shape_rows (&x->shape),
    .groups = 1,
    .eps = kernel->op->attrs.norm.eps,
    .act = ccs_device_act_of (kernel->op->attrs.norm.act),
  };
  return &launch->params.normalise;
}

static gboolean
prepare_batch_norm (CcsCuda *cuda, CcsKernel *kernel,
                    const CcsKernelHints *hints, GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  CcsNormaliseParams *p = add_normalise (steps, kernel);

  p->mean = ccs_floats (&kernel->in[3]);
  p->var = ccs_floats (&kernel->in[4]);
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static void
add_moments (CcsSteps *steps, const CcsKernel *kernel,
             const CcsNormParts *parts)
{
  const CcsOperand *x = &kernel->in[0], *out = kernel->out;
  CcsLaunch *launch = add_parts (steps, CCS_KERNEL_moments, parts);

  launch->params.moments
      = (CcsMomentsParams){ *parts, ccs_floats (x), x->pitch };
  launch = ccs_steps_add_threads (steps, CCS_KERNEL_moments_finish,
                                  parts->channels);
  launch->scratch = TRUE;
  launch->params.moments_finish = (CcsMomentsFinishParams){
    .parts = *parts,
    .x = ccs_floats (x),
    .x_pitch = x->pitch,
    .stat_offset = stat_offset (parts),
    .mean = ccs_floats (&out[1]),
    .rstd = ccs_floats (&out[2]),
    .mean_pitch = out[1].pitch,
    .rstd_pitch = out[2].pitch,
    .running_mean = ccs_floats (&kernel->in[3]),
    .running_var = ccs_floats (&kernel->in[4]),
    .momentum = kernel->op->attrs.norm.momentum,
    .eps = kernel->op->attrs.norm.eps,
  };
}

static gboolean
prepare_batch_norm_train (CcsCuda *cuda, CcsKernel *kernel,
                          const CcsKernelHints *hints, GError **error)
{
  const CcsShape *shape = &kernel->in[0].shape;
  const gint groups = kernel->op->attrs.norm.groups;
  const CcsNormParts parts = cut_rows (ccs_shape_rows (shape) / groups,
                                       ccs_shape_channels (shape), groups);
  CcsSteps *steps = ccs_steps_new ();

  add_moments (steps, kernel, &parts);
  if (kernel->out[0].data) {
    CcsNormaliseParams *p = add_normalise (steps, kernel);

    p->stat_offset = stat_offset (&parts);
    p->rows = parts.rows;
    p->groups = groups;
  }
  ccs_steps_finish (steps, kernel, parts_scratch (&parts));
  return TRUE;
}

/* Returns the operands of a batch norm's gradient. */
static CcsNormGrad
batch_norm_grad_of (const CcsKernel *kernel, const CcsNormParts *parts)
{
  const CcsOperand *in = kernel->in;

  return (CcsNormGrad){
    .dy = ccs_floats (&in[0]),
    .x = ccs_floats (&in[1]),
    .w = ccs_floats (&in[2]),
    .b = ccs_floats (&in[3]),
    .mean = ccs_floats (&in[4]),
    .rstd = ccs_floats (&in[5]),
    .dy_pitch = in[0].pitch,
    .x_pitch = in[1].pitch,
    .stat_rows = parts->rows,
    .mean_pitch = in[4].pitch,
    .rstd_pitch = in[5].pitch,
    .stat_step = 1,
    .act = ccs_device_act_of (kernel->op->attrs.norm.act),
  };
}

/* Appends both sums over the rows of each group, and dw and db. */
static void
add_norm_sums (CcsSteps *steps, const CcsKernel *kernel,
               const CcsNormParts *parts, const CcsNormGrad *grad)
{
  CcsLaunch *launch = add_parts (steps, CCS_KERNEL_norm_sums, parts);

  launch->params.norm_sums = (CcsNormSumsParams){ *parts, *grad };
  launch = ccs_steps_add_threads (steps, CCS_KERNEL_norm_sums_finish,
                                  parts->channels);
  launch->scratch = TRUE;
  launch->params.norm_sums_finish = (CcsNormSumsFinishParams){
    .parts = *parts,
    .stat_offset = stat_offset (parts),
    .dw = ccs_floats (&kernel->out[1]),
    .db = ccs_floats (&kernel->out[2]),
  };
}

static gboolean
prepare_batch_norm_grad (CcsCuda *cuda, CcsKernel *kernel,
                         const CcsKernelHints *hints, GError **error)
{
  const CcsOperand *x = &kernel->in[1], *dx = &kernel->out[0];
  const gint groups = kernel->op->attrs.norm.groups;
  const CcsNormParts parts = cut_rows (ccs_shape_rows (&x->shape) / groups,
                                       ccs_shape_channels (&x->shape), groups);
  const CcsNormGrad grad = batch_norm_grad_of (kernel, &parts);
  CcsSteps *steps = ccs_steps_new ();

  add_norm_sums (steps, kernel, &parts, &grad);
  if (dx->data) {
    const gsize n = ccs_shape_elements (&x->shape);
    CcsLaunch *launch = ccs_steps_add_threads (steps, CCS_KERNEL_norm_grad, n);

    launch->scratch = TRUE;
    launch->params.norm_grad = (CcsNormGradParams){
      .stat_offset = stat_offset (&parts),
      .grad = grad,
      .dx = ccs_floats (dx),
      .n = n,
      .channels = parts.channels,
      .dx_pitch = dx->pitch,
      .rows = parts.rows,
      .groups = groups,
    };
  }
  ccs_steps_finish (steps, kernel, parts_scratch (&parts));
  return TRUE;
}

/* -- a block a row --------------------------------------------------------- */

static CcsLaunch *
add_rows (CcsSteps *steps, CcsKernelId kernel, const CcsOperand *x)
{
  CcsLaunch *launch = ccs_steps_add (steps, kernel, ccs_shape_rows (&x->shape));

  launch->shared = ROW_SHARED;
  return launch;
}

static gboolean
prepare_layer_norm (CcsCuda *cuda, CcsKernel *kernel,
                    const CcsKernelHints *hints, GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *x = &kernel->in[0], *out = kernel->out;

  add_rows (steps, CCS_KERNEL_layer_norm, x)->params.layer_norm
      = (CcsLayerNormParams){
          .x = ccs_floats (x),
          .w = ccs_floats (&kernel->in[1]),
          .b = ccs_floats (&kernel->in[2]),
          .y = ccs_floats (&out[0]),
          .mean = ccs_floats (&out[1]),
          .rstd = ccs_floats (&out[2]),
          .channels = ccs_shape_channels (&x->shape),
          .x_pitch = x->pitch,
          .y_pitch = out[0].pitch,
          .eps = kernel->op->attrs.norm.eps,
        };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_layer_norm_grad (CcsCuda *cuda, CcsKernel *kernel,
                         const CcsKernelHints *hints, GError **error)
{
  const CcsOperand *in = kernel->in, *out = kernel->out, *x = &in[1];
  const CcsNormParts parts = cut_rows (ccs_shape_rows (&x->shape),
                                       ccs_shape_channels (&x->shape), 1);
  const CcsNormGrad grad = {
    .dy = ccs_floats (&in[0]),
    .x = ccs_floats (x),
    .w = ccs_floats (&in[2]),
    .mean = ccs_floats (&in[3]),
    .rstd = ccs_floats (&in[4]),
    .dy_pitch = in[0].pitch,
    .x_pitch = x->pitch,
    .stat_rows = 1,
    .mean_pitch = 1,
    .rstd_pitch = 1,
  };
  CcsSteps *steps = ccs_steps_new ();

  if (out[0].data)
    add_rows (steps, CCS_KERNEL_layer_norm_grad, x)->params.layer_norm_grad
        = (CcsLayerNormGradParams){ grad, ccs_floats (&out[0]), parts.channels,
                                    out[0].pitch };
  if (out[1].data || out[2].data)
    add_norm_sums (steps, kernel, &parts, &grad);
  ccs_steps_finish (steps, kernel, parts_scratch (&parts));
  return TRUE;
}

static gboolean
prepare_l2_normalize (CcsCuda *cuda, CcsKernel *kernel,
                      const CcsKernelHints *hints, GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *x = &kernel->in[0], *y = &kernel->out[0];

  add_rows (steps, CCS_KERNEL_l2_norm, x)->params.l2_norm = (CcsL2NormParams){
    .x = ccs_floats (x),
    .y = ccs_floats (y),
    .scale_out = ccs_floats (&kernel->out[1]),
    .channels = ccs_shape_channels (&x->shape),
    .x_pitch = x->pitch,
    .y_pitch = y->pitch,
    .eps = kernel->op->attrs.norm.eps,
  };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_l2_normalize_grad (CcsCuda *cuda, CcsKernel *kernel,
                           const CcsKernelHints *hints, GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *dy = &kernel->in[0], *y = &kernel->in[1];
  const CcsOperand *dx = &kernel->out[0];

  add_rows (steps, CCS_KERNEL_l2_norm, y)->params.l2_norm = (CcsL2NormParams){
    .x = ccs_floats (y),
    .dy = ccs_floats (dy),
    .scale = ccs_floats (&kernel->in[2]),
    .y = ccs_floats (dx),
    .channels = ccs_shape_channels (&y->shape),
    .x_pitch = y->pitch,
    .dy_pitch = dy->pitch,
    .y_pitch = dx->pitch,
    .eps = kernel->op->attrs.norm.eps,
    .floor_scale = 1. / (double)kernel->op->attrs.norm.eps,
  };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

const CcsCudaKernel ccs_cuda_norm_kernels[] = {
  { CCS_OP_BATCH_NORM, prepare_batch_norm },
  { CCS_OP_BATCH_NORM_TRAIN, prepare_batch_norm_train },
  { CCS_OP_BATCH_NORM_GRAD, prepare_batch_norm_grad },
  { CCS_OP_LAYER_NORM, prepare_layer_norm },
  { CCS_OP_LAYER_NORM_GRAD, prepare_layer_norm_grad },
  { CCS_OP_L2_NORMALIZE, prepare_l2_normalize },
  { CCS_OP_L2_NORMALIZE_GRAD, prepare_l2_normalize_grad },
  { 0 },
};
