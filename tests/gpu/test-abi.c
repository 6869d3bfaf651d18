/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module and a library with different ABIs reject each other with a message
 * that names the file and both ABI numbers. */
#include <ccstereo/ccstereo.h>
#include <gmodule.h>

#include "backend/registry.h"
#include "../suite.h"
#include "backend/host.h"

/* -- the library rejects a module ------------------------------------------ */

START_TEST (the_library_rejects_a_module_of_another_abi)
{
  const char *path = g_getenv ("CCSTEREO_TEST_OTHER_ABI");
  g_autofree char *expected = NULL;
  g_autofree char *folder = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert (path != NULL);
  folder = g_path_get_dirname (path);
  expected
      = g_strdup_printf ("the CUDA module %s has backend ABI %d, but "
                         "libccstereo " CCS_VERSION_STRING " has %d: install "
                         "both from the same version",
                         path, CCS_BACKEND_ABI + 1, CCS_BACKEND_ABI);
  g_setenv ("CCSTEREO_BACKEND_PATH", folder, TRUE);
  ck_assert_ptr_null (ccs_backend_open ("cuda", NULL, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_BACKEND));
  ck_assert_str_eq (error->message, expected);
}
END_TEST

/* -- a module rejects the library ------------------------------------------ */

static const CcsBackendModule *
module_of (const char *path)
{
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  gpointer symbol;

  ck_assert_msg (module != NULL, "%s", g_module_error ());
  ck_assert (g_module_symbol (module, CCS_BACKEND_MODULE_SYMBOL, &symbol));
  g_module_make_resident (module);
  return symbol;
}

/* Checks that every module of the list rejects @host with @reason. */
static void
check_rejected (const CcsBackendHost *host, const char *reason)
{
  g_auto (GStrv) paths
      = g_strsplit (g_getenv ("CCSTEREO_TEST_MODULES"), ":", 0);

  ck_assert_uint_gt (g_strv_length (paths), 0);
  for (guint i = 0; paths[i]; i++) {
    g_autoptr (GError) error = NULL;

    ck_assert_ptr_null (module_of (paths[i])->load (host, &error));
    ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_BACKEND));
    ck_assert_str_eq (error->message, reason);
  }
}

START_TEST (a_module_rejects_a_library_of_another_abi)
{
  const CcsBackendHost host = { .abi = CCS_BACKEND_ABI + 1 };
  g_autofree char *reason = g_strdup_printf (
      "libccstereo has backend ABI %d, but the module has %d: install both "
      "from the same version",
      CCS_BACKEND_ABI + 1, CCS_BACKEND_ABI);

  check_rejected (&host, reason);
}
END_TEST

START_TEST (a_module_rejects_a_table_that_lacks_functions)
{
  CcsBackendHost host = ccs_backend_host;
  g_autofree char *reason = NULL;

  host.size -= sizeof (gpointer);
  reason
      = g_strdup_printf ("libccstereo's table of functions has %" G_GSIZE_FORMAT
                         " bytes, but the module needs %" G_GSIZE_FORMAT
                         ": install both from the same version",
                         host.size, sizeof host);
  check_rejected (&host, reason);
}
END_TEST

static const CcsBackendClass *
reject (const CcsBackendHost *host, GError **error)
{
  g_set_error_literal (error, CCS_ERROR, CCS_ERROR_BACKEND, "a reason");
  return NULL;
}

START_TEST (the_library_names_the_file_of_a_module_that_rejects_it)
{
  const CcsBackendModule module = { CCS_BACKEND_ABI, reject };
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (
      ccs_backend_module_load (&module, "/a/module.so", &error));
  ck_assert_str_eq (error->message,
                    "the CUDA module /a/module.so cannot be used: a reason");
}
END_TEST

static Suite *
abi_suite (void)
{
  Suite *suite = suite_create ("abi");
  TCase *rejected = tcase_create ("rejected");

  tcase_add_test (rejected, the_library_rejects_a_module_of_another_abi);
  tcase_add_test (rejected, a_module_rejects_a_library_of_another_abi);
  tcase_add_test (rejected, a_module_rejects_a_table_that_lacks_functions);
  tcase_add_test (rejected,
                  the_library_names_the_file_of_a_module_that_rejects_it);
  suite_add_tcase (suite, rejected);
  return suite;
}

int
main (void)
{
  return run_suite (abi_suite ());
}
