/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-measure.h"

#include "tool.h"

#define MIN_RUNS 3
#define TAIL 0.99

double
bench_now (void)
{
  return g_get_monotonic_time () / 1e6;
}

static gint
compare_doubles (gconstpointer a, gconstpointer b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

gboolean
bench_measure (BenchRun run, gpointer data, double seconds, const char *what,
               gboolean verbose, BenchTimes *times, GError **error)
{
  g_autoptr (GArray) took = g_array_new (FALSE, FALSE, sizeof (double));
  double begin, last, spent = 0;

  if (!run (data, error))
    return FALSE;
  begin = last = bench_now ();
  while (took->len < MIN_RUNS || spent < seconds) {
    double end, one;
    if (!run (data, error))
      return FALSE;
    end = bench_now ();
    one = end - last;
    g_array_append_val (took, one);
    last = end;
    spent = end - begin;
    tool_progress (verbose, what, MIN (spent / seconds, 0.99));
  }
  tool_progress (verbose, what, 1);
  g_array_sort (took, compare_doubles);
  times->median = g_array_index (took, double, took->len / 2);
  times->p99 = g_array_index (took, double, (guint)(TAIL * (took->len - 1)));
  return TRUE;
}

void
bench_append_field (GString *json, const char *name, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  /* formats the same in every locale */
  g_ascii_formatd (text, sizeof text, "%.6g", value);
  g_string_append_printf (json, "%s\n  \"%s\": %s", json->len > 1 ? "," : "",
                          name, text);
}
