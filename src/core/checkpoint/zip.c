/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the directory of a zip archive, including zip64. Checks every offset
 * against the file, and every entry against its local header. */
#include "zip.h"
#include "checkpoint-private.h"

#include <zlib.h>

/* Records: signature, fixed size, and offsets of the fields that are read. */
enum
{
  END_SIGNATURE = 0x06054b50,
  END_SIZE = 22,
  END_DISK = 4,
  END_DIRECTORY_DISK = 6,
  END_ENTRIES_HERE = 8,
  END_ENTRIES = 10,
  END_DIRECTORY_SIZE = 12,
  END_DIRECTORY_OFFSET = 16,
  END_COMMENT_LENGTH = 20,

  LOCATOR_SIGNATURE = 0x07064b50,
  LOCATOR_SIZE = 20,
  LOCATOR_DISK = 4,
  LOCATOR_OFFSET = 8,
  LOCATOR_DISKS = 16,

  END64_SIGNATURE = 0x06064b50,
  END64_SIZE = 56,
  END64_DISK = 16,
  END64_DIRECTORY_DISK = 20,
  END64_ENTRIES_HERE = 24,
  END64_ENTRIES = 32,
  END64_DIRECTORY_SIZE = 40,
  END64_DIRECTORY_OFFSET = 48,

  CENTRAL_SIGNATURE = 0x02014b50,
  CENTRAL_SIZE = 46,
  CENTRAL_FLAGS = 8,
  CENTRAL_METHOD = 10,
  CENTRAL_CRC = 16,
  CENTRAL_PACKED = 20,
  CENTRAL_UNPACKED = 24,
  CENTRAL_NAME_LENGTH = 28,
  CENTRAL_EXTRA_LENGTH = 30,
  CENTRAL_COMMENT_LENGTH = 32,
  CENTRAL_DISK = 34,
  CENTRAL_LOCAL_OFFSET = 42,

  LOCAL_SIGNATURE = 0x04034b50,
  LOCAL_SIZE = 30,
  LOCAL_METHOD = 8,
  LOCAL_NAME_LENGTH = 26,
  LOCAL_EXTRA_LENGTH = 28,

  FLAG_ENCRYPTED = 1,
  METHOD_STORED = 0,
  EXTRA_ZIP64 = 1,
  EXTRA_HEADER = 4,
};

/* A field with this value means that the zip64 record has the true value. */
#define IN_ZIP64_16 0xffffu
#define IN_ZIP64_32 0xffffffffu

/* Checksums are not verified in fuzzing builds: a fuzzer would hardly ever
 * produce a valid one. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define SKIP_CHECKSUMS TRUE
#else
#define SKIP_CHECKSUMS FALSE
#endif

struct _CcsZip
{
  const guint8 *data;
  gsize size;
  GArray *entries;     /* CcsZipEntry, in the directory's order */
  GHashTable *by_name; /* name -> index + 1 */
};

typedef struct
{
  guint64 disk, directory_disk, entries_here, entries;
  guint64 size, offset; /* size and offset of the directory */
  gsize limit;          /* end of the directory at the latest */
} Directory;

/* -- where the directory is -- */

/* Finds the end record: the last part of the file except for a comment, whose
 * length is in the record. */
static gboolean
find_end (const CcsZip *self, gsize *at, GError **error)
{
  gsize lowest;

  if (self->size < END_SIZE)
    return ccs_format_error (error, "zip: too short to be an archive");
  lowest = self->size - MIN (self->size, END_SIZE + G_MAXUINT16);
  for (gsize p = self->size - END_SIZE;; p--) {
    if (ccs_read_le32 (self->data + p) == END_SIGNATURE
        && ccs_read_le16 (self->data + p + END_COMMENT_LENGTH)
               == self->size - END_SIZE - p) {
      *at = p;
      return TRUE;
    }
    if (p == lowest)
      return ccs_format_error (
          error, "zip: no end record: the file is truncated or not an archive");
  }
}

static gboolean
read_zip64_end (const CcsZip *self, gsize end, Directory *directory,
                GError **error)
{
  const guint8 *locator, *record;
  guint64 at;

  if (end < LOCATOR_SIZE
      || ccs_read_le32 (self->data + end - LOCATOR_SIZE) != LOCATOR_SIGNATURE)
    return ccs_format_error (error, "zip: the zip64 locator is missing");
  locator = self->data + end - LOCATOR_SIZE;
  if (ccs_read_le32 (locator + LOCATOR_DISK) != 0
      || ccs_read_le32 (locator + LOCATOR_DISKS) > 1)
    return ccs_format_error (error, "zip: split over several disks");
  at = ccs_read_le64 (locator + LOCATOR_OFFSET);
  if (end - LOCATOR_SIZE < END64_SIZE || at > end - LOCATOR_SIZE - END64_SIZE
      || ccs_read_le32 (self->data + at) != END64_SIGNATURE)
    return ccs_format_error (error, "zip: the zip64 end record is missing");
  record = self->data + at;
  directory->disk = ccs_read_le32 (record + END64_DISK);
  directory->directory_disk = ccs_read_le32 (record + END64_DIRECTORY_DISK);
  directory->entries_here = ccs_read_le64 (record + END64_ENTRIES_HERE);
  directory->entries = ccs_read_le64 (record + END64_ENTRIES);
  directory->size = ccs_read_le64 (record + END64_DIRECTORY_SIZE);
  directory->offset = ccs_read_le64 (record + END64_DIRECTORY_OFFSET);
  directory->limit = at;
  return TRUE;
}

static gboolean
find_directory (const CcsZip *self, Directory *directory, GError **error)
{
  const guint8 *record;
  gsize end = 0;

  if (!find_end (self, &end, error))
    return FALSE;
  record = self->data + end;
  directory->disk = ccs_read_le16 (record + END_DISK);
  directory->directory_disk = ccs_read_le16 (record + END_DIRECTORY_DISK);
  directory->entries_here = ccs_read_le16 (record + END_ENTRIES_HERE);
  directory->entries = ccs_read_le16 (record + END_ENTRIES);
  directory->size = ccs_read_le32 (record + END_DIRECTORY_SIZE);
  directory->offset = ccs_read_le32 (record + END_DIRECTORY_OFFSET);
  directory->limit = end;
  if ((directory->entries == IN_ZIP64_16 || directory->size == IN_ZIP64_32
       || directory->offset == IN_ZIP64_32)
      && !read_zip64_end (self, end, directory, error))
    return FALSE;
  if (directory->disk != 0 || directory->directory_disk != 0
      || directory->entries_here != directory->entries)
    return ccs_format_error (error, "zip: split over several disks");
  if (directory->offset > directory->limit
      || directory->size > directory->limit - directory->offset)
    return ccs_format_error (error,
                             "zip: the directory (%" G_GUINT64_FORMAT
                             " bytes at %" G_GUINT64_FORMAT
                             ") is not inside the file",
                             directory->size, directory->offset);
  if (directory->entries > directory->size / CENTRAL_SIZE)
    return ccs_format_error (
        error,
        "zip: %" G_GUINT64_FORMAT
        " entries do not fit into a directory of %" G_GUINT64_FORMAT " bytes",
        directory->entries, directory->size);
  return TRUE;
}

/* -- entries -- */

typedef struct
{
  guint64 packed, unpacked, local;
} Extent;

/* Reads the fields that are in the zip64 extra field. */
static gboolean
read_zip64_extra (const guint8 *extra, gsize length, Extent *extent)
{
  guint64 *const wanted[]
      = { &extent->unpacked, &extent->packed, &extent->local };
  const guint8 *end = extra + length;

  while (end - extra >= EXTRA_HEADER) {
    gsize size = ccs_read_le16 (extra + 2);
    const guint8 *p = extra + EXTRA_HEADER;

    if (size > (gsize)(end - p))
      return FALSE;
    if (ccs_read_le16 (extra) == EXTRA_ZIP64) {
      for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
        if (*wanted[i] != IN_ZIP64_32)
          continue;
        if (size < sizeof (guint64))
          return FALSE;
        *wanted[i] = ccs_read_le64 (p);
        p += sizeof (guint64);
        size -= sizeof (guint64);
      }
      return TRUE;
    }
    extra = p + size;
  }
  return FALSE;
}

/* Checks the entry's local header and finds the content after it. */
static gboolean
read_local (const CcsZip *self, CcsZipEntry *entry, const Extent *extent,
            gsize limit, GError **error)
{
  const guint8 *p;
  gsize name_length, header;

  if (limit < LOCAL_SIZE || extent->local > limit - LOCAL_SIZE)
    return ccs_format_error (error, "its offset is outside the file");
  p = self->data + extent->local;
  name_length = ccs_read_le16 (p + LOCAL_NAME_LENGTH);
  header = LOCAL_SIZE + name_length + ccs_read_le16 (p + LOCAL_EXTRA_LENGTH);
  if (ccs_read_le32 (p) != LOCAL_SIGNATURE || header > limit - extent->local)
    return ccs_format_error (error, "its offset leads to no entry");
  if (name_length != strlen (entry->name)
      || memcmp (p + LOCAL_SIZE, entry->name, name_length) != 0
      || ccs_read_le16 (p + LOCAL_METHOD) != METHOD_STORED)
    return ccs_format_error (error, "its own header says something else");
  entry->begin = extent->local;
  entry->data = extent->local + header;
  if (extent->unpacked > limit - entry->data)
    return ccs_format_error (
        error, "its %" G_GUINT64_FORMAT " bytes are not inside the file",
        extent->unpacked);
  entry->size = extent->unpacked;
  return TRUE;
}

static gboolean
read_entry (const CcsZip *self, const guint8 *p, CcsZipEntry *entry,
            gsize limit, GError **error)
{
  guint method = ccs_read_le16 (p + CENTRAL_METHOD);
  gsize name_length = ccs_read_le16 (p + CENTRAL_NAME_LENGTH);
  gsize extra_length = ccs_read_le16 (p + CENTRAL_EXTRA_LENGTH);
  Extent extent = { .packed = ccs_read_le32 (p + CENTRAL_PACKED),
                    .unpacked = ccs_read_le32 (p + CENTRAL_UNPACKED),
                    .local = ccs_read_le32 (p + CENTRAL_LOCAL_OFFSET) };

  if (ccs_read_le16 (p + CENTRAL_FLAGS) & FLAG_ENCRYPTED)
    return ccs_format_error (error, "it is encrypted");
  if (method != METHOD_STORED)
    return ccs_format_error (
        error, "it is compressed (method %u); torch.save() only stores",
        method);
  if (ccs_read_le16 (p + CENTRAL_DISK) != 0)
    return ccs_format_error (error, "it is on another disk");
  if ((extent.packed == IN_ZIP64_32 || extent.unpacked == IN_ZIP64_32
       || extent.local == IN_ZIP64_32)
      && !read_zip64_extra (p + CENTRAL_SIZE + name_length, extra_length,
                            &extent))
    return ccs_format_error (error, "its zip64 sizes are missing");
  if (extent.packed != extent.unpacked)
    return ccs_format_error (error, "it is stored, but its two sizes differ");
  entry->crc = ccs_read_le32 (p + CENTRAL_CRC);
  return read_local (self, entry, &extent, limit, error);
}

static gboolean
add_entry (CcsZip *self, const guint8 *p, gsize limit, GError **error)
{
  gsize name_length = ccs_read_le16 (p + CENTRAL_NAME_LENGTH);
  const char *name = (const char *)p + CENTRAL_SIZE;
  g_autofree char *shown = ccs_printable (name, name_length);
  CcsZipEntry entry = { 0 };

  if (memchr (name, '\0', name_length) != NULL)
    return ccs_format_error (error, "zip: entry '%s': NUL in its name", shown);
  entry.name = g_strndup (name, name_length);
  if (!read_entry (self, p, &entry, limit, error)) {
    g_prefix_error (error, "zip: entry '%s': ", shown);
    g_free (entry.name);
    return FALSE;
  }
  g_array_append_val (self->entries, entry);
  if (!g_hash_table_insert (self->by_name, entry.name,
                            GUINT_TO_POINTER (self->entries->len)))
    return ccs_format_error (error, "zip: entry '%s': there more than once",
                             shown);
  return TRUE;
}

static gboolean
read_directory (CcsZip *self, const Directory *directory, GError **error)
{
  const guint8 *p = self->data + directory->offset;
  const guint8 *end = p + directory->size;

  for (guint64 i = 0; i < directory->entries; i++) {
    gsize length;

    if (end - p < CENTRAL_SIZE || ccs_read_le32 (p) != CENTRAL_SIGNATURE)
      return ccs_format_error (
          error, "zip: the directory breaks off at entry %" G_GUINT64_FORMAT,
          i);
    length = CENTRAL_SIZE + (gsize)ccs_read_le16 (p + CENTRAL_NAME_LENGTH)
             + ccs_read_le16 (p + CENTRAL_EXTRA_LENGTH)
             + ccs_read_le16 (p + CENTRAL_COMMENT_LENGTH);
    if (length > (gsize)(end - p))
      return ccs_format_error (
          error, "zip: the directory breaks off in entry %" G_GUINT64_FORMAT,
          i);
    if (!add_entry (self, p, directory->offset, error))
      return FALSE;
    p += length;
  }
  return p == end
         || ccs_format_error (
             error,
             "zip: the directory holds more than its %" G_GUINT64_FORMAT
             " entries",
             directory->entries);
}

static gint
compare_begin (gconstpointer a, gconstpointer b)
{
  const CcsZipEntry *x = *(const CcsZipEntry *const *)a;
  const CcsZipEntry *y = *(const CcsZipEntry *const *)b;

  return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static gboolean
check_overlap (const CcsZip *self, GError **error)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_sized_new (self->entries->len);
  gsize covered = 0;

  for (guint i = 0; i < self->entries->len; i++)
    g_ptr_array_add (sorted, &g_array_index (self->entries, CcsZipEntry, i));
  g_ptr_array_sort (sorted, compare_begin);
  for (guint i = 0; i < sorted->len; i++) {
    const CcsZipEntry *entry = sorted->pdata[i];
    g_autofree char *shown = NULL;

    if (entry->begin < covered) {
      shown = ccs_printable (entry->name, strlen (entry->name));
      return ccs_format_error (
          error, "zip: entry '%s': overlaps the entry before it", shown);
    }
    covered = entry->data + entry->size;
  }
  return TRUE;
}

static void
zip_entry_clear (gpointer data)
{
  g_free (((CcsZipEntry *)data)->name);
}

CcsZip *
ccs_zip_open (const guint8 *data, gsize size, GError **error)
{
  g_autoptr (CcsZip) self = g_new0 (CcsZip, 1);
  Directory directory;

  self->data = data;
  self->size = size;
  self->entries = g_array_new (FALSE, FALSE, sizeof (CcsZipEntry));
  g_array_set_clear_func (self->entries, zip_entry_clear);
  self->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  if (!find_directory (self, &directory, error)
      || !read_directory (self, &directory, error)
      || !check_overlap (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
ccs_zip_free (CcsZip *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->by_name);
  g_array_unref (self->entries);
  g_free (self);
}

guint
ccs_zip_n_entries (const CcsZip *self)
{
  return self->entries->len;
}

const CcsZipEntry *
ccs_zip_entry (const CcsZip *self, guint index)
{
  return &g_array_index (self->entries, CcsZipEntry, index);
}

const CcsZipEntry *
ccs_zip_lookup (const CcsZip *self, const char *name)
{
  guint index = GPOINTER_TO_UINT (g_hash_table_lookup (self->by_name, name));

  return index == 0 ? NULL : ccs_zip_entry (self, index - 1);
}

gboolean
ccs_zip_verify (const CcsZip *self, const CcsZipEntry *entry, GError **error)
{
  g_autofree char *shown = NULL;

  if (entry->crc == 0 || SKIP_CHECKSUMS
      || entry->crc == crc32_z (0, self->data + entry->data, entry->size))
    return TRUE;
  shown = ccs_printable (entry->name, strlen (entry->name));
  return ccs_format_error (
      error, "zip: entry '%s': its checksum is wrong, the file is damaged",
      shown);
}
