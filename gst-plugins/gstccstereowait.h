/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sound and pictures wait for each other: where one of them has come and the
 * other does not, that is said aloud instead of waiting in silence. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum
{
  GST_CCSTEREO_SOUND,
  GST_CCSTEREO_PICTURES,
  GST_CCSTEREO_N_SIDES,
} GstCcstereoSide;

typedef struct
{
  GstElement *element;             /* of which it is a part */
  gint came[GST_CCSTEREO_N_SIDES]; /* atomic: data, a gap or the end */
  GstClockID alarm; /* under the object lock; NULL: none is set */
} GstCcstereoWait;

/* What comes at @pad, inside @element, is of @side. */
void gst_ccstereo_wait_watch (GstCcstereoWait *self, GstElement *element,
                              GstCcstereoSide side, GstPad *pad);
/* Streams begin, or have ended: nothing has come yet. */
void gst_ccstereo_wait_reset (GstCcstereoWait *self);

G_END_DECLS
