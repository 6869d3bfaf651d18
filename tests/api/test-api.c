/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public interface through the shared library: what only its users call. */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <string.h>

#include "../suite.h"

static GBytes *
model_bytes (void)
{
  GMappedFile *file = g_mapped_file_new (DEFAULT_MODEL, FALSE, NULL);
  GBytes *bytes = g_mapped_file_get_bytes (file);

  g_mapped_file_unref (file);
  return bytes;
}

static CcsCheckpoint *
parse_model (void)
{
  g_autoptr (GBytes) bytes = model_bytes ();
  CcsCheckpoint *checkpoint = ccs_checkpoint_parse (bytes, "memory", NULL);

  ck_assert_ptr_nonnull (checkpoint);
  return checkpoint;
}

START_TEST (the_library_has_the_version_of_its_headers)
{
  g_autofree char *numbers = g_strdup_printf (
      "%d.%d.%d", CCS_VERSION_MAJOR, CCS_VERSION_MINOR, CCS_VERSION_MICRO);

  ck_assert_str_eq (ccs_version (), CCS_VERSION_STRING);
  ck_assert_str_eq (ccs_version (), numbers);
}
END_TEST

START_TEST (versions_are_compared_number_by_number)
{
  ck_assert (CCS_CHECK_VERSION (CCS_VERSION_MAJOR, CCS_VERSION_MINOR,
                                CCS_VERSION_MICRO));
  ck_assert (CCS_CHECK_VERSION (CCS_VERSION_MAJOR - 1, CCS_VERSION_MINOR + 1,
                                CCS_VERSION_MICRO + 1));
  ck_assert (!CCS_CHECK_VERSION (CCS_VERSION_MAJOR, CCS_VERSION_MINOR,
                                 CCS_VERSION_MICRO + 1));
  ck_assert (!CCS_CHECK_VERSION (CCS_VERSION_MAJOR, CCS_VERSION_MINOR + 1, 0));
  ck_assert (!CCS_CHECK_VERSION (CCS_VERSION_MAJOR + 1, 0, 0));
}
END_TEST

START_TEST (a_checkpoint_has_a_kind_and_metadata)
{
  g_autoptr (CcsCheckpoint) checkpoint = parse_model ();

  ck_assert_int_eq (ccs_checkpoint_kind (checkpoint), CCS_FILE_SAFETENSORS);
  ck_assert_str_eq (ccs_checkpoint_metadata (checkpoint, CCS_META_FORMAT), "1");
  ck_assert_ptr_null (ccs_checkpoint_metadata (checkpoint, "no.such.key"));
}
END_TEST

START_TEST (a_checkpoint_lives_until_its_last_reference_goes)
{
  CcsCheckpoint *checkpoint = parse_model ();
  g_autoptr (CcsCheckpoint) second = ccs_checkpoint_ref (checkpoint);

  ccs_checkpoint_unref (checkpoint);
  ck_assert_str_eq (ccs_checkpoint_metadata (second, CCS_META_FORMAT), "1");
}
END_TEST

START_TEST (a_model_from_memory_is_the_one_in_the_file)
{
  CcsCheckpoint *checkpoint = parse_model ();
  g_autoptr (CcsModel) memory
      = ccs_model_new_from_checkpoint (checkpoint, "memory", "cpu", NULL, NULL);
  g_autoptr (CcsModel) again
      = ccs_model_new_from_checkpoint (checkpoint, "memory", "cpu", NULL, NULL);
  g_autoptr (CcsModel) file = ccs_model_load (DEFAULT_MODEL, "cpu", NULL, NULL);
  g_autofree char *described = NULL;

  ck_assert (memory && again && file);
  ck_assert_str_eq (ccs_model_id (memory), ccs_model_id (file));
  ck_assert_ptr_ne (memory, again);
  ck_assert_str_eq (ccs_model_backend_name (memory), "cpu");
  described = ccs_model_describe (memory);
  ck_assert_str_eq (described,
                    ccs_checkpoint_metadata (checkpoint, CCS_META_CONFIG));
  ccs_checkpoint_unref (checkpoint);
  ck_assert (ccs_model_warm_up (memory, FALSE, NULL));
}
END_TEST

START_TEST (without_a_backend_it_is_chosen)
{
  g_autoptr (CcsModel) model = ccs_model_load (DEFAULT_MODEL, NULL, NULL, NULL);
  g_autoptr (CcsModel) automatic
      = ccs_model_load (DEFAULT_MODEL, "auto", NULL, NULL);

  ck_assert_ptr_nonnull (model);
  ck_assert_ptr_eq (model, automatic);
}
END_TEST

START_TEST (an_unknown_backend_is_named_in_the_error)
{
  g_autoptr (CcsCheckpoint) checkpoint = parse_model ();
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (ccs_model_new_from_checkpoint (checkpoint, "memory",
                                                     "tpu", NULL, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
  ck_assert_ptr_nonnull (strstr (error->message, "tpu"));
}
END_TEST

START_TEST (a_feature_has_the_stated_layout)
{
  g_autoptr (CcsModel) model
      = ccs_model_load (DEFAULT_MODEL, "cpu", NULL, NULL);

  ck_assert_uint_eq (ccs_model_feature_size (model),
                     CCS_FEATURE_HEIGHT * CCS_FEATURE_WIDTH
                         * ccs_model_feature_channels (model));
}
END_TEST

START_TEST (without_options_the_defaults_hold)
{
  const CcsBinauralizerOptions defaults = CCS_BINAURALIZER_OPTIONS_INIT;
  g_autoptr (CcsModel) model
      = ccs_model_load (DEFAULT_MODEL, "cpu", NULL, NULL);
  g_autoptr (CcsBinauralizer) plain = ccs_binauralizer_new (model, NULL, NULL);
  g_autoptr (CcsBinauralizer) same
      = ccs_binauralizer_new (model, &defaults, NULL);

  ck_assert (plain && same);
  ck_assert_uint_eq (ccs_binauralizer_latency (plain),
                     ccs_binauralizer_latency (same));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("api");
  TCase *tcase = tcase_create ("api");

  tcase_add_test (tcase, the_library_has_the_version_of_its_headers);
  tcase_add_test (tcase, versions_are_compared_number_by_number);
  tcase_add_test (tcase, a_checkpoint_has_a_kind_and_metadata);
  tcase_add_test (tcase, a_checkpoint_lives_until_its_last_reference_goes);
  tcase_add_test (tcase, a_model_from_memory_is_the_one_in_the_file);
  tcase_add_test (tcase, without_a_backend_it_is_chosen);
  tcase_add_test (tcase, an_unknown_backend_is_named_in_the_error);
  tcase_add_test (tcase, a_feature_has_the_stated_layout);
  tcase_add_test (tcase, without_options_the_defaults_hold);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
