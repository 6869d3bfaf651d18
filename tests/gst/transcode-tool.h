/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs ccstereo-transcode as users run it: a program with input and output
 * files, and the tests' model. Every function ends the running Check test on
 * failure. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Returns the path of the file @name in the tests' folder. (transfer full) */
char *tool_path (const char *name);
GSubprocess *tool_start (const char *const *arguments);
/* Runs the tool to its end and returns its exit status. @said is set to its
 * output on stderr. */
int tool_run (const char *const *arguments, char **said);
#define TOOL_ARGUMENTS(...) ((const char *const[]){ __VA_ARGS__, NULL })
/* Transcodes @in to @out with a large hop, which is fast. The test fails if
 * the tool fails. */
void tool_transcode (const char *in, const char *out, const char *codec);

G_END_DECLS
