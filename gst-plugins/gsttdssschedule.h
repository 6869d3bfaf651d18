/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which pictures tdsscrop takes and where it crops them: both depend on stream
 * time alone. Whoever shares one among threads locks it. */
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
  GST_TDSS_CROP_NONE,   /* the whole picture, resized to 448x224 */
  GST_TDSS_CROP_CUSTOM, /* the points of the property */
} GstTdssCropSchedule;

#define GST_TDSS_SCHEDULE_DEFAULT GST_TDSS_CROP_FIVE

/* How far a crop can move in the resized picture. */
#define GST_TDSS_SLACK_LEFT (CCS_RESIZE_WIDTH - CCS_CROP_WIDTH)
#define GST_TDSS_SLACK_TOP (CCS_RESIZE_HEIGHT - CCS_CROP_HEIGHT)

typedef struct
{
  GstTdssCropSchedule kind;
  gint rate_n, rate_d; /* pictures a second */
  GArray *points;      /* CcsPoint, within the slack */
} GstTdssSchedule;

void gst_tdss_schedule_init (GstTdssSchedule *self);
void gst_tdss_schedule_clear (GstTdssSchedule *self);

/* The number, from 0, of the analysis picture that a frame shown from @time for
 * @duration (NONE: for long) stands for. Pictures are due at number / rate; a
 * frame is taken for the one due within half its duration of its time, so that
 * of frames that come evenly each picture is the nearest one. */
gint64 gst_tdss_schedule_number (const GstTdssSchedule *self, GstClockTime time,
                                 GstClockTime duration);
/* Where picture @number is cropped. */
CcsPoint gst_tdss_schedule_point (const GstTdssSchedule *self, gint64 number);

/* "left,top left,top .." within the slack (NULL: none). FALSE, and nothing
 * changes, where it is not. */
gboolean gst_tdss_schedule_set_points (GstTdssSchedule *self, const char *text);
/* The same again. (transfer full) */
char *gst_tdss_schedule_format_points (const GstTdssSchedule *self);

G_END_DECLS
