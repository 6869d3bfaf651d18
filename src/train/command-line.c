/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command-line.h"
#include <ccstereo/error.h>
#include <string.h>

#define DASHES "--"
#define SPLIT_PREFIX "split"
#define MAX_SPLIT 1000

static gboolean
is_string (const GOptionEntry *entry)
{
  return entry->arg == G_OPTION_ARG_STRING
         || entry->arg == G_OPTION_ARG_FILENAME;
}

static char **
string_of (const GOptionEntry *entry)
{
  return entry->arg_data;
}

static gboolean
same_character (char a, char b)
{
  return a == b || ((a == '-' || a == '_') && (b == '-' || b == '_'));
}

/* Returns the entry whose name is the first @length bytes of @name, or NULL. */
static const GOptionEntry *
find_entry (const GOptionEntry *table, const char *name, gsize length)
{
  for (; table->long_name; table++) {
    gsize i = 0;

    if (strlen (table->long_name) != length)
      continue;
    while (i < length && same_character (name[i], table->long_name[i]))
      i++;
    if (i == length)
      return table;
  }
  return NULL;
}

/* Replaces "_" and "-" in option names by those of the table, in place. */
static void
respell (const GOptionEntry *table, int argc, char **argv)
{
  for (int i = 1; i < argc; i++) {
    char *name = argv[i] + strlen (DASHES);
    const GOptionEntry *entry;

    if (!g_str_has_prefix (argv[i], DASHES))
      continue;
    entry = find_entry (table, name, strcspn (name, "="));
    if (entry)
      memcpy (name, entry->long_name, strlen (entry->long_name));
  }
}

/* Returns the strings of @table before parsing, to be freed after it: the
 * parser replaces them without freeing them. */
static GPtrArray *
remember_strings (const GOptionEntry *table)
{
  GPtrArray *strings = g_ptr_array_new ();

  for (; table->long_name; table++)
    g_ptr_array_add (strings, is_string (table) ? *string_of (table) : NULL);
  return strings;
}

static void
free_replaced (const GOptionEntry *table, GPtrArray *before)
{
  for (guint i = 0; table[i].long_name; i++)
    if (is_string (&table[i]) && *string_of (&table[i]) != before->pdata[i])
      g_free (before->pdata[i]);
}

static gboolean
check_filled (const GOptionEntry *table, GError **error)
{
  for (; table->long_name; table++)
    if (is_string (table) && *string_of (table) && !**string_of (table)) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT, "--%s is empty",
                   table->long_name);
      return FALSE;
    }
  return TRUE;
}

gboolean
ccs_command_line_parse (const GOptionEntry *table, const char *summary,
                        const char *description, int *argc, char ***argv,
                        GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (summary);
  g_autoptr (GPtrArray) before = remember_strings (table);
  gboolean ok;

  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, table, NULL);
  respell (table, *argc, *argv);
  ok = g_option_context_parse (context, argc, argv, error);
  free_replaced (table, before);
  if (ok && *argc > 1) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "unknown option \"%s\" (see --help)", (*argv)[1]);
    return FALSE;
  }
  return ok && check_filled (table, error);
}

char *
ccs_command_line_peek (int argc, char **argv, const char *name)
{
  g_autofree char *word = g_strconcat (DASHES, name, NULL);
  gsize length = strlen (word);
  const char *value = NULL;

  for (int i = 1; i < argc; i++) {
    if (!g_str_has_prefix (argv[i], word))
      continue;
    if (argv[i][length] == '=')
      value = argv[i] + length + 1;
    else if (argv[i][length] == '\0' && i + 1 < argc)
      value = argv[++i];
  }
  return g_strdup (value);
}

void
ccs_command_line_clear (const GOptionEntry *table)
{
  for (; table->long_name; table++)
    if (is_string (table))
      g_clear_pointer (string_of (table), g_free);
}

/* -- key files -- */

/* Reads an integer. g_key_file_get_int64() returns G_MAXINT64 for one that is
 * out of range instead of an error. */
static gint64
read_int64 (GKeyFile *file, const char *group, const char *key, GError **error)
{
  g_autofree char *text = g_key_file_get_value (file, group, key, error);
  gint64 value = 0;

  if (text)
    g_ascii_string_to_signed (g_strstrip (text), 10, G_MININT64, G_MAXINT64,
                              &value, error);
  return value;
}

static gboolean
read_key (GKeyFile *file, const char *group, const char *key,
          const GOptionEntry *entry, GError **error)
{
  GError *own = NULL;

  switch (entry->arg) {
  case G_OPTION_ARG_NONE:
    *(gboolean *)entry->arg_data
        = g_key_file_get_boolean (file, group, key, &own);
    break;
  case G_OPTION_ARG_INT:
    *(gint *)entry->arg_data = g_key_file_get_integer (file, group, key, &own);
    break;
  case G_OPTION_ARG_INT64:
    *(gint64 *)entry->arg_data = read_int64 (file, group, key, &own);
    break;
  case G_OPTION_ARG_DOUBLE:
    *(double *)entry->arg_data = g_key_file_get_double (file, group, key, &own);
    break;
  default:
    g_free (*string_of (entry));
    *string_of (entry) = g_key_file_get_string (file, group, key, &own);
  }
  if (own)
    g_propagate_prefixed_error (error, own, "%s: ", key);
  return own == NULL;
}

static gboolean
read_keys (const GOptionEntry *table, GKeyFile *file, const char *group,
           GError **error)
{
  g_auto (GStrv) keys = g_key_file_get_keys (file, group, NULL, error);

  for (guint i = 0; keys && keys[i]; i++) {
    const GOptionEntry *entry = find_entry (table, keys[i], strlen (keys[i]));

    if (entry == NULL) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                   "unknown option \"%s\"", keys[i]);
      return FALSE;
    }
    if (!read_key (file, group, keys[i], entry, error))
      return FALSE;
  }
  return keys != NULL;
}

gboolean
ccs_command_line_read (const GOptionEntry *table, const char *path,
                       const char *group, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();

  if (g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, error)
      && read_keys (table, file, group, error))
    return TRUE;
  g_prefix_error (error, "%s: ", path);
  return FALSE;
}

/* -- values -- */

gboolean
ccs_command_line_one_of (const char *option, const char *value,
                         const char *const *allowed, GError **error)
{
  g_autofree char *list = g_strjoinv (", ", (char **)allowed);

  if (g_strv_contains (allowed, value))
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "--%s is \"%s\": must be one of %s", option, value, list);
  return FALSE;
}

gboolean
ccs_command_line_within (const char *option, gint64 value, gint64 least,
                         gint64 most, GError **error)
{
  if (value >= least && value <= most)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "--%s is %" G_GINT64_FORMAT ": must be from %" G_GINT64_FORMAT
               " to %" G_GINT64_FORMAT,
               option, value, least, most);
  return FALSE;
}

gboolean
ccs_command_line_split (const char *name, guint *number, GError **error)
{
  guint64 n;

  if (g_str_has_prefix (name, SPLIT_PREFIX)
      && g_ascii_string_to_unsigned (name + strlen (SPLIT_PREFIX), 10, 1,
                                     MAX_SPLIT, &n, NULL)) {
    *number = (guint)n;
    return TRUE;
  }
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "--hdf5FolderPath is \"%s\"; splits are named split1, split2 ..",
               name);
  return FALSE;
}
