/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loader.h"

#include <ccstereo/error.h>
#include <math.h>
#include <stdlib.h>

#include "dataset-random.h"
#include "vision/frame.h"

/* Training windows start in [0, USED_SECONDS - WINDOW_SECONDS], as published.
 */
#define USED_SECONDS 9.9
#define WINDOW_SECONDS ((double)CCS_WINDOW / CCS_MODEL_RATE)
#define ENHANCE_LOW 0.7
#define ENHANCE_HIGH 1.3
#define PREVIOUS 1 /* distance between frames t and t-1 */
#define CROP_PIXELS (CCS_CROP_WIDTH * CCS_CROP_HEIGHT)
#define PICTURE_BYTES (3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT)
#define ALIGNMENT 64 /* bytes */
#define ATTEMPTS 16  /* items to try for a slot */

/* Indices of random number streams; those of slots are small. */
#define STREAM_ORDER (G_MAXUINT64 - 1)

typedef struct
{
  CcsBatch batch;
  guint missing; /* slots that are not filled yet */
} Shelf;

struct _CcsLoader
{
  CcsDataset *dataset;
  CcsLoaderOptions options;
  guint64 steps_per_epoch;

  GMutex lock;
  GCond filled, freed;
  /* guarded by the lock: */
  Shelf *shelves; /* [ahead + 1]; step s is in s mod (ahead + 1) */
  guint n_shelves;
  guint64 next_step; /* the step whose slots are filled next */
  guint next_slot;
  guint64 taken; /* the step that ccs_loader_next() returns next */
  gboolean lent; /* the caller still uses step taken - 1 */
  gboolean stop;
  GError *failure;
  GHashTable *warned; /* items that a warning has named */
  gint64 waited;      /* microseconds */
  gint64 worked;      /* microseconds, for the slots filled so far */
  guint64 filled_slots;

  GThread **threads;
};

/* -- which item -- */

/* Returns element @index of a permutation of 0 ... n - 1 that depends on @key:
 * a small Feistel network, repeated until the result is below n. */
static guint64
permute (guint64 index, guint64 n, guint64 key)
{
  guint half = 1;

  while (half < 31 && (G_GUINT64_CONSTANT (1) << (2 * half)) < n)
    half++;
  do {
    guint64 mask = (G_GUINT64_CONSTANT (1) << half) - 1;
    guint64 a = index >> half, b = index & mask;

    for (guint round = 0; round < 4; round++) {
      guint64 next = a ^ (ccs_random_mix (key + (b << 8) + round) & mask);

      a = b;
      b = next;
    }
    index = a << half | b;
  } while (index >= n);
  return index;
}

static gsize
item_of_slot (const CcsLoader *self, guint64 step, guint slot)
{
  guint64 n = self->dataset->length;
  guint64 epoch = step / self->steps_per_epoch;
  guint64 place = step % self->steps_per_epoch * self->options.batch + slot;
  CcsRandom random = ccs_random_named (self->options.seed, epoch, STREAM_ORDER);

  /* a data set smaller than a batch has some items twice */
  return permute (place % n, n, random.state);
}

/* -- one slot -- */

/* Scales both channels together to the training level. */
static void
level_pair (float *left, float *right)
{
  double energy = 0, rms;
  float gain;

  for (guint i = 0; i < CCS_WINDOW; i++)
    energy += (double)left[i] * left[i] + (double)right[i] * right[i];
  rms = sqrt (energy / (2 * CCS_WINDOW));
  gain = CCS_LEVEL_TARGET / fmax (rms, CCS_LEVEL_FLOOR);
  for (guint i = 0; i < CCS_WINDOW; i++) {
    left[i] *= gain;
    right[i] *= gain;
  }
}

/* Crops and enhances one frame. */
static void
prepare_frame (const CcsLoader *self, CcsRandom *random, const guint8 *picture,
               guint8 *crop)
{
  CcsPoint at = ccs_center_point ();

  if (self->options.augment) {
    at.left = ccs_random_below (random, CCS_RESIZE_WIDTH - CCS_CROP_WIDTH + 1);
    at.top = ccs_random_below (random, CCS_RESIZE_HEIGHT - CCS_CROP_HEIGHT + 1);
  }
  ccs_crop (picture, at, crop);
  if (self->options.augment) {
    ccs_enhance_brightness (
        crop, CROP_PIXELS,
        ccs_random_range (random, ENHANCE_LOW, ENHANCE_HIGH));
    ccs_enhance_color (crop, CROP_PIXELS,
                       ccs_random_range (random, ENHANCE_LOW, ENHANCE_HIGH));
  }
}

static gboolean
fill_from_item (CcsLoader *self, CcsBatch *batch, guint slot, gsize index,
                CcsRandom *random, guint8 *picture, GError **error)
{
  float *left = batch->left + (gsize)slot * CCS_WINDOW;
  float *right = batch->right + (gsize)slot * CCS_WINDOW;
  CcsDatasetItem item;
  double start;

  ccs_dataset_item (self->dataset, index, &item);
  if (item.samples < CCS_WINDOW) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: shorter than a window", item.name);
    return FALSE;
  }
  start = ccs_random_range (
      random, 0, fmin (USED_SECONDS, item.duration) - WINDOW_SECONDS);
  batch->items[slot] = index;
  batch->starts[slot] = MIN ((gsize)(fmax (start, 0) * CCS_MODEL_RATE),
                             item.samples - CCS_WINDOW);
  batch->numbers[slot]
      = ccs_dataset_frame_at (&item, start + WINDOW_SECONDS / 2);
  if (!ccs_dataset_load_audio (self->dataset, index, batch->starts[slot],
                               CCS_WINDOW, left, right, error))
    return FALSE;
  level_pair (left, right);
  for (guint which = 0; which < 2; which++) {
    gint64 number
        = MAX (batch->numbers[slot] - (which ? PREVIOUS : 0), item.first_frame);
    gsize place = which * batch->size + slot;

    if (!ccs_dataset_load_frame (self->dataset, index, number, picture, error))
      return FALSE;
    prepare_frame (self, random, picture,
                   batch->frames + place * CROP_PIXELS * 3);
  }
  return TRUE;
}

static void
warn_once (CcsLoader *self, gsize index, const GError *reason)
{
  g_mutex_lock (&self->lock);
  if (g_hash_table_add (self->warned, GSIZE_TO_POINTER (index)))
    g_warning ("another clip is taken: %s", reason->message);
  g_mutex_unlock (&self->lock);
}

/* Fills a slot. If its item cannot be read and that is allowed, tries others,
 * which are the same in every run. */
static gboolean
fill_slot (CcsLoader *self, CcsBatch *batch, guint slot, guint8 *picture,
           GError **error)
{
  CcsRandom random = ccs_random_named (self->options.seed, batch->step, slot);
  gsize index = item_of_slot (self, batch->step, slot);

  for (guint attempt = 1;; attempt++) {
    GError *reason = NULL;

    if (fill_from_item (self, batch, slot, index, &random, picture, &reason))
      return TRUE;
    if (self->options.on_bad == CCS_ON_BAD_FATAL || attempt == ATTEMPTS) {
      g_propagate_error (error, reason);
      return FALSE;
    }
    warn_once (self, index, reason);
    g_error_free (reason);
    index = ccs_random_next (&random) % self->dataset->length;
  }
}

/* -- threads -- */

static Shelf *
shelf_of (CcsLoader *self, guint64 step)
{
  return &self->shelves[step % self->n_shelves];
}

/* Returns whether the memory for @step is free: the step that used it before
 * was taken and returned. Called with the lock held. */
static gboolean
may_fill (const CcsLoader *self, guint64 step)
{
  guint64 oldest = self->taken - (self->lent ? 1 : 0);

  return step < oldest + self->n_shelves;
}

/* Waits for a slot to be filled. Returns NULL if the thread has to stop. */
static Shelf *
take_slot (CcsLoader *self, guint *slot)
{
  Shelf *shelf = NULL;

  g_mutex_lock (&self->lock);
  while (!self->stop && !self->failure && !may_fill (self, self->next_step))
    g_cond_wait (&self->freed, &self->lock);
  if (!self->stop && !self->failure) {
    shelf = shelf_of (self, self->next_step);
    *slot = self->next_slot++;
    if (*slot == 0) {
      shelf->batch.step = self->next_step;
      shelf->missing = self->options.batch;
    }
    if (self->next_slot == self->options.batch) {
      self->next_slot = 0;
      self->next_step++;
    }
  }
  g_mutex_unlock (&self->lock);
  return shelf;
}

static gpointer
fill_slots (gpointer data)
{
  CcsLoader *self = data;
  g_autofree guint8 *picture = g_malloc (PICTURE_BYTES);
  Shelf *shelf;
  guint slot;

  while ((shelf = take_slot (self, &slot))) {
    GError *failure = NULL;
    gint64 began = g_get_monotonic_time ();
    gboolean filled = fill_slot (self, &shelf->batch, slot, picture, &failure);

    g_mutex_lock (&self->lock);
    self->worked += g_get_monotonic_time () - began;
    self->filled_slots++;
    if (filled)
      shelf->missing--;
    else if (!self->failure)
      self->failure = g_steal_pointer (&failure);
    if (self->failure)
      g_cond_broadcast (&self->freed);
    if (shelf->missing == 0 || self->failure)
      g_cond_broadcast (&self->filled);
    g_mutex_unlock (&self->lock);
    g_clear_error (&failure);
  }
  return NULL;
}

/* -- the loader -- */

/* Returns NULL if there is not enough memory, where g_malloc() would end the
 * program. */
static void *
default_alloc (gsize bytes, gpointer user_data)
{
  return aligned_alloc (ALIGNMENT,
                        (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

static void
default_release (void *memory, gpointer user_data)
{
  free (memory);
}

static gboolean
init_batch (CcsLoader *self, CcsBatch *batch, GError **error)
{
  gsize b = self->options.batch;

  batch->size = b;
  batch->items = g_new0 (gsize, b);
  batch->starts = g_new0 (gsize, b);
  batch->numbers = g_new0 (gint64, b);
  batch->left = self->options.alloc (b * CCS_WINDOW * sizeof (float),
                                     self->options.user_data);
  batch->right = self->options.alloc (b * CCS_WINDOW * sizeof (float),
                                      self->options.user_data);
  batch->frames
      = self->options.alloc (2 * b * 3 * CROP_PIXELS, self->options.user_data);
  if (batch->left && batch->right && batch->frames)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_MEMORY,
               "no memory for a batch of %u clips", self->options.batch);
  return FALSE;
}

static void
clear_batch (CcsLoader *self, CcsBatch *batch)
{
  gpointer arrays[] = { batch->left, batch->right, batch->frames };

  for (guint i = 0; i < G_N_ELEMENTS (arrays); i++)
    if (arrays[i])
      self->options.release (arrays[i], self->options.user_data);
  g_free (batch->items);
  g_free (batch->starts);
  g_free (batch->numbers);
}

CcsLoader *
ccs_loader_new (CcsDataset *dataset, const CcsLoaderOptions *options,
                GError **error)
{
  g_autoptr (CcsLoader) self = NULL;

  g_return_val_if_fail (dataset && dataset->length > 0, NULL);
  if (options->batch == 0 || options->threads == 0 || options->ahead == 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "loader: batch, threads and batches ahead must be at least 1");
    return NULL;
  }
  self = g_new0 (CcsLoader, 1);
  g_mutex_init (&self->lock);
  g_cond_init (&self->filled);
  g_cond_init (&self->freed);
  self->dataset = dataset;
  self->options = *options;
  if (!self->options.alloc) {
    self->options.alloc = default_alloc;
    self->options.release = default_release;
  }
  self->steps_per_epoch = MAX (dataset->length / options->batch, 1);
  self->next_step = self->taken = options->first_step;
  self->warned = g_hash_table_new (NULL, NULL);
  self->n_shelves = options->ahead + 1;
  self->shelves = g_new0 (Shelf, self->n_shelves);
  for (guint i = 0; i < self->n_shelves; i++) {
    if (!init_batch (self, &self->shelves[i].batch, error))
      return NULL;
    self->shelves[i].missing = options->batch;
  }
  self->threads = g_new0 (GThread *, options->threads);
  for (guint i = 0; i < options->threads; i++) {
    self->threads[i] = g_thread_try_new ("ccs-loader", fill_slots, self, error);
    if (!self->threads[i])
      return NULL;
  }
  return g_steal_pointer (&self);
}

void
ccs_loader_free (CcsLoader *self)
{
  if (!self)
    return;
  g_mutex_lock (&self->lock);
  self->stop = TRUE;
  g_cond_broadcast (&self->freed);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; self->threads && i < self->options.threads; i++)
    if (self->threads[i])
      g_thread_join (self->threads[i]);
  for (guint i = 0; i < self->n_shelves; i++)
    clear_batch (self, &self->shelves[i].batch);
  g_free (self->shelves);
  g_free (self->threads);
  g_hash_table_unref (self->warned);
  g_clear_error (&self->failure);
  g_cond_clear (&self->freed);
  g_cond_clear (&self->filled);
  g_mutex_clear (&self->lock);
  g_free (self);
}

guint64
ccs_loader_steps_per_epoch (const CcsLoader *self)
{
  return self->steps_per_epoch;
}

const CcsBatch *
ccs_loader_next (CcsLoader *self, GError **error)
{
  const CcsBatch *batch = NULL;
  gint64 began = g_get_monotonic_time ();
  Shelf *shelf;

  g_mutex_lock (&self->lock);
  if (self->lent) {
    shelf_of (self, self->taken - 1)->missing = self->options.batch;
    self->lent = FALSE;
    g_cond_broadcast (&self->freed);
  }
  shelf = shelf_of (self, self->taken);
  while (shelf->missing > 0 && !self->failure)
    g_cond_wait (&self->filled, &self->lock);
  if (shelf->missing == 0) {
    batch = &shelf->batch;
    self->taken++;
    self->lent = TRUE;
  } else {
    g_propagate_error (error, g_error_copy (self->failure));
  }
  self->waited += g_get_monotonic_time () - began;
  g_mutex_unlock (&self->lock);
  return batch;
}

double
ccs_loader_waited (const CcsLoader *self)
{
  return self->waited / 1e6;
}

double
ccs_loader_work (CcsLoader *self)
{
  double per_slot;

  g_mutex_lock (&self->lock);
  per_slot = (double)self->worked / MAX (self->filled_slots, 1);
  g_mutex_unlock (&self->lock);
  return per_slot * self->options.batch / G_USEC_PER_SEC;
}
