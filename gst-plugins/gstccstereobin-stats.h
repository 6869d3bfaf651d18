/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The `stats` of ccstereobin, and the element messages that carry them while a
 * stream runs. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Name of the structure, and of the messages. */
#define GST_CCSTEREO_STATS "ccstereo-stats"

#define GST_CCSTEREO_BIN_MAX_QUEUES 5

/* All elements are the bin's (transfer none). */
typedef struct
{
  GstElement *bin, *dec, *enc;
  GstElement *queue[GST_CCSTEREO_BIN_MAX_QUEUES + 1]; /* NULL at the end */

  GstClockTime interval; /* of messages, 0: none; the bin's object lock */
  GstClockTime last;     /* time of the last one; streaming thread */
} GstCcstereoBinStats;

/* Starts to post messages, `interval` of stream time apart, while buffers pass
 * @pad of the bin. */
void gst_ccstereo_bin_stats_watch (GstCcstereoBinStats *self, GstPad *pad);
/* Returns ccstereo-stats with the fields dec and enc (GstStructure, the stats
 * of these elements) and, for each queue, NAME-time (guint64, ns), what it
 * holds now. Any thread. (transfer full) */
GstStructure *gst_ccstereo_bin_stats_describe (GstCcstereoBinStats *self);

/* Installs `stats` and `stats-interval` as @first and @first + 1. */
#define GST_CCSTEREO_BIN_N_STATS_PROPERTIES 2
void gst_ccstereo_bin_stats_install (GObjectClass *klass, guint first);
/* @index: property id - first. */
void gst_ccstereo_bin_stats_set (GstCcstereoBinStats *self, guint index,
                                 const GValue *value);
void gst_ccstereo_bin_stats_get (GstCcstereoBinStats *self, guint index,
                                 GValue *value);

G_END_DECLS
