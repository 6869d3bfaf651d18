/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Convolutions with oneDNN: forward, data gradient (the transposed convolution)
 * and filter gradient, on dense NHWC memory. Operands with a pitch are copied
 * to scratch. Taps that are always in the padding are left out. */
#include "conv.h"
#include "rows.h"

#include <string.h>

/* The used taps of a filter, along one axis. */
typedef struct
{
  gint first, count;
  gint pad_before, pad_after;
} Taps;

/* An activation for the primitive: its own memory if that is dense, else a
 * dense copy at an offset in scratch. */
typedef struct
{
  CcsOperand operand;
  int arg;
  gboolean staged;
  gsize at;
} Bound;

typedef struct
{
  CcsCpu *cpu;
  CcsDnnl main;
  CcsDnnl reorder;   /* between OHWI and the packed filter */
  CcsConstant *pack; /* the packed filter if it is constant */
  CcsDnnlDesc packed;
  gsize packed_at, primitive_at; /* offsets in scratch */
  Taps rows, columns;
  Bound large, small; /* a convolution's input and result */
  CcsOperand filter, bias, residual;
  CcsAct act;
} Conv;

/* Returns the taps that are at a pixel for some position: positions 0..@out-1,
 * tap t reads position * stride - pad + t * dilation of @extent. Limited to
 * what oneDNN supports: no negative padding before, at most a stride of it
 * after. */
static Taps
taps_alive (gint count, gint stride, gint pad, gint dilation, gint extent,
            gint out)
{
  Taps taps = { 0, count, pad, 0 };

  while (taps.count > 1 && (out - 1) * stride < taps.pad_before
         && taps.pad_before >= dilation) {
    taps.first++;
    taps.count--;
    taps.pad_before -= dilation;
  }
  taps.pad_after = (out - 1) * stride + (taps.count - 1) * dilation + 1 - extent
                   - taps.pad_before;
  while (taps.count > 1
         && (taps.count - 1) * dilation - taps.pad_before >= extent
         && taps.pad_after - dilation > -stride) {
    taps.count--;
    taps.pad_after -= dilation;
  }
  return taps;
}

static Taps
axis_taps (const CcsAttrs *attrs, const CcsOperand *large,
           const CcsOperand *filter, const CcsOperand *small, gint axis)
{
  return taps_alive (filter->shape.dim[axis], attrs->conv.stride,
                     attrs->conv.pad, attrs->conv.dilation,
                     large->shape.dim[axis], small->shape.dim[axis]);
}

/* Returns whether every tap is at a pixel for some result and every result has
 * such a tap: otherwise oneDNN's fast kernels access memory out of bounds. */
static gboolean
axis_serves (const CcsAttrs *attrs, const Taps *taps, gint extent, gint out)
{
  const gint reach = (taps->count - 1) * attrs->conv.dilation;

  return taps->pad_before <= reach && taps->pad_after <= reach
         && (out - 1) * attrs->conv.stride >= taps->pad_before
         && reach - taps->pad_before < extent;
}

static gboolean
conv_serves (const CcsAttrs *attrs, const CcsOperand *large,
             const CcsOperand *filter, const CcsOperand *small)
{
  for (gint axis = 1; axis <= 2; axis++) {
    const Taps taps = axis_taps (attrs, large, filter, small, axis);

    if (!axis_serves (attrs, &taps, large->shape.dim[axis],
                      small->shape.dim[axis]))
      return FALSE;
  }
  return TRUE;
}

static void
conv_free (gpointer data)
{
  Conv *self = data;

  ccs_dnnl_clear (&self->main);
  ccs_dnnl_clear (&self->reorder);
  ccs_constant_release (self->pack);
  ccs_dnnl_desc_free (self->packed);
  g_free (self);
}

/* Makes the state. @large is the padded side, a convolution's input; @small the
 * other. */
static Conv *
conv_new (CcsCpu *cpu, CcsKernel *kernel, const CcsOperand *large,
          const CcsOperand *filter, const CcsOperand *small)
{
  Conv *self = g_new0 (Conv, 1);
  const CcsAttrs *attrs = &kernel->op->attrs;

  self->cpu = cpu;
  self->large.operand = *large;
  self->small.operand = *small;
  self->filter = *filter;
  self->act = attrs->conv.act;
  self->rows = axis_taps (attrs, large, filter, small, 1);
  self->columns = axis_taps (attrs, large, filter, small, 2);
  kernel->scratch = 0;
  kernel->state = self;
  kernel->free_state = conv_free;
  return self;
}

static CcsDnnlConv
conv_geometry (const Conv *self, const CcsAttrs *attrs)
{
  const CcsShape *large = &self->large.operand.shape;
  const CcsShape *small = &self->small.operand.shape;
  CcsDnnlConv g = {
    .strides = { attrs->conv.stride, attrs->conv.stride },
    .dilates = { attrs->conv.dilation - 1, attrs->conv.dilation - 1 },
    .before = { self->rows.pad_before, self->columns.pad_before },
    .after = { self->rows.pad_after, self->columns.pad_after },
  };
  dnnl_dims_t filter
      = { small->dim[3], large->dim[3], self->rows.count, self->columns.count };
  dnnl_dims_t bias = { small->dim[3] };

  g.large = ccs_dnnl_desc_dense (large);
  g.small = ccs_dnnl_desc_dense (small);
  g.filter = ccs_dnnl_desc_any (4, filter);
  g.bias = ccs_dnnl_desc_strided (1, bias, (dnnl_dims_t){ 1 });
  return g;
}

static dnnl_status_t
forward_desc (dnnl_primitive_desc_t *pd, const CcsDnnlConv *g, gboolean bias,
              const_dnnl_post_ops_t post_ops, CcsCpu *cpu)
{
  dnnl_primitive_attr_t attr = ccs_dnnl_attr (post_ops);
  dnnl_status_t status = ccs_dnnl_conv_forward (pd, cpu->engine, g, bias, attr);

  dnnl_primitive_attr_destroy (attr);
  return status;
}

static dnnl_status_t
backward_desc (dnnl_primitive_desc_t *pd, const CcsDnnlConv *g,
               gboolean of_filter, CcsCpu *cpu)
{
  dnnl_primitive_desc_t hint = NULL;
  dnnl_primitive_attr_t attr = ccs_dnnl_attr (NULL);
  dnnl_status_t status = forward_desc (&hint, g, FALSE, NULL, cpu);

  if (status == dnnl_success)
    status = (of_filter ? ccs_dnnl_conv_backward_filter
                        : ccs_dnnl_conv_backward_data) (pd, cpu->engine, g,
                                                        hint, attr);
  dnnl_primitive_attr_destroy (attr);
  if (hint)
    dnnl_primitive_desc_destroy (hint);
  return status;
}

/* -- the filter ------------------------------------------------------------ */

/* Describes the used taps of the filter in the program's layout. */
static CcsDnnlDesc
conv_filter_desc (const Conv *self)
{
  return ccs_dnnl_desc_filter (&self->filter.shape, self->rows.count,
                               self->columns.count);
}

static gfloat *
conv_filter_data (const Conv *self)
{
  const gint64 *dim = self->filter.shape.dim;

  return (gfloat *)self->filter.data
         + (self->rows.first * dim[2] + self->columns.first) * dim[3];
}

static gboolean
pack_filter (CcsBackend *backend, gpointer user, void *to, GError **error)
{
  CcsCpu *cpu = (CcsCpu *)backend;
  Conv *self = user;
  g_auto (CcsDnnlDesc) from = conv_filter_desc (self);

  return ccs_dnnl_reorder_once (cpu, from, conv_filter_data (self),
                                self->packed, to, "packing a filter", error);
}

/* Returns a key that identifies the packed layout of a filter. */
static GBytes *
pack_key (const Conv *self)
{
  GByteArray *key = g_byte_array_new ();
  const gint taps[] = { self->rows.first, self->rows.count, self->columns.first,
                        self->columns.count };

  g_byte_array_append (key, (const guint8 *)taps, sizeof taps);
  ccs_dnnl_desc_key (self->packed, key);
  return g_byte_array_free_to_bytes (key);
}

/* Binds the filter: packed once if it is constant, else before every run (or
 * after it, for the filter gradient). */
static gboolean
conv_bind_filter (Conv *self, CcsKernel *kernel, int arg, CcsTensor *constant,
                  GError **error)
{
  CcsCpu *cpu = self->cpu;
  g_auto (CcsDnnlDesc) user = conv_filter_desc (self);
  gfloat *data = conv_filter_data (self);
  const gsize bytes = dnnl_memory_desc_get_size (self->packed);

  if (constant) {
    g_autoptr (GBytes) key = pack_key (self);

    self->pack = ccs_constant_get (&cpu->base, constant, key, bytes,
                                   pack_filter, self, error);
    return self->pack
           && ccs_dnnl_arg (&self->main, cpu, arg, self->packed,
                            self->pack->data, error);
  }
  if (dnnl_memory_desc_equal (user, self->packed))
    return ccs_dnnl_arg (&self->main, cpu, arg, user, data, error);
  self->packed_at = kernel->scratch;
  kernel->scratch += ccs_align (bytes);
  return ccs_dnnl_arg (&self->main, cpu, arg, self->packed, NULL, error)
         && (arg == DNNL_ARG_DIFF_WEIGHTS
                 ? ccs_dnnl_reorder (&self->reorder, cpu, self->packed, NULL,
                                     user, data, error)
                 : ccs_dnnl_reorder (&self->reorder, cpu, user, data,
                                     self->packed, NULL, error));
}

static void
conv_pack_filter (Conv *self, char *scratch)
{
  if (self->reorder.primitive) {
    ccs_dnnl_set_arg_data (&self->reorder, DNNL_ARG_TO,
                           scratch + self->packed_at);
    ccs_dnnl_run (&self->reorder, self->cpu, scratch + self->primitive_at);
    ccs_dnnl_set_arg_data (&self->main, DNNL_ARG_WEIGHTS,
                           scratch + self->packed_at);
  }
}

/* -- activations ----------------------------------------------------------- */

static gboolean
conv_bind (Conv *self, CcsKernel *kernel, Bound *bound, int arg, GError **error)
{
  g_auto (CcsDnnlDesc) md = ccs_dnnl_desc_dense (&bound->operand.shape);

  bound->arg = arg;
  bound->staged = !ccs_is_dense (&bound->operand);
  if (bound->staged) {
    bound->at = kernel->scratch;
    kernel->scratch += ccs_align (ccs_operand_bytes (&bound->operand));
  }
  return ccs_dnnl_arg (&self->main, self->cpu, arg, md,
                       bound->staged ? NULL : bound->operand.data, error);
}

/* Returns the memory that the primitive uses. */
static CcsOperand
bound_dense (Conv *self, const Bound *bound, char *scratch)
{
  CcsOperand dense = bound->operand;

  if (bound->staged) {
    dense = ccs_dense_at (&bound->operand, scratch + bound->at);
    ccs_dnnl_set_arg_data (&self->main, bound->arg, dense.data);
  }
  return dense;
}

static void
conv_load (Conv *self, const Bound *bound, char *scratch)
{
  CcsOperand dense = bound_dense (self, bound, scratch);

  if (bound->staged)
    ccs_copy_rows (&bound->operand, &dense);
}

static void
conv_execute (Conv *self, char *scratch)
{
  ccs_dnnl_run (&self->main, self->cpu, scratch + self->primitive_at);
}

/* Finishes the kernel after all operands are bound. The scratch memory of the
 * primitives follows the kernel's own. */
static gboolean
conv_ready (Conv *self, CcsKernel *kernel,
            void (*run) (CcsBackend *, gpointer, void *))
{
  self->primitive_at = kernel->scratch;
  kernel->scratch += MAX (self->main.scratch, self->reorder.scratch);
  kernel->run = run;
  return TRUE;
}

gboolean
ccs_cpu_onednn_convolves (void)
{
#ifdef __x86_64__
  return ccs_simd () == &ccs_simd_avx512
         && (dnnl_get_effective_cpu_isa () & dnnl_cpu_isa_avx512_core)
                == dnnl_cpu_isa_avx512_core;
#else
  return FALSE;
#endif
}

/* -- forward --------------------------------------------------------------- */

static void
run_conv2d (CcsBackend *backend, gpointer state, void *scratch)
{
  Conv *self = state;
  CcsOperand y = bound_dense (self, &self->small, scratch);

  conv_load (self, &self->large, scratch);
  conv_pack_filter (self, scratch);
  /* oneDNN's fast kernels add a residual only if it is in the memory of y. */
  if (self->residual.data && self->residual.data != y.data)
    ccs_copy_rows (&self->residual, &y);
  conv_execute (self, scratch);
  if (self->small.staged)
    ccs_copy_rows (&y, &self->small.operand);
}

static dnnl_post_ops_t
conv_post_ops (gboolean residual, CcsAct act)
{
  static const dnnl_alg_kind_t eltwise[] = {
    [CCS_ACT_RELU] = dnnl_eltwise_relu,
    [CCS_ACT_LEAKY_RELU] = dnnl_eltwise_relu,
    [CCS_ACT_SIGMOID] = dnnl_eltwise_logistic,
  };
  dnnl_post_ops_t post_ops = NULL;

  dnnl_post_ops_create (&post_ops);
  if (residual)
    ccs_dnnl_append_sum (post_ops);
  if (act.kind != CCS_ACT_NONE)
    ccs_dnnl_append_eltwise (post_ops, eltwise[act.kind],
                             act.kind == CCS_ACT_LEAKY_RELU ? act.slope : 0.f);
  return post_ops;
}

static gboolean
prepare_conv2d (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  Conv *self;
  g_auto (CcsDnnlConv) g = { 0 };
  dnnl_post_ops_t post_ops;
  dnnl_primitive_desc_t pd = NULL;
  dnnl_status_t status;

  if (ccs_cpu_winograd_serves (kernel, hints))
    return ccs_cpu_prepare_winograd (cpu, kernel, hints, error);
  if (!ccs_cpu_onednn_convolves ()
      || !conv_serves (&kernel->op->attrs, &kernel->in[0], &kernel->in[1],
                       &kernel->out[0]))
    return ccs_cpu_prepare_columns (cpu, kernel, hints, error);
  self
      = conv_new (cpu, kernel, &kernel->in[0], &kernel->in[1], &kernel->out[0]);
  g = conv_geometry (self, &kernel->op->attrs);
  self->bias = kernel->in[2];
  self->residual = kernel->in[3];
  post_ops = conv_post_ops (self->residual.data != NULL, self->act);
  status = forward_desc (&pd, &g, self->bias.data != NULL, post_ops, cpu);
  dnnl_post_ops_destroy (post_ops);
  if (!ccs_dnnl_check (status, "a convolution", error))
    return FALSE;
  self->packed = ccs_dnnl_desc_chosen (pd, dnnl_query_weights_md);
  return ccs_dnnl_init (&self->main, cpu, pd, "a convolution", error)
         && conv_bind_filter (self, kernel, DNNL_ARG_WEIGHTS,
                              hints->constant[1], error)
         && (!self->bias.data
             || ccs_dnnl_arg (&self->main, cpu, DNNL_ARG_BIAS, g.bias,
                              self->bias.data, error))
         && conv_bind (self, kernel, &self->large, DNNL_ARG_SRC, error)
         && conv_bind (self, kernel, &self->small, DNNL_ARG_DST, error)
         && conv_ready (self, kernel, run_conv2d);
}

/* -- transposed: the data gradient ----------------------------------------- */

static void
run_conv_transpose2d (CcsBackend *backend, gpointer state, void *scratch)
{
  Conv *self = state;
  CcsOperand y = bound_dense (self, &self->large, scratch);

  conv_load (self, &self->small, scratch);
  conv_pack_filter (self, scratch);
  conv_execute (self, scratch);
  ccs_epilogue (&y, self->bias.data, NULL, self->act, &self->large.operand);
}

static gboolean
prepare_conv_transpose2d (CcsCpu *cpu, CcsKernel *kernel,
                          const CcsKernelHints *hints, GError **error)
{
  const gint stride = kernel->op->attrs.conv.stride;
  Conv *self;
  g_auto (CcsDnnlConv) g = { 0 };
  dnnl_primitive_desc_t pd = NULL;

  if (ccs_cpu_winograd_serves (kernel, hints))
    return ccs_cpu_prepare_winograd (cpu, kernel, hints, error);
  /* If every result has at least two taps along an axis, a product without the
   * zeros between pixels is faster. */
  if (stride > 1 && kernel->in[1].shape.dim[1] >= 2 * stride)
    return ccs_cpu_prepare_spread (cpu, kernel, hints, error);
  if (!ccs_cpu_onednn_convolves ()
      || !conv_serves (&kernel->op->attrs, &kernel->out[0], &kernel->in[1],
                       &kernel->in[0]))
    return stride > 1 ? ccs_cpu_prepare_spread (cpu, kernel, hints, error)
                      : ccs_cpu_prepare_columns (cpu, kernel, hints, error);
  self
      = conv_new (cpu, kernel, &kernel->out[0], &kernel->in[1], &kernel->in[0]);
  g = conv_geometry (self, &kernel->op->attrs);

  self->bias = kernel->in[2];
  if (!ccs_dnnl_check (backward_desc (&pd, &g, FALSE, cpu),
                       "a transposed convolution", error))
    return FALSE;
  self->packed = ccs_dnnl_desc_chosen (pd, dnnl_query_weights_md);
  return ccs_dnnl_init (&self->main, cpu, pd, "a transposed convolution", error)
         && conv_bind_filter (self, kernel, DNNL_ARG_WEIGHTS,
                              hints->constant[1], error)
         && conv_bind (self, kernel, &self->small, DNNL_ARG_DIFF_DST, error)
         && conv_bind (self, kernel, &self->large, DNNL_ARG_DIFF_SRC, error)
         && conv_ready (self, kernel, run_conv_transpose2d);
}

/* -- the filter's gradient ------------------------------------------------- */

static void
run_conv2d_weight_grad (CcsBackend *backend, gpointer state, void *scratch)
{
  Conv *self = state;
  char *packed = (char *)scratch + self->packed_at;
  const gint64 *taps = self->filter.shape.dim;

  conv_load (self, &self->large, scratch);
  conv_load (self, &self->small, scratch);
  if (self->reorder.primitive)
    ccs_dnnl_set_arg_data (&self->main, DNNL_ARG_DIFF_WEIGHTS, packed);
  if (self->rows.count < taps[1] || self->columns.count < taps[2])
    memset (self->filter.data, 0, ccs_operand_bytes (&self->filter));
  conv_execute (self, scratch);
  if (self->reorder.primitive) {
    ccs_dnnl_set_arg_data (&self->reorder, DNNL_ARG_FROM, packed);
    ccs_dnnl_run (&self->reorder, self->cpu,
                  (char *)scratch + self->primitive_at);
  }
}

static gboolean
prepare_conv2d_weight_grad (CcsCpu *cpu, CcsKernel *kernel,
                            const CcsKernelHints *hints, GError **error)
{
  Conv *self;
  g_auto (CcsDnnlConv) g = { 0 };
  dnnl_primitive_desc_t pd = NULL;

  if (!ccs_cpu_onednn_convolves ()
      || !conv_serves (&kernel->op->attrs, &kernel->in[0], &kernel->out[0],
                       &kernel->in[1]))
    return ccs_cpu_prepare_weight_sums (cpu, kernel, hints, error);
  self
      = conv_new (cpu, kernel, &kernel->in[0], &kernel->out[0], &kernel->in[1]);
  g = conv_geometry (self, &kernel->op->attrs);
  if (!ccs_dnnl_check (backward_desc (&pd, &g, TRUE, cpu), "a filter gradient",
                       error))
    return FALSE;
  self->packed = ccs_dnnl_desc_chosen (pd, dnnl_query_diff_weights_md);
  return ccs_dnnl_init (&self->main, cpu, pd, "a filter gradient", error)
         && conv_bind_filter (self, kernel, DNNL_ARG_DIFF_WEIGHTS, NULL, error)
         && conv_bind (self, kernel, &self->large, DNNL_ARG_SRC, error)
         && conv_bind (self, kernel, &self->small, DNNL_ARG_DIFF_DST, error)
         && conv_ready (self, kernel, run_conv2d_weight_grad);
}

const CcsCpuKernel ccs_cpu_conv_kernels[] = {
  { CCS_OP_CONV2D, prepare_conv2d },
  { CCS_OP_CONV_TRANSPOSE2D, prepare_conv_transpose2d },
  { CCS_OP_CONV2D_WEIGHT_GRAD, prepare_conv2d_weight_grad },
  { 0 },
};
