/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the format of torch.save() since PyTorch 1.6: a zip archive with
 * PREFIX/data.pkl, the pickled state_dict, and PREFIX/data/KEY, the bytes of a
 * storage. */
#include "pth.h"
#include "zip.h"

#define PICKLE_NAME "/data.pkl"

typedef struct
{
  GBytes *file;
  const guint8 *data;
  CcsZip *zip;
  char *prefix;       /* without a slash at its end */
  GHashTable *placed; /* key -> CcsPthBytes */
} Reader;

/* Finds the prefix: exactly one entry must be called PREFIX/data.pkl, without a
 * slash in PREFIX. */
static gboolean
find_prefix (Reader *self, GError **error)
{
  for (guint i = 0; i < ccs_zip_n_entries (self->zip); i++) {
    const char *name = ccs_zip_entry (self->zip, i)->name;
    const char *slash = strchr (name, '/');

    if (slash == NULL || !g_str_equal (slash, PICKLE_NAME))
      continue;
    if (self->prefix != NULL)
      return ccs_format_error (error, "zip: more than one data.pkl");
    self->prefix = g_strndup (name, (gsize)(slash - name));
  }
  return self->prefix != NULL
         || ccs_format_error (
             error,
             "zip: no data.pkl inside, so it is not a file of torch.save()");
}

/* Returns the entry, or NULL (not an error) if it does not exist. */
static const CcsZipEntry *
lookup (const Reader *self, const char *name)
{
  g_autofree char *path = g_strconcat (self->prefix, name, NULL);

  return ccs_zip_lookup (self->zip, path);
}

static gboolean
check_byte_order (const Reader *self, GError **error)
{
  static const char little[] = "little";
  const CcsZipEntry *entry = lookup (self, "/byteorder");

  return entry == NULL
         || (entry->size == strlen (little)
             && memcmp (self->data + entry->data, little, entry->size) == 0)
         || ccs_format_error (error, "its byte order is not little-endian");
}

/* Returns a storage, which is read when the first tensor needs it. */
static const CcsPthBytes *
find_storage (gpointer reader, const CcsPickleStorage *storage, GError **error)
{
  Reader *self = reader;
  g_autofree char *name = g_strconcat ("/data/", storage->key, NULL);
  const CcsZipEntry *entry = lookup (self, name);
  CcsPthBytes *bytes;
  gsize size;

  if (!ccs_pth_storage_size (storage, &size, error))
    return NULL;
  if (entry == NULL) {
    ccs_format_error (error, "its storage '%s' is missing", storage->key);
    return NULL;
  }
  if (entry->size != size) {
    ccs_format_error (error,
                      "its storage '%s' needs %" G_GSIZE_FORMAT
                      " bytes and has %" G_GSIZE_FORMAT,
                      storage->key, size, entry->size);
    return NULL;
  }
  bytes = g_hash_table_lookup (self->placed, storage->key);
  if (bytes != NULL)
    return bytes;
  if (!ccs_zip_verify (self->zip, entry, error))
    return NULL;
  bytes = ccs_pth_place (self->file, entry->data, entry->size, error);
  if (bytes == NULL)
    return NULL;
  g_hash_table_insert (self->placed, g_strdup (storage->key), bytes);
  return bytes;
}

static gboolean
read_archive (Reader *self, CcsCheckpoint *checkpoint, gsize size,
              GError **error)
{
  g_autoptr (CcsPickle) pickle = ccs_pickle_new ();
  const CcsZipEntry *entry;
  CcsPickleValue root;
  gsize used;

  if (!find_prefix (self, error) || !check_byte_order (self, error))
    return FALSE;
  entry = lookup (self, PICKLE_NAME);
  if (!ccs_zip_verify (self->zip, entry, error)
      || !ccs_pickle_run (pickle, self->data + entry->data, entry->size, &root,
                          &used, error))
    return FALSE;
  if (used != entry->size)
    return ccs_format_error (
        error, "data.pkl goes on for %" G_GSIZE_FORMAT " bytes after its end",
        entry->size - used);
  return ccs_pth_collect (checkpoint, &root, find_storage, self, size, error);
}

gboolean
ccs_pth_zip_read (CcsCheckpoint *self, GBytes *bytes, GError **error)
{
  Reader reader = { .file = bytes };
  gsize size;
  gboolean ok;

  reader.data = g_bytes_get_data (bytes, &size);
  reader.zip = ccs_zip_open (reader.data, size, error);
  if (reader.zip == NULL)
    return FALSE;
  reader.placed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                         (GDestroyNotify)ccs_pth_bytes_free);
  ok = read_archive (&reader, self, size, error);
  g_hash_table_unref (reader.placed);
  g_free (reader.prefix);
  ccs_zip_free (reader.zip);
  return ok;
}
