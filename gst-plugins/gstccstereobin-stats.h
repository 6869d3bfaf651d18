/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The property `stats` of ccstereobin, and the element messages that contain
 * its value while a stream runs. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Name of the structure and of the messages. */
#define GST_CCSTEREO_STATS "ccstereo-stats"

#define GST_CCSTEREO_BIN_MAX_QUEUES 5

/* All elements are owned by the bin (transfer none). */
typedef struct
{
  GstElement *bin, *dec, *enc;
  GstElement *queue[GST_CCSTEREO_BIN_MAX_QUEUES + 1]; /* NULL-terminated */

  GstClockTime interval; /* between messages, 0: off; object lock */
  GstClockTime last;     /* time of the last message; streaming thread */
} GstCcstereoBinStats;

/* Starts to post messages while buffers pass @pad of the bin, one per
 * `interval` of stream time. */
void gst_ccstereo_bin_stats_watch (GstCcstereoBinStats *self, GstPad *pad);
/* Returns the structure ccstereo-stats. Its fields dec and enc
 * (GstStructure) are the stats of these elements; a field NAME-time
 * (guint64, ns) is the current level of the queue NAME. May be called from
 * any thread. (transfer full) */
GstStructure *gst_ccstereo_bin_stats_describe (GstCcstereoBinStats *self);

/* Installs `stats` and `stats-interval` with the property ids @first and
 * @first + 1. */
#define GST_CCSTEREO_BIN_N_STATS_PROPERTIES 2
void gst_ccstereo_bin_stats_install (GObjectClass *klass, guint first);
/* @index: property id minus the @first of gst_ccstereo_bin_stats_install(). */
void gst_ccstereo_bin_stats_set (GstCcstereoBinStats *self, guint index,
                                 const GValue *value);
void gst_ccstereo_bin_stats_get (GstCcstereoBinStats *self, guint index,
                                 GValue *value);

G_END_DECLS
