/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the command lines of ccstereo-train and ccstereo-eval are read: a table
 * of options (arguments.h lists those of both), filled from the words of the
 * command line and from a key file. Strings that the table's entries point to
 * are NULL or allocated, and are freed when replaced. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Parses @argv by @table; "_" and "-" are the same in an option's name. A word
 * that is no option is an error, and so is a string that is empty, also one of
 * a key file. @summary and @description stand in --help. */
gboolean ccs_command_line_parse (const GOptionEntry *table, const char *summary,
                                 const char *description, int *argc,
                                 char ***argv, GError **error);
/* The value that option @name will have when @argv is parsed: that of its last
 * place; or NULL. (transfer full) */
char *ccs_command_line_peek (int argc, char **argv, const char *name);
/* Fills @table from the keys of group [@group] of the file @path. Errors name
 * the file and the key. */
gboolean ccs_command_line_read (const GOptionEntry *table, const char *path,
                                const char *group, GError **error);
/* Frees the strings. */
void ccs_command_line_clear (const GOptionEntry *table);

/* An error of one line unless @value is one of @allowed. */
gboolean ccs_command_line_one_of (const char *option, const char *value,
                                  const char *const *allowed, GError **error);
/* The same unless @value is from @least to @most. */
gboolean ccs_command_line_within (const char *option, gint64 value,
                                  gint64 least, gint64 most, GError **error);
/* N of "splitN", the published way to name one of FAIR-Play's splits. */
gboolean ccs_command_line_split (const char *name, guint *number,
                                 GError **error);

G_END_DECLS
