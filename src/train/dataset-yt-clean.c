/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads YT-Clean's folders (specification section 9): a list of videos, each
 * split into audio files of about ten seconds, which are named by their start
 * second. */
#include <ccstereo/error.h>
#include <string.h>

#include "dataset-clips.h"
#include "dataset-files.h"

#define SOUND_FOLDER "cipic_subj3"
#define EXTENSION ".jpg"

/* Returns the number in a file's name before @extension, or -1 if the name is
 * not a number. */
static gint64
number_of_name (const char *name, const char *extension)
{
  char *end = NULL;
  guint64 number;

  if (!g_ascii_isdigit (*name) || !g_str_has_suffix (name, extension))
    return -1;
  number = g_ascii_strtoull (name, &end, 10);
  return strcmp (end, extension) == 0 && number < G_MAXINT32 ? (gint64)number
                                                             : -1;
}

/* Returns the largest frame number, or -1 if there are no frames. */
static gint64
last_frame (const char *folder, GError **error)
{
  g_autoptr (GPtrArray) names = ccs_folder_list (folder, error);
  gint64 last = -1;

  if (!names)
    return -1;
  for (guint i = 0; i < names->len; i++)
    last = MAX (last, number_of_name (names->pdata[i], EXTENSION));
  if (last < 0)
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO,
                 "%s: holds no frames named by six digits and " EXTENSION,
                 folder);
  return last;
}

/* Returns the audio files in string order without the last, which is shorter.
 * The result is empty for a video with one file. */
static GPtrArray *
list_chunks (const char *folder, GError **error)
{
  g_autoptr (GPtrArray) names = ccs_folder_list (folder, error);

  if (!names)
    return NULL;
  for (guint i = names->len; i-- > 0;)
    if (number_of_name (names->pdata[i], ".wav") < 0)
      g_ptr_array_remove_index (names, i);
  if (names->len == 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: holds no sound files named by a second and .wav", folder);
    return NULL;
  }
  g_ptr_array_set_size (names, names->len - 1);
  return g_steal_pointer (&names);
}

static gboolean
add_video (CcsClips *clips, const CcsDatasetOptions *options, const char *id,
           GError **error)
{
  g_autofree char *frames
      = g_build_filename (options->root, "frames", id, "video", NULL);
  g_autofree char *sounds
      = g_build_filename (options->root, "frames", id, SOUND_FOLDER, NULL);
  GError *reason = NULL;
  gint64 last = last_frame (frames, &reason);
  g_autoptr (GPtrArray) chunks
      = last < 0 ? NULL : list_chunks (sounds, &reason);

  if (!chunks)
    return ccs_clips_refuse (clips, reason, error);
  for (guint i = 0; i < chunks->len; i++) {
    const char *name = chunks->pdata[i];
    gint64 second = number_of_name (name, ".wav");
    CcsClip clip = { .extension = EXTENSION };

    clip.sound = g_build_filename (sounds, name, NULL);
    clip.frames = g_strdup (frames);
    g_snprintf (clip.item.name, sizeof clip.item.name, "%s/%" G_GINT64_FORMAT,
                id, second);
    clip.item.frame_offset = CCS_FRAME_OFFSET_YT_CLEAN;
    clip.item.frame_base = options->official ? 0 : second * CCS_ANALYSIS_FPS;
    clip.item.last_frame = last;
    if (!ccs_clips_add (clips, &clip, error))
      return FALSE;
  }
  return TRUE;
}

CcsDataset *
ccs_dataset_yt_clean_open (const CcsDatasetOptions *options, GError **error)
{
  g_autofree char *file
      = g_strdup_printf ("YT-Clean.%s.%u.lst", ccs_split_name (options->split),
                         options->split_number);
  g_autofree char *list = NULL;
  g_autoptr (GPtrArray) ids = NULL;
  CcsClips *clips;

  if (!options->root) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "yt_clean: the data set's folder is not given");
    return NULL;
  }
  list = g_build_filename (options->root, file, NULL);
  ids = ccs_list_read_text (list, error);
  if (!ids)
    return NULL;
  clips = ccs_clips_new (options->on_bad);
  for (guint i = 0; i < ids->len; i++) {
    if (!add_video (clips, options, ids->pdata[i], error)) {
      ccs_dataset_free ((CcsDataset *)clips);
      return NULL;
    }
  }
  return ccs_clips_finish (clips, list, error);
}
