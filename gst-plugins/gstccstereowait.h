/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Audio and video wait for each other. If only one of them arrives, the element
 * posts a warning, because the pipeline would otherwise hang without a reason.
 */
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
  GstElement *element;             /* owner of this struct */
  gint came[GST_CCSTEREO_N_SIDES]; /* atomic: a buffer, GAP or EOS arrived */
  GstClockID alarm; /* under the object lock; NULL: no timer runs */
} GstCcstereoWait;

/* Watches @pad of @element, which receives the stream @side. */
void gst_ccstereo_wait_watch (GstCcstereoWait *self, GstElement *element,
                              GstCcstereoSide side, GstPad *pad);
/* Stops the timer and forgets what has arrived: before streams start, or after
 * they end. */
void gst_ccstereo_wait_reset (GstCcstereoWait *self);

G_END_DECLS
