/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that differ between oneDNN 2.x and 3.x. No other file tests the
 * version. */
#pragma once

#include <glib.h>

#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_version.h>

G_BEGIN_DECLS

/* A memory descriptor on the heap, f32 throughout. */
#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t CcsDnnlDesc;
typedef const_dnnl_memory_desc_t CcsDnnlConstDesc;
#else
typedef dnnl_memory_desc_t *CcsDnnlDesc;
typedef const dnnl_memory_desc_t *CcsDnnlConstDesc;
#endif

/* Returns a descriptor of @rank dimensions with the given strides, counted in
 * elements (transfer full). */
CcsDnnlDesc ccs_dnnl_desc_strided (gint rank, const dnnl_dims_t dims,
                                   const dnnl_dims_t strides);
/* Returns a descriptor whose layout the primitive chooses (transfer full). */
CcsDnnlDesc ccs_dnnl_desc_any (gint rank, const dnnl_dims_t dims);
/* Returns the layout that @pd chose for argument @what, one of the
 * dnnl_query_*_md values (transfer full). */
CcsDnnlDesc ccs_dnnl_desc_chosen (const_dnnl_primitive_desc_t pd,
                                  dnnl_query_t what);
/* Frees @md; NULL is allowed. */
void ccs_dnnl_desc_free (CcsDnnlDesc md);
/* Appends bytes to @key that are equal exactly where the layouts are. */
void ccs_dnnl_desc_key (CcsDnnlConstDesc md, GByteArray *key);
G_DEFINE_AUTO_CLEANUP_FREE_FUNC (CcsDnnlDesc, ccs_dnnl_desc_free, NULL)

/* A convolution: @large is its input, @small its result; the filter's layout
 * is any. Strides, dilations (0: dense) and padding are for rows, columns. */
typedef struct
{
  CcsDnnlDesc large, filter, bias, small;
  dnnl_dims_t strides, dilates, before, after;
} CcsDnnlConv;

/* Frees the descriptors. */
void ccs_dnnl_conv_clear (CcsDnnlConv *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CcsDnnlConv, ccs_dnnl_conv_clear)

/* Describe the direct convolution, its data gradient, which needs the forward
 * convolution's @hint, and its filter gradient. */
dnnl_status_t ccs_dnnl_conv_forward (dnnl_primitive_desc_t *pd,
                                     dnnl_engine_t engine,
                                     const CcsDnnlConv *conv, gboolean bias,
                                     const_dnnl_primitive_attr_t attr);
dnnl_status_t ccs_dnnl_conv_backward_data (dnnl_primitive_desc_t *pd,
                                           dnnl_engine_t engine,
                                           const CcsDnnlConv *conv,
                                           const_dnnl_primitive_desc_t hint,
                                           const_dnnl_primitive_attr_t attr);
dnnl_status_t ccs_dnnl_conv_backward_filter (dnnl_primitive_desc_t *pd,
                                             dnnl_engine_t engine,
                                             const CcsDnnlConv *conv,
                                             const_dnnl_primitive_desc_t hint,
                                             const_dnnl_primitive_attr_t attr);

/* Append to a primitive: its result is added to what the memory holds; a
 * function of each element. */
dnnl_status_t ccs_dnnl_append_sum (dnnl_post_ops_t post_ops);
dnnl_status_t ccs_dnnl_append_eltwise (dnnl_post_ops_t post_ops,
                                       dnnl_alg_kind_t function, gfloat alpha);

G_END_DECLS
