/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dataset-layout.h"

#include "dataset-files.h"
#include "file-write.h"

#define FIRST_SPLIT "split1"

char *
ccs_layout_id (guint number)
{
  return g_strdup_printf ("%06u", number);
}

char *
ccs_layout_sound (const char *folder, const char *id)
{
  g_autofree char *name = g_strconcat (id, ".wav", NULL);

  return g_build_filename (folder, CCS_LAYOUT_SOUNDS, name, NULL);
}

char *
ccs_layout_frames (const char *folder, const char *id)
{
  g_autofree char *name = g_strconcat (id, CCS_LAYOUT_FRAMES_SUFFIX, NULL);

  return g_build_filename (folder, CCS_LAYOUT_FRAMES, name, NULL);
}

gboolean
ccs_layout_make (const char *folder, GError **error)
{
  g_autofree char *sounds = g_build_filename (folder, CCS_LAYOUT_SOUNDS, NULL);
  g_autofree char *frames = g_build_filename (folder, CCS_LAYOUT_FRAMES, NULL);
  g_autofree char *splits
      = g_build_filename (folder, CCS_LAYOUT_SPLITS, FIRST_SPLIT, NULL);
  g_autofree char *five
      = g_build_filename (folder, CCS_LAYOUT_FIVE_SPLITS, FIRST_SPLIT, NULL);

  return ccs_folder_make (sounds, error) && ccs_folder_make (frames, error)
         && ccs_folder_make (splits, error) && ccs_folder_make (five, error);
}

gboolean
ccs_layout_write_lists (const char *folder, const char *split,
                        const GPtrArray *ids, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *list = g_strconcat (split, ".h5", NULL);
  g_autofree char *lines = g_strconcat (split, ".txt", NULL);
  g_autofree char *list_path
      = g_build_filename (folder, CCS_LAYOUT_SPLITS, FIRST_SPLIT, list, NULL);
  g_autofree char *lines_path = g_build_filename (
      folder, CCS_LAYOUT_FIVE_SPLITS, FIRST_SPLIT, lines, NULL);

  for (guint i = 0; i < ids->len; i++) {
    const char *id = ids->pdata[i];

    g_ptr_array_add (paths,
                     g_strconcat (CCS_LAYOUT_SOUNDS "/", id, ".wav", NULL));
    g_string_append_printf (text, "%s" CCS_LAYOUT_TEXT_SUFFIX "\n", id);
  }
  return ccs_output_folder_sync (folder, error)
         && ccs_list_write_hdf5 (list_path, CCS_LAYOUT_LIST, paths, error)
         && ccs_file_write (lines_path, text->str, text->len,
                            CCS_OUTPUT_OVERWRITE, error);
}
