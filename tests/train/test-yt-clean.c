/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares YT-Clean with the published code: its loader, network, test step
 * and metrics were run on the folder that is generated here
 * (tests/data/README.md). One video has the chunks "0", "1", "10" and "2",
 * whose string order is not numeric, with fractional lengths and two sample
 * rates. Another video has a single chunk, which is skipped because it is
 * the last one. */
#include "dataset-files.h"
#include "audio/window-grid.h"
#include "evaluate.h"
#include "published-support.h"

#define VIDEO "first"
#define LONELY "lone"
#define FRAMES 122
#define BLOCK 8 /* pixels of one colour, which JPEG stores without loss */
#define COLUMNS (CCS_RESIZE_WIDTH / BLOCK)
#define ROWS (CCS_RESIZE_HEIGHT / BLOCK)

typedef struct
{
  guint second, rate, frames;
} Chunk;

static const Chunk chunks[] = { { 0, 44100, 66150 },
                                { 1, 44100, 57331 },
                                { 10, 48000, 96000 },
                                { 2, 48000, 48000 } };

static char *folder;
static JsonNode *published;

static void
write_chunk (const char *video, const Chunk *chunk)
{
  g_autofree char *sounds
      = g_build_filename (folder, "frames", video, "cipic_subj3", NULL);
  g_autofree char *path = g_strdup_printf ("%s/%u.wav", sounds, chunk->second);
  g_autofree char *name = g_strdup_printf ("%s.%u", video, chunk->second);

  ck_assert_int_eq (g_mkdir_with_parents (sounds, 0777), 0);
  published_write_sound (path, name, chunk->rate, chunk->frames);
}

static void
write_frame (const char *video, guint number)
{
  g_autofree char *pictures
      = g_build_filename (folder, "frames", video, "video", NULL);
  g_autofree char *path = g_strdup_printf ("%s/%06u.jpg", pictures, number);
  g_autofree char *name = g_strdup_printf ("%s.frame.%u", video, number);
  g_autofree guint8 *blocks = reference_pixels ("", name, 3 * COLUMNS * ROWS);
  g_autofree guint8 *rgb
      = g_new (guint8, 3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT);
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (g_mkdir_with_parents (pictures, 0777), 0);
  for (guint y = 0; y < CCS_RESIZE_HEIGHT; y++)
    for (guint x = 0; x < CCS_RESIZE_WIDTH; x++)
      memcpy (rgb + 3 * (y * CCS_RESIZE_WIDTH + x),
              blocks + 3 * (y / BLOCK * COLUMNS + x / BLOCK), 3);
  assert_ok (ccs_frame_write_jpeg (path, CCS_RESIZE_WIDTH, CCS_RESIZE_HEIGHT,
                                   rgb, &error),
             error);
}

static void
write_data_set (void)
{
  g_autofree char *list = NULL;

  folder = make_folder ();
  for (guint i = 0; i < G_N_ELEMENTS (chunks); i++)
    write_chunk (VIDEO, &chunks[i]);
  for (guint k = 0; k < FRAMES; k++)
    write_frame (VIDEO, k);
  write_chunk (LONELY, &chunks[0]);
  write_frame (LONELY, 0);
  list = g_build_filename (folder, "YT-Clean.test.1.lst", NULL);
  ck_assert (g_file_set_contents (list, VIDEO "\n" LONELY "\n", -1, NULL));
  published_write_model (folder);
  published = reference_load_json (TEST_DATA_DIR "/published-yt-clean.json");
}

static void
drop_folder (void)
{
  remove_tree (folder);
  g_clear_pointer (&folder, g_free);
  g_clear_pointer (&published, json_node_unref);
}

static const char *const protocols[] = { "official", "corrected" };

/* -- input of the net -- */

static CcsDataset *
open_data (gboolean official)
{
  CcsDatasetOptions options = CCS_DATASET_OPTIONS_INIT;
  g_autoptr (GError) error = NULL;
  CcsDataset *dataset;

  options.kind = "yt_clean";
  options.root = folder;
  options.split = CCS_SPLIT_TEST;
  options.official = official;
  dataset = ccs_dataset_open (&options, &error);
  assert_ok (dataset != NULL, error);
  return dataset;
}

static gint64
frame_of_window (const CcsDatasetItem *item, guint window, gboolean official)
{
  double duration
      = official ? (double)(item->samples / CCS_MODEL_RATE) : item->duration;

  return item->frame_base
         + ccs_grid_frame (window * CCS_HOP, item->samples, duration,
                           item->frame_offset, CCS_WINDOW, CCS_ANALYSIS_FPS);
}

static void
assert_frames (const CcsDatasetItem *item, JsonObject *want, gboolean official)
{
  JsonArray *frames = json_object_get_array_member (want, "frames");
  JsonArray *crops = json_object_get_array_member (want, "crops");

  for (guint w = 0; w < json_array_get_length (frames); w++) {
    gint64 number = frame_of_window (item, w, official);
    CcsPoint at = ccs_tdss_point (number);
    JsonArray *crop = json_array_get_array_element (crops, w);

    ck_assert_int_eq (number, json_array_get_int_element (frames, w));
    ck_assert_int_eq (at.left, json_array_get_int_element (crop, 0));
    ck_assert_int_eq (at.top, json_array_get_int_element (crop, 1));
  }
}

START_TEST (chunks_windows_frames_and_crops_are_the_published_ones)
{
  gboolean official = strcmp (protocols[_i], "official") == 0;
  g_autoptr (CcsDataset) dataset = open_data (official);

  ck_assert_uint_eq (ccs_dataset_length (dataset), G_N_ELEMENTS (chunks) - 1);
  for (guint i = 0; i < ccs_dataset_length (dataset); i++) {
    JsonObject *clip = published_clip (published, i);
    CcsDatasetItem item;

    ccs_dataset_item (dataset, i, &item);
    ck_assert_str_eq (item.name, json_object_get_string_member (clip, "name"));
    ck_assert_uint_eq (item.samples,
                       json_object_get_int_member (clip, "samples"));
    ck_assert_uint_eq (ccs_grid_windows (item.samples, CCS_WINDOW, CCS_HOP),
                       json_object_get_int_member (clip, "windows"));
    assert_frames (&item, json_object_get_object_member (clip, protocols[_i]),
                   official);
  }
}
END_TEST

/* -- results -- */

START_TEST (metrics_are_the_published_ones)
{
  g_autoptr (JsonNode) result
      = published_evaluate (folder, "yt_clean", protocols[_i], "10splits");

  for (guint i = 0; i < G_N_ELEMENTS (chunks) - 1; i++) {
    JsonObject *got = published_clip (result, i);
    JsonObject *want = published_clip (published, i);

    ck_assert_str_eq (json_object_get_string_member (got, "name"),
                      json_object_get_string_member (want, "name"));
    published_assert_metrics (
        json_object_get_object_member (got, "prediction"),
        json_object_get_object_member (want, protocols[_i]));
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("yt-clean");
  TCase *tcase = tcase_create ("published");

  tcase_add_unchecked_fixture (tcase, write_data_set, drop_folder);
  tcase_add_loop_test (tcase,
                       chunks_windows_frames_and_crops_are_the_published_ones,
                       0, G_N_ELEMENTS (protocols));
  tcase_add_loop_test (tcase, metrics_are_the_published_ones, 0,
                       G_N_ELEMENTS (protocols));
  suite_add_tcase (suite, tcase);
  return reference_run (suite);
}
