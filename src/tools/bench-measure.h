/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `ccstereo bench` measures with: runs repeated until their times say
 * something, and figures as JSON has them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef gboolean (*BenchRun) (gpointer data, GError **error);

/* Seconds a run. */
typedef struct
{
  double median, p99;
} BenchTimes;

/* Repeats @run for at least @seconds, after one run that only warms up; @what
 * is shown as progress where @verbose. */
gboolean bench_measure (BenchRun run, gpointer data, double seconds,
                        const char *what, gboolean verbose, BenchTimes *times,
                        GError **error);
/* Seconds since some point of time. */
double bench_now (void);
/* Appends a member to an object that "{" begins. */
void bench_append_field (GString *json, const char *name, double value);

G_END_DECLS
