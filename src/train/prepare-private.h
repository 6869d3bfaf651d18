/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the parts of prepare: prepare.c reads videos and splits them into
 * clips and frames; a sink (prepare-fairplay.c, prepare-yt-clean.c) writes
 * these. */
#pragma once

#include "prepare.h"

G_BEGIN_DECLS

#define CCS_PREPARE_RATE 48000 /* Hz */
#define CCS_PREPARE_SECONDS 10 /* length of a clip */
#define CCS_PREPARE_SAMPLES (CCS_PREPARE_RATE * CCS_PREPARE_SECONDS)
#define CCS_PREPARE_FRAMES (CCS_ANALYSIS_FPS * CCS_PREPARE_SECONDS)

typedef struct _CcsPrepareSink CcsPrepareSink;

/**
 * CcsPrepareSink:
 * @channels: that a video's sound must have
 * @channels_name: what such sound is called
 * @shortest: samples that make the last, cut-off clip worth writing
 * @allow_playlists: set by ccs_prepare_run()
 * @begin: a video's first call; @index counts the folder's videos
 * @sound: clip @clip of the video; @planes [channels][@n]
 * @frame: frame @number of the video, from 0; 480x240 RGB
 * @end: a video's last call: @sounds clips and @frames frames were written;
 *   @clips takes how many are complete. Or, with @failed, all is to be removed.
 */
struct _CcsPrepareSink
{
  guint channels;
  const char *channels_name;
  gsize shortest;
  gboolean allow_playlists;
  gboolean (*begin) (CcsPrepareSink *self, const char *video, guint index,
                     GError **error);
  gboolean (*sound) (CcsPrepareSink *self, guint clip, float *const *planes,
                     gsize n, GError **error);
  gboolean (*frame) (CcsPrepareSink *self, guint number, const guint8 *rgb,
                     GError **error);
  gboolean (*end) (CcsPrepareSink *self, guint sounds, guint frames,
                   gboolean failed, guint *clips, GError **error);
};

/* Processes every video of the folder with @sink. Stores the split of each in
 * @splits, -1 if it was skipped. (element-type gint) */
gboolean ccs_prepare_run (const CcsPrepareOptions *options,
                          CcsPrepareSink *sink, GArray *splits,
                          CcsPrepareReport *report, GError **error);

/* Returns the file name without folder and extension. */
char *ccs_prepare_video_id (const char *path);
/* Removes a folder and the files in it. */
void ccs_prepare_remove_folder (const char *folder);

G_END_DECLS
