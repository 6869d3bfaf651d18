/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thread that decodes one stream of a file and puts its frames into an
 * appsrc, which makes it wait when it is ahead. What goes wrong it posts as an
 * error of that element. */
#pragma once

#include <gst/gst.h>

#include "transcode-reader.h"

G_BEGIN_DECLS

typedef struct _TranscodeFeed TranscodeFeed;

/* @reader is taken. @offset: what is added to its times, ns. @field_channel: as
 * transcode_frames_new() takes it. Starts at once; the appsrc has to be at
 * least PAUSED. */
TranscodeFeed *transcode_feed_new (GstElement *appsrc, TranscodeReader *reader,
                                   gint64 offset, gint field_channel);
/* After the appsrc's state has become NULL: or it could wait for ever. */
void transcode_feed_free (TranscodeFeed *self);

G_END_DECLS
