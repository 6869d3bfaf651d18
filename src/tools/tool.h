/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the subcommands of `ccstereo` share: option parsing, messages, progress
 * and exit codes. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  TOOL_OK = 0,
  TOOL_FAILED = 1,
  TOOL_USAGE = 2,
} ToolExit;

/**
 * ToolCommand:
 * @name: as typed after `ccstereo`
 * @operands: as shown in its usage line
 * @n_operands: how many there must be
 * @summary: one line
 * @description: text after the options in --help; nullable
 */
typedef struct
{
  const char *name;
  const char *operands;
  gint n_operands;
  const char *summary;
  const char *description;
  ToolExit (*run) (gint argc, char **argv);
} ToolCommand;

extern const ToolCommand tool_info, tool_convert, tool_export, tool_bench,
    tool_run;

/* Parses @argv and leaves the name and the operands in it. Returns FALSE if the
 * program has to end with *@exit: TOOL_USAGE after an error, which has been
 * reported, or TOOL_OK after --help. */
gboolean tool_parse (const ToolCommand *command, const GOptionEntry *entries,
                     gint *argc, char ***argv, ToolExit *exit);
/* Reports what is wrong with an option. Returns TOOL_USAGE. */
ToolExit tool_bad_option (const ToolCommand *command, const char *format, ...)
    G_GNUC_PRINTF (2, 3);
/* Reports @error and frees it. Returns TOOL_FAILED. */
ToolExit tool_fail (const ToolCommand *command, GError *error);
/* Checks that a data set can be written into @folder: it does not exist, or it
 * is empty, or @overwrite is set. */
gboolean tool_check_folder (const char *folder, gboolean overwrite,
                            GError **error);
/* Prints a notice, which is not an error, to standard error. */
void tool_notice (const ToolCommand *command, const char *format, ...)
    G_GNUC_PRINTF (2, 3);
/* Flushes standard output at the end of the program. Returns @status, or
 * TOOL_FAILED, having reported it, if what was printed could not be written. */
int tool_finish (int status);
/* Shows the share of the work done, 0 to 1, in one line that is redrawn. Only
 * if
 * @verbose is set and standard error is a terminal. Ends the line at 1. */
void tool_progress (gboolean verbose, const char *what, double done);

G_END_DECLS
