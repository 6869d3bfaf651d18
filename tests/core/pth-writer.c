/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes .pth files for tests. Its output was compared with files that
 * PyTorch wrote (tests/data/pth). */
#include "pth-writer.h"

#include <check.h>
#include <string.h>

#define ALIGNMENT 64
#define LOCAL_SIZE 30

static void
append (GByteArray *out, gconstpointer data, gsize size)
{
  g_byte_array_append (out, data, (guint)size);
}

/* Appends the lowest @size bytes of @value in little-endian order. */
static void
append_number (GByteArray *out, guint64 value, gsize size)
{
  guint64 bytes = GUINT64_TO_LE (value);

  append (out, &bytes, size);
}

/* -- pickles ------------------------------------------------------------- */

void
pickle_begin (GByteArray *pickle)
{
  pickle_ops (pickle, "\x80\x02");
}

void
pickle_ops (GByteArray *pickle, const char *ops)
{
  append (pickle, ops, strlen (ops));
}

void
pickle_text (GByteArray *pickle, const char *text)
{
  pickle_ops (pickle, "X");
  append_number (pickle, strlen (text), 4);
  pickle_ops (pickle, text);
}

void
pickle_int (GByteArray *pickle, gint64 value)
{
  pickle_ops (pickle, "\x8a\x08");
  append_number (pickle, (guint64)value, 8);
}

static void
pickle_ints (GByteArray *pickle, const gint64 *values, guint n)
{
  pickle_ops (pickle, "(");
  for (guint i = 0; i < n; i++)
    pickle_int (pickle, values[i]);
  pickle_ops (pickle, "t");
}

static void
contiguous_strides (const CcsShape *shape, gint64 strides[CCS_MAX_RANK])
{
  gint64 stride = 1;

  for (guint i = shape->rank; i-- > 0;) {
    strides[i] = stride;
    stride *= shape->dim[i];
  }
}

void
pickle_tensor (GByteArray *pickle, const char *storage_type, const char *key,
               gint64 storage_elements, gint64 offset, const CcsShape *shape,
               const gint64 *strides, gboolean legacy)
{
  gint64 own_strides[CCS_MAX_RANK];

  if (strides == NULL) {
    contiguous_strides (shape, own_strides);
    strides = own_strides;
  }
  pickle_ops (pickle, "ctorch._utils\n_rebuild_tensor_v2\n((");
  pickle_text (pickle, "storage");
  pickle_ops (pickle, "ctorch\n");
  pickle_ops (pickle, storage_type);
  pickle_ops (pickle, "\n");
  pickle_text (pickle, key);
  pickle_text (pickle, "cpu");
  pickle_int (pickle, storage_elements);
  pickle_ops (pickle, legacy ? "NtQ" : "tQ");
  pickle_int (pickle, offset);
  pickle_ints (pickle, shape->dim, shape->rank);
  pickle_ints (pickle, strides, shape->rank);
  pickle_ops (pickle, "\x89"
                      "ccollections\nOrderedDict\n)RtR");
}

static const char *
storage_type (CcsDType dtype)
{
  static const char *const names[] = {
    [CCS_F32] = "FloatStorage",     [CCS_F16] = "HalfStorage",
    [CCS_BF16] = "BFloat16Storage", [CCS_F64] = "DoubleStorage",
    [CCS_S8] = "CharStorage",       [CCS_U8] = "ByteStorage",
    [CCS_S32] = "IntStorage",       [CCS_S64] = "LongStorage",
  };

  return names[dtype];
}

GByteArray *
pickle_state_dict (const CcsStateDict *tensors, gboolean legacy)
{
  GByteArray *pickle = g_byte_array_new ();

  pickle_begin (pickle);
  pickle_ops (pickle, "}");
  pickle_text (pickle, "state_dict");
  pickle_ops (pickle, "ccollections\nOrderedDict\n)R(");
  for (guint i = 0; i < ccs_state_dict_size (tensors); i++) {
    const CcsTensor *tensor = ccs_state_dict_tensor (tensors, i);
    g_autofree char *key = g_strdup_printf ("%u", i);

    pickle_text (pickle, ccs_state_dict_name (tensors, i));
    pickle_tensor (pickle, storage_type (tensor->dtype), key,
                   ccs_shape_elements (&tensor->shape), 0, &tensor->shape, NULL,
                   legacy);
  }
  pickle_ops (pickle, "us.");
  return pickle;
}

const float pth_four[4] = { 1.f, 2.f, 3.f, 4.f };

GByteArray *
pickle_one_tensor (void)
{
  GByteArray *pickle = g_byte_array_new ();

  pickle_begin (pickle);
  pickle_ops (pickle, "}");
  pickle_text (pickle, "a");
  pickle_tensor (pickle, "FloatStorage", "0", 4, 0, &CCS_SHAPE (4), NULL,
                 FALSE);
  pickle_ops (pickle, "s.");
  return pickle;
}

/* -- zip ----------------------------------------------------------------- */

struct _ZipWriter
{
  GByteArray *file, *directory;
  GArray *records; /* gsize: offset of each record */
};

ZipWriter *
zip_writer_new (void)
{
  ZipWriter *self = g_new (ZipWriter, 1);

  self->file = g_byte_array_new ();
  self->directory = g_byte_array_new ();
  self->records = g_array_new (FALSE, FALSE, sizeof (gsize));
  return self;
}

/* Appends the fields that local and central records have in common,
 * beginning with the version needed. */
static void
append_description (GByteArray *out, const char *name, gsize size, guint32 crc,
                    gsize extra)
{
  append_number (out, 20, 2);        /* version needed */
  append_number (out, 0, 2 + 2 + 4); /* flags, method, time and date */
  append_number (out, crc, 4);
  append_number (out, size, 4);
  append_number (out, size, 4);
  append_number (out, strlen (name), 2);
  append_number (out, extra, 2);
}

void
zip_writer_add (ZipWriter *self, const char *name, gconstpointer data,
                gsize size, guint32 crc)
{
  static const guint8 zeros[ALIGNMENT];
  gsize local = self->file->len, record = self->directory->len;
  gsize header = local + LOCAL_SIZE + strlen (name);
  gsize padding = (ALIGNMENT - header % ALIGNMENT) % ALIGNMENT;

  append (self->file, "PK\3\4", 4);
  append_description (self->file, name, size, crc, padding);
  append (self->file, name, strlen (name));
  append (self->file, zeros, padding);
  append (self->file, data, size);

  g_array_append_val (self->records, record);
  append (self->directory, "PK\1\2", 4);
  append_number (self->directory, 20, 2); /* version made by */
  append_description (self->directory, name, size, crc, 0);
  append_number (self->directory, 0, 2 + 2 + 2); /* comment, disk, internal */
  append_number (self->directory, 0, 4);         /* external */
  append_number (self->directory, local, 4);
  append (self->directory, name, strlen (name));
}

static void
append_zip64_end (GByteArray *file, guint64 entries, guint64 size,
                  guint64 offset)
{
  gsize at = file->len;

  append (file, "PK\6\6", 4);
  append_number (file, 44, 8);
  append_number (file, 45, 2); /* versions */
  append_number (file, 45, 2);
  append_number (file, 0, 4 + 4); /* disks */
  append_number (file, entries, 8);
  append_number (file, entries, 8);
  append_number (file, size, 8);
  append_number (file, offset, 8);
  append (file, "PK\6\7", 4);
  append_number (file, 0, 4);
  append_number (file, at, 8);
  append_number (file, 1, 4);
}

GByteArray *
zip_writer_finish (ZipWriter *self, gboolean zip64, GArray *central, gsize *end)
{
  GByteArray *file = self->file;
  gsize offset = file->len, size = self->directory->len;
  guint entries = self->records->len;

  for (guint i = 0; central != NULL && i < entries; i++) {
    gsize at = offset + g_array_index (self->records, gsize, i);

    g_array_append_val (central, at);
  }
  append (file, self->directory->data, size);
  if (zip64)
    append_zip64_end (file, entries, size, offset);
  if (end != NULL)
    *end = file->len;
  append (file, "PK\5\6", 4);
  append_number (file, 0, 2 + 2); /* disks */
  append_number (file, zip64 ? G_MAXUINT16 : entries, 2);
  append_number (file, zip64 ? G_MAXUINT16 : entries, 2);
  append_number (file, zip64 ? G_MAXUINT32 : size, 4);
  append_number (file, zip64 ? G_MAXUINT32 : offset, 4);
  append_number (file, 0, 2); /* comment */
  g_array_unref (self->records);
  g_byte_array_unref (self->directory);
  g_free (self);
  return file;
}

/* -- files --------------------------------------------------------------- */

GBytes *
pth_zip (const CcsStateDict *tensors)
{
  g_autoptr (GByteArray) pickle = pickle_state_dict (tensors, FALSE);
  ZipWriter *zip = zip_writer_new ();

  zip_writer_add (zip, "archive/data.pkl", pickle->data, pickle->len, 0);
  zip_writer_add (zip, "archive/byteorder", "little", 6, 0);
  for (guint i = 0; i < ccs_state_dict_size (tensors); i++) {
    const CcsTensor *tensor = ccs_state_dict_tensor (tensors, i);
    g_autofree char *name = g_strdup_printf ("archive/data/%u", i);

    zip_writer_add (zip, name, tensor->data, ccs_tensor_size (tensor), 0);
  }
  zip_writer_add (zip, "archive/version", "3\n", 2, 0);
  return g_byte_array_free_to_bytes (zip_writer_finish (zip, TRUE, NULL, NULL));
}

void
pth_legacy_storage (GByteArray *storages, gint64 elements, gconstpointer data,
                    gsize size)
{
  append_number (storages, (guint64)elements, 8);
  append (storages, data, size);
}

GBytes *
pth_legacy_around (const GByteArray *pickle, const char *const *keys,
                   const GByteArray *storages)
{
  static const guint8 magic_and_version[]
      = { 0x80, 2,    0x8a, 10,  0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a,
          0xa8, 0x50, 0x19, '.', 0x80, 2,    'M',  0xe9, 3,    '.' };
  GByteArray *file = g_byte_array_new ();

  append (file, magic_and_version, sizeof magic_and_version);
  pickle_begin (file);
  pickle_ops (file, "}");
  pickle_text (file, "little_endian");
  pickle_ops (file, "\x88s.");
  append (file, pickle->data, pickle->len);
  pickle_begin (file);
  pickle_ops (file, "](");
  for (; keys != NULL && *keys != NULL; keys++)
    pickle_text (file, *keys);
  pickle_ops (file, "e.");
  if (storages != NULL)
    append (file, storages->data, storages->len);
  return g_byte_array_free_to_bytes (file);
}

GBytes *
pth_legacy (const CcsStateDict *tensors)
{
  g_autoptr (GByteArray) pickle = pickle_state_dict (tensors, TRUE);
  g_autoptr (GByteArray) storages = g_byte_array_new ();
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) keys = NULL;

  for (guint i = 0; i < ccs_state_dict_size (tensors); i++) {
    const CcsTensor *tensor = ccs_state_dict_tensor (tensors, i);
    g_autofree char *key = g_strdup_printf ("%u", i);

    g_strv_builder_add (builder, key);
    pth_legacy_storage (storages, ccs_shape_elements (&tensor->shape),
                        tensor->data, ccs_tensor_size (tensor));
  }
  keys = g_strv_builder_end (builder);
  return pth_legacy_around (pickle, (const char *const *)keys, storages);
}

void
pth_assert_refused (GBytes *file, const char *reason)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsCheckpoint) read
      = ccs_checkpoint_parse (file, "bad.pth", &error);

  ck_assert_msg (read == NULL, "accepted, instead of '%s'", reason);
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_FORMAT));
  ck_assert_msg (g_str_has_prefix (error->message, "bad.pth: ")
                     && strstr (error->message, reason) != NULL,
                 "'%s' does not say '%s'", error->message, reason);
}
