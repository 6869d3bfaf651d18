/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the main() of a test program ends with. */
#pragma once

#include <check.h>
#include <stdlib.h>

/* Runs @suite (taken) as Check's environment variables say. Returns the
 * program's exit status. */
static inline int
run_suite (Suite *suite)
{
  SRunner *runner = srunner_create (suite);
  int failed;

  srunner_run_all (runner, CK_ENV);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
