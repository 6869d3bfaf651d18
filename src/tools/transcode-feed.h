/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thread that decodes one stream of a file and pushes its frames into an
 * appsrc, which blocks it while its queue is full. Posts errors as error
 * messages of that element. */
#pragma once

#include <gst/gst.h>

#include "transcode-reader.h"

G_BEGIN_DECLS

typedef struct _TranscodeFeed TranscodeFeed;

/* Starts a thread. @reader (transfer full). @offset is added to its times, ns.
 * @field_channel: as for transcode_frames_new(). The appsrc must be at least
 * PAUSED. */
TranscodeFeed *transcode_feed_new (GstElement *appsrc, TranscodeReader *reader,
                                   gint64 offset, gint field_channel);
/* Ends the thread. The appsrc must be in state NULL, or the thread could block.
 */
void transcode_feed_free (TranscodeFeed *self);

G_END_DECLS
