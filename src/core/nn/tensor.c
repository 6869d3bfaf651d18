/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host tensors: conversion between element types, and the named collection of
 * tensors. Values are converted in small blocks through double, which
 * represents all narrower types exactly. */
#include "tensor.h"

#include <math.h>
#include <string.h>

#include "../memory.h"

/* -- tensors -- */

static CcsTensor *
tensor_alloc (CcsDType dtype, const CcsShape *shape, gconstpointer data,
              GBytes *owner)
{
  CcsTensor *self = g_new0 (CcsTensor, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->dtype = dtype;
  self->shape = *shape;
  self->data = data;
  self->owner = owner;
  return self;
}

CcsTensor *
ccs_tensor_new (CcsDType dtype, const CcsShape *shape, GBytes *owner,
                gsize offset)
{
  const guint8 *base = g_bytes_get_data (owner, NULL);

  return tensor_alloc (dtype, shape, base == NULL ? NULL : base + offset,
                       g_bytes_ref (owner));
}

CcsTensor *
ccs_tensor_new_take (CcsDType dtype, const CcsShape *shape, gpointer data)
{
  gsize size = (gsize)ccs_shape_elements (shape) * ccs_dtype_size (dtype);

  return tensor_alloc (dtype, shape, data, g_bytes_new_take (data, size));
}

CcsTensor *
ccs_tensor_ref (CcsTensor *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
ccs_tensor_unref (CcsTensor *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_bytes_unref (self->owner);
  g_free (self);
}

gsize
ccs_tensor_size (const CcsTensor *self)
{
  return (gsize)ccs_shape_elements (&self->shape)
         * ccs_dtype_size (self->dtype);
}

/* -- number formats -- */

/* The field widths of a floating format narrower than float32. */
typedef struct
{
  guint exponent_bits, mantissa_bits;
} NarrowFloat;

static const NarrowFloat half = { 5, 10 };
static const NarrowFloat brain = { 8, 7 };

#define DOUBLE_MANTISSA_BITS 52
#define DOUBLE_BIAS 1023

static inline gint
narrow_bias (NarrowFloat format)
{
  return (1 << (format.exponent_bits - 1)) - 1;
}

/* Returns 2^e, for e in the normal range of double. */
static inline double
power_of_two (gint e)
{
  guint64 bits = (guint64)(e + DOUBLE_BIAS) << DOUBLE_MANTISSA_BITS;
  double value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

static inline double
widen (guint16 bits, NarrowFloat format)
{
  gint exponent
      = (bits >> format.mantissa_bits) & ((1 << format.exponent_bits) - 1);
  gint mantissa = bits & ((1 << format.mantissa_bits) - 1);
  gint scale = -narrow_bias (format) - (gint)format.mantissa_bits;
  double value;

  if (exponent == (1 << format.exponent_bits) - 1)
    value = mantissa == 0 ? INFINITY : NAN;
  else if (exponent == 0)
    value = mantissa * power_of_two (scale + 1);
  else
    value = (mantissa + (1 << format.mantissa_bits))
            * power_of_two (scale + exponent);
  return bits & 0x8000 ? -value : value;
}

/* Rounds to nearest even; values beyond the largest become infinity. */
static inline guint16
narrow (double value, NarrowFloat format)
{
  guint16 sign = signbit (value) ? 0x8000 : 0;
  guint64 infinity = (((guint64)1 << format.exponent_bits) - 1)
                     << format.mantissa_bits;
  gint bias = narrow_bias (format);
  double magnitude = fabs (value);
  guint64 bits, result;

  if (isnan (value))
    return sign | infinity | (guint64)1 << (format.mantissa_bits - 1);
  if (magnitude < power_of_two (1 - bias)) {
    result = (guint64)nearbyint (
        magnitude * power_of_two (bias - 1 + (gint)format.mantissa_bits));
  } else {
    guint drop = DOUBLE_MANTISSA_BITS - format.mantissa_bits;

    memcpy (&bits, &magnitude, sizeof bits);
    bits += (((guint64)1 << (drop - 1)) - 1) + (bits >> drop & 1);
    result = (bits >> drop)
             - ((guint64)(DOUBLE_BIAS - bias) << format.mantissa_bits);
  }
  return sign | MIN (result, infinity);
}

#define BLOCK 256

#define LOAD(type, expression)                                                 \
  for (gsize i = 0; i < n; i++) {                                              \
    const type v = ((const type *)from)[first + i];                            \
    to[i] = (expression);                                                      \
  }                                                                            \
  break

static void
load_block (CcsDType dtype, gconstpointer from, gsize first, gsize n,
            double *to)
{
  switch (dtype) {
  case CCS_F32:
    LOAD (float, v);
  case CCS_F16:
    LOAD (guint16, widen (v, half));
  case CCS_BF16:
    LOAD (guint16, widen (v, brain));
  case CCS_F64:
    LOAD (double, v);
  case CCS_S8:
    LOAD (gint8, v);
  case CCS_U8:
    LOAD (guint8, v);
  case CCS_S32:
    LOAD (gint32, v);
  case CCS_S64:
    LOAD (gint64, (double)v);
  }
}

#define STORE(type, expression)                                                \
  for (gsize i = 0; i < n; i++) {                                              \
    const double v = from[i];                                                  \
    ((type *)to)[first + i] = (expression);                                    \
  }                                                                            \
  break

static void
store_block (CcsDType dtype, const double *from, gsize n, gpointer to,
             gsize first)
{
  switch (dtype) {
  case CCS_F32:
    STORE (float, (float)v);
  case CCS_F16:
    STORE (guint16, narrow (v, half));
  case CCS_BF16:
    STORE (guint16, narrow (v, brain));
  case CCS_F64:
    STORE (double, v);
  default:
    g_return_if_reached ();
  }
}

CcsTensor *
ccs_tensor_try_convert (CcsTensor *self, CcsDType dtype, GError **error)
{
  gsize n = (gsize)ccs_shape_elements (&self->shape);
  double block[BLOCK];
  gpointer data;

  if (dtype == self->dtype)
    return ccs_tensor_ref (self);
  if (!ccs_dtype_is_floating (dtype)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "%s cannot be converted to %s", ccs_dtype_name (self->dtype),
                 ccs_dtype_name (dtype));
    return NULL;
  }
  data = ccs_try_alloc (n, ccs_dtype_size (dtype), error);
  if (data == NULL)
    return NULL;
  for (gsize i = 0; i < n; i += BLOCK) {
    gsize part = MIN (BLOCK, n - i);

    load_block (self->dtype, self->data, i, part, block);
    store_block (dtype, block, part, data, i);
  }
  return ccs_tensor_new_take (dtype, &self->shape, data);
}

CcsTensor *
ccs_tensor_convert (CcsTensor *self, CcsDType dtype)
{
  g_autoptr (GError) error = NULL;
  CcsTensor *converted = ccs_tensor_try_convert (self, dtype, &error);

  if (g_error_matches (error, CCS_ERROR, CCS_ERROR_MEMORY))
    g_error ("%s", error->message);
  return converted;
}

/* Sets @finite to whether every element has an exponent bit (@mask) that is 0.
 */
#define ALL_FINITE(type, mask)                                                 \
  for (gsize i = 0; i < n; i++)                                                \
    bad |= (((const type *)self->data)[i] & (mask)) == (mask);                 \
  break

gboolean
ccs_tensor_is_finite (const CcsTensor *self)
{
  gsize n = (gsize)ccs_shape_elements (&self->shape);
  gboolean bad = FALSE;

  switch (self->dtype) {
  case CCS_F32:
    ALL_FINITE (guint32, 0x7f800000u);
  case CCS_F16:
    ALL_FINITE (guint16, 0x7c00u);
  case CCS_BF16:
    ALL_FINITE (guint16, 0x7f80u);
  case CCS_F64:
    ALL_FINITE (guint64, G_GUINT64_CONSTANT (0x7ff0000000000000));
  default:
    break;
  }
  return !bad;
}

/* -- the named collection -- */

typedef struct
{
  char *name;
  CcsTensor *tensor;
} Entry;

struct _CcsStateDict
{
  gatomicrefcount ref_count;
  GPtrArray *entries;  /* Entry, in insertion order */
  GHashTable *by_name; /* Entry.name -> Entry */
  GMutex derived_lock;
  GHashTable *derived; /* key -> CcsTensor; guarded by derived_lock */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_free (entry->name);
  ccs_tensor_unref (entry->tensor);
  g_free (entry);
}

CcsStateDict *
ccs_state_dict_new (void)
{
  CcsStateDict *self = g_new0 (CcsStateDict, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->entries = g_ptr_array_new_with_free_func (entry_free);
  self->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  g_mutex_init (&self->derived_lock);
  self->derived = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                         (GDestroyNotify)ccs_tensor_unref);
  return self;
}

CcsStateDict *
ccs_state_dict_ref (CcsStateDict *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
ccs_state_dict_unref (CcsStateDict *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_hash_table_unref (self->by_name);
  g_ptr_array_unref (self->entries);
  g_hash_table_unref (self->derived);
  g_mutex_clear (&self->derived_lock);
  g_free (self);
}

CcsTensor *
ccs_state_dict_derived (CcsStateDict *self, const char *key, CcsTensor *made)
{
  CcsTensor *kept;

  g_mutex_lock (&self->derived_lock);
  kept = g_hash_table_lookup (self->derived, key);
  if (kept == NULL) {
    kept = made;
    g_hash_table_insert (self->derived, g_strdup (key), kept);
  } else {
    ccs_tensor_unref (made);
  }
  ccs_tensor_ref (kept);
  g_mutex_unlock (&self->derived_lock);
  return kept;
}

gboolean
ccs_state_dict_insert (CcsStateDict *self, const char *name, CcsTensor *tensor)
{
  Entry *entry;

  if (g_hash_table_contains (self->by_name, name)) {
    ccs_tensor_unref (tensor);
    return FALSE;
  }
  entry = g_new (Entry, 1);
  entry->name = g_strdup (name);
  entry->tensor = tensor;
  g_ptr_array_add (self->entries, entry);
  g_hash_table_insert (self->by_name, entry->name, entry);
  return TRUE;
}

void
ccs_state_dict_set (CcsStateDict *self, const char *name, CcsTensor *tensor)
{
  Entry *entry = g_hash_table_lookup (self->by_name, name);

  if (entry == NULL) {
    ccs_state_dict_insert (self, name, tensor);
    return;
  }
  ccs_tensor_unref (entry->tensor);
  entry->tensor = tensor;
}

CcsTensor *
ccs_state_dict_lookup (const CcsStateDict *self, const char *name)
{
  Entry *entry = g_hash_table_lookup (self->by_name, name);

  return entry == NULL ? NULL : entry->tensor;
}

guint
ccs_state_dict_size (const CcsStateDict *self)
{
  return self->entries->len;
}

const char *
ccs_state_dict_name (const CcsStateDict *self, guint index)
{
  g_return_val_if_fail (index < self->entries->len, NULL);
  return ((Entry *)self->entries->pdata[index])->name;
}

CcsTensor *
ccs_state_dict_tensor (const CcsStateDict *self, guint index)
{
  g_return_val_if_fail (index < self->entries->len, NULL);
  return ((Entry *)self->entries->pdata[index])->tensor;
}
