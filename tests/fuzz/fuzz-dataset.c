/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the files of a data set through the door that training takes: a small
 * folder in FAIR-Play's layout, of which the input replaces one file. Its first
 * byte says which: t(ext list), h(df5 list), w(av), p(icture). */
#include "fuzz-checkpoint.h"

#include <glib/gstdio.h>
#include <stdlib.h>

#include "dataset-files.h"
#include "dataset-layout.h"
#include "dataset.h"

typedef struct
{
  char *root, *text, *hdf5, *sound, *picture;
} Folder;

static void
write_good (const Folder *self)
{
  static float silence[CCS_WINDOW];
  static guint8 black[3 * 8 * 8];
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();

  g_ptr_array_add (ids, (gpointer) "1");
  ccs_layout_write_lists (self->root, "train", ids, NULL);
  ccs_sound_write (self->sound, CCS_MODEL_RATE, CCS_WINDOW, silence, silence,
                   NULL);
  ccs_frame_write (self->picture, 8, 8, black, NULL);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GPtrArray) names = g_file_test (path, G_FILE_TEST_IS_DIR)
                                    ? ccs_folder_list (path, NULL)
                                    : NULL;

  for (guint i = 0; names && i < names->len; i++) {
    g_autofree char *child = g_build_filename (path, names->pdata[i], NULL);

    remove_tree (child);
  }
  g_remove (path);
}

static char *root_to_remove;

static void
remove_root (void)
{
  remove_tree (root_to_remove);
}

static const Folder *
folder (void)
{
  static Folder made;
  g_autofree char *frames = NULL;

  if (made.root)
    return &made;
  made.root = g_dir_make_tmp ("ccstereo-fuzz-XXXXXX", NULL);
  root_to_remove = made.root;
  atexit (remove_root);
  ccs_layout_make (made.root, NULL);
  frames = ccs_layout_frames (made.root, "1");
  ccs_folder_make (frames, NULL);
  made.sound = ccs_layout_sound (made.root, "1");
  made.picture = g_build_filename (frames, "000001.png", NULL);
  made.text
      = g_build_filename (made.root, "five_splits/split1/train.txt", NULL);
  made.hdf5 = g_build_filename (made.root, "splits/split1/train.h5", NULL);
  return &made;
}

static void
read_all (const Folder *from, const char *setup)
{
  CcsDatasetOptions options = CCS_DATASET_OPTIONS_INIT;
  g_autoptr (CcsDataset) dataset = NULL;
  static float left[CCS_WINDOW], right[CCS_WINDOW];
  static guint8 rgb[3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT];

  options.kind = "fairplay";
  options.root = from->root;
  options.setup = setup;
  dataset = ccs_dataset_open (&options, NULL);
  for (gsize i = 0; dataset && i < ccs_dataset_length (dataset); i++) {
    CcsDatasetItem item;

    ccs_dataset_item (dataset, i, &item);
    ccs_dataset_load_audio (dataset, i, (item.samples - CCS_WINDOW) / 2,
                            CCS_WINDOW, left, right, NULL);
    ccs_dataset_load_frame (dataset, i, 1, rgb, NULL);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const Folder *to = folder ();
  const char *path = NULL;

  if (size == 0)
    return 0;
  switch (data[0]) {
  case 't':
    path = to->text;
    break;
  case 'h':
    path = to->hdf5;
    break;
  case 'w':
    path = to->sound;
    break;
  case 'p':
    path = to->picture;
    break;
  default:
    return -1;
  }
  write_good (to);
  if (g_file_set_contents_full (path, (const char *)data + 1, size - 1,
                                G_FILE_SET_CONTENTS_NONE, 0644, NULL))
    read_all (to, data[0] == 't' ? "5splits" : "10splits");
  return 0;
}
