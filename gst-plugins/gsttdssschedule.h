/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chooses the frames that tdsscrop outputs, and where it crops them. Both
 * depend on stream time alone. Not thread-safe. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_TDSS_CROP_SCHEDULE (gst_tdss_crop_schedule_get_type ())
GType gst_tdss_crop_schedule_get_type (void);

typedef enum
{
  GST_TDSS_CROP_FIVE, /* the published order */
  GST_TDSS_CROP_CENTER,
  GST_TDSS_CROP_NONE,   /* the whole frame, resized to 448x224 */
  GST_TDSS_CROP_CUSTOM, /* the positions of the property points */
} GstTdssCropSchedule;

#define GST_TDSS_SCHEDULE_DEFAULT GST_TDSS_CROP_FIVE

/* How far a crop can move in the resized frame. */
#define GST_TDSS_SLACK_LEFT (CCS_RESIZE_WIDTH - CCS_CROP_WIDTH)
#define GST_TDSS_SLACK_TOP (CCS_RESIZE_HEIGHT - CCS_CROP_HEIGHT)

typedef struct
{
  GstTdssCropSchedule kind;
  gint rate_n, rate_d; /* output frames per second */
  GArray *points;      /* CcsPoint, within the slack */
} GstTdssSchedule;

void gst_tdss_schedule_init (GstTdssSchedule *self);
void gst_tdss_schedule_clear (GstTdssSchedule *self);

/* Returns the index, from 0, of the output frame for the input frame at @time
 * with @duration (NONE: unlimited). Output frame k is due at k / rate. The
 * input frame becomes the one that is due within half its duration of @time:
 * with a constant frame rate that is the nearest input frame. */
gint64 gst_tdss_schedule_number (const GstTdssSchedule *self, GstClockTime time,
                                 GstClockTime duration);
/* Returns the crop position of output frame @number. */
CcsPoint gst_tdss_schedule_point (const GstTdssSchedule *self, gint64 number);

/* Parses "left,top left,top ..." (NULL: no positions). Returns FALSE, without a
 * change, if @text is invalid or a position is outside the slack. */
gboolean gst_tdss_schedule_set_points (GstTdssSchedule *self, const char *text);
/* Returns the positions as text. (transfer full) */
char *gst_tdss_schedule_format_points (const GstTdssSchedule *self);

G_END_DECLS
