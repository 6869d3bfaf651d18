/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decodes a video file with libav for a data set: audio as float at one rate,
 * video as RGB, with their times. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CcsMedia CcsMedia;

typedef enum
{
  CCS_MEDIA_END,
  CCS_MEDIA_SOUND,
  CCS_MEDIA_PICTURE,
} CcsMediaKind;

/**
 * CcsMediaChunk:
 * @time: seconds since the file's start, of the first sample or the picture
 * @n: samples a channel
 * @samples: [channels][n]
 *
 * Valid until the next call.
 */
typedef struct
{
  CcsMediaKind kind;
  double time;
  gsize n;
  const float *const *samples;
} CcsMediaChunk;

/* Opens a file with at least one audio and one video stream, and uses the best
 * of each. @rate is the sample rate of the output in Hz. @allow_playlists
 * is that of ccs_media_input_open(). Errors name the file. */
CcsMedia *ccs_media_open (const char *path, guint rate,
                          gboolean allow_playlists, GError **error);
void ccs_media_free (CcsMedia *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsMedia, ccs_media_free)

guint ccs_media_channels (const CcsMedia *self);
/* Returns the duration of a video frame in seconds, or 0 if unknown. */
double ccs_media_picture_duration (const CcsMedia *self);

/* Returns the next chunk; CCS_MEDIA_END at the end. */
gboolean ccs_media_next (CcsMedia *self, CcsMediaChunk *chunk, GError **error);
/* Keeps the frame that the last CCS_MEDIA_PICTURE announced, instead of the one
 * kept before. */
void ccs_media_keep_picture (CcsMedia *self);
/* Writes the kept frame as 480x240 RGB, dense rows. */
gboolean ccs_media_render_picture (CcsMedia *self, guint8 *rgb, GError **error);

G_END_DECLS
