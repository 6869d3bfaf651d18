/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long the runs of a net took, for the elements' `stats`. Not thread-safe:
 * the elements keep it under their object lock. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_CCSTEREO_KEPT_RUNS 512 /* those that the percentile is of */

typedef struct
{
  guint64 runs;
  GstClockTime total;
  GstClockTime last[GST_CCSTEREO_KEPT_RUNS]; /* run i at i modulo the size */
} GstCcstereoRunTimes;

/* Adds a run that took @time. */
void gst_ccstereo_run_times_add (GstCcstereoRunTimes *self, GstClockTime time);
/* Sets in @stats the fields run-time-mean (of all runs) and run-time-99 (which
 * 99 % of the last 512 did not exceed), both guint64 in ns. Without a run it
 * sets none. */
void gst_ccstereo_run_times_describe (const GstCcstereoRunTimes *self,
                                      GstStructure *stats);

G_END_DECLS
