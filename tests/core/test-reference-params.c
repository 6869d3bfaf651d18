/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares names, shapes, types and order of the parameters with the
 * published state_dict, for every parameters-BACKBONE-SCALE.tsv. */
#include <stdio.h>

#include "params-list.h"
#include "reference-support.h"

static char **files;

START_TEST (params_are_the_published_ones_in_order)
{
  g_autofree char *name = g_path_get_basename (files[_i]);
  gint backbone, dim_scale;
  CcsModelConfig config;

  ck_assert_int_eq (
      sscanf (name, "parameters-%d-%d.tsv", &backbone, &dim_scale), 2);
  config = reference_config (backbone, dim_scale);
  assert_params_list (&config, "", files[_i]);
}
END_TEST

START_TEST (the_folder_holds_a_list)
{
  ck_assert_msg (files[0] != NULL, "no parameters-*.tsv");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("reference-params");
  TCase *tcase = tcase_create ("params");
  int status;

  files = reference_files ("parameters-*.tsv");
  tcase_add_test (tcase, the_folder_holds_a_list);
  tcase_add_loop_test (tcase, params_are_the_published_ones_in_order, 0,
                       (int)g_strv_length (files));
  suite_add_tcase (suite, tcase);
  status = reference_run (suite);
  g_strfreev (files);
  return status;
}
