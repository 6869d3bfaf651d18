/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the format of torch.save() before PyTorch 1.6, which old torchvision
 * files have: five pickles (magic number, version, machine, state_dict, keys of
 * the storages), then element count and bytes of each storage. */
#include "pth.h"

/* 0x1950a86a20f9469cfc6c */
static const guint8 magic[]
    = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };
#define PROTOCOL_VERSION 1001
#define COUNT_SIZE 8

typedef struct
{
  GBytes *file;
  const guint8 *data;
  gsize at, size;
  CcsPickle *pickle;
  GHashTable *known;  /* key -> CcsPickleStorage: storages in the pickle */
  GHashTable *placed; /* key -> CcsPthBytes */
} Reader;

static gboolean
run_next (Reader *self, CcsPickleValue *value, GError **error)
{
  gsize used;

  if (!ccs_pickle_run (self->pickle, self->data + self->at,
                       self->size - self->at, value, &used, error)) {
    g_prefix_error (error, "from byte %" G_GSIZE_FORMAT " on: ", self->at);
    return FALSE;
  }
  self->at += used;
  return TRUE;
}

static gboolean
read_preamble (Reader *self, GError **error)
{
  CcsPickleValue value;
  const CcsPickleValue *little;

  if (!run_next (self, &value, error))
    return FALSE;
  if (value.type != CCS_PICKLE_BIG_INT || value.length != sizeof magic
      || memcmp (value.text, magic, sizeof magic) != 0)
    return ccs_format_error (
        error,
        "a pickle, but not one of torch.save(): the magic number is missing");
  if (!run_next (self, &value, error))
    return FALSE;
  if (value.type != CCS_PICKLE_INT || value.integer != PROTOCOL_VERSION)
    return ccs_format_error (error, "its protocol version is not %d",
                             PROTOCOL_VERSION);
  if (!run_next (self, &value, error))
    return FALSE;
  little = value.type == CCS_PICKLE_DICT
               ? ccs_pickle_get (&value, "little_endian")
               : NULL;
  if (little == NULL || little->type != CCS_PICKLE_BOOL || !little->integer)
    return ccs_format_error (error, "its byte order is not little-endian");
  return TRUE;
}

/* Indexes storages by key. Storages with the same key must be equal except for
 * their views. */
static gboolean
index_storages (Reader *self, GError **error)
{
  GPtrArray *storages = ccs_pickle_storages (self->pickle);

  for (guint i = 0; i < storages->len; i++) {
    CcsPickleStorage *storage = storages->pdata[i];
    const CcsPickleStorage *other
        = g_hash_table_lookup (self->known, storage->key);

    if (other == NULL)
      g_hash_table_insert (self->known, storage->key, storage);
    else if (other->elements != storage->elements
             || !g_str_equal (other->type_name, storage->type_name))
      return ccs_format_error (
          error, "storage '%s': described in two different ways", storage->key);
  }
  return TRUE;
}

static gboolean
read_storage (Reader *self, const CcsPickleValue *key, GError **error)
{
  g_autofree char *name = key->type == CCS_PICKLE_TEXT
                              ? g_strndup (key->text, key->length)
                              : g_strdup ("");
  const CcsPickleStorage *storage = g_hash_table_lookup (self->known, name);
  CcsPthBytes *bytes;
  gsize size;

  if (storage == NULL)
    return ccs_format_error (error, "a storage that no tensor names");
  if (g_hash_table_contains (self->placed, name))
    return ccs_format_error (error, "storage '%s': listed twice", name);
  if (!ccs_pth_storage_size (storage, &size, error)) {
    g_prefix_error (error, "storage '%s': ", name);
    return FALSE;
  }
  if (self->size - self->at < COUNT_SIZE
      || size > self->size - self->at - COUNT_SIZE)
    return ccs_format_error (error, "storage '%s': truncated", name);
  if (ccs_read_le64 (self->data + self->at) != (guint64)storage->elements)
    return ccs_format_error (error,
                             "storage '%s': holds %" G_GUINT64_FORMAT
                             " elements, %" G_GINT64_FORMAT " were announced",
                             name, ccs_read_le64 (self->data + self->at),
                             storage->elements);
  self->at += COUNT_SIZE;
  bytes = ccs_pth_place (self->file, self->at, size, error);
  if (bytes == NULL)
    return FALSE;
  g_hash_table_insert (self->placed, g_steal_pointer (&name), bytes);
  self->at += size;
  return TRUE;
}

static gboolean
read_storages (Reader *self, GError **error)
{
  CcsPickleValue keys;

  if (!index_storages (self, error) || !run_next (self, &keys, error))
    return FALSE;
  if (keys.type != CCS_PICKLE_LIST)
    return ccs_format_error (error,
                             "holds %s where the storages' keys "
                             "should be",
                             ccs_pickle_type_name (keys.type));
  for (guint i = 0; i < keys.node->items.n; i++)
    if (!read_storage (self, &keys.node->items.item[i], error))
      return FALSE;
  return self->at == self->size
         || ccs_format_error (
             error, "%" G_GSIZE_FORMAT " bytes after the last storage",
             self->size - self->at);
}

static const CcsPthBytes *
find_storage (gpointer reader, const CcsPickleStorage *storage, GError **error)
{
  Reader *self = reader;
  const CcsPthBytes *bytes = g_hash_table_lookup (self->placed, storage->key);

  if (bytes == NULL)
    ccs_format_error (error, "its storage '%s' is missing", storage->key);
  return bytes;
}

static gboolean
read_file (Reader *self, CcsCheckpoint *checkpoint, GError **error)
{
  CcsPickleValue root;

  return read_preamble (self, error) && run_next (self, &root, error)
         && read_storages (self, error)
         && ccs_pth_collect (checkpoint, &root, find_storage, self, self->size,
                             error);
}

gboolean
ccs_pth_legacy_read (CcsCheckpoint *self, GBytes *bytes, GError **error)
{
  Reader reader = { .file = bytes, .pickle = ccs_pickle_new () };
  gboolean ok;

  reader.data = g_bytes_get_data (bytes, &reader.size);
  reader.known = g_hash_table_new (g_str_hash, g_str_equal);
  reader.placed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                         (GDestroyNotify)ccs_pth_bytes_free);
  ok = read_file (&reader, self, error);
  g_hash_table_unref (reader.placed);
  g_hash_table_unref (reader.known);
  ccs_pickle_free (reader.pickle);
  return ok;
}
