/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operands of calls in precisions with 16-bit factors. A float32 factor is
 * converted into scratch before every call, or once for all plans if it is
 * constant. Channels are padded to the width of tensor core loads. Results of
 * convolutions have 16 bits, too: for float32 results cuDNN has only engines
 * that it compiles for every graph, which takes half a second to two each. */
#include "cuda-backend.h"

#include <string.h>

#include "../../nn/passes.h"

/* A 16-bit value can be a factor without conversion. */
G_STATIC_ASSERT (CCS_PASS_NARROW_CHANNELS % CCS_NARROW_CHANNELS == 0);

/* Alignment of operands in scratch: as of GPU allocations. */
#define OPERAND_ALIGNMENT 256

static gboolean
narrows (const CcsCuda *cuda)
{
  return cuda->base.precision == CCS_PRECISION_BF16
         || cuda->base.precision == CCS_PRECISION_FP16;
}

static CcsDType
narrow_dtype (const CcsCuda *cuda)
{
  return cuda->base.precision == CCS_PRECISION_BF16 ? CCS_BF16 : CCS_F16;
}

static gint64
filled (gint64 channels)
{
  return (channels + CCS_NARROW_CHANNELS - 1) / CCS_NARROW_CHANNELS
         * CCS_NARROW_CHANNELS;
}

static void
put_in_scratch (CcsCallSite *site, CcsCallOperand *x, gsize bytes)
{
  x->operand.data = NULL;
  x->in_scratch = TRUE;
  x->at = site->scratch;
  site->scratch += (bytes + OPERAND_ALIGNMENT - 1) / OPERAND_ALIGNMENT
                   * OPERAND_ALIGNMENT;
}

/* -- factors --------------------------------------------------------------- */

/* Fills a constant with a launch, whose target it sets. */
static gboolean
launch_into (CcsBackend *backend, gpointer user, void *to, GError **error)
{
  CcsCuda *cuda = (CcsCuda *)backend;
  CcsLaunch *launch = user;

  launch->params.narrow.y = to;
  ccs_cuda_launch (cuda, launch);
  if (!cuda->failure)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "a constant in 16 bits: %s",
               cuda->failure);
  g_clear_pointer (&cuda->failure, g_free);
  return FALSE;
}

/* Removes @launch from @steps and makes its result for @tensor a constant. */
static gboolean
use_constant (CcsSteps *steps, CcsCuda *cuda, CcsTensor *tensor,
              const CcsLaunch *launch, gsize bytes, CcsCallOperand *factor,
              GError **error)
{
  const CcsNarrowParams *p = &launch->params.narrow;
  const guint32 what[] = { 'n', p->element, p->n, p->eights, p->rows };
  g_autoptr (GBytes) key = g_bytes_new (what, sizeof what);
  CcsLaunch once = *launch;
  CcsConstant *constant = ccs_cuda_host->constant_get (
      &cuda->base, tensor, key, bytes, launch_into, &once, error);

  g_array_set_size (steps->launches, steps->launches->len - 1);
  if (constant == NULL)
    return FALSE;
  g_ptr_array_add (steps->constants, constant);
  factor->operand.data = constant->data;
  return TRUE;
}

/* Returns whether rows of @x (which may be missing) are aligned for four
 * elements. */
static gboolean
stands_in_fours (const CcsOperand *x)
{
  return x->data == NULL
         || (x->pitch % 4 == 0
             && (gsize)x->data % (4 * ccs_dtype_size (x->dtype)) == 0);
}

/* Makes @factor a 16-bit copy of @x with the dimensions of @shape, of which the
 * first and the last may be larger, in dense rows of @pitch elements. */
static gboolean
add_factor (CcsSteps *steps, CcsCuda *cuda, const CcsOperand *x,
            const CcsShape *shape, gint64 pitch, CcsTensor *constant,
            CcsCallSite *site, CcsCallOperand *factor, GError **error)
{
  const CcsDType dtype = narrow_dtype (cuda);
  const gint64 eights = pitch / CCS_NARROW_CHANNELS;
  const gint64 n = ccs_shape_rows (shape) * eights;
  const gsize bytes = n * sizeof (CcsEight);
  CcsLaunch *launch = ccs_steps_add_threads (steps, CCS_KERNEL_narrow, n);

  factor->operand = (CcsOperand){ NULL, dtype, *shape, pitch };
  launch->params.narrow = (CcsNarrowParams){
    .x = ccs_floats (x),
    .n = n,
    .eights = eights,
    .rows = ccs_shape_rows (&x->shape),
    .channels = ccs_shape_channels (&x->shape),
    .pitch = x->pitch,
    .in_fours = stands_in_fours (x),
    .element = ccs_device_element (dtype),
  };
  if (constant)
    return use_constant (steps, cuda, constant, launch, bytes, factor, error);
  put_in_scratch (site, factor, bytes);
  launch->scratch = TRUE;
  launch->params.narrow.at = factor->at;
  return TRUE;
}

static void
site_init (CcsCallSite *site, const CcsKernel *kernel)
{
  memset (site, 0, sizeof *site);
  site->kernel = kernel;
  site->in[0].operand = kernel->in[0];
  site->in[1].operand = kernel->in[1];
  site->out.operand = kernel->out[0];
  if (kernel->op->kind == CCS_OP_CONV2D)
    site->bias = kernel->in[2];
}

/* -- convolutions ---------------------------------------------------------- */

/* Returns the shape with padded channels: the last dimension, and the first of
 * a filter. */
static CcsShape
filled_shape (const CcsShape *shape, gboolean is_filter)
{
  CcsShape result = *shape;

  result.dim[3] = filled (result.dim[3]);
  if (is_filter)
    result.dim[0] = filled (result.dim[0]);
  return result;
}

/* Prepares the bias for a call with a 16-bit result. */
static gboolean
add_bias (CcsSteps *steps, CcsCuda *cuda, const CcsKernelHints *hints,
          CcsCallSite *site, GError **error)
{
  const CcsOperand *bias = &site->bias;
  CcsCallOperand narrow;

  if (bias->data == NULL || hints->constant[2] == NULL)
    return TRUE;
  if (!add_factor (steps, cuda, bias, &bias->shape, bias->pitch,
                   hints->constant[2], site, &narrow, error))
    return FALSE;
  site->bias = narrow.operand;
  return TRUE;
}

gboolean
ccs_steps_site_conv (CcsSteps *steps, CcsCuda *cuda, const CcsKernel *kernel,
                     const CcsKernelHints *hints, CcsCallSite *site,
                     GError **error)
{
  const gboolean makes_filter = kernel->op->kind == CCS_OP_CONV2D_WEIGHT_GRAD;
  const CcsOperand *out = &kernel->out[0];
  CcsShape shape;

  site_init (site, kernel);
  if (!narrows (cuda))
    return TRUE;
  for (guint i = 0; i < 2; i++) {
    if (kernel->in[i].dtype != CCS_F32)
      continue;
    shape = filled_shape (&kernel->in[i].shape, i == 1 && !makes_filter);
    if (!add_factor (steps, cuda, &kernel->in[i], &shape, shape.dim[3],
                     hints->constant[i], site, &site->in[i], error))
      return FALSE;
  }
  if (out->dtype != CCS_F32)
    return add_bias (steps, cuda, hints, site, error);
  shape = filled_shape (&out->shape, makes_filter);
  site->out.operand
      = (CcsOperand){ NULL, narrow_dtype (cuda), shape, shape.dim[3] };
  put_in_scratch (site, &site->out,
                  ccs_shape_elements (&shape)
                      * ccs_dtype_size (site->out.operand.dtype));
  return TRUE;
}

void
ccs_steps_widen (CcsSteps *steps, const CcsCallSite *site,
                 const CcsOperand *bias, const CcsOperand *residual, CcsAct act)
{
  const CcsOperand *x = &site->out.operand, *y = &site->kernel->out[0];
  const gint64 channels = ccs_shape_channels (&y->shape);
  const gboolean in_fours = channels % 4 == 0 && stands_in_fours (y)
                            && stands_in_fours (residual)
                            && (gsize)bias->data % sizeof (float[4]) == 0;
  const gint width = in_fours ? 4 : 1;
  const gsize n = ccs_shape_elements (&y->shape) / width;
  CcsLaunch *launch = ccs_steps_add_threads (steps, CCS_KERNEL_widen, n);

  launch->scratch = TRUE;
  launch->params.widen = (CcsWidenParams){
    .x = x->data,
    .at = site->out.at,
    .bias = ccs_floats (bias),
    .residual = residual->data,
    .y = y->data,
    .n = n,
    .channels = channels / width,
    .x_pitch = x->pitch / width,
    .y_pitch = y->pitch / width,
    .residual_pitch = residual->pitch / width,
    .in_fours = in_fours,
    .x_element = ccs_device_element (x->dtype),
    .residual_element = ccs_device_element (residual->dtype),
    .y_element = ccs_device_element (y->dtype),
    .act = ccs_device_act_of (act),
  };
}

/* -- matrix products ------------------------------------------------------- */

gboolean
ccs_steps_site_matmul (CcsSteps *steps, CcsCuda *cuda, const CcsKernel *kernel,
                       const CcsKernelHints *hints, CcsCallSite *site,
                       GError **error)
{
  site_init (site, kernel);
  for (guint i = 0; i < 2 && narrows (cuda); i++) {
    const CcsOperand *x = &kernel->in[i];

    if (!add_factor (steps, cuda, x, &x->shape,
                     filled (ccs_shape_channels (&x->shape)),
                     hints->constant[i], site, &site->in[i], error))
      return FALSE;
  }
  return TRUE;
}
