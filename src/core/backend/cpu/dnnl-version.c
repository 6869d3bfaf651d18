/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dnnl-version.h"

void
ccs_dnnl_conv_clear (CcsDnnlConv *self)
{
  ccs_dnnl_desc_free (self->large);
  ccs_dnnl_desc_free (self->filter);
  ccs_dnnl_desc_free (self->bias);
  ccs_dnnl_desc_free (self->small);
}

#if DNNL_VERSION_MAJOR >= 3

CcsDnnlDesc
ccs_dnnl_desc_strided (gint rank, const dnnl_dims_t dims,
                       const dnnl_dims_t strides)
{
  CcsDnnlDesc md = NULL;

  dnnl_memory_desc_create_with_strides (&md, rank, dims, dnnl_f32, strides);
  return md;
}

CcsDnnlDesc
ccs_dnnl_desc_any (gint rank, const dnnl_dims_t dims)
{
  CcsDnnlDesc md = NULL;

  dnnl_memory_desc_create_with_tag (&md, rank, dims, dnnl_f32,
                                    dnnl_format_tag_any);
  return md;
}

CcsDnnlDesc
ccs_dnnl_desc_chosen (const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
  CcsDnnlDesc md = NULL;

  dnnl_memory_desc_clone (&md, dnnl_primitive_desc_query_md (pd, what, 0));
  return md;
}

void
ccs_dnnl_desc_free (CcsDnnlDesc md)
{
  if (md)
    dnnl_memory_desc_destroy (md);
}

/* For descriptors of f32 without an offset. */
void
ccs_dnnl_desc_key (CcsDnnlConstDesc md, GByteArray *key)
{
  static const dnnl_query_t arrays[]
      = { dnnl_query_dims, dnnl_query_padded_dims, dnnl_query_strides };
  static const dnnl_query_t blocks[]
      = { dnnl_query_inner_blks, dnnl_query_inner_idxs };
  dnnl_format_kind_t kind = dnnl_format_kind_undef;
  gint rank = 0, n_blocks = 0;
  const dnnl_dims_t *values;

  dnnl_memory_desc_query (md, dnnl_query_format_kind, &kind);
  dnnl_memory_desc_query (md, dnnl_query_ndims_s32, &rank);
  dnnl_memory_desc_query (md, dnnl_query_inner_nblks_s32, &n_blocks);
  g_byte_array_append (key, (const guint8 *)&kind, sizeof kind);
  g_byte_array_append (key, (const guint8 *)&n_blocks, sizeof n_blocks);
  for (gsize i = 0; i < G_N_ELEMENTS (arrays); i++)
    if (dnnl_memory_desc_query (md, arrays[i], &values) == dnnl_success)
      g_byte_array_append (key, (const guint8 *)*values,
                           rank * sizeof (*values)[0]);
  for (gsize i = 0; i < G_N_ELEMENTS (blocks); i++)
    if (dnnl_memory_desc_query (md, blocks[i], &values) == dnnl_success)
      g_byte_array_append (key, (const guint8 *)*values,
                           n_blocks * sizeof (*values)[0]);
}

dnnl_status_t
ccs_dnnl_conv_forward (dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                       const CcsDnnlConv *conv, gboolean bias,
                       const_dnnl_primitive_attr_t attr)
{
  return dnnl_convolution_forward_primitive_desc_create (
      pd, engine, dnnl_forward_inference, dnnl_convolution_direct, conv->large,
      conv->filter, bias ? conv->bias : NULL, conv->small, conv->strides,
      conv->dilates, conv->before, conv->after, attr);
}

dnnl_status_t
ccs_dnnl_conv_backward_data (dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                             const CcsDnnlConv *conv,
                             const_dnnl_primitive_desc_t hint,
                             const_dnnl_primitive_attr_t attr)
{
  return dnnl_convolution_backward_data_primitive_desc_create (
      pd, engine, dnnl_convolution_direct, conv->large, conv->filter,
      conv->small, conv->strides, conv->dilates, conv->before, conv->after,
      hint, attr);
}

dnnl_status_t
ccs_dnnl_conv_backward_filter (dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                               const CcsDnnlConv *conv,
                               const_dnnl_primitive_desc_t hint,
                               const_dnnl_primitive_attr_t attr)
{
  return dnnl_convolution_backward_weights_primitive_desc_create (
      pd, engine, dnnl_convolution_direct, conv->large, conv->filter, NULL,
      conv->small, conv->strides, conv->dilates, conv->before, conv->after,
      hint, attr);
}

dnnl_status_t
ccs_dnnl_append_sum (dnnl_post_ops_t post_ops)
{
  return dnnl_post_ops_append_sum (post_ops, 1.f, 0, dnnl_data_type_undef);
}

dnnl_status_t
ccs_dnnl_append_eltwise (dnnl_post_ops_t post_ops, dnnl_alg_kind_t function,
                         gfloat alpha)
{
  return dnnl_post_ops_append_eltwise (post_ops, function, alpha, 0.f);
}

#else /* 2.x */

CcsDnnlDesc
ccs_dnnl_desc_strided (gint rank, const dnnl_dims_t dims,
                       const dnnl_dims_t strides)
{
  CcsDnnlDesc md = g_new0 (dnnl_memory_desc_t, 1);

  dnnl_memory_desc_init_by_strides (md, rank, dims, dnnl_f32, strides);
  return md;
}

CcsDnnlDesc
ccs_dnnl_desc_any (gint rank, const dnnl_dims_t dims)
{
  CcsDnnlDesc md = g_new0 (dnnl_memory_desc_t, 1);

  dnnl_memory_desc_init_by_tag (md, rank, dims, dnnl_f32, dnnl_format_tag_any);
  return md;
}

CcsDnnlDesc
ccs_dnnl_desc_chosen (const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
  return g_memdup2 (dnnl_primitive_desc_query_md (pd, what, 0),
                    sizeof (dnnl_memory_desc_t));
}

void
ccs_dnnl_desc_free (CcsDnnlDesc md)
{
  g_free (md);
}

void
ccs_dnnl_desc_key (CcsDnnlConstDesc md, GByteArray *key)
{
  g_byte_array_append (key, (const guint8 *)md, sizeof *md);
}

static dnnl_status_t
describe (dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
          dnnl_status_t of_desc, const dnnl_convolution_desc_t *desc,
          const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attr)
{
  return of_desc == dnnl_success
             ? dnnl_primitive_desc_create (pd, desc, attr, engine, hint)
             : of_desc;
}

dnnl_status_t
ccs_dnnl_conv_forward (dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                       const CcsDnnlConv *conv, gboolean bias,
                       const_dnnl_primitive_attr_t attr)
{
  dnnl_convolution_desc_t desc;
  const dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init (
      &desc, dnnl_forward_inference, dnnl_convolution_direct, conv->large,
      conv->filter, bias ? conv->bias : NULL, conv->small, conv->strides,
      conv->dilates, conv->before, conv->after);

  return describe (pd, engine, status, &desc, NULL, attr);
}

dnnl_status_t
ccs_dnnl_conv_backward_data (dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                             const CcsDnnlConv *conv,
                             const_dnnl_primitive_desc_t hint,
                             const_dnnl_primitive_attr_t attr)
{
  dnnl_convolution_desc_t desc;
  const dnnl_status_t status
      = dnnl_dilated_convolution_backward_data_desc_init (
          &desc, dnnl_convolution_direct, conv->large, conv->filter,
          conv->small, conv->strides, conv->dilates, conv->before, conv->after);

  return describe (pd, engine, status, &desc, hint, attr);
}

dnnl_status_t
ccs_dnnl_conv_backward_filter (dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                               const CcsDnnlConv *conv,
                               const_dnnl_primitive_desc_t hint,
                               const_dnnl_primitive_attr_t attr)
{
  dnnl_convolution_desc_t desc;
  const dnnl_status_t status
      = dnnl_dilated_convolution_backward_weights_desc_init (
          &desc, dnnl_convolution_direct, conv->large, conv->filter, NULL,
          conv->small, conv->strides, conv->dilates, conv->before, conv->after);

  return describe (pd, engine, status, &desc, hint, attr);
}

dnnl_status_t
ccs_dnnl_append_sum (dnnl_post_ops_t post_ops)
{
  return dnnl_post_ops_append_sum (post_ops, 1.f);
}

dnnl_status_t
ccs_dnnl_append_eltwise (dnnl_post_ops_t post_ops, dnnl_alg_kind_t function,
                         gfloat alpha)
{
  return dnnl_post_ops_append_eltwise (post_ops, 1.f, function, alpha, 0.f);
}

#endif
