/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Training batches (specification section 6), prepared by threads ahead of
 * their use. A batch is a function of (seed, step) alone: neither the number of
 * threads nor where the run began changes it, so resuming at step k goes on
 * exactly. */
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

/* @dataset must outlive the loader. Starts the threads. (transfer full) */
CcsLoader *ccs_loader_new (CcsDataset *dataset, const CcsLoaderOptions *options,
                           GError **error);
/* Stops and joins the threads. */
void ccs_loader_free (CcsLoader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsLoader, ccs_loader_free)

/* Whole batches in the data set, at least 1: the steps of an epoch. Every
 * epoch has an order of its own; what does not fill a batch is left out. */
guint64 ccs_loader_steps_per_epoch (const CcsLoader *self);

/* The next batch, waiting for it if it must. It belongs to the loader and is
 * valid until the next call. NULL and error: an item could not be read (the
 * message names the file); the loader is of no further use. */
const CcsBatch *ccs_loader_next (CcsLoader *self, GError **error);

/* Seconds that ccs_loader_next() has waited in all. */
double ccs_loader_waited (const CcsLoader *self);
/* Seconds that the threads have worked for a batch, on average; 0 before the
 * first. */
double ccs_loader_work (CcsLoader *self);

G_END_DECLS
