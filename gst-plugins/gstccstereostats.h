/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Run times of a network, for the property `stats` of the elements. Not
 * thread-safe: the elements protect it with their object lock. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_CCSTEREO_KEPT_RUNS 512 /* runs in the percentile */

typedef struct
{
  guint64 runs;
  GstClockTime total;
  GstClockTime last[GST_CCSTEREO_KEPT_RUNS]; /* ring: run i at i % size */
} GstCcstereoRunTimes;

/* Adds a run that took @time. */
void gst_ccstereo_run_times_add (GstCcstereoRunTimes *self, GstClockTime time);
/* Sets in @stats the fields run-time-mean (the mean of all runs) and
 * run-time-99 (the 99th percentile of the last 512 runs), both guint64 in
 * ns. Sets neither field if there was no run. */
void gst_ccstereo_run_times_describe (const GstCcstereoRunTimes *self,
                                      GstStructure *stats);

G_END_DECLS
