/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo prepare` and `ccstereo scenes`: run the program ccstereo-datasets,
 * so that `ccstereo` does not need the trainer's libraries. */
#include "datasets.h"

#include <errno.h>
#include <unistd.h>

#include "install-path.h"

#define PROGRAM "ccstereo-datasets"
#define PATH_VARIABLE "CCSTEREO_PROGRAMS_PATH"

/* Returns the path of the program: in the folder that the environment variable
 * names, beside `ccstereo` in a build folder, or where it is installed.
 * (transfer full) */
static char *
find_program (void)
{
  const char *chosen = g_getenv (PATH_VARIABLE);
  g_autofree char *self = NULL, *folder = NULL, *beside = NULL;
  g_autofree char *installed = NULL;

  if (chosen && *chosen)
    return g_build_filename (chosen, PROGRAM, NULL);
  self = g_file_read_link ("/proc/self/exe", NULL);
  folder = self ? g_path_get_dirname (self) : NULL;
  beside = folder ? g_build_filename (folder, PROGRAM, NULL) : NULL;
  if (beside && g_file_test (beside, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&beside);
  installed = ccs_install_path (TOOLS_DATASETS_DIR);
  return g_build_filename (installed, PROGRAM, NULL);
}

/* Runs the program. Returns only if that fails. */
static ToolExit
run_program (gint argc, char **argv)
{
  g_autofree char *path = find_program ();
  g_autofree char **arguments = g_new0 (char *, argc + 2);

  arguments[0] = path;
  for (gint i = 0; i < argc; i++)
    arguments[i + 1] = argv[i];
  execv (path, arguments);
  g_printerr ("ccstereo %s: %s: cannot be run: %s%s\n", argv[0], path,
              g_strerror (errno),
              errno == ENOENT ? "; it is part of the trainer, which is not "
                                "installed"
                              : "");
  return TOOL_FAILED;
}

const ToolCommand tool_run_prepare
    = { TOOL_PREPARE, "", 0, TOOL_PREPARE_SUMMARY, NULL, run_program };
const ToolCommand tool_run_scenes
    = { TOOL_SCENES, "", 0, TOOL_SCENES_SUMMARY, NULL, run_program };
