/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the files of a data set through the API that training uses. There
 * is a small folder in the layouts of FAIR-Play and YT-Clean, in which the
 * input replaces one file. The first byte of the input selects the file:
 * t(ext list), y(t-clean list), w(av) or p(icture). With a(nswer), the input
 * is the output of the child process that reads an HDF5 list (fuzz-hdf5
 * fuzzes the lists themselves). Everything runs in this process, which is
 * fast. */
#include "fuzz-checkpoint.h"

#include <stdio.h>
#include <stdlib.h>

#include "dataset-files.h"
#include "dataset-hdf5.h"
#include "dataset-layout.h"
#include "dataset.h"
#include "../folder.h"

#define YT_CLEAN "frames/1/"
#define ANSWER 'a'

/* Loads the content of a clip. Clips of a list are not loaded. */
typedef void (*Load) (CcsDataset *dataset, gsize index);

typedef struct
{
  char kind;           /* first byte of the input */
  const char *path;    /* in the folder */
  const char *dataset; /* data set that uses it */
  Load load;           /* NULL: nothing to load */
  GBytes *good;        /* the valid content */
} Part;

static void load_audio (CcsDataset *dataset, gsize index);
static void load_frame (CcsDataset *dataset, gsize index);

static Part parts[] = {
  { 't', "five_splits/split1/train.txt", "fairplay", NULL, NULL },
  { 'y', "YT-Clean.train.1.lst", "yt_clean", NULL, NULL },
  { 'w', "binaural_audios/1.wav", "fairplay", load_audio, NULL },
  { 'p', "frames/1.mp4/000001.png", "fairplay", load_frame, NULL },
};

static char *root;

static char *
in_root (const char *path)
{
  return g_build_filename (root, path, NULL);
}

static void
remove_root (void)
{
  remove_tree (root);
}

static void
write_sound (const char *name)
{
  static float silence[CCS_WINDOW];
  g_autofree char *path = in_root (name);

  ccs_sound_write (path, CCS_MODEL_RATE, CCS_WINDOW, silence, silence, NULL);
}

static void
write_picture (const char *folder, const char *name)
{
  static guint8 black[3 * 8 * 8];
  g_autofree char *in = in_root (folder);
  g_autofree char *path = g_build_filename (in, name, NULL);

  ccs_folder_make (in, NULL);
  if (g_str_has_suffix (name, ".png"))
    ccs_frame_write (path, 8, 8, black, NULL);
  else
    ccs_frame_write_jpeg (path, 8, 8, black, NULL);
}

static void
write_good (void)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  g_autofree char *list = NULL;
  g_autofree char *sounds = NULL;

  root = make_folder ();
  atexit (remove_root);
  g_ptr_array_add (ids, (gpointer) "1");
  ccs_layout_make (root, NULL);
  ccs_layout_write_lists (root, "train", ids, NULL);
  write_sound ("binaural_audios/1.wav");
  write_picture ("frames/1.mp4", "000001.png");
  list = in_root ("YT-Clean.train.1.lst");
  g_file_set_contents (list, "1\n", -1, NULL);
  sounds = in_root (YT_CLEAN "cipic_subj3");
  ccs_folder_make (sounds, NULL);
  write_sound (YT_CLEAN "cipic_subj3/0.wav");
  write_sound (YT_CLEAN "cipic_subj3/10.wav");
  write_picture (YT_CLEAN "video", "000000.jpg");
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    g_autofree char *path = in_root (parts[i].path);
    char *content;
    gsize size;

    g_assert_true (g_file_get_contents (path, &content, &size, NULL));
    parts[i].good = g_bytes_new_take (content, size);
  }
}

static void
load_audio (CcsDataset *dataset, gsize index)
{
  static float left[CCS_WINDOW], right[CCS_WINDOW];
  CcsDatasetItem item;

  ccs_dataset_item (dataset, index, &item);
  ccs_dataset_load_audio (dataset, index, (item.samples - CCS_WINDOW) / 2,
                          CCS_WINDOW, left, right, NULL);
}

static void
load_frame (CcsDataset *dataset, gsize index)
{
  static guint8 rgb[3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT];
  CcsDatasetItem item;

  ccs_dataset_item (dataset, index, &item);
  ccs_dataset_load_frame (dataset, index, item.first_frame, rgb, NULL);
}

static void
read_all (const Part *part)
{
  CcsDatasetOptions options = CCS_DATASET_OPTIONS_INIT;
  g_autoptr (CcsDataset) dataset = NULL;

  options.kind = part->dataset;
  options.root = root;
  options.setup = "5splits";
  dataset = ccs_dataset_open (&options, NULL);
  for (gsize i = 0; dataset && part->load && i < ccs_dataset_length (dataset);
       i++)
    part->load (dataset, i);
}

/* Writes a new file each time: ext4 writes a file that is overwritten or
 * replaced to the disk at once, which is slow. */
static void
put (const char *path, const void *content, gsize size)
{
  g_autofree char *full = in_root (path);
  FILE *file;

  g_unlink (full);
  file = g_fopen (full, "wb");
  g_assert_true (file && fwrite (content, 1, size, file) == size);
  g_assert_true (fclose (file) == 0);
}

static void
read_answer (const uint8_t *data, size_t size)
{
  g_autoptr (GByteArray) said = g_byte_array_sized_new (size);
  g_autoptr (GPtrArray) entries = NULL;

  g_byte_array_append (said, data, size);
  entries = ccs_hdf5_understand (said, "fuzz", CCS_LAYOUT_LIST, NULL);
  for (guint i = 0; entries && i < entries->len; i++)
    g_assert_nonnull (entries->pdata[i]);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (root == NULL)
    write_good ();
  if (size > 0 && data[0] == ANSWER) {
    read_answer (data + 1, size - 1);
    return 0;
  }
  for (guint i = 0; size > 0 && i < G_N_ELEMENTS (parts); i++) {
    const Part *part = &parts[i];

    if (data[0] != part->kind)
      continue;
    put (part->path, data + 1, size - 1);
    read_all (part);
    put (part->path, g_bytes_get_data (part->good, NULL),
         g_bytes_get_size (part->good));
    return 0;
  }
  return size == 0 ? 0 : -1; /* -1: not for the corpus */
}
