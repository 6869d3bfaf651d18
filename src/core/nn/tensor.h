/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tensors on the host: element types, shapes, immutable reference-counted
 * arrays, and the named collection of them that PyTorch calls a state_dict.
 * Knows no program and no backend. */
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

/* Bytes of one element of @dtype. */
gsize ccs_dtype_size (CcsDType dtype);
/* F32, F16, BF16, F64. */
gboolean ccs_dtype_is_floating (CcsDType dtype);
/* "float32" and so on, as PyTorch names them. */
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

/* The product of the dimensions: 1 for rank 0. */
gint64 ccs_shape_elements (const CcsShape *shape);
/* Elements before the last dimension (1 for rank 0 and 1) and in it. */
gint64 ccs_shape_rows (const CcsShape *shape);
gint64 ccs_shape_channels (const CcsShape *shape);
gboolean ccs_shape_equal (const CcsShape *a, const CcsShape *b);
/* "2x257x64x2", or "scalar". (transfer full) */
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

/* @owner (transfer none) holds the elements from byte @offset on, aligned for
 * @dtype; the caller has checked that they lie inside it. (transfer full) */
CcsTensor *ccs_tensor_new (CcsDType dtype, const CcsShape *shape, GBytes *owner,
                           gsize offset);
/* Takes @data, which g_free() releases. (transfer full) */
CcsTensor *ccs_tensor_new_take (CcsDType dtype, const CcsShape *shape,
                                gpointer data);
CcsTensor *ccs_tensor_ref (CcsTensor *self);
void ccs_tensor_unref (CcsTensor *self);
/* Bytes of the elements. */
gsize ccs_tensor_size (const CcsTensor *self);
/* The same values as @dtype (round to nearest even); a new reference to
 * @self when it has that type already. F16, BF16, F32, F64 convert into each
 * other and integers into floats; anything else is NULL. (transfer full) */
CcsTensor *ccs_tensor_convert (CcsTensor *self, CcsDType dtype);
/* TRUE when no element is NaN or infinite; integers are always finite. */
gboolean ccs_tensor_is_finite (const CcsTensor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsTensor, ccs_tensor_unref)

/* Name -> tensor, in insertion order. A builder fills it; afterwards it is
 * shared and only read. */
typedef struct _CcsStateDict CcsStateDict;

CcsStateDict *ccs_state_dict_new (void);
CcsStateDict *ccs_state_dict_ref (CcsStateDict *self);
void ccs_state_dict_unref (CcsStateDict *self);
/* FALSE (and nothing stored) when @name is there already. Takes @tensor. */
gboolean ccs_state_dict_insert (CcsStateDict *self, const char *name,
                                CcsTensor *tensor);
/* Inserts or replaces. Takes @tensor. */
void ccs_state_dict_set (CcsStateDict *self, const char *name,
                         CcsTensor *tensor);
/* (transfer none) (nullable) */
CcsTensor *ccs_state_dict_lookup (const CcsStateDict *self, const char *name);
/* How many there are; the name and the tensor of number @index, below that.
 * (transfer none) */
guint ccs_state_dict_size (const CcsStateDict *self);
const char *ccs_state_dict_name (const CcsStateDict *self, guint index);
CcsTensor *ccs_state_dict_tensor (const CcsStateDict *self, guint index);
/* Remembers what was computed from the tensors (folded filters), beside them:
 * the tensor kept under @key, which is @made (taken) the first time and
 * afterwards the one kept before (@made is released). Users of one state_dict
 * so share one copy. Thread-safe. (transfer full) */
CcsTensor *ccs_state_dict_derived (CcsStateDict *self, const char *key,
                                   CcsTensor *made);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsStateDict, ccs_state_dict_unref)

G_END_DECLS
