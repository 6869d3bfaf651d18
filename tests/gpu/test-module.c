/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CUDA module on a system where something that it needs is missing: its
 * message names what is missing, and everything else works. Each case runs
 * this program again as a child that opens a backend, with a folder of
 * replacement libraries first in the library path. */
#include <ccstereo/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../folder.h"
#include "../suite.h"
#include "backend/registry.h"
#include "backend/cuda/libraries.h"

static const char *program;

/* -- the child ------------------------------------------------------------- */

static int
open_and_say (const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsBackend) backend = ccs_backend_open (name, NULL, &error);

  if (backend)
    printf ("opened %s\n", ccs_backend_name (backend));
  else
    printf ("refused, code %d: %s\n", error->code, error->message);
  return EXIT_SUCCESS;
}

/* -- the parent ------------------------------------------------------------ */

/* A folder with replacement libraries: invalid files, or valid ones without the
 * expected functions. */
typedef struct
{
  char *path;
} Stage;

static char *
getenv_or_fail (const char *name)
{
  const char *value = g_getenv (name);
  ck_assert_msg (value != NULL, "%s is not set", name);
  return g_strdup (value);
}

static Stage
stage_new (void)
{
  return (Stage){ make_folder () };
}

static void
stage_put (const Stage *stage, const char *name, const char *bytes,
           gsize length)
{
  g_autofree char *path = g_build_filename (stage->path, name, NULL);
  ck_assert (g_file_set_contents (path, bytes, length, NULL));
}

static void
stage_junk (const Stage *stage, const char *name)
{
  stage_put (stage, name, "not a library", strlen ("not a library"));
}

/* Adds a valid library without the expected functions: any shared object. */
static void
stage_stand_in (const Stage *stage, const char *name)
{
  g_autofree char *from = getenv_or_fail ("CCSTEREO_TEST_STAND_IN");
  g_autofree char *bytes = NULL;
  gsize length;
  ck_assert (g_file_get_contents (from, &bytes, &length, NULL));
  stage_put (stage, name, bytes, length);
}

static void
stage_free (Stage *stage)
{
  remove_tree (stage->path);
  g_free (stage->path);
}

/* Returns the output of the child that opens @backend. (transfer full) */
static char *
open_in_child (const Stage *stage, const char *module_path, const char *backend)
{
  g_autoptr (GError) error = NULL;
  char *argv[] = { (char *)program, (char *)backend, NULL };
  g_auto (GStrv) env = g_get_environ ();
  g_autofree char *libraries = g_strjoin (
      ":", stage->path, g_environ_getenv (env, "LD_LIBRARY_PATH"), NULL);
  char *said = NULL;
  int status;

  env = g_environ_setenv (env, "LD_LIBRARY_PATH", libraries, TRUE);
  env = g_environ_setenv (env, "G_MESSAGES_DEBUG", "all", TRUE);
  env = g_environ_setenv (env, "CCSTEREO_BACKEND_PATH", module_path, TRUE);
  ck_assert_msg (g_spawn_sync (NULL, argv, env, G_SPAWN_DEFAULT, NULL, NULL,
                               &said, NULL, &status, &error),
                 "%s", error ? error->message : "");
  ck_assert_msg (g_spawn_check_wait_status (status, &error), "%s",
                 error ? error->message : "");
  return said;
}

static void
assert_says (const char *said, const char *words)
{
  ck_assert_msg (strstr (said, words) != NULL, "\"%s\" does not say \"%s\"",
                 said, words);
}

static char *
refusal (void)
{
  return g_strdup_printf ("refused, code %d", CCS_ERROR_BACKEND);
}

/* Checks that opening "cuda" on @stage fails with @reason. */
static void
check_refusal (Stage *stage, const char *reason)
{
  g_autofree char *module = getenv_or_fail ("CCSTEREO_TEST_MODULE_DIR");
  g_autofree char *said = open_in_child (stage, module, "cuda");
  g_autofree char *refused = refusal ();

  assert_says (said, refused);
  assert_says (said, reason);
  stage_free (stage);
}

START_TEST (without_a_driver_the_driver_is_named)
{
  Stage stage = stage_new ();

  stage_junk (&stage, CCS_DRIVER_FILE);
  check_refusal (&stage, "NVIDIA's driver cannot be opened");
}
END_TEST

START_TEST (without_cudnn_cudnn_is_named)
{
  Stage stage = stage_new ();

  stage_stand_in (&stage, CCS_DRIVER_FILE);
  stage_junk (&stage, CCS_CUDNN_FILE);
  check_refusal (&stage, "cuDNN cannot be opened");
}
END_TEST

START_TEST (without_cublaslt_cublaslt_is_named)
{
  Stage stage = stage_new ();

  stage_stand_in (&stage, CCS_DRIVER_FILE);
  stage_stand_in (&stage, CCS_CUDNN_FILE);
  stage_junk (&stage, CCS_CUBLASLT_FILE);
  check_refusal (&stage, "cuBLASLt cannot be opened");
}
END_TEST

START_TEST (a_library_without_a_function_is_refused_by_the_function)
{
  Stage stage = stage_new ();

  stage_stand_in (&stage, CCS_DRIVER_FILE);
  stage_stand_in (&stage, CCS_CUDNN_FILE);
  stage_stand_in (&stage, CCS_CUBLASLT_FILE);
  check_refusal (&stage, "lack cudnnGetVersion");
}
END_TEST

START_TEST (auto_uses_the_cpu_and_logs_why)
{
  Stage stage = stage_new ();
  g_autofree char *module = getenv_or_fail ("CCSTEREO_TEST_MODULE_DIR");
  g_autofree char *said = NULL;

  stage_junk (&stage, CCS_DRIVER_FILE);
  said = open_in_child (&stage, module, "auto");
  assert_says (said, "opened cpu");
  assert_says (said, "using cpu (NVIDIA's driver cannot be opened");
  assert_says (said, "INFO");
  stage_free (&stage);
}
END_TEST

START_TEST (without_the_module_auto_uses_the_cpu)
{
  Stage stage = stage_new ();
  g_autofree char *said = open_in_child (&stage, stage.path, "auto");

  assert_says (said, "opened cpu");
  assert_says (said, "the CUDA module is not installed");
  stage_free (&stage);
}
END_TEST

/* Returns the output of readelf @option @file. (transfer full) */
static char *
readelf (const char *option, const char *file)
{
  char *argv[] = { "readelf", "-W", (char *)option, (char *)file, NULL };
  char *printed = NULL;
  int status = -1;

  ck_assert (g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                           &printed, NULL, &status, NULL));
  ck_assert_msg (status == 0 && printed[0], "readelf finds nothing in %s",
                 file);
  return printed;
}

/* This includes the module, which must load if these libraries are missing. */
START_TEST (no_file_names_a_cuda_library)
{
  static const char *const unwanted[]
      = { "libcuda.", "libcudart", "libcudnn", "libcublas", "libnv" };
  g_autofree char *list = getenv_or_fail ("CCSTEREO_TEST_BINARIES");
  g_auto (GStrv) files = g_strsplit (list, ":", 0);
  guint n = 0;

  for (; files[n]; n++) {
    g_autofree char *dynamic = readelf ("-d", files[n]);

    ck_assert_msg (strstr (dynamic, "NEEDED") != NULL, "%s needs nothing",
                   files[n]);
    for (guint i = 0; i < G_N_ELEMENTS (unwanted); i++)
      ck_assert_msg (strstr (dynamic, unwanted[i]) == NULL, "%s needs %s*",
                     files[n], unwanted[i]);
  }
  ck_assert_uint_gt (n, 1);
}
END_TEST

static char *
module_file (void)
{
  g_autofree char *folder = getenv_or_fail ("CCSTEREO_TEST_MODULE_DIR");
  return g_build_filename (folder, "libccstereo-cuda.so", NULL);
}

START_TEST (the_module_does_not_link_the_library)
{
  g_autofree char *file = module_file ();
  g_autofree char *dynamic = readelf ("-d", file);

  ck_assert (strstr (dynamic, "[libglib-2.0.so") != NULL);
  ck_assert_msg (strstr (dynamic, "[libccstereo.so") == NULL, "%s", dynamic);
}
END_TEST

/* The module uses no symbols of the library, and its own symbols cannot
 * replace those of the library. */
START_TEST (of_our_symbols_the_module_has_its_entry_alone)
{
  g_autofree char *file = module_file ();
  g_autofree char *symbols = readelf ("--dyn-syms", file);
  g_auto (GStrv) lines = g_strsplit (symbols, "\n", 0);
  guint n = 0;

  for (guint i = 0; lines[i]; i++) {
    if (strstr (lines[i], " ccs_") == NULL)
      continue;
    ck_assert_msg (g_str_has_suffix (lines[i], " ccs_backend_module")
                       && strstr (lines[i], " UND ") == NULL,
                   "%s", lines[i]);
    n++;
  }
  ck_assert_uint_eq (n, 1);
}
END_TEST

static Suite *
module_suite (void)
{
  Suite *suite = suite_create ("module");
  TCase *missing = tcase_create ("missing");

  tcase_add_test (missing, without_a_driver_the_driver_is_named);
  tcase_add_test (missing, without_cudnn_cudnn_is_named);
  tcase_add_test (missing, without_cublaslt_cublaslt_is_named);
  tcase_add_test (missing,
                  a_library_without_a_function_is_refused_by_the_function);
  tcase_add_test (missing, auto_uses_the_cpu_and_logs_why);
  tcase_add_test (missing, without_the_module_auto_uses_the_cpu);
  tcase_add_test (missing, no_file_names_a_cuda_library);
  tcase_add_test (missing, the_module_does_not_link_the_library);
  tcase_add_test (missing, of_our_symbols_the_module_has_its_entry_alone);
  suite_add_tcase (suite, missing);
  return suite;
}

int
main (int argc, char **argv)
{
  if (argc > 1)
    return open_and_say (argv[1]);
  program = argv[0];
  return run_suite (module_suite ());
}
