/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Safetensors read and written, and the map from torchvision's ResNet. */
#include <check.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ccstereo.h"

/* -- support ------------------------------------------------------------- */

/* Adds a float32 tensor of @n values from @first on, one apart. */
static void
add_floats (CcsStateDict *dict, const char *name, CcsShape shape, float first)
{
  gsize n = (gsize)ccs_shape_elements (&shape);
  float *data = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    data[i] = first + (float)i;
  ck_assert (ccs_state_dict_insert (
      dict, name, ccs_tensor_new_take (CCS_F32, &shape, data)));
}

static void
add_bytes (CcsStateDict *dict, const char *name, CcsDType dtype, CcsShape shape)
{
  gsize size = (gsize)ccs_shape_elements (&shape) * ccs_dtype_size (dtype);
  guint8 *data = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8)(3 * i + 1);
  ck_assert (ccs_state_dict_insert (dict, name,
                                    ccs_tensor_new_take (dtype, &shape, data)));
}

/* Something of every width, in an order that needs sorting. (transfer full) */
static CcsStateDict *
some_tensors (void)
{
  CcsStateDict *dict = ccs_state_dict_new ();

  add_bytes (dict, "bytes", CCS_U8, CCS_SHAPE (3));
  add_floats (dict, "weight", CCS_SHAPE (2, 3, 1, 2), -3.f);
  add_bytes (dict, "counter", CCS_S64, CCS_SHAPE_SCALAR);
  add_floats (dict, "empty", CCS_SHAPE (0, 4), 0.f);
  add_bytes (dict, "signed", CCS_S8, CCS_SHAPE (5));
  add_floats (dict, "a \"quoted\" \\ name\n", CCS_SHAPE (1), 0.5f);
  add_bytes (dict, "ints", CCS_S32, CCS_SHAPE (2));
  return dict;
}

static void
assert_same_tensor (const CcsTensor *a, const CcsTensor *b, const char *name)
{
  ck_assert_msg (a != NULL && b != NULL, "%s", name);
  ck_assert_msg (a->dtype == b->dtype, "%s", name);
  ck_assert_msg (ccs_shape_equal (&a->shape, &b->shape), "%s", name);
  ck_assert_msg (ccs_tensor_size (b) == 0
                     || memcmp (a->data, b->data, ccs_tensor_size (b)) == 0,
                 "%s", name);
}

/* A folder that a test has for itself. (transfer full) */
static char *
make_folder (void)
{
  char *folder = g_dir_make_tmp ("ccstereo-test-XXXXXX", NULL);

  ck_assert_ptr_nonnull (folder);
  return folder;
}

/* How many files are in @folder. */
static guint
count_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_remove (path);
  }
  g_rmdir (folder);
}

static void
save (const char *path, const CcsStateDict *tensors, GHashTable *metadata,
      CcsDType storage)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (ccs_checkpoint_save (path, tensors, metadata, storage, &error),
                 "%s", error != NULL ? error->message : "");
}

/* (transfer full) */
static CcsCheckpoint *
load (const char *path)
{
  g_autoptr (GError) error = NULL;
  CcsCheckpoint *file = ccs_checkpoint_load (path, &error);

  ck_assert_msg (file != NULL, "%s", error != NULL ? error->message : "");
  return file;
}

static void
assert_error (const GError *error, CcsError code, const char *file,
              const char *reason)
{
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (g_error_matches (error, CCS_ERROR, (gint)code), "%s",
                 error->message);
  ck_assert_msg (strstr (error->message, file) != NULL
                     && strstr (error->message, reason) != NULL,
                 "'%s' does not say '%s' and '%s'", error->message, file,
                 reason);
}

/* -- safetensors, read --------------------------------------------------- */

/* @header with its length and @data bytes of zeros. (transfer full) */
static GBytes *
safetensors (const char *header, gsize data)
{
  guint64 length = strlen (header);
  GByteArray *file = g_byte_array_new ();
  guint64 stored = GUINT64_TO_LE (length);

  g_byte_array_append (file, (const guint8 *)&stored, sizeof stored);
  g_byte_array_append (file, (const guint8 *)header, (guint)length);
  g_byte_array_set_size (file, file->len + (guint)data);
  memset (file->data + file->len - data, 0, data);
  return g_byte_array_free_to_bytes (file);
}

#define ENTRY(name, dtype, shape, begin, end)                                  \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape                    \
  "],\"data_offsets\":[" begin "," end "]}"

static const struct
{
  const char *header;
  gsize data;
  const char *reason;
} bad_headers[] = {
  { "{" ENTRY ("a", "F32", "2", "0", "8") "}", 7, "not inside the 7 bytes" },
  { "{" ENTRY ("a", "F32", "2", "0", "8") "}", 9, "1 bytes at the end" },
  { "{" ENTRY ("a", "F32", "2", "0", "4") "}", 8, "2 of float32 needs 8" },
  { "{" ENTRY ("a", "F32", "2", "8", "0") "}", 8, "[8, 0]" },
  { "{" ENTRY ("a", "F32", "1", "4", "8") "}", 8, "hole" },
  { "{" ENTRY ("a", "F32", "2", "0", "8") "," ENTRY ("b", "F32", "2", "4",
                                                     "12") "}",
    12, "tensor 'b': its data begins at byte 4, which overlaps" },
  { "{" ENTRY ("a", "U8", "2", "0", "2") "," ENTRY ("b", "U8", "2", "0",
                                                    "2") "}",
    2, "overlaps" },
  { "{" ENTRY ("a", "U8", "2", "0", "2") "," ENTRY ("b", "U8", "1", "3",
                                                    "4") "}",
    4, "hole" },
  { "{" ENTRY ("a", "U8", "1", "0", "1") "," ENTRY ("a", "U8", "1", "1",
                                                    "2") "}",
    2, "tensor 'a': there more than once" },
  { "{" ENTRY ("a", "U8", "1", "0", "1") "," ENTRY ("module.a", "U8", "1", "1",
                                                    "2") "}",
    2, "tensor 'a': there more than once" },
  { "{" ENTRY ("a", "F32", "4294967296,4294967296", "0", "0") "}", 0,
    "too large" },
  { "{" ENTRY ("a", "F32", "9223372036854775807", "0", "0") "}", 0,
    "too large" },
  { "{" ENTRY ("a", "F32", "0,9223372036854775807,9223372036854775807", "0",
               "0") "}",
    0, "too large" },
  { "{" ENTRY ("a", "F32", "9223372036854775808", "0", "8") "}", 8,
    "below 2^63" },
  { "{" ENTRY ("a", "F32", "99999999999999999999999", "0", "8") "}", 8,
    "below 2^63" },
  { "{" ENTRY ("a", "F32", "-1", "0", "8") "}", 8, "a whole number" },
  { "{" ENTRY ("a", "F32", "1.5", "0", "8") "}", 8, "expected ']'" },
  { "{" ENTRY ("a", "F32", "1e3", "0", "8") "}", 8, "expected ']'" },
  { "{" ENTRY ("a", "F32", "1,1,1,1,2", "0", "8") "}", 8, "more than 4" },
  { "{" ENTRY ("a", "F32", "2", "0", "8,9") "}", 8, "holds 3 numbers, not 2" },
  { "{" ENTRY ("a", "F32", "2", "0", "8,9,9,9") "}", 8, "more than 4" },
  { "{" ENTRY ("a", "C64", "1", "0", "8") "}", 8, "type 'C64'" },
  { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "is missing" },
  { "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 8, "'dtype' is there" },
  { "{\"a\":{\"dtype\":\"F32\",\"strides\":[2]}}", 8, "'strides' is unknown" },
  { "{\"a\":{}}", 0, "expected '\"'" },
  { "{\"a\":null}", 0, "tensor 'a': header byte 5: expected '{'" },
  { "{\"a\":[[[[[[[[[[[[[[[[", 0, "expected '{'" },
  { "{\"a\":{\"shape\":[[[[[[[[[[[[", 0, "a whole number" },
  { "{\"__metadata__\":{\"a\":{\"b\":\"c\"}}}", 0, "expected '\"'" },
  { "{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}", 0, "metadata 'a'" },
  { "{\"__metadata__\":{\"a\":1}}", 0, "expected '\"'" },
  { "{\"a\\x\":{}}", 0, "a JSON escape" },
  { "{\"a\\ud800\":{}}", 0, "a JSON escape" },
  { "{\"a\\u0000\":{}}", 0, "a JSON escape" },
  { "{\"a\\u12", 0, "a JSON escape" },
  { "{\"a\n\":{}}", 0, "no control character" },
  { "{\"a", 0, "expected '\"'" },
  { "{\"\xff\":{}}", 0, "UTF-8" },
  { "{} x", 0, "nothing but spaces" },
  { "{},", 0, "nothing but spaces" },
  { "{" ENTRY ("a", "U8", "0", "0", "0") ",}", 0, "expected '\"'" },
  { "{", 0, "expected '\"'" },
  { "{ ", 0, "expected '\"'" },
};

START_TEST (a_bad_header_is_refused_with_the_reason)
{
  g_autoptr (GBytes) file
      = safetensors (bad_headers[_i].header, bad_headers[_i].data);
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsCheckpoint) read
      = ccs_checkpoint_parse (file, "bad.safetensors", &error);

  ck_assert_msg (read == NULL, "accepted, instead of '%s'",
                 bad_headers[_i].reason);
  assert_error (error, CCS_ERROR_FORMAT,
                "bad.safetensors: ", bad_headers[_i].reason);
}
END_TEST

START_TEST (a_header_of_any_length_is_measured_first)
{
  static const guint64 lengths[] = { 4, 100000001, G_MAXINT64, G_MAXUINT64 };
  guint64 stored = GUINT64_TO_LE (lengths[_i]);
  guint8 data[11] = "????????{}";
  g_autoptr (GBytes) file = NULL;
  g_autoptr (GError) error = NULL;

  memcpy (data, &stored, sizeof stored);
  file = g_bytes_new (data, sizeof data);
  ck_assert_ptr_null (ccs_checkpoint_parse (file, "bad", &error));
  assert_error (error, CCS_ERROR_FORMAT,
                "bad: ", _i == 0 ? "truncated" : "at most");
}
END_TEST

/* Each costs memory beyond its bytes in the file. */
START_TEST (a_header_of_countless_members_is_refused)
{
  static const char *const what[] = { "tensors", "entries of metadata" };
  g_autoptr (GString) file = g_string_new ("12345678{");
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  guint64 length;

  if (_i == 1)
    g_string_append (file, "\"__metadata__\":{");
  for (guint i = 0; i <= 1u << 16; i++)
    g_string_append_printf (
        file,
        _i == 0
            ? "%s\"%u\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
            : "%s\"%u\":\"\"",
        i == 0 ? "" : ",", i);
  g_string_append (file, _i == 0 ? "}" : "}}");
  length = GUINT64_TO_LE (file->len - sizeof length);
  memcpy (file->str, &length, sizeof length);
  bytes = g_bytes_new (file->str, file->len);
  ck_assert_ptr_null (ccs_checkpoint_parse (bytes, "bad", &error));
  assert_error (error, CCS_ERROR_FORMAT, "more than 65536 ", what[_i]);
}
END_TEST

START_TEST (every_truncation_is_noticed)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autofree char *data = NULL;
  gsize size;

  save (path, tensors, NULL, CCS_F32);
  ck_assert (g_file_get_contents (path, &data, &size, NULL));
  remove_folder (folder);
  for (gsize part = 0; part < size; part++) {
    g_autoptr (GBytes) bytes = g_bytes_new (data, part);

    ck_assert_ptr_null (ccs_checkpoint_parse (bytes, "part", NULL));
  }
}
END_TEST

START_TEST (other_files_are_told_apart)
{
  static const struct
  {
    const char *content, *reason;
  } files[] = {
    { "", "is empty" },
    { "{", "neither" },
    { "a text of some length, and no model", "neither" },
  };
  g_autoptr (GBytes) file
      = g_bytes_new (files[_i].content, strlen (files[_i].content));
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (ccs_checkpoint_parse (file, "what", &error));
  assert_error (error, CCS_ERROR_FORMAT, "what: ", files[_i].reason);
}
END_TEST

/* Headers with spaces, escapes and keys in another order, as other writers may
 * have them. */
START_TEST (all_of_the_format_s_json_is_understood)
{
  g_autoptr (GBytes) file = safetensors (
      "{ \"__metadata__\" : { } ,\t\"\\u00e9\\ud83d\\ude00\\\\\\/\" :\n{"
      "\"data_offsets\":[ 0 , 2 ],\"shape\":[ 1 ,2 ],\"dtype\":\"I8\" } } \n ",
      2);
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsCheckpoint) read = ccs_checkpoint_parse (file, "f", &error);

  ck_assert_msg (read != NULL, "%s", error != NULL ? error->message : "");
  ck_assert_str_eq (ccs_state_dict_name (read->tensors, 0), "é😀\\/");
}
END_TEST

START_TEST (data_parallel_prefixes_go)
{
  g_autoptr (GBytes) file
      = safetensors ("{" ENTRY ("module.module.a", "U8", "1", "0", "1") "}", 1);
  g_autoptr (CcsCheckpoint) read = ccs_checkpoint_parse (file, "f", NULL);

  ck_assert_ptr_nonnull (read);
  ck_assert_ptr_nonnull (ccs_state_dict_lookup (read->tensors, "a"));
}
END_TEST

START_TEST (tensors_behind_odd_bytes_are_aligned)
{
  g_autoptr (GBytes) file
      = safetensors ("{" ENTRY ("a", "U8", "1", "0",
                                "1") "," ENTRY ("b", "F64", "1", "1", "9") "}",
                     9);
  g_autoptr (CcsCheckpoint) read = ccs_checkpoint_parse (file, "f", NULL);
  const CcsTensor *tensor;

  ck_assert_ptr_nonnull (read);
  tensor = ccs_state_dict_lookup (read->tensors, "b");
  ck_assert_uint_eq ((guintptr)tensor->data % 8, 0);
  ck_assert (*(const double *)tensor->data == 0.);
}
END_TEST

/* -- safetensors, written ------------------------------------------------ */

START_TEST (what_is_saved_loads_the_same)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autoptr (GHashTable) metadata = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (CcsCheckpoint) file = NULL;

  g_hash_table_insert (metadata, CCS_META_CONFIG, "backbone=18 \"x\"\t");
  g_hash_table_insert (metadata, CCS_META_LICENCE, "MIT é");
  save (path, tensors, metadata, CCS_F32);
  file = load (path);
  remove_folder (folder);
  ck_assert_int_eq (file->kind, CCS_FILE_SAFETENSORS);
  ck_assert_uint_eq (g_hash_table_size (file->metadata), 2);
  ck_assert_str_eq (g_hash_table_lookup (file->metadata, CCS_META_CONFIG),
                    "backbone=18 \"x\"\t");
  ck_assert_uint_eq (ccs_state_dict_size (file->tensors),
                     ccs_state_dict_size (tensors));
  for (guint i = 0; i < ccs_state_dict_size (tensors); i++) {
    ck_assert_str_eq (ccs_state_dict_name (file->tensors, i),
                      ccs_state_dict_name (tensors, i));
    assert_same_tensor (ccs_state_dict_tensor (file->tensors, i),
                        ccs_state_dict_tensor (tensors, i),
                        ccs_state_dict_name (tensors, i));
  }
}
END_TEST

START_TEST (narrow_storage_holds_the_rounded_values)
{
  CcsDType storage = _i == 0 ? CCS_F16 : CCS_BF16;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autoptr (CcsTensor) rounded = NULL;
  g_autoptr (CcsCheckpoint) file = NULL;

  add_floats (tensors, "thirds", CCS_SHAPE (1000), 1.f / 3.f);
  save (path, tensors, NULL, storage);
  file = load (path);
  remove_folder (folder);
  rounded
      = ccs_tensor_convert (ccs_state_dict_lookup (tensors, "thirds"), storage);
  assert_same_tensor (ccs_state_dict_lookup (file->tensors, "thirds"), rounded,
                      "thirds");
  assert_same_tensor (ccs_state_dict_lookup (file->tensors, "counter"),
                      ccs_state_dict_lookup (tensors, "counter"), "counter");
}
END_TEST

/* Whatever the header's length, which the metadata changes. */
START_TEST (saved_tensors_lie_aligned_in_the_file)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autoptr (GHashTable) metadata = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (CcsCheckpoint) file = NULL;
  g_autofree char *data = NULL;
  guint64 header;
  gsize size;

  g_hash_table_insert (metadata, "key", (char *)"0123456" + _i);
  save (path, tensors, metadata, CCS_F32);
  ck_assert (g_file_get_contents (path, &data, &size, NULL));
  memcpy (&header, data, sizeof header);
  ck_assert_uint_eq ((8 + GUINT64_FROM_LE (header)) % 64, 0);
  /* loaded in place: a copy would have an owner of its own */
  file = load (path);
  remove_folder (folder);
  for (guint i = 1; i < ccs_state_dict_size (file->tensors); i++)
    ck_assert_ptr_eq (ccs_state_dict_tensor (file->tensors, i)->owner,
                      ccs_state_dict_tensor (file->tensors, 0)->owner);
}
END_TEST

/* The file that some_tensors() make, the metadata's keys put in from @from on
 * in steps of @step. (transfer full) */
static char *
saved_bytes (const char *path, gint from, gint step, gsize *size)
{
  static const char *const keys[] = { "x", "a", "k", "b" };
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autoptr (GHashTable) metadata = g_hash_table_new (g_str_hash, g_str_equal);
  char *content;

  for (guint k = 0; k < G_N_ELEMENTS (keys); k++, from += step)
    g_hash_table_insert (metadata, (char *)keys[from], "v");
  save (path, tensors, metadata, CCS_F32);
  ck_assert (g_file_get_contents (path, &content, size, NULL));
  return content;
}

START_TEST (the_same_tensors_give_the_same_bytes)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a", NULL);
  gsize size, other_size;
  g_autofree char *content = saved_bytes (path, 0, 1, &size);
  g_autofree char *other = saved_bytes (path, 3, -1, &other_size);

  remove_folder (folder);
  ck_assert_uint_eq (size, other_size);
  ck_assert_mem_eq (content, other, size);
}
END_TEST

START_TEST (a_saved_file_has_mode_644_less_the_umask)
{
  static const mode_t masks[] = { 022, 027, 0 };
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  GStatBuf status;

  umask (masks[_i]);
  save (path, tensors, NULL, CCS_F32);
  ck_assert_int_eq (g_stat (path, &status), 0);
  remove_folder (folder);
  ck_assert_uint_eq (status.st_mode & 0777, 0644 & ~masks[_i]);
}
END_TEST

/* The disk is as good as full: files may grow to 100 bytes only. */
START_TEST (a_failed_save_leaves_the_old_file_and_nothing_else)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autoptr (GError) error = NULL;
  g_autofree char *content = NULL;
  struct rlimit limit;

  ck_assert (g_file_set_contents (path, "old", -1, NULL));
  getrlimit (RLIMIT_FSIZE, &limit);
  limit.rlim_cur = 100;
  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &limit);
  ck_assert (!ccs_checkpoint_save (path, tensors, NULL, CCS_F32, &error));
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_FSIZE, &limit);
  assert_error (error, CCS_ERROR_IO, "model.safetensors: ", "writing failed");
  ck_assert (g_file_get_contents (path, &content, NULL, NULL));
  ck_assert_str_eq (content, "old");
  ck_assert_uint_eq (count_files (folder), 1);
  remove_folder (folder);
}
END_TEST

START_TEST (a_name_that_cannot_be_taken_leaves_nothing_behind)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "taken", NULL);
  g_autofree char *inside = g_build_filename (path, "file", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (g_mkdir (path, 0755), 0);
  ck_assert (g_file_set_contents (inside, "x", -1, NULL));
  ck_assert (!ccs_checkpoint_save (path, tensors, NULL, CCS_F32, &error));
  assert_error (error, CCS_ERROR_IO, path, "cannot take this name");
  ck_assert_uint_eq (count_files (folder), 1);
  g_remove (inside);
  remove_folder (folder);
}
END_TEST

START_TEST (a_folder_that_is_missing_is_told)
{
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autoptr (GError) error = NULL;

  ck_assert (!ccs_checkpoint_save ("/nonexistent/folder/model", tensors, NULL,
                                   CCS_F32, &error));
  assert_error (error, CCS_ERROR_IO, "/nonexistent/folder/model: ",
                "cannot be created: No such file");
}
END_TEST

START_TEST (values_too_large_for_the_storage_type_are_refused)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autoptr (GError) error = NULL;

  add_floats (tensors, "large", CCS_SHAPE (2), 65520.f);
  ck_assert (!ccs_checkpoint_save (path, tensors, NULL, CCS_F16, &error));
  assert_error (error, CCS_ERROR_ARGUMENT, path, "tensor 'large'");
  ck_assert_uint_eq (count_files (folder), 0);
  remove_folder (folder);
}
END_TEST

START_TEST (what_the_format_cannot_say_is_refused)
{
  static const struct
  {
    const char *name;
    CcsDType storage;
    const char *reason;
  } cases[] = {
    { "__metadata__", CCS_F32, "__metadata__" },
    { "\xff", CCS_F32, "cannot be called" },
    { "a", CCS_S8, "int8" },
    { "a", CCS_F64, "float64" },
  };
  g_autoptr (CcsStateDict) tensors = ccs_state_dict_new ();
  g_autoptr (GError) error = NULL;

  add_floats (tensors, cases[_i].name, CCS_SHAPE (1), 0.f);
  ck_assert (!ccs_checkpoint_save ("/tmp/never-written", tensors, NULL,
                                   cases[_i].storage, &error));
  assert_error (error, CCS_ERROR_ARGUMENT, "/tmp/never-written",
                cases[_i].reason);
}
END_TEST

START_TEST (what_is_no_file_is_refused)
{
  static const char *const paths[] = { "/nonexistent", "/", "/dev/zero" };
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (ccs_checkpoint_load (paths[_i], &error));
  assert_error (error, CCS_ERROR_IO, paths[_i], _i == 0 ? "No such file" : "");
}
END_TEST

/* -- ResNet -------------------------------------------------------------- */

/* Some of torchvision's names; @counters as newer files have them. */
static CcsStateDict *
some_resnet (gboolean counters)
{
  CcsStateDict *dict = ccs_state_dict_new ();

  add_floats (dict, "conv1.weight", CCS_SHAPE (1), 0.f);
  add_floats (dict, "bn1.weight", CCS_SHAPE (1), 1.f);
  add_floats (dict, "bn1.running_var", CCS_SHAPE (1), 2.f);
  if (counters)
    add_bytes (dict, "bn1.num_batches_tracked", CCS_S64, CCS_SHAPE_SCALAR);
  add_floats (dict, "layer1.0.conv1.weight", CCS_SHAPE (1), 3.f);
  add_floats (dict, "layer2.0.conv1.weight", CCS_SHAPE (1), 4.f);
  add_floats (dict, "layer3.0.conv1.weight", CCS_SHAPE (1), 5.f);
  add_floats (dict, "layer4.0.conv1.weight", CCS_SHAPE (1), 6.f);
  add_floats (dict, "layer4.1.downsample.1.bias", CCS_SHAPE (1), 7.f);
  add_floats (dict, "fc.weight", CCS_SHAPE (1), 8.f);
  add_floats (dict, "fc.bias", CCS_SHAPE (1), 9.f);
  return dict;
}

static const struct
{
  const char *trunk, *resnet;
} resnet_names[] = {
  { "0.weight", "conv1.weight" },
  { "1.weight", "bn1.weight" },
  { "1.running_var", "bn1.running_var" },
  { "1.num_batches_tracked", "bn1.num_batches_tracked" },
  { "4.0.conv1.weight", "layer1.0.conv1.weight" },
  { "5.0.conv1.weight", "layer2.0.conv1.weight" },
  { "6.0.conv1.weight", "layer3.0.conv1.weight" },
  { "7.0.conv1.weight", "layer4.0.conv1.weight" },
  { "7.1.downsample.1.bias", "layer4.1.downsample.1.bias" },
};

START_TEST (resnet_names_become_the_trunk_s)
{
  g_autoptr (CcsStateDict) resnet = some_resnet (TRUE);
  g_autoptr (CcsStateDict) trunk = ccs_checkpoint_resnet_trunk (resnet, NULL);

  ck_assert_ptr_nonnull (trunk);
  ck_assert_uint_eq (ccs_state_dict_size (trunk), G_N_ELEMENTS (resnet_names));
  for (guint i = 0; i < G_N_ELEMENTS (resnet_names); i++) {
    g_autofree char *name = g_strconcat (
        "net_visual.backbone.feature_extraction.", resnet_names[i].trunk, NULL);

    ck_assert_ptr_eq (ccs_state_dict_lookup (trunk, name),
                      ccs_state_dict_lookup (resnet, resnet_names[i].resnet));
  }
}
END_TEST

START_TEST (old_resnets_get_counters_of_zero)
{
  g_autoptr (CcsStateDict) resnet = some_resnet (FALSE);
  g_autoptr (CcsStateDict) trunk = ccs_checkpoint_resnet_trunk (resnet, NULL);
  const CcsTensor *counter;

  ck_assert_ptr_nonnull (trunk);
  counter = ccs_state_dict_lookup (
      trunk, "net_visual.backbone.feature_extraction.1.num_batches_tracked");
  ck_assert_ptr_nonnull (counter);
  ck_assert_int_eq (counter->dtype, CCS_S64);
  ck_assert_uint_eq (counter->shape.rank, 0);
  ck_assert (*(const gint64 *)counter->data == 0);
}
END_TEST

START_TEST (what_is_no_resnet_is_refused)
{
  static const char *const reasons[]
      = { "'conv1.weight' is missing", "'classifier.0.weight' is no part" };
  g_autoptr (CcsStateDict) dict
      = _i == 0 ? ccs_state_dict_new () : some_resnet (TRUE);
  g_autoptr (GError) error = NULL;

  add_floats (dict, "classifier.0.weight", CCS_SHAPE (1), 0.f);
  ck_assert_ptr_null (ccs_checkpoint_resnet_trunk (dict, &error));
  assert_error (error, CCS_ERROR_MODEL, "not a ResNet", reasons[_i]);
}
END_TEST

static void
add_read_cases (Suite *suite)
{
  TCase *reading = tcase_create ("read");

  tcase_add_loop_test (reading, a_bad_header_is_refused_with_the_reason, 0,
                       G_N_ELEMENTS (bad_headers));
  tcase_add_loop_test (reading, a_header_of_any_length_is_measured_first, 0, 4);
  tcase_add_loop_test (reading, a_header_of_countless_members_is_refused, 0, 2);
  tcase_add_test (reading, every_truncation_is_noticed);
  tcase_add_loop_test (reading, other_files_are_told_apart, 0, 3);
  tcase_add_test (reading, all_of_the_format_s_json_is_understood);
  tcase_add_test (reading, data_parallel_prefixes_go);
  tcase_add_test (reading, tensors_behind_odd_bytes_are_aligned);
  tcase_add_loop_test (reading, what_is_no_file_is_refused, 0, 3);
  suite_add_tcase (suite, reading);
}

static void
add_write_cases (Suite *suite)
{
  TCase *writing = tcase_create ("write");

  tcase_add_test (writing, what_is_saved_loads_the_same);
  tcase_add_loop_test (writing, narrow_storage_holds_the_rounded_values, 0, 2);
  tcase_add_loop_test (writing, saved_tensors_lie_aligned_in_the_file, 0, 7);
  tcase_add_test (writing, the_same_tensors_give_the_same_bytes);
  tcase_add_loop_test (writing, a_saved_file_has_mode_644_less_the_umask, 0, 3);
  tcase_add_test (writing, a_failed_save_leaves_the_old_file_and_nothing_else);
  tcase_add_test (writing, a_name_that_cannot_be_taken_leaves_nothing_behind);
  tcase_add_test (writing, a_folder_that_is_missing_is_told);
  tcase_add_test (writing, values_too_large_for_the_storage_type_are_refused);
  tcase_add_loop_test (writing, what_the_format_cannot_say_is_refused, 0, 4);
  suite_add_tcase (suite, writing);
}

int
main (void)
{
  Suite *suite = suite_create ("checkpoint");
  TCase *resnet = tcase_create ("resnet");
  SRunner *runner;
  int failed;

  add_read_cases (suite);
  add_write_cases (suite);
  tcase_add_test (resnet, resnet_names_become_the_trunk_s);
  tcase_add_test (resnet, old_resnets_get_counters_of_zero);
  tcase_add_loop_test (resnet, what_is_no_resnet_is_refused, 0, 2);
  suite_add_tcase (suite, resnet);

  runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
