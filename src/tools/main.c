/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo`: runs the subcommand that its first argument names. */
#include "datasets.h"

#include <ccstereo/version.h>
#include <stdio.h>

#include "output-file.h"
#include "program-locale.h"

static const ToolCommand *const commands[]
    = { &tool_info,  &tool_convert,     &tool_export,    &tool_run,
        &tool_bench, &tool_run_prepare, &tool_run_scenes };

/* Prints the help in the format of GOption, as the subcommands do. */
static void
print_usage (FILE *to)
{
  fputs ("Usage:\n"
         "  ccstereo COMMAND [OPTION...] - Tools for CCStereo models: binaural "
         "audio from mono audio and video\n\nCommands:\n",
         to);
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    fprintf (to, "  %-8s  %s\n", commands[i]->name, commands[i]->summary);
  fputs ("\nOptions:\n"
         "  -h, --help     Show this help\n"
         "  --version      Print the version\n\n"
         "\"ccstereo COMMAND --help\" shows the options of a command.\n\n"
         "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
         to);
}

int
main (int argc, char **argv)
{
  ccs_program_set_locale ();
  ccs_output_files_guard (NULL);
  if (argc < 2) {
    print_usage (stderr);
    return TOOL_USAGE;
  }
  if (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h")) {
    print_usage (stdout);
    return tool_finish (TOOL_OK);
  }
  if (g_str_equal (argv[1], "--version")) {
    puts ("ccstereo " CCS_VERSION_STRING);
    return tool_finish (TOOL_OK);
  }
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (argv[1], commands[i]->name))
      return tool_finish (commands[i]->run (argc - 1, argv + 1));
  g_printerr ("ccstereo: unknown command \"%s\"\n", argv[1]);
  print_usage (stderr);
  return TOOL_USAGE;
}
