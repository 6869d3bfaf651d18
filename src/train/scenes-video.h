/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes video files with libav, and scenes as videos. */
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

/* Creates a video file. The container depends on the extension: .mp4 (H.264 or
 * MPEG-4, AAC) or .mkv (the same video, FLAC). Errors name the file. */
CcsVideoWriter *ccs_video_writer_new (const char *path,
                                      const CcsVideoFormat *format,
                                      GError **error);
/* Writes the next frame; frames have the rate of the format. */
gboolean ccs_video_writer_picture (CcsVideoWriter *self, const guint8 *rgb,
                                   GError **error);
/* Writes audio. @planes: [channels][n], -1 to 1. */
gboolean ccs_video_writer_sound (CcsVideoWriter *self,
                                 const float *const *planes, gsize n,
                                 GError **error);
/* Completes the file. */
gboolean ccs_video_writer_finish (CcsVideoWriter *self, GError **error);
/* Frees the writer. Removes the file if it was not finished. */
void ccs_video_writer_free (CcsVideoWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsVideoWriter, ccs_video_writer_free)

/* Writes a scene as a 480x240 video. With @mono the audio has one channel, half
 * of L + R. */
gboolean ccs_scene_write_video (const CcsScene *scene, const char *path,
                                guint fps, gboolean mono, GError **error);

G_END_DECLS
