/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the state_dict in an unpickled value and makes its tensors: contiguous
 * ones are views of the storages, others are copies, whose total size is
 * bounded. */
#include "pth.h"

#define STATE_DICT_KEY "state_dict"
/* Largest total size of copies, as a multiple of the file's size. Transposed
 * weights are rare; without a bound a small file could allocate any amount of
 * memory. */
#define COPY_BUDGET 4

typedef struct
{
  CcsCheckpoint *checkpoint;
  CcsPthFind find;
  gpointer reader;
  gsize copy_budget; /* bytes left */
} Collector;

gboolean
ccs_pth_storage_size (const CcsPickleStorage *storage, gsize *size,
                      GError **error)
{
  CcsShape shape = { 1, { storage->elements } };

  if (!storage->supported)
    return ccs_format_error (error, "type %s is not supported",
                             storage->type_name);
  if (ccs_checked_size (&shape, storage->dtype, size))
    return TRUE;
  return ccs_format_error (
      error, "storage '%s' of %" G_GINT64_FORMAT " elements is too large",
      storage->key, storage->elements);
}

CcsPthBytes *
ccs_pth_place (GBytes *file, gsize offset, gsize size, GError **error)
{
  const guint8 *data = g_bytes_get_data (file, NULL);
  CcsPthBytes *bytes = g_new0 (CcsPthBytes, 1);

  if (ccs_is_aligned (data + offset, CCS_S64)) {
    bytes->owner = g_bytes_ref (file);
    bytes->offset = offset;
  } else {
    gpointer copy = ccs_try_alloc (size, 1, error);

    if (copy == NULL) {
      g_free (bytes);
      return NULL;
    }
    bytes->owner = g_bytes_new_take (memcpy (copy, data + offset, size), size);
  }
  return bytes;
}

void
ccs_pth_bytes_free (CcsPthBytes *bytes)
{
  g_bytes_unref (bytes->owner);
  g_free (bytes);
}

/* -- one tensor -- */

/* Computes the number of elements from the tensor's first to its last. Returns
 * FALSE on overflow. */
static gboolean
span (const CcsPickleTensor *tensor, guint64 *elements)
{
  *elements = 1;
  for (guint i = 0; i < tensor->rank; i++) {
    guint64 reach;

    if (tensor->dim[i] == 0) {
      *elements = 0;
      return TRUE;
    }
    if (!g_uint64_checked_mul (&reach, (guint64)tensor->dim[i] - 1,
                               (guint64)tensor->stride[i])
        || !g_uint64_checked_add (elements, *elements, reach))
      return FALSE;
  }
  return TRUE;
}

/* Returns whether a tensor that is not empty is contiguous. Strides of
 * dimensions of size 1 are ignored. */
static gboolean
is_contiguous (const CcsPickleTensor *tensor)
{
  gint64 expected = 1;

  for (guint i = tensor->rank; i-- > 0;) {
    if (tensor->dim[i] != 1 && tensor->stride[i] != expected)
      return FALSE;
    expected *= tensor->dim[i];
  }
  return TRUE;
}

/* Copies the elements of @tensor, @width bytes each, in the order of its shape:
 * @index counts through the shape, the last dimension fastest. */
static gpointer
gather (const CcsPickleTensor *tensor, const guint8 *first, gsize width,
        gsize size, GError **error)
{
  gint64 index[CCS_MAX_RANK] = { 0 };
  guint8 *data = ccs_try_alloc (size, 1, error);
  gint64 at = 0;

  if (data == NULL)
    return NULL;
  for (gsize to = 0; to < size; to += width) {
    memcpy (data + to, first + (gsize)at * width, width);
    for (guint i = tensor->rank; i-- > 0;) {
      if (++index[i] < tensor->dim[i]) {
        at += tensor->stride[i];
        break;
      }
      at -= tensor->stride[i] * (tensor->dim[i] - 1);
      index[i] = 0;
    }
  }
  return data;
}

static gboolean
check_tensor (const CcsPickleTensor *tensor, CcsShape *shape, gsize *size,
              GError **error)
{
  const CcsPickleStorage *storage = tensor->storage;
  guint64 elements;

  if (tensor->rank > CCS_MAX_RANK)
    return ccs_format_error (error, "%u dimensions; at most %d are supported",
                             tensor->rank, CCS_MAX_RANK);
  shape->rank = tensor->rank;
  memcpy (shape->dim, tensor->dim, sizeof shape->dim);
  if (!storage->supported)
    return ccs_format_error (error, "type %s is not supported",
                             storage->type_name);
  if (!ccs_checked_size (shape, storage->dtype, size)
      || !span (tensor, &elements) || tensor->offset > storage->view_elements
      || elements > (guint64)(storage->view_elements - tensor->offset)) {
    g_autofree char *text = ccs_shape_to_string (shape);

    return ccs_format_error (error,
                             "shape %s from element %" G_GINT64_FORMAT
                             " reaches beyond its storage of %" G_GINT64_FORMAT
                             " elements",
                             text, tensor->offset, storage->view_elements);
  }
  return TRUE;
}

/* Makes a tensor. (transfer full) */
static CcsTensor *
make_tensor (Collector *self, const CcsPickleTensor *tensor, GError **error)
{
  const CcsPickleStorage *storage = tensor->storage;
  CcsShape shape = { 0 };
  const CcsPthBytes *bytes;
  gsize size, offset;
  const guint8 *base;
  gpointer data;

  if (!check_tensor (tensor, &shape, &size, error))
    return NULL;
  bytes = self->find (self->reader, storage, error);
  if (bytes == NULL)
    return NULL;
  offset = bytes->offset
           + (gsize)(storage->view_offset + tensor->offset)
                 * ccs_dtype_size (storage->dtype);
  if (size == 0 || is_contiguous (tensor))
    return ccs_tensor_new (storage->dtype, &shape, bytes->owner, offset);
  if (size > self->copy_budget) {
    ccs_format_error (
        error,
        "is not contiguous, and such tensors together are more than %d times "
        "the file",
        COPY_BUDGET);
    return NULL;
  }
  self->copy_budget -= size;
  base = g_bytes_get_data (bytes->owner, NULL);
  data = gather (tensor, base + offset, ccs_dtype_size (storage->dtype), size,
                 error);
  return data ? ccs_tensor_new_take (storage->dtype, &shape, data) : NULL;
}

/* -- the state_dict -- */

static gboolean
collect_entry (Collector *self, const CcsPickleValue *key,
               const CcsPickleValue *value, GError **error)
{
  g_autofree char *name = NULL, *shown = NULL;
  CcsTensor *tensor = NULL;

  if (key->type != CCS_PICKLE_TEXT)
    return ccs_format_error (error, "state_dict: a key that is %s",
                             ccs_pickle_type_name (key->type));
  shown = ccs_printable (key->text, key->length);
  if (!g_utf8_validate_len (key->text, key->length, NULL))
    return ccs_format_error (error, "tensor '%s': its name is not UTF-8",
                             shown);
  if (value->type == CCS_PICKLE_TENSOR)
    tensor = make_tensor (self, value->node->tensor, error);
  else
    ccs_format_error (error, "is %s, not a tensor",
                      ccs_pickle_type_name (value->type));
  if (tensor == NULL) {
    g_prefix_error (error, "tensor '%s': ", shown);
    return FALSE;
  }
  name = g_strndup (key->text, key->length);
  return ccs_checkpoint_add (self->checkpoint, name, tensor, error);
}

gboolean
ccs_pth_collect (CcsCheckpoint *self, const CcsPickleValue *root,
                 CcsPthFind find, gpointer reader, gsize file_size,
                 GError **error)
{
  Collector collector = { self, find, reader, 0 };
  const CcsPickleValue *dict = root, *inner;
  const CcsPickleNode *node;

  if (!g_size_checked_mul (&collector.copy_budget, file_size, COPY_BUDGET))
    collector.copy_budget = G_MAXSIZE;
  if (root->type == CCS_PICKLE_DICT
      && (inner = ccs_pickle_get (root, STATE_DICT_KEY)) != NULL)
    dict = inner;
  if (dict->type != CCS_PICKLE_DICT)
    return ccs_format_error (error, "holds %s where the state_dict should be",
                             ccs_pickle_type_name (dict->type));
  node = dict->node;
  for (guint i = 0; i + 1 < node->items.n; i += 2)
    if (!collect_entry (&collector, &node->items.item[i],
                        &node->items.item[i + 1], error))
      return FALSE;
  return TRUE;
}
