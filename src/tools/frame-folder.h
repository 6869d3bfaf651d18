/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A folder of numbered pictures, one a frame, as data sets keep videos. */
#pragma once

#include <ccstereo/vision.h>

G_BEGIN_DECLS

typedef struct _FrameFolder FrameFolder;

/* Reads the names in @path: pictures are PNG and JPEG files whose name ends in
 * a number (000001.png, shot12.jpg). Two with the same number are an error, as
 * is a folder without any. (transfer full) */
FrameFolder *frame_folder_open (const char *path, GError **error);
void frame_folder_free (FrameFolder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FrameFolder, frame_folder_free)

/* Frames from the lowest number to the highest, missing ones included. */
gint64 frame_folder_length (const FrameFolder *self);
/* Frame @index, counted from 0 at the lowest number, resized and cropped at
 * @at to dense @out, as the encoder takes it. A missing frame is the last one
 * before it. Not thread-safe. */
gboolean frame_folder_crop (FrameFolder *self, gint64 index, CcsPoint at,
                            guint8 *out, GError **error);

G_END_DECLS
