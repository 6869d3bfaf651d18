/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data sets of clips with binaural audio and 10 frames a second, with one
 * interface: fairplay, yt_clean (specification section 9) and scenes. Audio is
 * read as 16 kHz stereo, frames as 480x240 RGB. */
#pragma once

#include <limits.h>

#include "model/config.h"
#include "scenes.h"

G_BEGIN_DECLS

typedef struct _CcsDataset CcsDataset;
typedef struct _CcsDatasetClass CcsDatasetClass;

/* What to do about a missing, short or damaged file. */
typedef enum
{
  CCS_ON_BAD_FATAL, /* the error ends the work */
  CCS_ON_BAD_SKIP,  /* a warning names it, another item is taken */
} CcsOnBad;

/**
 * CcsDatasetOptions:
 * @kind: "fairplay", "yt_clean" or "scenes"
 * @root: the data set's folder; not used by scenes
 * @setup: fairplay: "10splits" (HDF5 lists, `splits/`) or "5splits" (text
 *   lists, `five_splits/`)
 * @split_number: fairplay: N of splitN
 * @split: which list
 * @official: yt_clean: every chunk is paired with the video's first ten
 *   seconds, as in the published tests (specification section 8, fault 2)
 * @on_bad: what to do when a file is missing or has another form
 * @scene_seed, @scene_count, @sofa: scenes: the seed, how many scenes make the
 *   data set, the SOFA file (NULL: search)
 */
typedef struct
{
  const char *kind;
  const char *root;
  const char *setup;
  guint split_number;
  CcsSplit split;
  gboolean official;
  CcsOnBad on_bad;
  guint64 scene_seed;
  guint scene_count;
  const char *sofa;
} CcsDatasetOptions;

#define CCS_DATASET_OPTIONS_INIT                                               \
  ((CcsDatasetOptions){ .kind = "scenes",                                      \
                        .setup = "10splits",                                   \
                        .split_number = 1,                                     \
                        .split = CCS_SPLIT_TRAIN,                              \
                        .scene_seed = 1,                                       \
                        .scene_count = 2000 })

/* Bytes: the name of a video's folder, which the file system limits, and a
 * second. */
#define CCS_DATASET_NAME (NAME_MAX + sizeof "/2147483647")
#define CCS_FRAME_OFFSET_FAIRPLAY 0.1
#define CCS_FRAME_OFFSET_YT_CLEAN 0.05

/**
 * CcsDatasetItem:
 * @name: for people: names the item in errors and reports
 * @samples: of the clip at 16 kHz
 * @duration: seconds, exactly (samples and rate of the file)
 * @frame_offset: seconds added to a window's centre before rounding to a
 *   frame number
 * @frame_base: added to that number: where the clip starts in its frames
 * @first_frame, @last_frame: numbers that exist
 */
typedef struct
{
  char name[CCS_DATASET_NAME];
  gsize samples;
  double duration;
  double frame_offset;
  gint64 frame_base;
  gint64 first_frame, last_frame;
} CcsDatasetItem;

/* Opens a data set and checks the files of its items. Errors name the file. An
 * empty list is an error. (transfer full) */
CcsDataset *ccs_dataset_open (const CcsDatasetOptions *options, GError **error);
void ccs_dataset_free (CcsDataset *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsDataset, ccs_dataset_free)

gsize ccs_dataset_length (const CcsDataset *self);
/* Returns the number of items skipped because of CCS_ON_BAD_SKIP. */
gsize ccs_dataset_skipped (const CcsDataset *self);
void ccs_dataset_item (const CcsDataset *self, gsize index,
                       CcsDatasetItem *out);

/* Returns the number, for ccs_dataset_load_frame(), of the frame at @center
 * seconds of the clip: round ((center + offset) 10), half to even, plus the
 * base, clamped to the existing frames. */
gint64 ccs_dataset_frame_at (const CcsDatasetItem *item, double center);

/* Reads samples start ... start + n - 1 at 16 kHz of both channels. A range
 * beyond the clip's end is an error that names the file. The load functions are
 * thread-safe. */
gboolean ccs_dataset_load_audio (CcsDataset *self, gsize index, gsize start,
                                 gsize n, float *left, float *right,
                                 GError **error);
/* Reads frame @number as 480x240 RGB, dense rows. */
gboolean ccs_dataset_load_frame (CcsDataset *self, gsize index, gint64 number,
                                 guint8 *rgb, GError **error);

/* -- for the files dataset-*.c -- */

struct _CcsDatasetClass
{
  const char *kind;
  void (*free) (CcsDataset *self);
  void (*item) (const CcsDataset *self, gsize index, CcsDatasetItem *out);
  gboolean (*load_audio) (CcsDataset *self, gsize index, gsize start, gsize n,
                          float *left, float *right, GError **error);
  gboolean (*load_frame) (CcsDataset *self, gsize index, gint64 number,
                          guint8 *rgb, GError **error);
};

struct _CcsDataset
{
  const CcsDatasetClass *klass;
  gsize length;
  gsize skipped;
};

CcsDataset *ccs_dataset_scenes_open (const CcsDatasetOptions *options,
                                     GError **error);
CcsDataset *ccs_dataset_fairplay_open (const CcsDatasetOptions *options,
                                       GError **error);
CcsDataset *ccs_dataset_yt_clean_open (const CcsDatasetOptions *options,
                                       GError **error);

G_END_DECLS
