/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Convolutions and matrix products in libraries, with own kernels for bias,
 * residual and activation if the library does not include them; attention. */
#include "cuda-backend.h"

#include <math.h>

/* Shared memory per block that every device supports without an attribute. */
#define MAX_SHARED (48 * 1024)

/* Appends y = act (y + bias + residual) for the site's result, if there is any
 * of them. */
static void
add_epilogue (CcsSteps *steps, const CcsCallSite *site, const CcsOperand *bias,
              const CcsOperand *residual, CcsAct act)
{
  const CcsOperand *y = &site->out.operand;

  if (bias->data == NULL && residual->data == NULL && act.kind == CCS_ACT_NONE)
    return;
  if (y->dtype == CCS_F32)
    ccs_steps_elementwise (steps, CCS_EW_EPILOGUE, y, bias, residual, y)->act
        = ccs_device_act_of (act);
  else
    ccs_steps_widen (steps, site, bias, residual, act);
}

static gboolean
prepare_conv (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
              const CcsOperand *bias, const CcsOperand *residual, CcsAct act,
              GError **error)
{
  g_autoptr (CcsSteps) steps = ccs_steps_new ();
  CcsCallSite site;

  if (!ccs_steps_site_conv (steps, cuda, kernel, hints, &site, error)
      || !ccs_cuda_call_conv (cuda, &site, &steps->call, error))
    return FALSE;
  steps->before = steps->launches->len;
  if (site.out.in_scratch)
    ccs_steps_widen (steps, &site, bias, residual, act);
  else if (!steps->call.epilogue)
    add_epilogue (steps, &site, bias, residual, act);
  ccs_steps_finish (g_steal_pointer (&steps), kernel, site.scratch);
  return TRUE;
}

static const CcsOperand absent;

static gboolean
prepare_conv2d (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  return prepare_conv (cuda, kernel, hints, &kernel->in[2], &kernel->in[3],
                       kernel->op->attrs.conv.act, error);
}

static gboolean
prepare_conv_transpose2d (CcsCuda *cuda, CcsKernel *kernel,
                          const CcsKernelHints *hints, GError **error)
{
  return prepare_conv (cuda, kernel, hints, &kernel->in[2], &absent,
                       kernel->op->attrs.conv.act, error);
}

static gboolean
prepare_conv2d_weight_grad (CcsCuda *cuda, CcsKernel *kernel,
                            const CcsKernelHints *hints, GError **error)
{
  return prepare_conv (cuda, kernel, hints, &absent, &absent, CCS_NO_ACT,
                       error);
}

static gboolean
prepare_matmul (CcsCuda *cuda, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  g_autoptr (CcsSteps) steps = ccs_steps_new ();
  CcsCallSite site;

  if (!ccs_steps_site_matmul (steps, cuda, kernel, hints, &site, error)
      || !ccs_cuda_call_matmul (cuda, &site, &steps->call, error))
    return FALSE;
  steps->before = steps->launches->len;
  if (!steps->call.epilogue)
    add_epilogue (steps, &site, &kernel->in[2], &absent,
                  kernel->op->attrs.matmul.act);
  ccs_steps_finish (g_steal_pointer (&steps), kernel, site.scratch);
  return TRUE;
}

/* -- attention ------------------------------------------------------------- */

static CcsAttentionParams
attention_params (const CcsKernel *kernel, const CcsOperand *qkv)
{
  const CcsOperand *q = &qkv[0], *k = &qkv[1], *v = &qkv[2];
  const gint heads = kernel->op->attrs.attention.heads;
  const gint d = q->shape.dim[2] / heads;

  return (CcsAttentionParams){
    .q = ccs_floats (q),
    .k = ccs_floats (k),
    .v = ccs_floats (v),
    .q_pitch = q->pitch,
    .k_pitch = k->pitch,
    .v_pitch = v->pitch,
    .heads = heads,
    .tq = q->shape.dim[1],
    .tk = k->shape.dim[1],
    .d = d,
    .scale = 1. / sqrt ((double)d),
  };
}

/* Appends a launch with one block for each query and head. */
static CcsLaunch *
add_queries (CcsSteps *steps, CcsKernelId id, const CcsKernel *kernel,
             const CcsAttentionParams *p, GError **error)
{
  CcsLaunch *launch = ccs_steps_add (
      steps, id, kernel->in[0].shape.dim[0] * p->heads * p->tq);

  launch->shared = (CCS_BLOCK_THREADS + 1) * sizeof (double)
                   + (gsize)p->tk * sizeof (float);
  launch->params.attention = *p;
  if (launch->shared <= MAX_SHARED)
    return launch;
  ccs_cuda_host->op_shape_error (
      kernel->op, error, "%d keys are more than the GPU takes in one block",
      p->tk);
  return NULL;
}

static gboolean
prepare_attention (CcsCuda *cuda, CcsKernel *kernel,
                   const CcsKernelHints *hints, GError **error)
{
  g_autoptr (CcsSteps) steps = ccs_steps_new ();
  CcsAttentionParams p = attention_params (kernel, kernel->in);

  p.o = ccs_floats (&kernel->out[0]);
  p.o_pitch = kernel->out[0].pitch;
  p.p = ccs_floats (&kernel->out[1]);
  p.p_pitch = kernel->out[1].pitch;
  if (!add_queries (steps, CCS_KERNEL_attention, kernel, &p, error))
    return FALSE;
  ccs_steps_finish (g_steal_pointer (&steps), kernel, 0);
  return TRUE;
}

/* do, q, k, v, p -> dq, dk, dv */
static gboolean
prepare_attention_grad (CcsCuda *cuda, CcsKernel *kernel,
                        const CcsKernelHints *hints, GError **error)
{
  g_autoptr (CcsSteps) steps = ccs_steps_new ();
  const CcsOperand *in = kernel->in, *out = kernel->out;
  CcsAttentionParams p = attention_params (kernel, in + 1);
  CcsLaunch *launch;

  p.dout = ccs_floats (&in[0]);
  p.do_pitch = in[0].pitch;
  p.p_in = ccs_floats (&in[4]);
  p.p_pitch = in[4].pitch;
  p.dq = ccs_floats (&out[0]);
  p.dk = ccs_floats (&out[1]);
  p.dv = ccs_floats (&out[2]);
  p.dq_pitch = out[0].pitch;
  p.dk_pitch = out[1].pitch;
  p.dv_pitch = out[2].pitch;
  launch = add_queries (steps, CCS_KERNEL_attention_grad, kernel, &p, error);
  if (launch == NULL)
    return FALSE;
  launch->scratch = TRUE;
  if (p.dk || p.dv) {
    launch = ccs_steps_add (steps, CCS_KERNEL_attention_grad_keys,
                            in[0].shape.dim[0] * p.heads * p.tk);
    launch->scratch = TRUE;
    launch->params.attention_grad_keys = p;
  }
  ccs_steps_finish (g_steal_pointer (&steps), kernel,
                    ccs_shape_elements (&in[4].shape) * sizeof (float));
  return TRUE;
}

const CcsCudaKernel ccs_cuda_product_kernels[] = {
  { CCS_OP_CONV2D, prepare_conv2d },
  { CCS_OP_CONV_TRANSPOSE2D, prepare_conv_transpose2d },
  { CCS_OP_CONV2D_WEIGHT_GRAD, prepare_conv2d_weight_grad },
  { CCS_OP_MATMUL, prepare_matmul },
  { CCS_OP_ATTENTION, prepare_attention },
  { CCS_OP_ATTENTION_GRAD, prepare_attention_grad },
  { 0 },
};
