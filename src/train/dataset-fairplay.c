/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads FAIR-Play's folders (specification section 9): binaural_audios/ID.wav,
 * frames/ID.mp4/000001.png ..., splits as HDF5 lists or, in the five-way split,
 * as text. */
#include <ccstereo/error.h>
#include <string.h>

#include "dataset-clips.h"
#include "dataset-files.h"
#include "dataset-layout.h"

/* Returns the file name in a path, of any operating system, without its
 * extension. */
static char *
id_of_path (const char *entry)
{
  const char *slash = strrchr (entry, '/');
  const char *name = slash ? slash + 1 : entry;
  const char *dot = strrchr (name, '.');

  return dot && dot > name ? g_strndup (name, dot - name) : g_strdup (name);
}

static char *
id_of_line (const char *line)
{
  gsize length = strlen (line), suffix = strlen (CCS_LAYOUT_TEXT_SUFFIX);

  return g_strndup (line, length > suffix ? length - suffix : 0);
}

static gboolean
is_id (const char *id)
{
  for (const char *c = id; *c; c++)
    if (*c == '/' || g_ascii_iscntrl (*c))
      return FALSE;
  return *id != '\0';
}

/* Checks an id, which becomes a part of paths and messages. */
static gboolean
check_id (const char *id, const char *list, GError **error)
{
  g_autofree char *shown = g_strescape (id, NULL);

  if (is_id (id))
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
               "%s: '%s' is not a clip's name", list, shown);
  return FALSE;
}

/* Returns the ids of the clips, and the list's path in @list. (element-type
 * utf8) (transfer full) */
static GPtrArray *
read_ids (const CcsDatasetOptions *options, char **list, GError **error)
{
  gboolean text = g_strcmp0 (options->setup, "5splits") == 0;
  g_autofree char *folder = g_strdup_printf ("split%u", options->split_number);
  g_autofree char *file = g_strconcat (ccs_split_name (options->split),
                                       text ? ".txt" : ".h5", NULL);
  GPtrArray *entries;

  if (!text && g_strcmp0 (options->setup, "10splits") != 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "fairplay: setup '%s': not 10splits or 5splits",
                 options->setup ? options->setup : "");
    return NULL;
  }
  *list = g_build_filename (options->root,
                            text ? CCS_LAYOUT_FIVE_SPLITS : CCS_LAYOUT_SPLITS,
                            folder, file, NULL);
  entries = text ? ccs_list_read_text (*list, error)
                 : ccs_list_read_hdf5 (*list, CCS_LAYOUT_LIST, error);
  for (guint i = 0; entries && i < entries->len; i++) {
    char *entry = entries->pdata[i];

    entries->pdata[i] = text ? id_of_line (entry) : id_of_path (entry);
    g_free (entry);
    if (!check_id (entries->pdata[i], *list, error))
      g_clear_pointer (&entries, g_ptr_array_unref);
  }
  return entries;
}

static CcsClip
clip_of_id (const char *root, const char *id)
{
  g_autofree char *flac
      = g_strconcat (root, "/" CCS_LAYOUT_SOUNDS "/", id, ".flac", NULL);
  g_autofree char *jpeg = NULL;
  CcsClip clip = { .extension = ".png" };

  clip.frames = ccs_layout_frames (root, id);
  jpeg = g_build_filename (clip.frames, "000001.jpg", NULL);
  if (g_file_test (jpeg, G_FILE_TEST_EXISTS))
    clip.extension = ".jpg";
  clip.sound = g_file_test (flac, G_FILE_TEST_EXISTS)
                   ? g_steal_pointer (&flac)
                   : ccs_layout_sound (root, id);
  g_strlcpy (clip.item.name, id, sizeof clip.item.name);
  clip.item.frame_offset = CCS_FRAME_OFFSET_FAIRPLAY;
  clip.item.first_frame = 1;
  clip.item.last_frame = CCS_LAST_FRAME_BY_SOUND;
  return clip;
}

CcsDataset *
ccs_dataset_fairplay_open (const CcsDatasetOptions *options, GError **error)
{
  g_autofree char *list = NULL;
  g_autoptr (GPtrArray) ids = NULL;
  CcsClips *clips;

  if (!options->root) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "fairplay: the data set's folder is not given");
    return NULL;
  }
  ids = read_ids (options, &list, error);
  if (!ids)
    return NULL;
  clips = ccs_clips_new (options->on_bad);
  for (guint i = 0; i < ids->len; i++) {
    CcsClip clip = clip_of_id (options->root, ids->pdata[i]);

    if (!ccs_clips_add (clips, &clip, error)) {
      ccs_dataset_free ((CcsDataset *)clips);
      return NULL;
    }
  }
  return ccs_clips_finish (clips, list, error);
}
