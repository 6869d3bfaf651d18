/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures and sound written to a video file with libav, and scenes written so:
 * something to play, to listen to, and to feed to the elements. */
#pragma once

#include "scenes.h"

G_BEGIN_DECLS

/**
 * CcsVideoFormat:
 * @width, @height: even
 * @fps: pictures a second
 * @rate, @channels: of the sound
 */
typedef struct
{
  gint width, height;
  guint fps;
  guint rate, channels;
} CcsVideoFormat;

typedef struct _CcsVideoWriter CcsVideoWriter;

/* The container follows from the name: .mp4 (H.264 or MPEG-4, AAC) or .mkv (the
 * same pictures, sound without loss as FLAC). Errors name the file. */
CcsVideoWriter *ccs_video_writer_new (const char *path,
                                      const CcsVideoFormat *format,
                                      GError **error);
/* Pictures follow each other at the format's rate. */
gboolean ccs_video_writer_picture (CcsVideoWriter *self, const guint8 *rgb,
                                   GError **error);
/* @planes: [channels][n], -1 to 1. */
gboolean ccs_video_writer_sound (CcsVideoWriter *self,
                                 const float *const *planes, gsize n,
                                 GError **error);
/* Completes the file. */
gboolean ccs_video_writer_finish (CcsVideoWriter *self, GError **error);
/* Without finish before, what was written is removed. */
void ccs_video_writer_free (CcsVideoWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsVideoWriter, ccs_video_writer_free)

/* The whole scene as a 480x240 video. @mono: one channel, L + R halved, as the
 * input of a demonstration. */
gboolean ccs_scene_write_video (const CcsScene *scene, const char *path,
                                guint fps, gboolean mono, GError **error);

G_END_DECLS
