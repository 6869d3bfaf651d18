/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values that a pickle builds. One owner counts and frees them, so that a
 * short pickle cannot allocate much memory. */
#include "pickle-values.h"

#include "checkpoint-private.h"

struct _CcsPickle
{
  GPtrArray *nodes;    /* CcsPickleNode: everything built */
  GPtrArray *storages; /* CcsPickleStorage, of nodes */
  guint n_items;       /* of all tuples, lists and dicts */
};

static void
node_free (gpointer data)
{
  CcsPickleNode *node = data;

  if (node->type == CCS_PICKLE_STORAGE)
    g_free (node->storage);
  else if (node->type == CCS_PICKLE_TENSOR)
    g_free (node->tensor);
  else
    g_free (node->items.item);
  g_free (node);
}

CcsPickle *
ccs_pickle_new (void)
{
  CcsPickle *self = g_new0 (CcsPickle, 1);

  self->nodes = g_ptr_array_new_with_free_func (node_free);
  self->storages = g_ptr_array_new ();
  return self;
}

void
ccs_pickle_free (CcsPickle *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->storages);
  g_ptr_array_unref (self->nodes);
  g_free (self);
}

GPtrArray *
ccs_pickle_storages (CcsPickle *self)
{
  return self->storages;
}

gboolean
ccs_pickle_build (CcsPickle *self, CcsPickleType type, CcsPickleValue *result,
                  GError **error)
{
  CcsPickleNode *node;

  if (self->nodes->len == CCS_PICKLE_MAX_NODES)
    return ccs_format_error (error, "more than %u values",
                             CCS_PICKLE_MAX_NODES);
  node = g_new0 (CcsPickleNode, 1);
  node->type = type;
  g_ptr_array_add (self->nodes, node);
  if (type == CCS_PICKLE_STORAGE) {
    node->storage = g_new0 (CcsPickleStorage, 1);
    g_ptr_array_add (self->storages, node->storage);
  } else if (type == CCS_PICKLE_TENSOR) {
    node->tensor = g_new0 (CcsPickleTensor, 1);
  }
  *result = (CcsPickleValue){ .type = type, .node = node };
  return TRUE;
}

gboolean
ccs_pickle_append (CcsPickle *self, CcsPickleNode *container,
                   const CcsPickleValue *items, guint n, GError **error)
{
  guint needed = container->items.n + n;

  if (n > CCS_PICKLE_MAX_ITEMS - self->n_items)
    return ccs_format_error (error, "more than %u values in collections",
                             CCS_PICKLE_MAX_ITEMS);
  if (n == 0)
    return TRUE;
  self->n_items += n;
  if (needed > container->items.allocated) {
    container->items.allocated
        = MAX (needed, container->items.allocated + container->items.n / 2);
    container->items.item = g_renew (CcsPickleValue, container->items.item,
                                     container->items.allocated);
  }
  memcpy (container->items.item + container->items.n, items, n * sizeof *items);
  container->items.n = needed;
  return TRUE;
}

gboolean
ccs_pickle_is_text (const CcsPickleValue *value, const char *text)
{
  return value->type == CCS_PICKLE_TEXT && value->length == strlen (text)
         && memcmp (value->text, text, value->length) == 0;
}

const CcsPickleValue *
ccs_pickle_get (const CcsPickleValue *dict, const char *key)
{
  const CcsPickleNode *node = dict->node;

  for (guint i = 0; i + 1 < node->items.n; i += 2)
    if (ccs_pickle_is_text (&node->items.item[i], key))
      return &node->items.item[i + 1];
  return NULL;
}

const char *
ccs_pickle_type_name (CcsPickleType type)
{
  static const char *const names[] = {
    [CCS_PICKLE_UNSET] = "nothing",      [CCS_PICKLE_NONE] = "the value None",
    [CCS_PICKLE_BOOL] = "a truth value", [CCS_PICKLE_INT] = "a number",
    [CCS_PICKLE_BIG_INT] = "a number",   [CCS_PICKLE_FLOAT] = "a number",
    [CCS_PICKLE_TEXT] = "a text",        [CCS_PICKLE_GLOBAL] = "a global",
    [CCS_PICKLE_TUPLE] = "a tuple",      [CCS_PICKLE_LIST] = "a list",
    [CCS_PICKLE_DICT] = "a dict",        [CCS_PICKLE_STORAGE] = "a storage",
    [CCS_PICKLE_TENSOR] = "a tensor",    [CCS_PICKLE_OBJECT] = "an object",
  };

  return names[type];
}
