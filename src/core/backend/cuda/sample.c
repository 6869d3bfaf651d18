/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Launches of pooling, resizing, and the signal front end. */
#include "cuda-backend.h"

#define ROW_SHARED (CCS_BLOCK_THREADS * sizeof (double))

/* The gradient reads dy and argmax and writes dx: out is the wider map. */
static gboolean
prepare_pool (CcsKernel *kernel, CcsKernelId id)
{
  CcsSteps *steps = ccs_steps_new ();
  const gboolean is_grad = id == CCS_KERNEL_max_pool_grad;
  const CcsOperand *x = &kernel->in[0], *y = &kernel->out[0];
  const gsize n = ccs_shape_elements (&y->shape);
  CcsLaunch *launch = ccs_steps_add_threads (steps, id, n);

  launch->params.max_pool = (CcsPoolParams){
    .x = x->data,
    .where = is_grad ? kernel->in[1].data : NULL,
    .y = y->data,
    .where_out = is_grad ? NULL : kernel->out[1].data,
    .n = n,
    .channels = y->shape.dim[3],
    .in_h = x->shape.dim[1],
    .in_w = x->shape.dim[2],
    .out_h = y->shape.dim[1],
    .out_w = y->shape.dim[2],
    .kernel = kernel->op->attrs.pool.kernel,
    .stride = kernel->op->attrs.pool.stride,
    .pad = kernel->op->attrs.pool.pad,
    .x_element = ccs_device_element (x->dtype),
    .y_element = ccs_device_element (y->dtype),
  };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_max_pool (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
                  GError **error)
{
  return prepare_pool (kernel, CCS_KERNEL_max_pool);
}

static gboolean
prepare_max_pool_grad (CcsCuda *cuda, CcsKernel *kernel,
                       const CcsKernelHints *hints, GError **error)
{
  return prepare_pool (kernel, CCS_KERNEL_max_pool_grad);
}

static gboolean
prepare_resize (CcsKernel *kernel, CcsKernelId id)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *x = &kernel->in[0], *y = &kernel->out[0];
  const gsize n = ccs_shape_elements (&y->shape);
  CcsLaunch *launch = ccs_steps_add_threads (steps, id, n);

  launch->params.resize_rows = (CcsResizeParams){
    .x = ccs_floats (x),
    .y = ccs_floats (y),
    .n = n,
    .columns = y->shape.dim[2] * y->shape.dim[3],
    .in_h = x->shape.dim[1],
    .out_h = y->shape.dim[1],
  };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_resize_rows (CcsCuda *cuda, CcsKernel *kernel,
                     const CcsKernelHints *hints, GError **error)
{
  return prepare_resize (kernel, CCS_KERNEL_resize_rows);
}

static gboolean
prepare_resize_rows_grad (CcsCuda *cuda, CcsKernel *kernel,
                          const CcsKernelHints *hints, GError **error)
{
  return prepare_resize (kernel, CCS_KERNEL_resize_rows_grad);
}

/* @signal [B,n], @frames [B,frames,window]: one is read, the other written. */
static gboolean
move_frames (CcsKernel *kernel, CcsKernelId id, const CcsOperand *signal,
             const CcsOperand *frames)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *x = &kernel->in[0], *y = &kernel->out[0];
  const gsize n = ccs_shape_elements (&y->shape);
  CcsLaunch *launch = ccs_steps_add_threads (steps, id, n);

  launch->params.frame = (CcsFrameParams){
    .x = ccs_floats (x),
    .y = ccs_floats (y),
    .n = n,
    .samples = signal->shape.dim[1],
    .frames = frames->shape.dim[1],
    .window = frames->shape.dim[2],
    .hop = kernel->op->attrs.frame.hop,
    .pad = kernel->op->attrs.frame.pad,
    .x_pitch = x->pitch,
    .y_pitch = y->pitch,
    .reflect = kernel->op->attrs.frame.mode == CCS_PAD_REFLECT,
  };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

static gboolean
prepare_frame (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
               GError **error)
{
  return move_frames (kernel, CCS_KERNEL_frame, &kernel->in[0],
                      &kernel->out[0]);
}

static gboolean
prepare_overlap_add (CcsCuda *cuda, CcsKernel *kernel,
                     const CcsKernelHints *hints, GError **error)
{
  return move_frames (kernel, CCS_KERNEL_overlap_add, &kernel->out[0],
                      &kernel->in[0]);
}

static gboolean
prepare_level (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
               GError **error)
{
  CcsSteps *steps = ccs_steps_new ();
  const CcsOperand *x = &kernel->in[0], *out = kernel->out;
  CcsLaunch *launch = ccs_steps_add (steps, CCS_KERNEL_level, x->shape.dim[0]);

  launch->shared = ROW_SHARED;
  launch->params.level = (CcsLevelParams){
    .x = ccs_floats (x),
    .y = ccs_floats (&out[0]),
    .gain = ccs_floats (&out[1]),
    .samples = x->shape.dim[1],
    .x_pitch = x->pitch,
    .y_pitch = out[0].pitch,
    .gain_pitch = out[1].pitch,
    .target = kernel->op->attrs.level.target,
    .floor = kernel->op->attrs.level.floor,
  };
  ccs_steps_finish (steps, kernel, 0);
  return TRUE;
}

const CcsCudaKernel ccs_cuda_sample_kernels[] = {
  { CCS_OP_MAX_POOL, prepare_max_pool },
  { CCS_OP_MAX_POOL_GRAD, prepare_max_pool_grad },
  { CCS_OP_RESIZE_ROWS, prepare_resize_rows },
  { CCS_OP_RESIZE_ROWS_GRAD, prepare_resize_rows_grad },
  { CCS_OP_FRAME, prepare_frame },
  { CCS_OP_OVERLAP_ADD, prepare_overlap_add },
  { CCS_OP_LEVEL, prepare_level },
  { 0 },
};
