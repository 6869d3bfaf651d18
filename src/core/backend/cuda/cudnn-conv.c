/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Convolutions as cuDNN graphs: forward, fused with residual, bias and
 * activation if an engine supports that; data gradient; filter gradient. */
#include "cudnn-graph.h"

/* Ids of the tensors in a graph; virtual tensors follow. */
enum
{
  UID_IMAGE = 1, /* the larger image */
  UID_FILTER,
  UID_RESULT, /* the smaller image */
  UID_RESIDUAL,
  UID_BIAS,
  UID_VIRTUAL
};

/* A graph that is being built, and the memory of its tensors. */
typedef struct
{
  CcsCudnnGraph graph;
  CcsCudnnMemory memory;
  gint64 next_virtual;
} Conv;

/* Describes [N,H,W,C] as N C H W with strides. */
static CcsCudnnShape
nhwc_shape (const CcsOperand *x)
{
  const gint64 *dim = x->shape.dim;

  return (CcsCudnnShape){ { dim[0], dim[3], dim[1], dim[2] },
                          { dim[1] * dim[2] * x->pitch, 1, dim[2] * x->pitch,
                            x->pitch } };
}

/* Returns the alignment of @x, at most 16 bytes: engines use no wider vector
 * loads. Scratch memory has a larger alignment. */
static gint64
alignment_of (const CcsCallOperand *x)
{
  const gsize place = x->in_scratch ? x->at : (gsize)x->operand.data;
  gint64 alignment = 16;

  while (place % alignment != 0)
    alignment /= 2;
  return alignment;
}

static cudnnBackendDescriptor_t
tensor_of (Conv *self, gint64 uid, const CcsCudnnShape *shape,
           const CcsCallOperand *x)
{
  CcsCudnnMemory *memory = &self->memory;

  memory->uids[memory->n] = uid;
  memory->operands[memory->n++] = *x;
  return ccs_cudnn_tensor (&self->graph, uid, x->operand.dtype, shape,
                           alignment_of (x));
}

static cudnnBackendDescriptor_t
image_of (Conv *self, gint64 uid, const CcsCallOperand *x)
{
  const CcsCudnnShape shape = nhwc_shape (&x->operand);

  return tensor_of (self, uid, &shape, x);
}

static cudnnBackendDescriptor_t
virtual_like (Conv *self, const CcsOperand *y)
{
  const CcsCudnnShape shape = nhwc_shape (y);

  return ccs_cudnn_tensor (&self->graph, self->next_virtual++, CCS_F32, &shape,
                           0);
}

static cudnnBackendDescriptor_t
make_convolution (Conv *self, const CcsOp *op)
{
  const cudnnDataType_t type = CUDNN_DATA_FLOAT;
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const gint64 n = 2, stride = op->attrs.conv.stride;
  const gint64 pad = op->attrs.conv.pad, dilation = op->attrs.conv.dilation;
  const gint64 strides[] = { stride, stride }, pads[] = { pad, pad };
  const gint64 dilations[] = { dilation, dilation };
  CcsCudnnGraph *graph = &self->graph;
  cudnnBackendDescriptor_t conv
      = ccs_cudnn_make (graph, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);

  ccs_cudnn_set (graph, conv, CUDNN_ATTR_CONVOLUTION_COMP_TYPE,
                 CUDNN_TYPE_DATA_TYPE, 1, &type);
  ccs_cudnn_set (graph, conv, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
                 CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  ccs_cudnn_set (graph, conv, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS,
                 CUDNN_TYPE_INT64, 1, &n);
  ccs_cudnn_set (graph, conv, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES,
                 CUDNN_TYPE_INT64, n, strides);
  ccs_cudnn_set (graph, conv, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS,
                 CUDNN_TYPE_INT64, n, pads);
  ccs_cudnn_set (graph, conv, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS,
                 CUDNN_TYPE_INT64, n, pads);
  ccs_cudnn_set (graph, conv, CUDNN_ATTR_CONVOLUTION_DILATIONS,
                 CUDNN_TYPE_INT64, n, dilations);
  ccs_cudnn_finalize (graph, conv);
  return conv;
}

/* The names of the attributes for the three directions. */
typedef struct
{
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t conv, image, filter, result, alpha, beta;
} Direction;

static const Direction forward
    = { CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA };
static const Direction data_gradient
    = { CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA };
static const Direction filter_gradient
    = { CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA };

static void
add_convolution (Conv *self, const CcsOp *op, const Direction *direction,
                 cudnnBackendDescriptor_t image,
                 cudnnBackendDescriptor_t filter,
                 cudnnBackendDescriptor_t result)
{
  const float one = 1.f, zero = 0.f;
  CcsCudnnGraph *graph = &self->graph;
  cudnnBackendDescriptor_t conv = make_convolution (self, op);
  cudnnBackendDescriptor_t operation = ccs_cudnn_make (graph, direction->type);

  ccs_cudnn_set (graph, operation, direction->conv,
                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &conv);
  ccs_cudnn_set (graph, operation, direction->image,
                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &image);
  ccs_cudnn_set (graph, operation, direction->filter,
                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &filter);
  ccs_cudnn_set (graph, operation, direction->result,
                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &result);
  ccs_cudnn_set (graph, operation, direction->alpha, CUDNN_TYPE_FLOAT, 1, &one);
  ccs_cudnn_set (graph, operation, direction->beta, CUDNN_TYPE_FLOAT, 1, &zero);
  ccs_cudnn_add_operation (graph, operation);
}

/* Adds y = @mode (x, b); @b is NULL for an activation. */
static void
add_pointwise (Conv *self, cudnnPointwiseMode_t mode,
               cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t b,
               cudnnBackendDescriptor_t y)
{
  const cudnnDataType_t type = CUDNN_DATA_FLOAT;
  CcsCudnnGraph *graph = &self->graph;
  cudnnBackendDescriptor_t pointwise
      = ccs_cudnn_make (graph, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  cudnnBackendDescriptor_t operation;

  ccs_cudnn_set (graph, pointwise, CUDNN_ATTR_POINTWISE_MODE,
                 CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  ccs_cudnn_set (graph, pointwise, CUDNN_ATTR_POINTWISE_MATH_PREC,
                 CUDNN_TYPE_DATA_TYPE, 1, &type);
  ccs_cudnn_finalize (graph, pointwise);
  operation
      = ccs_cudnn_make (graph, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  ccs_cudnn_set (graph, operation, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR,
                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &pointwise);
  ccs_cudnn_set (graph, operation, CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &x);
  if (b)
    ccs_cudnn_set (graph, operation, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
                   CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &b);
  ccs_cudnn_set (graph, operation, CUDNN_ATTR_OPERATION_POINTWISE_YDESC,
                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &y);
  ccs_cudnn_add_operation (graph, operation);
}

/* Builds a graph of the convolution alone. */
static void
build_plain (Conv *self, const CcsCallSite *site)
{
  const CcsOp *op = site->kernel->op;
  const Direction *direction = &forward;
  const CcsCallOperand *image = &site->in[0], *filter = &site->in[1];
  const CcsCallOperand *result = &site->out;
  cudnnBackendDescriptor_t image_tensor, filter_tensor, result_tensor;

  if (op->kind == CCS_OP_CONV_TRANSPOSE2D) {
    direction = &data_gradient;
    image = &site->out;
    result = &site->in[0];
  } else if (op->kind == CCS_OP_CONV2D_WEIGHT_GRAD) {
    direction = &filter_gradient;
    filter = &site->out;
    result = &site->in[1];
  }
  image_tensor = image_of (self, UID_IMAGE, image);
  filter_tensor = image_of (self, UID_FILTER, filter);
  result_tensor = image_of (self, UID_RESULT, result);
  add_convolution (self, op, direction, image_tensor, filter_tensor,
                   result_tensor);
}

/* Builds a graph of CONV2D with its epilogue, in the order that cuDNN's fused
 * engines support: convolution, residual, bias, activation. All results but the
 * last are virtual tensors. */
static void
build_fused (Conv *self, const CcsCallSite *site)
{
  const CcsOp *op = site->kernel->op;
  const CcsCallOperand bias = { site->bias };
  const CcsCallOperand residual = { site->kernel->in[3] };
  const CcsOperand *y = &site->out.operand;
  const gboolean has_act = op->attrs.conv.act.kind != CCS_ACT_NONE;
  const gint64 channels = y->shape.dim[3];
  const CcsCudnnShape bias_shape
      = { { 1, channels, 1, 1 }, { channels, 1, channels, channels } };
  cudnnBackendDescriptor_t image = image_of (self, UID_IMAGE, &site->in[0]);
  cudnnBackendDescriptor_t filter = image_of (self, UID_FILTER, &site->in[1]);
  cudnnBackendDescriptor_t last = image_of (self, UID_RESULT, &site->out);
  cudnnBackendDescriptor_t sum = virtual_like (self, y), next;

  add_convolution (self, op, &forward, image, filter, sum);
  if (residual.operand.data) {
    next = bias.operand.data || has_act ? virtual_like (self, y) : last;
    add_pointwise (self, CUDNN_POINTWISE_ADD, sum,
                   image_of (self, UID_RESIDUAL, &residual), next);
    sum = next;
  }
  if (bias.operand.data) {
    next = has_act ? virtual_like (self, y) : last;
    add_pointwise (self, CUDNN_POINTWISE_ADD, sum,
                   tensor_of (self, UID_BIAS, &bias_shape, &bias), next);
    sum = next;
  }
  if (has_act)
    add_pointwise (self, CUDNN_POINTWISE_RELU_FWD, sum, NULL, last);
}

static cudnnStatus_t
try_conv (CcsGpu *gpu, const CcsCallSite *site,
          void (*build) (Conv *self, const CcsCallSite *site), CcsCall *call)
{
  Conv self = { .memory.scratch = site->scratch, .next_virtual = UID_VIRTUAL };
  cudnnStatus_t status;

  ccs_cudnn_graph_init (&self.graph, gpu->lib);
  build (&self, site);
  ccs_cudnn_plan (&self.graph, gpu, &self.memory, call);
  status = self.graph.status;
  ccs_cudnn_graph_clear (&self.graph);
  return status;
}

gboolean
ccs_cuda_call_conv (CcsCuda *cuda, const CcsCallSite *site, CcsCall *call,
                    GError **error)
{
  CcsGpu *gpu = (CcsGpu *)cuda;
  cudnnStatus_t status = CUDNN_STATUS_NOT_SUPPORTED;

  if (ccs_call_site_has_epilogue (site))
    status = try_conv (gpu, site, build_fused, call);
  call->epilogue = status == CUDNN_STATUS_SUCCESS;
  if (status != CUDNN_STATUS_SUCCESS)
    status = try_conv (gpu, site, build_plain, call);
  if (status == CUDNN_STATUS_SUCCESS)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_BACKEND, "%s: cuDNN: %s",
               site->kernel->row->name, gpu->lib->cudnnGetErrorString (status));
  return FALSE;
}
