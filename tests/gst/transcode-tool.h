/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ccstereo-transcode as its users run it: a program, files in and out. Its
 * model is the tests' own. Everything ends the running Check test on failure.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A file of this name in the tests' folder. (transfer full) */
char *tool_path (const char *name);
GSubprocess *tool_start (const char *const *arguments);
/* Runs the tool to its end; what it said goes to @said. Its exit status. */
int tool_run (const char *const *arguments, char **said);
#define TOOL_ARGUMENTS(...) ((const char *const[]){ __VA_ARGS__, NULL })
/* Transcodes @in to @out, coarsely; it has to succeed. */
void tool_transcode (const char *in, const char *out, const char *codec);

G_END_DECLS
