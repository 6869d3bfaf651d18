/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing safetensors: saved tensors load unchanged, and a file is written
 * completely or not at all. */
#include <check.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint-support.h"
#include "../folder.h"
#include "../suite.h"
#include "checkpoint/checkpoint-private.h"

/* -- support ------------------------------------------------------------- */

/* Makes tensors of every element size, in an order that the writer has to
 * sort. (transfer full) */
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

/* Returns the number of files in @folder. */
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
save (const char *path, const CcsStateDict *tensors, GHashTable *metadata,
      CcsDType storage)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (ccs_checkpoint_save (path, tensors, metadata, storage,
                                      CCS_OUTPUT_OVERWRITE, &error),
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

/* -- written files --------------------------------------------------------- */

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
  remove_tree (folder);
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

START_TEST (every_truncation_is_noticed)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autofree char *data = NULL;
  gsize size;

  save (path, tensors, NULL, CCS_F32);
  ck_assert (g_file_get_contents (path, &data, &size, NULL));
  remove_tree (folder);
  for (gsize part = 0; part < size; part++) {
    g_autoptr (GBytes) bytes = g_bytes_new (data, part);

    ck_assert_ptr_null (ccs_checkpoint_parse (bytes, "part", NULL));
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
  remove_tree (folder);
  rounded
      = ccs_tensor_convert (ccs_state_dict_lookup (tensors, "thirds"), storage);
  assert_same_tensor (ccs_state_dict_lookup (file->tensors, "thirds"), rounded,
                      "thirds");
  assert_same_tensor (ccs_state_dict_lookup (file->tensors, "counter"),
                      ccs_state_dict_lookup (tensors, "counter"), "counter");
}
END_TEST

/* Alignment is kept for any length of the header, which depends on the
 * metadata. */
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
  /* The tensors refer to the mapped file: those of a copy would have another
   * owner. */
  file = load (path);
  remove_tree (folder);
  for (guint i = 1; i < ccs_state_dict_size (file->tensors); i++)
    ck_assert_ptr_eq (ccs_state_dict_tensor (file->tensors, i)->owner,
                      ccs_state_dict_tensor (file->tensors, 0)->owner);
}
END_TEST

/* Overwrites a loaded file as `cp` and `truncate` do. */
START_TEST (a_loaded_file_may_be_overwritten_and_truncated)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autoptr (CcsCheckpoint) file = NULL;
  FILE *other;

  add_floats (tensors, "pages", CCS_SHAPE (100000), 1.f);
  save (path, tensors, NULL, CCS_F32);
  file = load (path);
  other = g_fopen (path, "r+b");
  for (guint i = 0; i < 100000; i++)
    ck_assert_uint_eq (fwrite ("other", 4, 1, other), 1);
  ck_assert_int_eq (fclose (other), 0);
  assert_same_tensor (ccs_state_dict_lookup (file->tensors, "pages"),
                      ccs_state_dict_lookup (tensors, "pages"), "overwritten");
  ck_assert_int_eq (truncate (path, 0), 0);
  assert_same_tensor (ccs_state_dict_lookup (file->tensors, "pages"),
                      ccs_state_dict_lookup (tensors, "pages"), "truncated");
  remove_tree (folder);
}
END_TEST

/* The file is sparse and uses no disk space, but a copy in memory would use
 * RAM. */
START_TEST (a_file_too_large_to_copy_is_rejected)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "huge", NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (g_file_set_contents (path, "12345678{}", -1, NULL));
  ck_assert_int_eq (truncate (path, (off_t)CCS_CHECKPOINT_MAX_SIZE + 1), 0);
  ck_assert_ptr_null (ccs_checkpoint_load (path, &error));
  remove_tree (folder);
  assert_error (error, CCS_ERROR_FORMAT,
                "/huge: ", "4294967297 bytes; at most 4294967296");
}
END_TEST

/* Saves some_tensors() with metadata, whose keys are inserted starting with
 * key @from in steps of @step. Returns the file's content. (transfer full) */
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

/* -- no memory --------------------------------------------------------------
 */

/* Sanitizers have their own allocators, which cannot be replaced. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPLACES_MALLOC 0
#elif defined(__has_feature)
#define REPLACES_MALLOC                                                        \
  !(__has_feature (address_sanitizer) || __has_feature (thread_sanitizer)      \
    || __has_feature (memory_sanitizer))
#else
#define REPLACES_MALLOC 1
#endif

#if REPLACES_MALLOC
#define LARGE (64 << 10) /* bytes: such allocations may fail */

/* Index of the large allocation that fails, counted from 1; 0: no allocation
 * fails. */
static guint failing_allocation, allocations;

static gboolean
is_to_fail (size_t size)
{
  return failing_allocation > 0 && size >= LARGE
         && ++allocations == failing_allocation;
}

extern void *__libc_malloc (size_t size);
extern void *__libc_memalign (size_t alignment, size_t size);

/* Replaces the function of libc. */
void *
malloc (size_t size)
{
  return is_to_fail (size) ? NULL : __libc_malloc (size);
}

int
posix_memalign (void **to, size_t alignment, size_t size)
{
  if (is_to_fail (size))
    return ENOMEM;
  *to = __libc_memalign (alignment, size);
  return 0;
}

static gboolean
load_and_save (const char *from, const char *to, GError **error)
{
  g_autoptr (CcsCheckpoint) file = ccs_checkpoint_load (from, error);

  return file
         && ccs_checkpoint_save (to, file->tensors, NULL, CCS_BF16,
                                 CCS_OUTPUT_OVERWRITE, error);
}

/* No failed allocation ends the process. */
START_TEST (each_allocation_that_fails_is_an_error)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *from = g_build_filename (folder, "from", NULL);
  g_autofree char *to = g_build_filename (folder, "to", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  gboolean done = FALSE;
  guint n = 0;

  add_floats (tensors, "large", CCS_SHAPE (100000), 1.f);
  add_floats (tensors, "larger", CCS_SHAPE (200000), 1.f);
  save (from, tensors, NULL, CCS_F32);
  while (!done) {
    g_autoptr (GError) error = NULL;

    allocations = 0;
    failing_allocation = ++n;
    done = load_and_save (from, to, &error);
    failing_allocation = 0;
    if (done)
      break;
    ck_assert_msg (g_error_matches (error, CCS_ERROR, CCS_ERROR_MEMORY), "%s",
                   error->message);
    ck_assert_msg (g_str_has_prefix (error->message, n == 1 ? from : to), "%s",
                   error->message);
    ck_assert_uint_eq (count_files (folder), 1);
  }
  ck_assert_uint_gt (n, 3); /* the file and both tensors */
  remove_tree (folder);
}
END_TEST
#endif

START_TEST (the_same_tensors_give_the_same_bytes)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a", NULL);
  gsize size, other_size;
  g_autofree char *content = saved_bytes (path, 0, 1, &size);
  g_autofree char *other = saved_bytes (path, 3, -1, &other_size);

  remove_tree (folder);
  ck_assert_uint_eq (size, other_size);
  ck_assert_mem_eq (content, other, size);
}
END_TEST

START_TEST (a_saved_file_has_mode_666_less_the_umask)
{
  static const mode_t masks[] = { 022, 027, 0 };
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "a", NULL);
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  GStatBuf status;

  umask (masks[_i]);
  save (path, tensors, NULL, CCS_F32);
  ck_assert_int_eq (g_stat (path, &status), 0);
  remove_tree (folder);
  ck_assert_uint_eq (status.st_mode & 0777, 0666 & ~masks[_i]);
}
END_TEST

/* Simulates a full disk: files may have at most 100 bytes. */
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
  ck_assert (!ccs_checkpoint_save (path, tensors, NULL, CCS_F32,
                                   CCS_OUTPUT_OVERWRITE, &error));
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_FSIZE, &limit);
  assert_error (error, CCS_ERROR_IO, "model.safetensors: ", "writing failed");
  ck_assert (g_file_get_contents (path, &content, NULL, NULL));
  ck_assert_str_eq (content, "old");
  ck_assert_uint_eq (count_files (folder), 1);
  remove_tree (folder);
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
  ck_assert (!ccs_checkpoint_save (path, tensors, NULL, CCS_F32,
                                   CCS_OUTPUT_OVERWRITE, &error));
  assert_error (error, CCS_ERROR_IO, path, "not a regular file");
  ck_assert_uint_eq (count_files (folder), 1);
  remove_tree (folder);
}
END_TEST

START_TEST (a_folder_that_is_missing_is_told)
{
  g_autoptr (CcsStateDict) tensors = some_tensors ();
  g_autoptr (GError) error = NULL;

  ck_assert (!ccs_checkpoint_save ("/nonexistent/folder/model", tensors, NULL,
                                   CCS_F32, CCS_OUTPUT_OVERWRITE, &error));
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
  ck_assert (!ccs_checkpoint_save (path, tensors, NULL, CCS_F16,
                                   CCS_OUTPUT_OVERWRITE, &error));
  assert_error (error, CCS_ERROR_ARGUMENT, path, "tensor 'large'");
  ck_assert_uint_eq (count_files (folder), 0);
  remove_tree (folder);
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
                                   cases[_i].storage, CCS_OUTPUT_OVERWRITE,
                                   &error));
  assert_error (error, CCS_ERROR_ARGUMENT, "/tmp/never-written",
                cases[_i].reason);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("checkpoint");
  TCase *writing = tcase_create ("write");

  tcase_add_test (writing, what_is_saved_loads_the_same);
  tcase_add_test (writing, every_truncation_is_noticed);
  tcase_add_loop_test (writing, narrow_storage_holds_the_rounded_values, 0, 2);
  tcase_add_loop_test (writing, saved_tensors_lie_aligned_in_the_file, 0, 7);
  tcase_add_test (writing, a_loaded_file_may_be_overwritten_and_truncated);
  tcase_add_test (writing, a_file_too_large_to_copy_is_rejected);
#if REPLACES_MALLOC
  tcase_add_test (writing, each_allocation_that_fails_is_an_error);
#endif
  tcase_add_test (writing, the_same_tensors_give_the_same_bytes);
  tcase_add_loop_test (writing, a_saved_file_has_mode_666_less_the_umask, 0, 3);
  tcase_add_test (writing, a_failed_save_leaves_the_old_file_and_nothing_else);
  tcase_add_test (writing, a_name_that_cannot_be_taken_leaves_nothing_behind);
  tcase_add_test (writing, a_folder_that_is_missing_is_told);
  tcase_add_test (writing, values_too_large_for_the_storage_type_are_refused);
  tcase_add_loop_test (writing, what_the_format_cannot_say_is_refused, 0, 4);
  suite_add_tcase (suite, writing);
  return run_suite (suite);
}
