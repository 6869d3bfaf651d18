/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dataset-clips.h"

#include <ccstereo/error.h>

#include "dataset-files.h"

struct _CcsClips
{
  CcsDataset parent;
  CcsOnBad on_bad;
  GArray *clips; /* CcsClip */
};

static char *
frame_path (const CcsClip *clip, gint64 number)
{
  return g_strdup_printf ("%s/%06" G_GINT64_FORMAT "%s", clip->frames, number,
                          clip->extension);
}

static void
clear_clip (gpointer memory)
{
  CcsClip *clip = memory;

  g_free (clip->sound);
  g_free (clip->frames);
}

/* -- as a data set -- */

static void
clips_free (CcsDataset *dataset)
{
  CcsClips *self = (CcsClips *)dataset;

  g_array_unref (self->clips);
  g_free (self);
}

static const CcsClip *
clip_at (const CcsDataset *dataset, gsize index)
{
  return &g_array_index (((const CcsClips *)dataset)->clips, CcsClip, index);
}

static void
clips_item (const CcsDataset *dataset, gsize index, CcsDatasetItem *out)
{
  *out = clip_at (dataset, index)->item;
}

static gboolean
clips_load_audio (CcsDataset *dataset, gsize index, gsize start, gsize n,
                  float *left, float *right, GError **error)
{
  return ccs_sound_read (clip_at (dataset, index)->sound, start, n, left, right,
                         error);
}

static gboolean
clips_load_frame (CcsDataset *dataset, gsize index, gint64 number, guint8 *rgb,
                  GError **error)
{
  g_autofree char *path = frame_path (clip_at (dataset, index), number);

  return ccs_frame_read (path, rgb, error);
}

static const CcsDatasetClass clips_class = {
  "clips", clips_free, clips_item, clips_load_audio, clips_load_frame,
};

/* -- making one -- */

CcsClips *
ccs_clips_new (CcsOnBad on_bad)
{
  CcsClips *self = g_new0 (CcsClips, 1);

  self->parent.klass = &clips_class;
  self->on_bad = on_bad;
  self->clips = g_array_new (FALSE, FALSE, sizeof (CcsClip));
  g_array_set_clear_func (self->clips, clear_clip);
  return self;
}

gboolean
ccs_clips_refuse (CcsClips *self, GError *reason, GError **error)
{
  if (self->on_bad == CCS_ON_BAD_FATAL) {
    g_propagate_error (error, reason);
    return FALSE;
  }
  g_warning ("left out: %s", reason->message);
  g_error_free (reason);
  self->parent.skipped++;
  return TRUE;
}

static gint64
last_frame_by_sound (gint64 first, const CcsSoundFile *sound)
{
  gint64 frames = (gint64)(sound->frames * CCS_ANALYSIS_FPS / sound->rate);

  return first + MAX (frames, 1) - 1;
}

static gboolean
check_clip (CcsClip *clip, GError **error)
{
  g_autofree char *first = frame_path (clip, clip->item.first_frame);
  CcsSoundFile sound;

  if (!ccs_sound_probe (clip->sound, &sound, error))
    return FALSE;
  if (sound.samples < CCS_WINDOW) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: too short: %" G_GSIZE_FORMAT
                 " samples at 16 kHz; a window takes %d",
                 clip->sound, sound.samples, CCS_WINDOW);
    return FALSE;
  }
  if (!ccs_file_readable (first, error))
    return FALSE;
  clip->item.samples = sound.samples;
  clip->item.duration = (double)sound.frames / sound.rate;
  if (clip->item.last_frame == CCS_LAST_FRAME_BY_SOUND)
    clip->item.last_frame
        = last_frame_by_sound (clip->item.first_frame, &sound);
  return TRUE;
}

gboolean
ccs_clips_add (CcsClips *self, const CcsClip *clip, GError **error)
{
  GError *reason = NULL;
  CcsClip checked = *clip;

  if (!check_clip (&checked, &reason)) {
    clear_clip (&checked);
    return ccs_clips_refuse (self, reason, error);
  }
  g_array_append_val (self->clips, checked);
  self->parent.length = self->clips->len;
  return TRUE;
}

CcsDataset *
ccs_clips_finish (CcsClips *self, const char *list, GError **error)
{
  if (self->parent.length > 0)
    return &self->parent;
  if (self->parent.skipped > 0)
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO,
                 "%s: of its %" G_GSIZE_FORMAT " clips none can be read", list,
                 self->parent.skipped);
  else
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT, "%s: lists no clips",
                 list);
  clips_free (&self->parent);
  return NULL;
}
