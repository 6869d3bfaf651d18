/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data sets that are files: a list of clips, each a sound file and a folder of
 * numbered pictures. The rooms of fairplay and yt_clean say where those lie;
 * this one checks and reads them. */
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

/* As many whole frames as the sound lasts for. */
#define CCS_LAST_FRAME_BY_SOUND (-1)

typedef struct _CcsClips CcsClips;

/* An empty set; ccs_dataset_free ((CcsDataset *) set) frees it. */
CcsClips *ccs_clips_new (CcsOnBad on_bad);
/* Checks the clip's files and takes its strings over. A bad clip is left out
 * with a warning, or, where bad is fatal, is an error. */
gboolean ccs_clips_add (CcsClips *self, const CcsClip *clip, GError **error);
/* The same for what could not even be made a clip; takes @reason over. */
gboolean ccs_clips_refuse (CcsClips *self, GError *reason, GError **error);
/* The data set. Nothing in it is an error naming @list. Takes @self over. */
CcsDataset *ccs_clips_finish (CcsClips *self, const char *list, GError **error);

G_END_DECLS
