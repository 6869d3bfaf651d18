/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Zip archives of .pth files: valid ones load, and every inconsistency of a
 * directory is rejected with the reason. */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <string.h>

#include "pth-writer.h"
#include "../suite.h"
#include "checkpoint/checkpoint.h"

/* Returns a valid archive, and its offsets as zip_writer_finish() returns
 * them. */
static GByteArray *
good_archive (gboolean zip64, GArray *central, gsize *end)
{
  g_autoptr (GByteArray) pickle = pickle_one_tensor ();
  ZipWriter *zip = zip_writer_new ();

  zip_writer_add (zip, "a/data.pkl", pickle->data, pickle->len, 0);
  zip_writer_add (zip, "a/data/0", pth_four, sizeof pth_four, 0);
  return zip_writer_finish (zip, zip64, central, end);
}

START_TEST (an_archive_with_and_without_zip64_loads)
{
  g_autoptr (GBytes) file
      = g_byte_array_free_to_bytes (good_archive (_i, NULL, NULL));
  g_autoptr (CcsCheckpoint) read = ccs_checkpoint_parse (file, "f", NULL);

  ck_assert_ptr_nonnull (read);
  ck_assert_mem_eq (ccs_state_dict_lookup (read->tensors, "a")->data, pth_four,
                    sizeof pth_four);
}
END_TEST

typedef enum
{
  IN_CENTRAL, /* the record of the second entry */
  IN_END,
  IN_LOCATOR, /* zip64 end locator */
  IN_END64,
} Place;

/* Changes to an archive: each replaces @times fields of @size bytes in
 * @place, starting at @offset, by @value. */
static const struct
{
  Place place;
  guint offset, size, times;
  guint64 value;
  const char *reason;
} lies[] = {
  { IN_CENTRAL, 0, 1, 1, 0, "breaks off at entry 1" },
  { IN_CENTRAL, 8, 2, 1, 1, "entry 'a/data/0': it is encrypted" },
  { IN_CENTRAL, 10, 2, 1, 8, "it is compressed (method 8)" },
  { IN_CENTRAL, 20, 4, 1, 15, "its two sizes differ" },
  { IN_CENTRAL, 20, 4, 2, 0x7fffffff, "are not inside the file" },
  { IN_CENTRAL, 20, 4, 2, 12, "needs 16 bytes and has 12" },
  { IN_CENTRAL, 20, 4, 1, 0xffffffff, "zip64 sizes are missing" },
  { IN_CENTRAL, 16, 4, 1, 77, "checksum is wrong" },
  { IN_CENTRAL, 28, 2, 1, 0xffff, "breaks off in entry 1" },
  { IN_CENTRAL, 30, 2, 1, 0xffff, "breaks off in entry 1" },
  { IN_CENTRAL, 34, 2, 1, 1, "another disk" },
  { IN_CENTRAL, 42, 4, 1, 0x7fffffff, "outside the file" },
  { IN_CENTRAL, 42, 4, 1, 1, "leads to no entry" },
  { IN_CENTRAL, 42, 4, 1, 0, "own header says something else" },
  { IN_CENTRAL, 46, 1, 1, 0, "NUL in its name" },
  { IN_CENTRAL, 46, 1, 1, 'b', "own header says something else" },
  { IN_END, 0, 1, 1, 0, "no end record" },
  { IN_END, 4, 2, 1, 1, "several disks" },
  { IN_END, 6, 2, 1, 1, "several disks" },
  { IN_END, 8, 2, 1, 1, "several disks" },
  { IN_END, 8, 2, 2, 1, "more than its 1 entries" },
  { IN_END, 8, 2, 2, 0xfffe, "do not fit" },
  { IN_END, 8, 2, 2, 0xffff, "zip64 locator is missing" },
  { IN_END, 12, 4, 1, 0x7fffffff, "is not inside the file" },
  { IN_END, 12, 4, 1, 46, "do not fit" },
  { IN_END, 16, 4, 1, 0x7fffffff, "is not inside the file" },
  { IN_END, 16, 4, 1, 0, "breaks off at entry 0" },
  { IN_END, 20, 2, 1, 1, "no end record" },
  { IN_LOCATOR, 4, 4, 1, 1, "several disks" },
  { IN_LOCATOR, 16, 4, 1, 2, "several disks" },
  { IN_LOCATOR, 8, 8, 1, G_MAXUINT64, "zip64 end record is missing" },
  { IN_LOCATOR, 8, 8, 1, 0, "zip64 end record is missing" },
  { IN_END64, 16, 4, 1, 1, "several disks" },
  { IN_END64, 24, 8, 2, G_MAXUINT64, "do not fit" },
  { IN_END64, 40, 8, 1, G_MAXUINT64, "is not inside the file" },
  { IN_END64, 48, 8, 1, G_MAXUINT64, "is not inside the file" },
};

START_TEST (a_lying_directory_is_refused_with_the_reason)
{
  g_autoptr (GArray) central = g_array_new (FALSE, FALSE, sizeof (gsize));
  gboolean zip64 = lies[_i].place >= IN_LOCATOR;
  guint64 value = GUINT64_TO_LE (lies[_i].value);
  gsize end, at;
  GByteArray *file = good_archive (zip64, central, &end);
  g_autoptr (GBytes) bytes = NULL;

  at = lies[_i].place == IN_CENTRAL   ? g_array_index (central, gsize, 1)
       : lies[_i].place == IN_END     ? end
       : lies[_i].place == IN_LOCATOR ? end - 20
                                      : end - 20 - 56;
  at += lies[_i].offset;
  for (guint k = 0; k < lies[_i].times; k++, at += lies[_i].size)
    memcpy (file->data + at, &value, lies[_i].size);
  bytes = g_byte_array_free_to_bytes (file);
  pth_assert_refused (bytes, lies[_i].reason);
}
END_TEST

/* Archives with a valid directory and invalid content: names and contents of
 * entries. The content "" is replaced by a valid pickle. */
static const struct
{
  const char *names[4], *contents[4];
  const char *reason;
} odd_archives[] = {
  { { "a/data/0" }, { "0123456789abcdef" }, "no data.pkl inside" },
  { { "a/b/data.pkl" }, { "" }, "no data.pkl inside" },
  { { "a/data.pkl", "b/data.pkl" }, { "", "" }, "more than one data.pkl" },
  { { "a/data.pkl" }, { "" }, "tensor 'a': its storage '0' is missing" },
  { { "a/data.pkl", "b/data/0" }, { "", "0123456789abcdef" }, "is missing" },
  { { "a/data.pkl", "a/data/0" }, { "", "0123456789abcdef0" }, "has 17" },
  { { "a/data.pkl", "a/data.pkl" }, { "", "" }, "there more than once" },
  { { "a/data.pkl", "a/data/0", "a/byteorder" },
    { "", "0123456789abcdef", "big" },
    "not little-endian" },
  { { "a/data.pkl" }, { "\x80\2}.}." }, "2 bytes after its end" },
  { { "a/data.pkl" }, { "\x80\2}" }, "it never stops" },
  { { "a/data.pkl" }, { "\x80\2K" }, "truncated in an opcode" },
};

START_TEST (an_odd_archive_is_refused_with_the_reason)
{
  g_autoptr (GByteArray) pickle = pickle_one_tensor ();
  ZipWriter *zip = zip_writer_new ();
  g_autoptr (GBytes) file = NULL;

  for (guint i = 0; odd_archives[_i].names[i] != NULL; i++) {
    const char *content = odd_archives[_i].contents[i];

    if (*content == '\0')
      zip_writer_add (zip, odd_archives[_i].names[i], pickle->data, pickle->len,
                      0);
    else
      zip_writer_add (zip, odd_archives[_i].names[i], content, strlen (content),
                      0);
  }
  file
      = g_byte_array_free_to_bytes (zip_writer_finish (zip, FALSE, NULL, NULL));
  pth_assert_refused (file, odd_archives[_i].reason);
}
END_TEST

/* An entry is inside the content of another entry, as in zip bombs. */
START_TEST (entries_over_the_same_bytes_are_refused)
{
  g_autoptr (GArray) central = g_array_new (FALSE, FALSE, sizeof (gsize));
  g_autoptr (GByteArray) inner = NULL;
  ZipWriter *zip = zip_writer_new ();
  g_autoptr (GBytes) file = NULL;
  GByteArray *archive;
  const guint8 *nested;
  guint32 offset;

  zip_writer_add (zip, "a/data/1", pth_four, sizeof pth_four, 0);
  inner = zip_writer_finish (zip, FALSE, NULL, NULL);
  zip = zip_writer_new ();
  zip_writer_add (zip, "a/data/0", inner->data, inner->len, 0);
  zip_writer_add (zip, "a/data/1", pth_four, sizeof pth_four, 0);
  archive = zip_writer_finish (zip, FALSE, central, NULL);
  nested = memmem (archive->data + 4, archive->len - 4, "PK\3\4", 4);
  ck_assert_ptr_nonnull (nested);
  offset = GUINT32_TO_LE ((guint32)(nested - archive->data));
  memcpy (archive->data + g_array_index (central, gsize, 1) + 42, &offset, 4);
  file = g_byte_array_free_to_bytes (archive);
  pth_assert_refused (file, "entry 'a/data/1': overlaps");
}
END_TEST

START_TEST (a_comment_after_the_archive_is_allowed)
{
  gsize end;
  GByteArray *archive = good_archive (FALSE, NULL, &end);
  g_autoptr (GBytes) file = NULL;
  g_autoptr (CcsCheckpoint) read = NULL;

  g_byte_array_append (archive, (const guint8 *)"PK\5\6", 4);
  archive->data[end + 20] = 4;
  file = g_byte_array_free_to_bytes (archive);
  read = ccs_checkpoint_parse (file, "f", NULL);
  ck_assert_ptr_nonnull (read);
}
END_TEST

START_TEST (unaligned_storages_are_read_all_the_same)
{
  g_autoptr (GBytes) aligned
      = g_byte_array_free_to_bytes (good_archive (FALSE, NULL, NULL));
  gsize size = g_bytes_get_size (aligned);
  guint8 *memory = g_malloc (size + 1);
  g_autoptr (GBytes) file = NULL;
  g_autoptr (CcsCheckpoint) read = NULL;
  const CcsTensor *tensor;

  memcpy (memory + 1, g_bytes_get_data (aligned, NULL), size);
  file = g_bytes_new_with_free_func (memory + 1, size, g_free, memory);
  read = ccs_checkpoint_parse (file, "f", NULL);
  ck_assert_ptr_nonnull (read);
  tensor = ccs_state_dict_lookup (read->tensors, "a");
  ck_assert_uint_eq ((guintptr)tensor->data % sizeof (float), 0);
  ck_assert_mem_eq (tensor->data, pth_four, sizeof pth_four);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("pth-zip");
  TCase *zip = tcase_create ("zip");

  tcase_add_loop_test (zip, an_archive_with_and_without_zip64_loads, 0, 2);
  tcase_add_loop_test (zip, a_lying_directory_is_refused_with_the_reason, 0,
                       G_N_ELEMENTS (lies));
  tcase_add_loop_test (zip, an_odd_archive_is_refused_with_the_reason, 0,
                       G_N_ELEMENTS (odd_archives));
  tcase_add_test (zip, entries_over_the_same_bytes_are_refused);
  tcase_add_test (zip, a_comment_after_the_archive_is_allowed);
  tcase_add_test (zip, unaligned_storages_are_read_all_the_same);
  suite_add_tcase (suite, zip);
  return run_suite (suite);
}
