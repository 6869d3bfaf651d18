/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening backends: names, options, sharing, and use after fork(). */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plan/plan.h"
#include "../suite.h"
#include "backend/registry.h"
#include "backend/cpu/simd.h"

START_TEST (impossible_numbers_of_threads_are_refused)
{
  static const gint impossible[]
      = { -1, CCS_BACKEND_MAX_THREADS + 1, G_MAXINT };

  for (guint i = 0; i < G_N_ELEMENTS (impossible); i++) {
    const CcsBackendOptions options = { impossible[i], -1 };
    g_autoptr (GError) error = NULL;

    ck_assert_ptr_null (ccs_backend_open ("cpu", &options, &error));
    ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
  }
}
END_TEST

START_TEST (unknown_backend_is_refused_and_same_one_is_shared)
{
  g_autoptr (GError) error = NULL;
  CcsBackendOptions two = { 2, -1 };
  g_autoptr (CcsBackend) a = ccs_backend_open ("cpu", &two, NULL);
  g_autoptr (CcsBackend) b = ccs_backend_open ("cpu", &two, NULL);
  CcsBackendOptions sharing
      = { .n_threads = 2, .device_id = -1, .shares_cores = TRUE };
  g_autoptr (CcsBackend) c = ccs_backend_open ("cpu", &sharing, NULL);

  ck_assert_ptr_null (ccs_backend_open ("abacus", NULL, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "abacus"));
  ck_assert_ptr_eq (a, b);
  ck_assert_ptr_ne (a, c);
}
END_TEST

/* -- the level of the CPU backend's own kernels -----------------------------
 */

/* Opens a backend with CCSTEREO_SIMD set. Each test runs in its own process, in
 * which no level was chosen before. */
static CcsBackend *
open_at_level (const char *level, GError **error)
{
  g_setenv ("CCSTEREO_SIMD", level, TRUE);
  return ccs_backend_open ("cpu", NULL, error);
}

START_TEST (unknown_level_is_refused_with_the_names_of_all)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (open_at_level ("sse9", &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
  ck_assert_str_eq (error->message,
                    "CCSTEREO_SIMD: unknown level \"sse9\" (levels: base, "
                    "avx2, avx512, neon)");
}
END_TEST

START_TEST (level_of_another_processor_is_refused)
{
#ifdef __aarch64__
  const char *foreign = "avx2";
#else
  const char *foreign = "neon";
#endif
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (open_at_level (foreign, &error));
  ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
  ck_assert (strstr (error->message, "does not run") != NULL);
  ck_assert (strstr (error->message, foreign) != NULL);
}
END_TEST

START_TEST (chosen_level_is_the_one_that_runs)
{
  g_autoptr (CcsBackend) backend = open_at_level ("base", NULL);

  ck_assert_ptr_nonnull (backend);
  ck_assert_str_eq (ccs_simd ()->name, "base");
}
END_TEST

START_TEST (without_a_choice_the_best_level_runs)
{
  const char *best = NULL;

  g_unsetenv ("CCSTEREO_SIMD");
  for (guint i = 0; ccs_simd_level (i); i++)
    best = ccs_simd_level (i);
  ck_assert_str_eq (ccs_simd_level (0), "base");
  ck_assert_str_eq (ccs_simd ()->name, best);
}
END_TEST

/* -- forks ----------------------------------------------------------------- */

/* Plans y = max (x, 0) for two numbers. */
static CcsPlan *
relu_plan (CcsBackend *backend, GError **error)
{
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, FALSE);
  CcsValueId x = ccs_program_input (p, "x", CCS_F32, CCS_SHAPE (1, 2));

  ccs_program_output (p, "y", ccs_activation (p, x, CCS_RELU));
  return ccs_plan_new (backend, p, CCS_PLAN_NONE, error);
}

static gboolean
computes (CcsPlan *plan, GError **error)
{
  const CcsProgram *p = ccs_plan_program (plan);
  const float x[] = { -1, 2 };
  float y[2];

  return ccs_plan_write (plan, ccs_program_find (p, "x"), x, sizeof x, error)
         && ccs_plan_run (plan, CCS_PHASE_FORWARD, error)
         && ccs_plan_read (plan, ccs_program_find (p, "y"), y, sizeof y, error)
         && y[0] == 0 && y[1] == 2;
}

/* Runs @holds in a child process and returns its result. */
static gboolean
child_says (gboolean (*holds) (CcsBackend *backend, CcsPlan *plan),
            CcsBackend *backend, CcsPlan *plan)
{
  pid_t child = fork ();
  gint status;

  if (child == 0) {
    alarm (20); /* ends a child that hangs */
    _exit (holds (backend, plan) ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  ck_assert_int_gt (child, 0);
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  return WIFEXITED (status) && WEXITSTATUS (status) == EXIT_SUCCESS;
}

static gboolean
old_plan_and_backend_fail (CcsBackend *backend, CcsPlan *plan)
{
  g_autoptr (GError) running = NULL, planning = NULL;

  return !computes (plan, &running)
         && g_error_matches (running, CCS_ERROR, CCS_ERROR_BACKEND)
         && relu_plan (backend, &planning) == NULL
         && g_error_matches (planning, CCS_ERROR, CCS_ERROR_BACKEND);
}

static gboolean
own_backend_computes (CcsBackend *backend, CcsPlan *plan)
{
  g_autoptr (CcsBackend) own = ccs_backend_open ("cpu", NULL, NULL);
  g_autoptr (CcsPlan) own_plan = own ? relu_plan (own, NULL) : NULL;

  return own != backend && own_plan && computes (own_plan, NULL);
}

static gboolean
all_can_be_freed (CcsBackend *backend, CcsPlan *plan)
{
  ccs_plan_free (plan);
  ccs_backend_unref (backend);
  return TRUE;
}

START_TEST (a_forked_process_is_told_to_open_its_own_backend)
{
  g_autoptr (CcsBackend) backend = ccs_backend_open ("cpu", NULL, NULL);
  g_autoptr (CcsPlan) plan = relu_plan (backend, NULL);

  ck_assert (computes (plan, NULL));
  ck_assert (child_says (old_plan_and_backend_fail, backend, plan));
  ck_assert (child_says (own_backend_computes, backend, plan));
  ck_assert (child_says (all_can_be_freed, backend, plan));
  ck_assert (computes (plan, NULL));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("backend");
  TCase *tc = tcase_create ("backend");

  tcase_set_timeout (tc, 120);
  tcase_add_test (tc, unknown_backend_is_refused_and_same_one_is_shared);
  tcase_add_test (tc, impossible_numbers_of_threads_are_refused);
  tcase_add_test (tc, unknown_level_is_refused_with_the_names_of_all);
  tcase_add_test (tc, level_of_another_processor_is_refused);
  tcase_add_test (tc, chosen_level_is_the_one_that_runs);
  tcase_add_test (tc, without_a_choice_the_best_level_runs);
  tcase_add_test (tc, a_forked_process_is_told_to_open_its_own_backend);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
