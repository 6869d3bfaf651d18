/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereo-datasets: the commands of `ccstereo` that need the trainer's
 * libraries. Its arguments are those of `ccstereo`. */
#include "datasets.h"

#include "output-file.h"
#include "program-locale.h"

static const ToolCommand *const commands[] = { &tool_prepare, &tool_scenes };

int
main (int argc, char **argv)
{
  ccs_program_set_locale ();
  ccs_output_files_guard (NULL);
  for (guint i = 0; argc > 1 && i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (argv[1], commands[i]->name))
      return tool_finish (commands[i]->run (argc - 1, argv + 1));
  g_printerr ("ccstereo-datasets: runs for \"ccstereo prepare\" and "
              "\"ccstereo scenes\" alone\n");
  return TOOL_USAGE;
}
