/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transcode-tool.h"

#include "gst-test-support.h"
#include "reference-support.h"

char *
tool_path (const char *name)
{
  return g_build_filename (gst_test_folder (), name, NULL);
}

GSubprocess *
tool_start (const char *const *arguments)
{
  g_autoptr (GSubprocessLauncher) launcher
      = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autofree char *registry = tool_path ("tool-registry");
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  g_subprocess_launcher_unsetenv (launcher, "GST_PLUGIN_SYSTEM_PATH_1_0");
  g_subprocess_launcher_setenv (launcher, "GST_PLUGIN_PATH_1_0",
                                GST_TEST_PLUGINS, TRUE);
  g_subprocess_launcher_setenv (launcher, "GST_REGISTRY", registry, TRUE);
  g_subprocess_launcher_setenv (launcher, "CCSTEREO_MODEL",
                                gst_test_model_file (), TRUE);
  g_strv_builder_add_many (builder, TRANSCODE_PROGRAM, "--backend", "cpu",
                           NULL);
  g_strv_builder_addv (builder, (const char **)arguments);
  argv = g_strv_builder_end (builder);
  process = g_subprocess_launcher_spawnv (launcher, (const gchar *const *)argv,
                                          &error);
  assert_ok (process != NULL, error);
  return process;
}

int
tool_run (const char *const *arguments, char **said)
{
  g_autoptr (GSubprocess) process = tool_start (arguments);
  g_autoptr (GError) error = NULL;
  gboolean ok
      = g_subprocess_communicate_utf8 (process, NULL, NULL, NULL, said, &error);

  assert_ok (ok, error);
  ck_assert_msg (g_subprocess_get_if_exited (process), "the tool crashed");
  return g_subprocess_get_exit_status (process);
}

void
tool_transcode (const char *in, const char *out, const char *codec)
{
  g_autofree char *said = NULL;
  int status = tool_run (TOOL_ARGUMENTS ("--hop", "10080", "--overwrite",
                                         "--audio-codec", codec, in, out),
                         &said);

  ck_assert_msg (status == 0, "%s to %s: %s", in, out, said);
}
