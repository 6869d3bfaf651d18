/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gives the CUDA module's convolution graphs to cuDNN for a GPU that is only
 * described: cuDNN reports the engines that support a graph, and compiles a
 * plan. Skipped without cuDNN. */
#include <stdio.h>

#include "../suite.h"
#include "described-gpu.h"

static CcsGpu gpu;

/* The files that make the graphs need these functions. They are not called,
 * because no graph is run. */
void
ccs_gpu_fail (CcsCuda *cuda, char *message)
{
  g_free (message);
}

void
ccs_cuda_launch (CcsCuda *cuda, const CcsLaunch *launch)
{
}

CUcontext
ccs_gpu_enter (CcsGpu *self)
{
  return NULL;
}

void
ccs_gpu_leave (CcsGpu *self, CUcontext outer)
{
}

/* -- convolutions ---------------------------------------------------------- */

/* Memory that is never read: only its address and alignment matter. */
static float memory[64] __attribute__ ((aligned (64)));

typedef struct
{
  const char *name;
  gint64 batch, size, in, out; /* square image; channels */
  gint kernel, stride, pad, dilation;
} Geometry;

/* The kinds of convolutions in the net, with small batches. */
static const Geometry geometries[] = {
  { "stem 7x7", 2, 224, 3, 64, 7, 2, 3, 1 },
  { "3x3", 2, 28, 64, 64, 3, 1, 1, 1 },
  { "3x3 stride 2", 2, 28, 64, 128, 3, 2, 1, 1 },
  { "1x1 stride 2", 2, 28, 64, 128, 1, 2, 0, 1 },
  { "3x3 dilated", 2, 14, 128, 64, 3, 1, 6, 6 },
  { "4x4 stride 2", 2, 64, 2, 64, 4, 2, 1, 1 },
  { "odd channels", 2, 16, 98, 64, 3, 1, 1, 1 },
};

static CcsOperand
image_of (gint64 batch, gint64 size, gint64 channels)
{
  return (CcsOperand){ memory, CCS_F32, CCS_SHAPE (batch, size, size, channels),
                       channels };
}

static CcsKernel
kernel_of (const Geometry *g, CcsOp *op)
{
  const gint64 small
      = (g->size + 2 * g->pad - g->dilation * (g->kernel - 1) - 1) / g->stride
        + 1;
  const CcsOperand large_image = image_of (g->batch, g->size, g->in);
  const CcsOperand small_image = image_of (g->batch, small, g->out);
  const CcsOperand filter
      = { memory, CCS_F32, CCS_SHAPE (g->out, g->kernel, g->kernel, g->in),
          g->in };
  CcsKernel kernel = { .op = op, .row = ccs_op_row (op->kind) };

  op->attrs.conv.stride = g->stride;
  op->attrs.conv.pad = g->pad;
  op->attrs.conv.dilation = g->dilation;
  kernel.in[0] = large_image;
  kernel.in[1] = filter;
  kernel.out[0] = small_image;
  if (op->kind == CCS_OP_CONV_TRANSPOSE2D) {
    kernel.in[0] = small_image;
    kernel.out[0] = large_image;
  } else if (op->kind == CCS_OP_CONV2D_WEIGHT_GRAD) {
    kernel.in[1] = small_image;
    kernel.out[0] = filter;
  }
  return kernel;
}

/* Compiles a kernel. Returns whether the call includes the epilogue. */
static gboolean
compile (const CcsKernel *kernel, const char *name)
{
  static const CcsKernelHints no_hints;
  g_autoptr (CcsSteps) steps = ccs_steps_new ();
  g_autoptr (GError) error = NULL;
  CcsCallSite site;
  CcsCall call = { NULL };

  ck_assert (
      ccs_steps_site_conv (steps, &gpu.base, kernel, &no_hints, &site, &error));
  if (!ccs_cuda_call_conv (&gpu.base, &site, &call, &error))
    ck_abort_msg ("%s, %s: %s", kernel->row->name, name, error->message);
  ck_assert_ptr_nonnull (call.run);
  call.free_state (call.state);
  return call.epilogue;
}

static void
compile_kind (CcsOpKind kind, const Geometry *g)
{
  CcsOp op = { .kind = kind };
  CcsKernel kernel = kernel_of (g, &op);

  compile (&kernel, g->name);
}

START_TEST (strict_fp32_has_an_engine_forward)
{
  gpu.base.base.precision = CCS_PRECISION_FP32;
  compile_kind (CCS_OP_CONV2D, &geometries[_i]);
}
END_TEST

START_TEST (strict_fp32_has_an_engine_for_data_gradients)
{
  gpu.base.base.precision = CCS_PRECISION_FP32;
  compile_kind (CCS_OP_CONV_TRANSPOSE2D, &geometries[_i]);
}
END_TEST

START_TEST (strict_fp32_has_an_engine_for_filter_gradients)
{
  gpu.base.base.precision = CCS_PRECISION_FP32;
  compile_kind (CCS_OP_CONV2D_WEIGHT_GRAD, &geometries[_i]);
}
END_TEST

START_TEST (tf32_has_an_engine_forward)
{
  gpu.base.base.precision = CCS_PRECISION_TF32;
  compile_kind (CCS_OP_CONV2D, &geometries[_i]);
}
END_TEST

/* In 16-bit precisions each kind of convolution has a precompiled engine. */
START_TEST (half_precisions_have_engines_for_all_kinds)
{
  static const CcsPrecision precisions[]
      = { CCS_PRECISION_BF16, CCS_PRECISION_FP16 };

  for (guint i = 0; i < G_N_ELEMENTS (precisions); i++) {
    gpu.base.base.precision = precisions[i];
    compile_kind (CCS_OP_CONV2D, &geometries[_i]);
    compile_kind (CCS_OP_CONV_TRANSPOSE2D, &geometries[_i]);
    compile_kind (CCS_OP_CONV2D_WEIGHT_GRAD, &geometries[_i]);
  }
}
END_TEST

/* Bias and ReLU are fused in strict fp32 as well. */
START_TEST (bias_and_relu_are_fused)
{
  CcsOp op = { .kind = CCS_OP_CONV2D, .attrs.conv.act = CCS_RELU };
  CcsKernel kernel = kernel_of (&geometries[1], &op);

  gpu.base.base.precision = CCS_PRECISION_FP32;
  kernel.in[2] = (CcsOperand){ memory, CCS_F32, CCS_SHAPE (64), 64 };
  ck_assert (compile (&kernel, "bias and relu"));
}
END_TEST

START_TEST (residual_bias_and_relu_are_fused)
{
  CcsOp op = { .kind = CCS_OP_CONV2D, .attrs.conv.act = CCS_RELU };
  CcsKernel kernel = kernel_of (&geometries[1], &op);

  gpu.base.base.precision = CCS_PRECISION_FP32;
  kernel.in[2] = (CcsOperand){ memory, CCS_F32, CCS_SHAPE (64), 64 };
  kernel.in[3] = kernel.out[0];
  ck_assert (compile (&kernel, "residual, bias and relu"));
}
END_TEST

/* If all values have 16 bits, a precompiled engine also fuses the residual. */
START_TEST (residual_bias_and_relu_are_fused_in_half_precisions)
{
  static const struct
  {
    CcsPrecision precision;
    CcsDType dtype;
  } types[]
      = { { CCS_PRECISION_BF16, CCS_BF16 }, { CCS_PRECISION_FP16, CCS_F16 } };
  CcsOp op = { .kind = CCS_OP_CONV2D, .attrs.conv.act = CCS_RELU };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    CcsKernel kernel = kernel_of (&geometries[1], &op);

    gpu.base.base.precision = types[i].precision;
    kernel.in[0].dtype = kernel.out[0].dtype = types[i].dtype;
    kernel.in[2] = (CcsOperand){ memory, types[i].dtype, CCS_SHAPE (64), 64 };
    kernel.in[3] = kernel.out[0];
    ck_assert (compile (&kernel, "residual, bias and relu"));
  }
}
END_TEST

/* The input is a view of wider rows, which starts four bytes after an
 * aligned address. */
START_TEST (rows_apart_have_an_engine)
{
  CcsOp op = { .kind = CCS_OP_CONV2D };
  CcsKernel kernel = kernel_of (&geometries[1], &op);

  gpu.base.base.precision = CCS_PRECISION_FP32;
  kernel.in[0].pitch += 5;
  kernel.in[0].data = memory + 1;
  kernel.out[0].pitch += 3;
  kernel.out[0].data = memory + 1;
  compile (&kernel, "rows apart");
}
END_TEST

static Suite *
cudnn_suite (void)
{
  Suite *suite = suite_create ("cudnn");
  TCase *engines = tcase_create ("engines");
  const int n = G_N_ELEMENTS (geometries);

  tcase_add_loop_test (engines, strict_fp32_has_an_engine_forward, 0, n);
  tcase_add_loop_test (engines, strict_fp32_has_an_engine_for_data_gradients, 0,
                       n);
  tcase_add_loop_test (engines, strict_fp32_has_an_engine_for_filter_gradients,
                       0, n);
  tcase_add_loop_test (engines, tf32_has_an_engine_forward, 0, n);
  tcase_add_loop_test (engines, half_precisions_have_engines_for_all_kinds, 0,
                       n);
  tcase_add_test (engines, bias_and_relu_are_fused);
  tcase_add_test (engines, residual_bias_and_relu_are_fused);
  tcase_add_test (engines, residual_bias_and_relu_are_fused_in_half_precisions);
  tcase_add_test (engines, rows_apart_have_an_engine);
  suite_add_tcase (suite, engines);
  return suite;
}

int
main (void)
{
  const char *reason = ccs_describe_gpu (&gpu);

  if (reason) {
    printf ("1..0 # SKIP %s\n", reason);
    return EXIT_SUCCESS;
  }
  ccs_cuda_set_host (&ccs_backend_host, NULL);
  return run_suite (cudnn_suite ());
}
