/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs ccstereo-train and ccstereo-eval as users run them: with command-line
 * arguments. Checks exit codes, messages and files. */
#pragma once

#include <check.h>
#include <glib.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

typedef struct
{
  gint code;
  char *out, *err;
} Outcome;

static inline void
outcome_clear (Outcome *self)
{
  g_clear_pointer (&self->out, g_free);
  g_clear_pointer (&self->err, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outcome, outcome_clear)

/* Returns the argument vector. The environment variable @variable names the
 * program. @words are split at spaces, so paths must not contain spaces.
 * (transfer full) */
static inline char **
program_arguments (const char *variable, const char *words)
{
  g_autofree char *all = NULL;

  ck_assert_msg (g_getenv (variable) != NULL, "%s is not set", variable);
  all = g_strconcat (g_getenv (variable), " ", words, NULL);
  return g_strsplit (all, " ", -1);
}

/* Runs the program with the arguments that @format gives. @setup (nullable)
 * is called in the child process before it executes the program. */
static inline Outcome G_GNUC_PRINTF (3, 4)
    run_program (const char *variable, GSpawnChildSetupFunc setup,
                 const char *format, ...)
{
  g_autofree char *words = NULL;
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;
  Outcome outcome = { 0 };
  gint status;
  va_list args;

  va_start (args, format);
  words = g_strdup_vprintf (format, args);
  va_end (args);
  argv = program_arguments (variable, words);
  ck_assert_msg (g_spawn_sync (NULL, argv, NULL, G_SPAWN_DEFAULT, setup, NULL,
                               &outcome.out, &outcome.err, &status, &error),
                 "%s", error ? error->message : "");
  ck_assert_msg (WIFEXITED (status), "killed: %s", outcome.err);
  outcome.code = WEXITSTATUS (status);
  return outcome;
}

static inline void
assert_done (const Outcome *outcome)
{
  ck_assert_msg (outcome->code == 0, "exit code %d: %s", outcome->code,
                 outcome->err);
}

/* Checks that the program failed with exit code @code, and wrote one line
 * that contains @part to standard error. */
static inline void
assert_refused (const Outcome *outcome, gint code, const char *part)
{
  const char *newline = strchr (outcome->err, '\n');

  ck_assert_msg (outcome->code == code, "exit code %d: %s", outcome->code,
                 outcome->err);
  ck_assert_msg (strstr (outcome->err, part) != NULL, "'%s' not in '%s'", part,
                 outcome->err);
  ck_assert_msg (newline != NULL && newline[1] == '\0', "not one line: '%s'",
                 outcome->err);
}
