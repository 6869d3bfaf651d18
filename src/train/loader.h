/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Training batches (specification section 6), prepared ahead of their use by
 * threads. A batch depends on seed and step alone, not on the number of threads
 * or where the run began, so a run that resumes at step k gets the same
 * batches. */
#pragma once

#include "dataset.h"

G_BEGIN_DECLS

/**
 * CcsBatch:
 * @step: its number in the run, from 0
 * @size: B
 * @left, @right: [B, 10080], both together at rms 0.1
 * @frames: [2B, 224, 448, 3] in 8 bits: frames t of all slots, then frames
 *   t - 1 of all slots
 * @items: [B] index in the data set
 * @starts: [B] first sample of the window, 16 kHz
 * @numbers: [B] number of frame t
 */
typedef struct
{
  guint64 step;
  guint size;
  float *left, *right;
  guint8 *frames;
  gsize *items;
  gsize *starts;
  gint64 *numbers;
} CcsBatch;

/**
 * CcsLoaderOptions:
 * @batch: B
 * @seed: of order, starts, crops and enhancement
 * @first_step: the first batch's number
 * @threads: at least 1
 * @ahead: batches prepared ahead, at least 1
 * @augment: random crops and enhancement; FALSE: centre crop, nothing else
 * @on_bad: CCS_ON_BAD_SKIP replaces an item that cannot be read by another one,
 *   the same in every run, and warns once
 * @alloc, @release: (nullable): where the batches' floats live (pinned memory);
 *   NULL: ordinary memory aligned to 64
 */
typedef struct
{
  guint batch;
  guint64 seed;
  guint64 first_step;
  guint threads;
  guint ahead;
  gboolean augment;
  CcsOnBad on_bad;
  void *(*alloc) (gsize bytes, gpointer user_data);
  void (*release) (void *memory, gpointer user_data);
  gpointer user_data;
} CcsLoaderOptions;

#define CCS_LOADER_OPTIONS_INIT                                                \
  ((CcsLoaderOptions){                                                         \
      .batch = 8, .seed = 1, .threads = 1, .ahead = 3, .augment = TRUE })

typedef struct _CcsLoader CcsLoader;

/* Makes a loader and starts its threads. @dataset must outlive it. (transfer
 * full) */
CcsLoader *ccs_loader_new (CcsDataset *dataset, const CcsLoaderOptions *options,
                           GError **error);
/* Stops and joins the threads. */
void ccs_loader_free (CcsLoader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsLoader, ccs_loader_free)

/* Returns the number of steps per epoch: whole batches in the data set, at
 * least 1. Each epoch has a different order; items that do not fill a batch are
 * not used in it. */
guint64 ccs_loader_steps_per_epoch (const CcsLoader *self);

/* Returns the next batch; waits until it is ready. The loader owns it, and it
 * is valid until the next call. Returns NULL if an item could not be read (the
 * error names the file); the loader must not be used afterwards. */
const CcsBatch *ccs_loader_next (CcsLoader *self, GError **error);

/* Returns how long ccs_loader_next() has waited in total, in seconds. */
double ccs_loader_waited (const CcsLoader *self);
/* Returns the average time that the threads have needed for a batch, in
 * seconds; 0 before the first. */
double ccs_loader_work (CcsLoader *self);

G_END_DECLS
