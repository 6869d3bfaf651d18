/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scenes-export.h"

#include <ccstereo/error.h>

#include "dataset-layout.h"
#include "dataset-files.h"
#include "file-write.h"

#define FRAMES ((guint)(CCS_SCENE_DURATION * CCS_ANALYSIS_FPS))

static gboolean
export_sound (const CcsScene *scene, const char *folder, const char *id,
              guint rate, GError **error)
{
  g_autofree char *path = ccs_layout_sound (folder, id);
  gsize n = (gsize)(CCS_SCENE_DURATION * rate);
  g_autofree float *left = g_new (float, n);
  g_autofree float *right = g_new (float, n);

  ccs_scene_render_audio (scene, 0, n, left, right);
  return ccs_sound_write (path, rate, n, left, right, error);
}

static gboolean
export_frames (const CcsScene *scene, const char *folder, const char *id,
               GError **error)
{
  g_autofree guint8 *rgb = g_malloc (3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT);
  g_autofree char *frames = ccs_layout_frames (folder, id);

  if (!ccs_folder_make (frames, error))
    return FALSE;
  for (guint k = 1; k <= FRAMES; k++) {
    g_autofree char *path = g_strdup_printf ("%s/%06u.png", frames, k);

    ccs_scene_render_frame (scene, (double)(k - 1) / CCS_ANALYSIS_FPS, rgb);
    if (!ccs_frame_write (path, CCS_RESIZE_WIDTH, CCS_RESIZE_HEIGHT, rgb,
                          error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
export_split (const CcsSceneExport *options, CcsSplit split, guint *done,
              guint total, GError **error)
{
  g_autoptr (CcsScenery) scenery = ccs_scenery_new (
      split, options->seed, options->rate, options->sofa, error);
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);

  if (!scenery)
    return FALSE;
  for (guint i = 0; i < options->count[split]; i++) {
    g_autoptr (CcsScene) scene = ccs_scene_new (scenery, i);
    char *id = ccs_layout_id (*done + 1);

    g_ptr_array_add (ids, id);
    if (options->progress
        && !options->progress (*done, total, options->user_data)) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_CANCELLED, "%s: stopped",
                   options->folder);
      return FALSE;
    }
    if (!export_sound (scene, options->folder, id, options->rate, error)
        || !export_frames (scene, options->folder, id, error))
      return FALSE;
    ++*done;
  }
  return ccs_layout_write_lists (options->folder, ccs_split_name (split), ids,
                                 error);
}

gboolean
ccs_scenes_export (const CcsSceneExport *options, GError **error)
{
  guint done = 0, total = 0;

  for (guint split = 0; split < 3; split++)
    total += options->count[split];
  if (!ccs_layout_make (options->folder, error))
    return FALSE;
  for (guint split = 0; split < 3; split++)
    if (!export_split (options, split, &done, total, error))
      return FALSE;
  return TRUE;
}

gboolean
ccs_scene_write_truth (const CcsScene *scene, const char *path, GError **error)
{
  static const char *const kinds[] = {
    [CCS_SOUND_TONAL] = "tonal",
    [CCS_SOUND_PERCUSSIVE] = "percussive",
    [CCS_SOUND_NOISE] = "noise",
    [CCS_SOUND_VOICE] = "voice",
  };
  g_autoptr (GString) text
      = g_string_new ("time\tsource\tazimuth\tdistance\tsounding\tkind\n");

  for (guint k = 0; k < FRAMES; k++) {
    for (guint s = 0; s < ccs_scene_n_sources (scene); s++) {
      double time = (double)k / CCS_ANALYSIS_FPS;
      char number[3][G_ASCII_DTOSTR_BUF_SIZE];
      CcsSceneSource source;

      ccs_scene_source_at (scene, s, time, &source);
      g_string_append_printf (
          text, "%s\t%u\t%s\t%s\t%d\t%s\n",
          g_ascii_formatd (number[0], sizeof number[0], "%.1f", time), s + 1,
          g_ascii_formatd (number[1], sizeof number[1], "%.2f", source.azimuth),
          g_ascii_formatd (number[2], sizeof number[2], "%.2f",
                           source.distance),
          source.sounding, kinds[source.kind]);
    }
  }
  return ccs_file_write (path, text->str, text->len, CCS_OUTPUT_OVERWRITE,
                         error);
}
