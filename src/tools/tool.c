/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options, messages and progress, the same way for every subcommand. */
#include "tool.h"

#include <ccstereo/error.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static void
say (const ToolCommand *command, const char *kind, const char *text)
{
  g_printerr ("ccstereo %s: %s%s\n", command->name, kind, text);
}

/* Removes "--": GLib keeps it if an operand after it begins with a dash. */
static void
drop_separator (gint *argc, char **argv)
{
  gint at = 1;

  while (at < *argc && !g_str_equal (argv[at], "--"))
    at++;
  if (at == *argc)
    return;
  for (; at + 1 < *argc; at++)
    argv[at] = argv[at + 1];
  argv[--*argc] = NULL;
}

gboolean
tool_parse (const ToolCommand *command, const GOptionEntry *entries, gint *argc,
            char ***argv, ToolExit *exit)
{
  g_autoptr (GOptionContext) context = NULL;
  g_autofree char *usage
      = g_strdup_printf ("%s%s- %s", command->operands,
                         *command->operands ? " " : "", command->summary);
  g_autofree char *program = g_strdup_printf ("ccstereo %s", command->name);
  g_autofree char *help = NULL;
  g_autoptr (GError) error = NULL;
  gboolean show_help = FALSE;
  const GOptionEntry help_entry[] = {
    { "help", 'h', 0, G_OPTION_ARG_NONE, &show_help, "Show this help", NULL },
    { NULL },
  };

  g_set_prgname (program);
  context = g_option_context_new (usage);
  g_option_context_set_help_enabled (context, FALSE);
  if (command->description)
    g_option_context_set_description (context, command->description);
  g_option_context_add_main_entries (context, help_entry, NULL);
  g_option_context_add_main_entries (context, entries, NULL);
  *exit = TOOL_USAGE;
  if (!g_option_context_parse (context, argc, argv, &error)) {
    say (command, "", error->message);
    return FALSE;
  }
  if (show_help) {
    help = g_option_context_get_help (context, TRUE, NULL);
    fputs (help, stdout);
    *exit = TOOL_OK;
    return FALSE;
  }
  drop_separator (argc, *argv);
  if (*argc != 1 + command->n_operands) {
    g_printerr ("ccstereo %s: %d operand%s expected: %s\n", command->name,
                command->n_operands, command->n_operands == 1 ? "" : "s",
                command->n_operands ? command->operands : "none");
    return FALSE;
  }
  return TRUE;
}

ToolExit
tool_bad_option (const ToolCommand *command, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  say (command, "", text);
  return TOOL_USAGE;
}

ToolExit
tool_fail (const ToolCommand *command, GError *error)
{
  say (command, "", error->message);
  g_error_free (error);
  return TOOL_FAILED;
}

gboolean
tool_check_folder (const char *folder, gboolean overwrite, GError **error)
{
  g_autoptr (GDir) open = overwrite ? NULL : g_dir_open (folder, 0, NULL);

  if (!open || !g_dir_read_name (open))
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO,
               "%s is not empty (--overwrite replaces files in it)", folder);
  return FALSE;
}

void
tool_notice (const ToolCommand *command, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  say (command, "note: ", text);
}

int
tool_finish (int status)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return status;
  g_printerr ("ccstereo: standard output: %s\n", g_strerror (errno));
  return status == TOOL_OK ? TOOL_FAILED : status;
}

void
tool_progress (gboolean verbose, const char *what, double done)
{
  if (!verbose || !isatty (STDERR_FILENO))
    return;
  g_printerr ("\r%s %3.0f %%%s", what, 100 * CLAMP (done, 0, 1),
              done >= 1 ? "\n" : "");
}
