/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns the calls that PyTorch pickles into tensors and storages: checks the
 * arguments' types and ranges, runs nothing. */
#include "pickle-torch.h"
#include "checkpoint-private.h"

typedef enum
{
  CALL_STORAGE, /* a storage type, which is never called */
  CALL_NEVER,   /* a global that is used as a value */
  CALL_ORDERED_DICT,
  CALL_TENSOR,
  CALL_PARAMETER,
  CALL_PLAIN, /* a value that is not needed */
} Call;

typedef struct
{
  const char *module, *name;
  Call call;
  guint min_args, max_args;
  gboolean supported; /* storage types: dtype is set */
  CcsDType dtype;
} Global;

#define PLAIN_BUILTINS(module)                                                 \
  { module, "set", CALL_PLAIN, 0, 1 },                                         \
      { module, "bytearray", CALL_PLAIN, 0, 2 },                               \
  {                                                                            \
    module, "complex", CALL_PLAIN, 1, 2                                        \
  }

/* The globals that torch.load(weights_only=True) accepts: a file may contain
 * plain values of a trainer beside the state_dict. */
static const Global globals[] = {
  { "collections", "OrderedDict", CALL_ORDERED_DICT, 0, 1 },
  /* storage, offset, shape, strides, requires_grad, hooks, metadata */
  { "torch._utils", "_rebuild_tensor_v2", CALL_TENSOR, 6, 7 },
  { "torch._utils", "_rebuild_tensor", CALL_TENSOR, 4, 4 },
  /* tensor, requires_grad, hooks */
  { "torch._utils", "_rebuild_parameter", CALL_PARAMETER, 3, 3 },
  { "torch.nn.parameter", "Parameter", CALL_PARAMETER, 1, 2 },
  { "torch", "FloatStorage", .supported = TRUE, .dtype = CCS_F32 },
  { "torch", "HalfStorage", .supported = TRUE, .dtype = CCS_F16 },
  { "torch", "BFloat16Storage", .supported = TRUE, .dtype = CCS_BF16 },
  { "torch", "DoubleStorage", .supported = TRUE, .dtype = CCS_F64 },
  { "torch", "CharStorage", .supported = TRUE, .dtype = CCS_S8 },
  { "torch", "ByteStorage", .supported = TRUE, .dtype = CCS_U8 },
  { "torch", "IntStorage", .supported = TRUE, .dtype = CCS_S32 },
  { "torch", "LongStorage", .supported = TRUE, .dtype = CCS_S64 },
  { "torch", "ShortStorage" },
  { "torch", "BoolStorage" },
  { "torch", "ComplexFloatStorage" },
  { "torch", "ComplexDoubleStorage" },
  { "torch", "Size", CALL_PLAIN, 0, 1 },
  { "torch", "device", CALL_PLAIN, 1, 2 },
  { "collections", "Counter", CALL_PLAIN, 0, 1 },
  /* bytes in protocol 2 */
  { "_codecs", "encode", CALL_PLAIN, 1, 3 },
  PLAIN_BUILTINS ("builtins"),
  PLAIN_BUILTINS ("__builtin__"), /* their name in Python 2 */
  { "torch", "float32", CALL_NEVER },
  { "torch", "float16", CALL_NEVER },
  { "torch", "bfloat16", CALL_NEVER },
  { "torch", "float64", CALL_NEVER },
  { "torch", "int8", CALL_NEVER },
  { "torch", "uint8", CALL_NEVER },
  { "torch", "int16", CALL_NEVER },
  { "torch", "int32", CALL_NEVER },
  { "torch", "int64", CALL_NEVER },
  { "torch", "bool", CALL_NEVER },
  { "torch", "complex64", CALL_NEVER },
  { "torch", "complex128", CALL_NEVER },
};

static gboolean
same_text (const char *text, gsize length, const char *expected)
{
  return length == strlen (expected) && memcmp (text, expected, length) == 0;
}

gboolean
ccs_pickle_find_global (const char *module, gsize module_length,
                        const char *name, gsize name_length, guint *global,
                        GError **error)
{
  g_autofree char *shown_module = NULL, *shown_name = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (globals); i++)
    if (same_text (module, module_length, globals[i].module)
        && same_text (name, name_length, globals[i].name)) {
      *global = i;
      return TRUE;
    }
  shown_module = ccs_printable (module, module_length);
  shown_name = ccs_printable (name, name_length);
  return ccs_format_error (
      error,
      "wants '%s.%s', which is not part of a state_dict and is not "
      "run",
      shown_module, shown_name);
}

/* -- calls -- */

/* Reads a non-negative integer. */
static gboolean
get_count (const CcsPickleValue *value, gint64 *count)
{
  if (value->type != CCS_PICKLE_INT || value->integer < 0)
    return FALSE;
  *count = value->integer;
  return TRUE;
}

/* PyTorch's limit. It also bounds the cost of a shape that is used many times.
 */
#define MAX_DIMENSIONS 64

/* Reads a tuple or list of counts; stores the first four in @counts. */
static gboolean
get_counts (const CcsPickleValue *value, gint64 counts[CCS_MAX_RANK], guint *n)
{
  gint64 count;

  if (value->type != CCS_PICKLE_TUPLE && value->type != CCS_PICKLE_LIST)
    return FALSE;
  *n = value->node->items.n;
  if (*n > MAX_DIMENSIONS)
    return FALSE;
  for (guint i = 0; i < *n; i++) {
    if (!get_count (&value->node->items.item[i], &count))
      return FALSE;
    if (i < CCS_MAX_RANK)
      counts[i] = count;
  }
  return TRUE;
}

static gboolean
call_tensor (CcsPickle *self, const CcsPickleNode *args, CcsPickleValue *result,
             GError **error)
{
  const CcsPickleValue *arg = args->items.item;
  CcsPickleTensor tensor = { 0 };
  guint n_strides;

  if (arg[0].type != CCS_PICKLE_STORAGE || !get_count (&arg[1], &tensor.offset)
      || !get_counts (&arg[2], tensor.dim, &tensor.rank)
      || !get_counts (&arg[3], tensor.stride, &n_strides)
      || n_strides != tensor.rank)
    return ccs_format_error (
        error, "a tensor's storage, offset, shape and strides are not such");
  tensor.storage = arg[0].node->storage;
  if (!ccs_pickle_build (self, CCS_PICKLE_TENSOR, result, error))
    return FALSE;
  *result->node->tensor = tensor;
  return TRUE;
}

/* Makes a dict. Python 2 passes the items as a list of pairs; Python 3 adds
 * them later. */
static gboolean
call_ordered_dict (CcsPickle *self, const CcsPickleNode *args,
                   CcsPickleValue *result, GError **error)
{
  const CcsPickleNode *list;

  if (!ccs_pickle_build (self, CCS_PICKLE_DICT, result, error))
    return FALSE;
  if (args->items.n == 0)
    return TRUE;
  if (args->items.item[0].type != CCS_PICKLE_LIST)
    return ccs_format_error (error, "OrderedDict of no list");
  list = args->items.item[0].node;
  for (guint i = 0; i < list->items.n; i++) {
    const CcsPickleValue *pair = &list->items.item[i];

    if ((pair->type != CCS_PICKLE_TUPLE && pair->type != CCS_PICKLE_LIST)
        || pair->node->items.n != 2)
      return ccs_format_error (error, "OrderedDict of no pairs");
    if (!ccs_pickle_append (self, result->node, pair->node->items.item, 2,
                            error))
      return FALSE;
  }
  return TRUE;
}

gboolean
ccs_pickle_call (CcsPickle *self, guint global, const CcsPickleNode *args,
                 CcsPickleValue *result, GError **error)
{
  const Global *row = &globals[global];

  if (row->call == CALL_STORAGE || row->call == CALL_NEVER)
    return ccs_format_error (error, "'%s' cannot be called", row->name);
  if (args->items.n < row->min_args || args->items.n > row->max_args)
    return ccs_format_error (error, "%s() with %u arguments", row->name,
                             args->items.n);
  switch (row->call) {
  case CALL_ORDERED_DICT:
    return call_ordered_dict (self, args, result, error);
  case CALL_TENSOR:
    return call_tensor (self, args, result, error);
  case CALL_PLAIN:
    *result = (CcsPickleValue){ .type = CCS_PICKLE_OBJECT };
    return TRUE;
  default:
    break;
  }
  if (args->items.item[0].type != CCS_PICKLE_TENSOR)
    return ccs_format_error (error, "%s() of no tensor", row->name);
  *result = args->items.item[0];
  return TRUE;
}

/* -- storages -- */

/* Reads the view of the old format: (key, offset, elements), or None. */
static gboolean
get_view (const CcsPickleValue *view, CcsPickleStorage *storage)
{
  const CcsPickleValue *item;

  if (view->type == CCS_PICKLE_NONE)
    return TRUE;
  if (view->type != CCS_PICKLE_TUPLE || view->node->items.n != 3)
    return FALSE;
  item = view->node->items.item;
  return get_count (&item[1], &storage->view_offset)
         && get_count (&item[2], &storage->view_elements)
         && storage->view_offset <= storage->elements
         && storage->view_elements <= storage->elements - storage->view_offset;
}

/* Reads the key of a storage. Keys are numbers in practice; other characters
 * that are safe in paths and messages are accepted. */
static gboolean
get_key (const CcsPickleValue *value, CcsPickleStorage *storage)
{
  if (value->type != CCS_PICKLE_TEXT || value->length == 0
      || value->length >= sizeof storage->key)
    return FALSE;
  for (guint i = 0; i < value->length; i++)
    if (!g_ascii_isgraph (value->text[i]) || value->text[i] == '/')
      return FALSE;
  memcpy (storage->key, value->text, value->length);
  return TRUE;
}

gboolean
ccs_pickle_load_storage (CcsPickle *self, const CcsPickleNode *id,
                         CcsPickleValue *result, GError **error)
{
  /* "storage", type, key, location, elements, view */
  const CcsPickleValue *part = id->items.item;
  CcsPickleStorage storage = { 0 };
  const Global *row;

  if (id->items.n < 5 || id->items.n > 6
      || !ccs_pickle_is_text (&part[0], "storage")
      || part[1].type != CCS_PICKLE_GLOBAL
      || globals[part[1].global].call != CALL_STORAGE
      || !get_key (&part[2], &storage) || part[3].type != CCS_PICKLE_TEXT
      || !get_count (&part[4], &storage.elements))
    return ccs_format_error (error,
                             "a persistent id that describes no storage");
  row = &globals[part[1].global];
  storage.type_name = row->name;
  storage.supported = row->supported;
  storage.dtype = row->dtype;
  storage.view_elements = storage.elements;
  if (id->items.n == 6 && !get_view (&part[5], &storage))
    return ccs_format_error (error, "a storage's view is outside of it");
  if (!ccs_pickle_build (self, CCS_PICKLE_STORAGE, result, error))
    return FALSE;
  *result->node->storage = storage;
  return TRUE;
}
