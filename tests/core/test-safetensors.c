/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading safetensors: valid headers of any writer are accepted, and
 * inconsistent ones are rejected. */
#include "checkpoint-support.h"
#include "../suite.h"
#include "checkpoint/checkpoint.h"

/* Returns a file with the length of @header, @header, and @data zero bytes.
 * (transfer full) */
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

/* Each member uses more memory than its bytes in the file. */
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

/* Other writers may use spaces, escapes, and another order of keys. */
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

START_TEST (what_is_no_file_is_refused)
{
  static const char *const paths[] = { "/nonexistent", "/", "/dev/zero" };
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (ccs_checkpoint_load (paths[_i], &error));
  assert_error (error, CCS_ERROR_IO, paths[_i], _i == 0 ? "No such file" : "");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("safetensors");
  TCase *reading = tcase_create ("read");

  tcase_add_loop_test (reading, a_bad_header_is_refused_with_the_reason, 0,
                       G_N_ELEMENTS (bad_headers));
  tcase_add_loop_test (reading, a_header_of_any_length_is_measured_first, 0, 4);
  tcase_add_loop_test (reading, a_header_of_countless_members_is_refused, 0, 2);
  tcase_add_loop_test (reading, other_files_are_told_apart, 0, 3);
  tcase_add_test (reading, all_of_the_format_s_json_is_understood);
  tcase_add_test (reading, data_parallel_prefixes_go);
  tcase_add_test (reading, tensors_behind_odd_bytes_are_aligned);
  tcase_add_loop_test (reading, what_is_no_file_is_refused, 0, 3);
  suite_add_tcase (suite, reading);
  return run_suite (suite);
}
