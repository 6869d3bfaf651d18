/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data sets on disk: a list of clips, each an audio file and a folder of
 * numbered frames. dataset-fairplay.c and dataset-yt-clean.c find them; this
 * module checks and reads them. */
#pragma once

#include "dataset.h"

G_BEGIN_DECLS

/**
 * CcsClip:
 * @sound: (transfer full): path of the sound file
 * @frames: (transfer full): folder of pictures, named by six digits and
 *   @extension
 * @extension: ".png" or ".jpg"
 * @item: all members except samples and duration, which are read from the audio
 *   file, and last_frame if it is %CCS_LAST_FRAME_BY_SOUND
 */
typedef struct
{
  char *sound;
  char *frames;
  const char *extension;
  CcsDatasetItem item;
} CcsClip;

/* Value of last_frame: as many frames as fit the duration of the audio. */
#define CCS_LAST_FRAME_BY_SOUND (-1)

typedef struct _CcsClips CcsClips;

/* Makes an empty set. Free it with ccs_dataset_free ((CcsDataset *) set). */
CcsClips *ccs_clips_new (CcsOnBad on_bad);
/* Checks the clip's files and adds it; its strings are (transfer full). An
 * invalid clip is skipped with a warning or is an error, as on_bad says. */
gboolean ccs_clips_add (CcsClips *self, const CcsClip *clip, GError **error);
/* Skips a clip that could not be made, for @reason (transfer full), or returns
 * that as the error. */
gboolean ccs_clips_refuse (CcsClips *self, GError *reason, GError **error);
/* Returns the data set and frees @self. An empty one is an error that names
 * @list. */
CcsDataset *ccs_clips_finish (CcsClips *self, const char *list, GError **error);

G_END_DECLS
