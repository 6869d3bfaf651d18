/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses the options of ccstereo-train and ccstereo-eval from the command line
 * and from a key file into a table (arguments.h has the options of both).
 * Strings that the table's entries point to are NULL or allocated, and are
 * freed when they are replaced. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Parses @argv into @table; "_" and "-" in option names are equivalent.
 * Arguments that are not options are errors, and so are empty strings, also
 * those of the key file. @summary and @description are shown by --help. */
gboolean ccs_command_line_parse (const GOptionEntry *table, const char *summary,
                                 const char *description, int *argc,
                                 char ***argv, GError **error);
/* Returns the last value of option @name in @argv, without parsing the rest, or
 * NULL. (transfer full) */
char *ccs_command_line_peek (int argc, char **argv, const char *name);
/* Fills @table from the keys of group [@group] of the file @path. Errors name
 * the file and the key. */
gboolean ccs_command_line_read (const GOptionEntry *table, const char *path,
                                const char *group, GError **error);
/* Frees the strings. */
void ccs_command_line_clear (const GOptionEntry *table);

/* Checks that @value is one of @allowed. The error is one line. */
gboolean ccs_command_line_one_of (const char *option, const char *value,
                                  const char *const *allowed, GError **error);
/* Checks that @value is from @least to @most. The error is one line. */
gboolean ccs_command_line_within (const char *option, gint64 value,
                                  gint64 least, gint64 most, GError **error);
/* Parses "splitN", the published name of a split of FAIR-Play. */
gboolean ccs_command_line_split (const char *name, guint *number,
                                 GError **error);

G_END_DECLS
