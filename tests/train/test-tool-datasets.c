/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo prepare` and `ccstereo scenes` as users run them. The trainer
 * provides these commands. */
#include "../core/tool-support.h"
#include "../suite.h"

#include <string.h>

static const char *const commands[] = { "prepare", "scenes" };

START_TEST (every_command_explains_itself)
{
  g_auto (Outcome) outcome = tool (commands[_i], "--help", NULL);

  ck_assert_int_eq (outcome.code, 0);
  ck_assert_ptr_nonnull (strstr (outcome.out, "Usage:"));
  ck_assert_ptr_nonnull (strstr (outcome.out, commands[_i]));
  ck_assert_str_eq (outcome.err, "");
}
END_TEST

static const char *const wrong_usages[][5] = {
  { "prepare", "videos", "folder", "--val=0.8", "--test=0.3" },
  { "prepare", "videos", "folder", "--order=fuma" },
  { "scenes", "folder", "--test=0" },
  { "scenes", "folder", "--train=2147483647", "--val=2147483647" },
  { "scenes", "folder", "--mono" },
};

START_TEST (wrong_usage_exits_with_2_and_says_so)
{
  const char *const *args = wrong_usages[_i];
  g_auto (Outcome) outcome
      = tool (args[0], args[1], args[2], args[3], args[4], NULL);

  ck_assert_int_eq (outcome.code, 2);
  ck_assert_str_eq (outcome.out, "");
  ck_assert (g_str_has_prefix (outcome.err, "ccstereo "));
}
END_TEST

static const char *const makers[][3] = {
  { "scenes", "--test=1", "--videos=mkv" },
  { "scenes", "--test=1" },
  { "prepare", "." },
};

START_TEST (a_data_set_is_not_written_over_another_unless_told)
{
  const char *const *args = makers[_i];
  g_autofree char *own = in_dir ("000001.wav");
  g_auto (Outcome) outcome = { 0 };

  ck_assert (g_file_set_contents (own, "mine", -1, NULL));
  outcome = args[2] ? tool (args[0], args[1], args[2], dir, NULL)
                    : tool (args[0], args[1], dir, NULL);
  ck_assert_int_eq (outcome.code, 1);
  ck_assert_ptr_nonnull (strstr (outcome.err, "--overwrite"));
  ck_assert_ptr_nonnull (strstr (outcome.err, dir));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("tool-datasets");
  TCase *tcase = tcase_create ("datasets");

  tcase_add_checked_fixture (tcase, make_dir, remove_dir);
  tcase_add_loop_test (tcase, every_command_explains_itself, 0,
                       G_N_ELEMENTS (commands));
  tcase_add_loop_test (tcase, wrong_usage_exits_with_2_and_says_so, 0,
                       G_N_ELEMENTS (wrong_usages));
  tcase_add_loop_test (tcase,
                       a_data_set_is_not_written_over_another_unless_told, 0,
                       G_N_ELEMENTS (makers));
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
