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
 * @description: for --help; NULL: nothing more to say
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

/* Parses @argv, of which afterwards only the name and the operands are left.
 * On FALSE a message has been given: end with TOOL_USAGE. --help is answered
 * here and ends the program's work with *@exit = TOOL_OK. */
gboolean tool_parse (const ToolCommand *command, const GOptionEntry *entries,
                     gint *argc, char ***argv, ToolExit *exit);
/* Says what is wrong with an option. Returns TOOL_USAGE. */
ToolExit tool_bad_option (const ToolCommand *command, const char *format, ...)
    G_GNUC_PRINTF (2, 3);
/* Reports @error and frees it. Returns TOOL_FAILED. */
ToolExit tool_fail (const ToolCommand *command, GError *error);
/* Whether a result may take the place of @path: nothing is there, or a regular
 * file that may be replaced. Never a device or a folder. */
gboolean tool_check_result (const char *path, gboolean overwrite,
                            GError **error);
/* Whether a data set may be written into @folder: nothing is there, or an empty
 * folder, or one that may be written over. */
gboolean tool_check_folder (const char *folder, gboolean overwrite,
                            GError **error);
/* A remark on standard error that is no error. */
void tool_notice (const ToolCommand *command, const char *format, ...)
    G_GNUC_PRINTF (2, 3);
/* Flushes standard output at the end of the program. Returns @status, or
 * TOOL_FAILED, having reported it, if what was printed could not be written. */
int tool_finish (int status);
/* Share of the work done, 0 to 1, redrawn in place: only when @verbose and
 * standard error is a terminal. At 1 the line ends. */
void tool_progress (gboolean verbose, const char *what, double done);

G_END_DECLS
