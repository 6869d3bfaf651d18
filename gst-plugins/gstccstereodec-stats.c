/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Statistics of ccstereodec, and its log of windows. */
#include "gstccstereodec-private.h"
#include <string.h>

GstCcstereoDecRun
gst_ccstereo_dec_begin_run (const GstCcstereoDec *self)
{
  return (GstCcstereoDecRun){
    .windows = ccs_binauralizer_windows (self->binauralizer),
    .centered = ccs_binauralizer_centered_windows (self->binauralizer),
    .start = g_get_monotonic_time (),
  };
}

/* Returns the time of frame @sample at the model's sample rate. */
static GstClockTime
model_time (const GstCcstereoDec *self, guint64 sample)
{
  return self->first_pts
         + gst_util_uint64_scale (sample, GST_SECOND, CCS_MODEL_RATE);
}

static void
log_window (GstCcstereoDec *self, guint64 window)
{
  const guint64 start = window * self->window_hop;

  GST_CAT_LEVEL_LOG (
      GST_CAT_DEFAULT, window == 0 ? GST_LEVEL_DEBUG : GST_LEVEL_LOG, self,
      "%s %" G_GUINT64_FORMAT ": %" GST_TIME_FORMAT " to %" GST_TIME_FORMAT,
      window == 0 ? "first window," : "window", window,
      GST_TIME_ARGS (model_time (self, start)),
      GST_TIME_ARGS (model_time (self, start + CCS_WINDOW)));
}

void
gst_ccstereo_dec_end_run (GstCcstereoDec *self, const GstCcstereoDecRun *run,
                          gboolean late)
{
  const guint64 end = ccs_binauralizer_windows (self->binauralizer);
  const guint64 n = end - run->windows;

  if (n == 0)
    return;
  for (guint64 window = run->windows; window < end; window++)
    log_window (self, window);
  GST_OBJECT_LOCK (self);
  self->stats.windows += n;
  self->stats.late_windows += late ? n : 0;
  self->stats.centered
      += ccs_binauralizer_centered_windows (self->binauralizer) - run->centered;
  gst_ccstereo_run_times_add (
      &self->stats.times,
      (GstClockTime)(g_get_monotonic_time () - run->start) * GST_USECOND);
  GST_OBJECT_UNLOCK (self);
}

void
gst_ccstereo_dec_count (GstCcstereoDec *self, guint64 *counter)
{
  GST_OBJECT_LOCK (self);
  ++*counter;
  GST_OBJECT_UNLOCK (self);
}

void
gst_ccstereo_dec_clear_stats (GstCcstereoDec *self)
{
  GST_OBJECT_LOCK (self);
  memset (&self->stats, 0, sizeof self->stats);
  GST_OBJECT_UNLOCK (self);
}

GstStructure *
gst_ccstereo_dec_stats (GstCcstereoDec *self)
{
  GstStructure *stats;

  GST_OBJECT_LOCK (self);
  stats = gst_structure_new (
      "application/x-ccstereo-dec-stats", "windows", G_TYPE_UINT64,
      self->stats.windows, "late-windows", G_TYPE_UINT64,
      self->stats.late_windows, "centered-windows", G_TYPE_UINT64,
      self->stats.centered, "features", G_TYPE_UINT64, self->stats.features,
      "discontinuities", G_TYPE_UINT64, self->stats.discontinuities, "pauses",
      G_TYPE_UINT64, self->stats.pauses, NULL);
  gst_ccstereo_run_times_describe (&self->stats.times, stats);
  GST_OBJECT_UNLOCK (self);
  return stats;
}
