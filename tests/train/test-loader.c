/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loader's batches: they depend only on seed and step, have the layout
 * that the training step expects, and audio at the training level. */
#include "dataset-support.h"
#include "loader.h"
#include "../suite.h"

#define CROP_BYTES ((gsize)3 * CCS_CROP_WIDTH * CCS_CROP_HEIGHT)
#define BATCH 3

static CcsDataset *scenes;

static void
open_scenes (void)
{
  CcsDatasetOptions options = CCS_DATASET_OPTIONS_INIT;
  g_autoptr (GError) error = NULL;

  options.scene_count = 10;
  scenes = ccs_dataset_open (&options, &error);
  assert_ok (scenes != NULL, error);
}

static void
close_scenes (void)
{
  g_clear_pointer (&scenes, ccs_dataset_free);
}

static CcsLoaderOptions
options_of (guint threads, guint64 first_step)
{
  CcsLoaderOptions options = CCS_LOADER_OPTIONS_INIT;

  options.batch = BATCH;
  options.threads = threads;
  options.first_step = first_step;
  return options;
}

static CcsLoader *
start (CcsDataset *dataset, const CcsLoaderOptions *options)
{
  g_autoptr (GError) error = NULL;
  CcsLoader *loader = ccs_loader_new (dataset, options, &error);

  assert_ok (loader != NULL, error);
  return loader;
}

static const CcsBatch *
next (CcsLoader *loader)
{
  g_autoptr (GError) error = NULL;
  const CcsBatch *batch = ccs_loader_next (loader, &error);

  assert_ok (batch != NULL, error);
  return batch;
}

/* Returns a hash of a whole batch. */
static guint64
digest (const CcsBatch *batch)
{
  const struct
  {
    gconstpointer data;
    gsize bytes;
  } parts[] = {
    { batch->left, sizeof (float) * batch->size * CCS_WINDOW },
    { batch->right, sizeof (float) * batch->size * CCS_WINDOW },
    { batch->frames, 2 * batch->size * CROP_BYTES },
    { batch->items, sizeof (gsize) * batch->size },
    { batch->starts, sizeof (gsize) * batch->size },
    { batch->numbers, sizeof (gint64) * batch->size },
  };
  guint64 hash = batch->step;

  for (guint p = 0; p < G_N_ELEMENTS (parts); p++)
    for (gsize i = 0; i < parts[p].bytes; i++)
      hash = hash * 1099511628211u ^ ((const guint8 *)parts[p].data)[i];
  return hash;
}

START_TEST (threads_do_not_change_batches)
{
  CcsLoaderOptions one = options_of (1, 0), many = options_of (4, 0);
  g_autoptr (CcsLoader) a = start (scenes, &one);
  g_autoptr (CcsLoader) b = start (scenes, &many);

  for (guint step = 0; step < 8; step++) {
    const CcsBatch *batch = next (a);

    ck_assert_uint_eq (batch->step, step);
    ck_assert_uint_eq (digest (batch), digest (next (b)));
  }
}
END_TEST

START_TEST (resuming_goes_on_with_the_same_batches)
{
  CcsLoaderOptions from_start = options_of (2, 0),
                   from_five = options_of (2, 5);
  g_autoptr (CcsLoader) a = start (scenes, &from_start);
  g_autoptr (CcsLoader) b = start (scenes, &from_five);

  for (guint step = 0; step < 5; step++)
    next (a);
  for (guint step = 5; step < 8; step++)
    ck_assert_uint_eq (digest (next (a)), digest (next (b)));
}
END_TEST

START_TEST (another_seed_gives_other_batches)
{
  CcsLoaderOptions options = options_of (1, 0), other = options;
  g_autoptr (CcsLoader) a = start (scenes, &options);
  g_autoptr (CcsLoader) b = NULL;

  other.seed++;
  b = start (scenes, &other);
  ck_assert_uint_ne (digest (next (a)), digest (next (b)));
}
END_TEST

START_TEST (an_epoch_takes_no_item_twice)
{
  CcsLoaderOptions options = options_of (2, 0);
  g_autoptr (CcsLoader) loader = start (scenes, &options);
  gsize order[2][9];

  ck_assert_uint_eq (ccs_loader_steps_per_epoch (loader), 3);
  for (guint epoch = 0; epoch < 2; epoch++) {
    gboolean seen[10] = { FALSE };

    for (guint step = 0; step < 3; step++) {
      const CcsBatch *batch = next (loader);

      for (guint slot = 0; slot < BATCH; slot++) {
        ck_assert_uint_lt (batch->items[slot], 10);
        ck_assert (!seen[batch->items[slot]]);
        seen[batch->items[slot]] = TRUE;
        order[epoch][step * BATCH + slot] = batch->items[slot];
      }
    }
  }
  ck_assert_int_ne (memcmp (order[0], order[1], sizeof order[0]), 0);
}
END_TEST

START_TEST (clips_are_at_the_training_level)
{
  CcsLoaderOptions options = options_of (1, 0);
  g_autoptr (CcsLoader) loader = start (scenes, &options);
  const CcsBatch *batch = next (loader);

  for (guint slot = 0; slot < BATCH; slot++) {
    const float *left = batch->left + slot * CCS_WINDOW;
    const float *right = batch->right + slot * CCS_WINDOW;
    double energy = 0;

    for (guint i = 0; i < CCS_WINDOW; i++)
      energy += (double)left[i] * left[i] + (double)right[i] * right[i];
    ck_assert_double_eq_tol (sqrt (energy / (2 * CCS_WINDOW)), 0.1, 1e-6);
  }
}
END_TEST

START_TEST (sound_and_frames_are_of_the_stated_item_and_time)
{
  CcsLoaderOptions options = options_of (1, 0);
  g_autoptr (CcsLoader) loader = NULL;
  const CcsBatch *batch;
  g_autofree guint8 *rgb = g_malloc (PICTURE_BYTES);
  g_autofree guint8 *crop = g_malloc (CROP_BYTES);

  options.augment = FALSE;
  loader = start (scenes, &options);
  batch = next (loader);
  for (guint slot = 0; slot < BATCH; slot++) {
    float left[CCS_WINDOW], right[CCS_WINDOW];
    const float *given = batch->left + slot * CCS_WINDOW;
    double center = (batch->starts[slot] + CCS_WINDOW / 2) / 16000.;

    ck_assert_double_eq_tol (batch->numbers[slot], (center + 0.1) * 10, 0.5001);
    ck_assert (ccs_dataset_load_audio (scenes, batch->items[slot],
                                       batch->starts[slot], CCS_WINDOW, left,
                                       right, NULL));
    for (guint i = 1; i < CCS_WINDOW; i++)
      ck_assert_double_eq_tol (given[i] * left[0], given[0] * left[i], 1e-5);
    for (guint which = 0; which < 2; which++) {
      ck_assert (ccs_dataset_load_frame (
          scenes, batch->items[slot], batch->numbers[slot] - which, rgb, NULL));
      ccs_crop (rgb, ccs_center_point (), crop);
      ck_assert_int_eq (
          memcmp (crop, batch->frames + (which * BATCH + slot) * CROP_BYTES,
                  CROP_BYTES),
          0);
    }
  }
}
END_TEST

START_TEST (windows_start_within_the_published_range)
{
  CcsLoaderOptions options = options_of (2, 0);
  g_autoptr (CcsLoader) loader = start (scenes, &options);
  gsize low = G_MAXSIZE, high = 0;

  for (guint step = 0; step < 20; step++) {
    const CcsBatch *batch = next (loader);

    for (guint slot = 0; slot < BATCH; slot++) {
      low = MIN (low, batch->starts[slot]);
      high = MAX (high, batch->starts[slot]);
    }
  }
  ck_assert_uint_le (high, (gsize)((9.9 - 0.63) * 16000));
  ck_assert_uint_gt (high, 120000);
  ck_assert_uint_lt (low, 25000);
}
END_TEST

START_TEST (augmentation_changes_pictures_only)
{
  CcsLoaderOptions plain = options_of (1, 0), augmented = plain;
  g_autoptr (CcsLoader) a = NULL;
  g_autoptr (CcsLoader) b = NULL;
  const CcsBatch *with, *without;

  plain.augment = FALSE;
  a = start (scenes, &plain);
  b = start (scenes, &augmented);
  without = next (a);
  with = next (b);
  ck_assert_int_eq (
      memcmp (with->left, without->left, BATCH * CCS_WINDOW * sizeof (float)),
      0);
  for (guint picture = 0; picture < 2 * BATCH; picture++)
    ck_assert_int_ne (memcmp (with->frames + picture * CROP_BYTES,
                              without->frames + picture * CROP_BYTES,
                              CROP_BYTES),
                      0);
}
END_TEST

START_TEST (impossible_options_are_refused)
{
  CcsLoaderOptions cases[3]
      = { options_of (1, 0), options_of (0, 0), options_of (1, 0) };

  cases[0].batch = 0;
  cases[2].ahead = 0;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert_ptr_null (ccs_loader_new (scenes, &cases[i], &error));
    ck_assert (g_error_matches (error, CCS_ERROR, CCS_ERROR_ARGUMENT));
  }
}
END_TEST

/* -- bad items -- */

/* Makes a data set of two clips. One of them has only its first frame. */
static CcsDataset *
open_half_broken (char **folder)
{
  CcsDatasetOptions options = CCS_DATASET_OPTIONS_INIT;
  g_autoptr (GError) error = NULL;
  CcsDataset *dataset;

  *folder = make_folder ();
  export_scenes (*folder);
  for (guint k = 2; k <= 100; k++) {
    g_autofree char *frame
        = g_strdup_printf ("%s/frames/000001.mp4/%06u.png", *folder, k);

    g_unlink (frame);
  }
  options.kind = "fairplay";
  options.root = *folder;
  dataset = ccs_dataset_open (&options, &error);
  assert_ok (dataset != NULL, error);
  return dataset;
}

START_TEST (bad_item_ends_the_run_naming_the_file)
{
  g_autofree char *folder = NULL;
  g_autoptr (CcsDataset) dataset = open_half_broken (&folder);
  CcsLoaderOptions options = options_of (2, 0);
  g_autoptr (CcsLoader) loader = start (dataset, &options);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (ccs_loader_next (loader, &error));
  assert_names (error, "frames/000001.mp4/");
  remove_tree (folder);
}
END_TEST

START_TEST (bad_item_is_replaced_the_same_way_in_every_run)
{
  g_autofree char *folder = NULL;
  g_autoptr (CcsDataset) dataset = open_half_broken (&folder);
  CcsLoaderOptions one = options_of (1, 0), many = options_of (3, 0);
  g_autoptr (CcsLoader) a = NULL;
  g_autoptr (CcsLoader) b = NULL;

  one.on_bad = many.on_bad = CCS_ON_BAD_SKIP;
  a = start (dataset, &one);
  b = start (dataset, &many);
  for (guint step = 0; step < 3; step++) {
    const CcsBatch *batch = next (a);

    for (guint slot = 0; slot < BATCH; slot++)
      ck_assert_uint_eq (batch->items[slot], 1);
    ck_assert_uint_eq (digest (batch), digest (next (b)));
  }
  remove_tree (folder);
}
END_TEST

START_TEST (a_loader_can_be_dropped_at_any_time)
{
  CcsLoaderOptions options = options_of (3, 0);

  for (guint i = 0; i < 5; i++) {
    g_autoptr (CcsLoader) loader = start (scenes, &options);

    for (guint step = 0; step < i; step++)
      next (loader);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("loader");
  TCase *good = tcase_create ("batches");
  TCase *bad = tcase_create ("bad items");

  tcase_add_checked_fixture (good, open_scenes, close_scenes);
  tcase_add_test (good, threads_do_not_change_batches);
  tcase_add_test (good, resuming_goes_on_with_the_same_batches);
  tcase_add_test (good, another_seed_gives_other_batches);
  tcase_add_test (good, an_epoch_takes_no_item_twice);
  tcase_add_test (good, clips_are_at_the_training_level);
  tcase_add_test (good, sound_and_frames_are_of_the_stated_item_and_time);
  tcase_add_test (good, windows_start_within_the_published_range);
  tcase_add_test (good, augmentation_changes_pictures_only);
  tcase_add_test (good, impossible_options_are_refused);
  tcase_add_test (good, a_loader_can_be_dropped_at_any_time);
  suite_add_tcase (suite, good);

  tcase_add_test (bad, bad_item_ends_the_run_naming_the_file);
  tcase_add_test (bad, bad_item_is_replaced_the_same_way_in_every_run);
  suite_add_tcase (suite, bad);

  return run_suite (suite);
}
