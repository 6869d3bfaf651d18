/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstccstereostats.h"

#include <string.h>

void
gst_ccstereo_run_times_add (GstCcstereoRunTimes *self, GstClockTime time)
{
  self->last[self->runs % GST_CCSTEREO_KEPT_RUNS] = time;
  self->total += time;
  self->runs++;
}

static gint
compare_times (gconstpointer a, gconstpointer b)
{
  const GstClockTime x = *(const GstClockTime *)a, y = *(const GstClockTime *)b;

  return (x > y) - (x < y);
}

static GstClockTime
percentile_99 (const GstCcstereoRunTimes *self)
{
  const gsize n = MIN (self->runs, GST_CCSTEREO_KEPT_RUNS);
  GstClockTime sorted[GST_CCSTEREO_KEPT_RUNS];

  memcpy (sorted, self->last, n * sizeof *sorted);
  qsort (sorted, n, sizeof *sorted, compare_times);
  return sorted[(99 * n + 99) / 100 - 1];
}

void
gst_ccstereo_run_times_describe (const GstCcstereoRunTimes *self,
                                 GstStructure *stats)
{
  if (self->runs == 0)
    return;
  gst_structure_set (stats, "run-time-mean", G_TYPE_UINT64,
                     self->total / self->runs, "run-time-99", G_TYPE_UINT64,
                     percentile_99 (self), NULL);
}
