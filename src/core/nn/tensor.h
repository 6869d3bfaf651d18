/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tensors in host memory: element types, shapes, immutable reference-counted
 * arrays, and named collections of them, which PyTorch calls state_dict.
 * Independent of programs and backends. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CCS_MAX_RANK 4

typedef enum
{
  CCS_F32,
  CCS_F16,
  CCS_BF16,
  CCS_F64,
  CCS_S8,
  CCS_U8,
  CCS_S32,
  CCS_S64,
} CcsDType;

/* Returns the size of an element of @dtype in bytes. */
gsize ccs_dtype_size (CcsDType dtype);
/* Returns whether @dtype is F32, F16, BF16 or F64. */
gboolean ccs_dtype_is_floating (CcsDType dtype);
/* Returns PyTorch's name of the type: "float32". */
const char *ccs_dtype_name (CcsDType dtype);

/* Row-major; dim[rank..] are zero. Rank 0 is a scalar with one element. */
typedef struct
{
  guint rank;
  gint64 dim[CCS_MAX_RANK];
} CcsShape;

#define CCS_SHAPE_ARGS_(_1, _2, _3, _4, n, ...) n
/* CCS_SHAPE (2, 257, 64, 2): a shape literal of one to four dimensions. */
#define CCS_SHAPE(...)                                                         \
  ((CcsShape){ CCS_SHAPE_ARGS_ (__VA_ARGS__, 4, 3, 2, 1, 0), { __VA_ARGS__ } })
#define CCS_SHAPE_SCALAR ((CcsShape){ 0, { 0 } })

/* Returns the product of the dimensions; 1 for rank 0. */
gint64 ccs_shape_elements (const CcsShape *shape);
/* Return the product of all dimensions but the last (1 for rank 0 and 1), and
 * the last dimension. */
gint64 ccs_shape_rows (const CcsShape *shape);
gint64 ccs_shape_channels (const CcsShape *shape);
gboolean ccs_shape_equal (const CcsShape *a, const CcsShape *b);
/* Formats a shape: "2x257x64x2", or "scalar". (transfer full) */
char *ccs_shape_to_string (const CcsShape *shape);

/* An immutable dense array. @data points into @owner, which the tensor keeps
 * alive. */
typedef struct _CcsTensor CcsTensor;
struct _CcsTensor
{
  gatomicrefcount ref_count;
  CcsDType dtype;
  CcsShape shape;
  gconstpointer data;
  GBytes *owner;
};

/* Makes a tensor of elements in @owner (transfer none) from byte @offset on,
 * which must be aligned for @dtype and inside @owner. (transfer full) */
CcsTensor *ccs_tensor_new (CcsDType dtype, const CcsShape *shape, GBytes *owner,
                           gsize offset);
/* Makes a tensor of @data (transfer full), which is freed with g_free().
 * (transfer full) */
CcsTensor *ccs_tensor_new_take (CcsDType dtype, const CcsShape *shape,
                                gpointer data);
CcsTensor *ccs_tensor_ref (CcsTensor *self);
void ccs_tensor_unref (CcsTensor *self);
/* Returns the size of all elements in bytes. */
gsize ccs_tensor_size (const CcsTensor *self);
/* Converts to @dtype, rounding to nearest even; returns a new reference to
 * @self if it has that type. F16, BF16, F32 and F64 can be converted to each
 * other, and integers to floats; returns NULL for other types. (transfer full)
 */
CcsTensor *ccs_tensor_convert (CcsTensor *self, CcsDType dtype);
/* The same for tensors whose size comes from input, with an error where
 * ccs_tensor_convert() returns NULL (CCS_ERROR_ARGUMENT) or aborts
 * (CCS_ERROR_MEMORY). (transfer full) (nullable) */
CcsTensor *ccs_tensor_try_convert (CcsTensor *self, CcsDType dtype,
                                   GError **error);
/* Returns whether no element is NaN or infinite. Always TRUE for integers. */
gboolean ccs_tensor_is_finite (const CcsTensor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsTensor, ccs_tensor_unref)

/* A map from names to tensors, in insertion order. It must not be changed once
 * it is shared. */
typedef struct _CcsStateDict CcsStateDict;

CcsStateDict *ccs_state_dict_new (void);
CcsStateDict *ccs_state_dict_ref (CcsStateDict *self);
void ccs_state_dict_unref (CcsStateDict *self);
/* Adds @tensor (transfer full). Returns FALSE, without a change, if @name
 * exists. */
gboolean ccs_state_dict_insert (CcsStateDict *self, const char *name,
                                CcsTensor *tensor);
/* Adds or replaces @name. @tensor (transfer full) */
void ccs_state_dict_set (CcsStateDict *self, const char *name,
                         CcsTensor *tensor);
/* Returns the tensor called @name, or NULL. (transfer none) */
CcsTensor *ccs_state_dict_lookup (const CcsStateDict *self, const char *name);
/* Return the number of tensors, and name and tensor at @index. (transfer none)
 */
guint ccs_state_dict_size (const CcsStateDict *self);
const char *ccs_state_dict_name (const CcsStateDict *self, guint index);
CcsTensor *ccs_state_dict_tensor (const CcsStateDict *self, guint index);
/* Stores a tensor that was computed from the others (a folded filter) under
 * @key, and returns it. If @key exists already, frees @made (transfer full) and
 * returns the existing tensor, so that all users of the state_dict share one.
 * Thread-safe. (transfer full) */
CcsTensor *ccs_state_dict_derived (CcsStateDict *self, const char *key,
                                   CcsTensor *made);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsStateDict, ccs_state_dict_unref)

G_END_DECLS
