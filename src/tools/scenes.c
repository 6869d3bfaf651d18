/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo scenes`: writes synthetic scenes as a data set in FAIR-Play's
 * layout or as videos. */
#include "datasets.h"

#include <stdio.h>

#include "dataset-files.h"
#include "scenes-export.h"
#include "scenes-video.h"

#define FPS 25            /* of videos */
#define MAX_SCENES 999999 /* their numbers have six digits */

typedef struct
{
  const char *folder;
  gint count[3];
  gint64 seed;
  gint rate;
  const char *sofa;
  const char *container; /* of videos; NULL: FAIR-Play's layout */
  gboolean mono, overwrite;
} ScenesOptions;

static gboolean
show_progress (guint done, guint total, gpointer user_data)
{
  tool_progress (TRUE, "Rendering", (double)done / total);
  return TRUE;
}

static gboolean
write_layout (const ScenesOptions *options, GError **error)
{
  CcsSceneExport to = { .folder = options->folder,
                        .seed = options->seed,
                        .rate = options->rate,
                        .sofa = options->sofa,
                        .progress = show_progress };

  for (guint split = 0; split < 3; split++)
    to.count[split] = options->count[split];
  return ccs_scenes_export (&to, error);
}

static gboolean
write_video (const ScenesOptions *options, const CcsScenery *scenery,
             CcsSplit split, guint index, GError **error)
{
  g_autoptr (CcsScene) scene = ccs_scene_new (scenery, index);
  g_autofree char *base = g_strdup_printf ("%s/%s-%03u", options->folder,
                                           ccs_split_name (split), index);
  g_autofree char *video = g_strconcat (base, ".", options->container, NULL);
  g_autofree char *truth = g_strconcat (base, ".tsv", NULL);

  return ccs_scene_write_video (scene, video, FPS, options->mono, error)
         && ccs_scene_write_truth (scene, truth, error);
}

static gboolean
write_videos (const ScenesOptions *options, GError **error)
{
  gint total = options->count[0] + options->count[1] + options->count[2];
  gint done = 0;

  if (!ccs_folder_make (options->folder, error))
    return FALSE;
  for (guint split = 0; split < 3; split++) {
    g_autoptr (CcsScenery) scenery = NULL;

    if (options->count[split] == 0)
      continue;
    scenery = ccs_scenery_new (split, options->seed, options->rate,
                               options->sofa, error);
    if (!scenery)
      return FALSE;
    for (gint i = 0; i < options->count[split]; i++) {
      show_progress (done++, total, NULL);
      if (!write_video (options, scenery, split, i, error))
        return FALSE;
    }
  }
  return TRUE;
}

static ToolExit
run_scenes (gint argc, char **argv)
{
  g_autofree char *sofa = NULL, *container = NULL;
  ScenesOptions options = { .count = { 0, 0, 10 }, .seed = 1, .rate = 48000 };
  const GOptionEntry entries[] = {
    { "train", 0, 0, G_OPTION_ARG_INT, &options.count[0],
      "Scenes for training (0)", "N" },
    { "val", 0, 0, G_OPTION_ARG_INT, &options.count[1],
      "Scenes for validation (0)", "N" },
    { "test", 0, 0, G_OPTION_ARG_INT, &options.count[2],
      "Scenes for testing (10)", "N" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &options.seed, "Seed of the scenes (1)",
      "N" },
    { "rate", 0, 0, G_OPTION_ARG_INT, &options.rate,
      "Sample rate of the audio, 16000 to 192000 Hz (48000)", "HZ" },
    { "sofa", 0, 0, G_OPTION_ARG_FILENAME, &sofa,
      "SOFA file of head-related impulse responses", "FILE" },
    { "videos", 0, 0, G_OPTION_ARG_STRING, &container,
      "Write videos, with their content as text: mp4 (lossy audio) or mkv",
      "mp4|mkv" },
    { "mono", 0, 0, G_OPTION_ARG_NONE, &options.mono,
      "Videos with one channel, half of left and right", NULL },
    { "overwrite", 0, 0, G_OPTION_ARG_NONE, &options.overwrite,
      "Write into FOLDER even if it is not empty", NULL },
    { NULL },
  };
  GError *error = NULL;
  ToolExit exit;
  gint64 total = 0;

  if (!tool_parse (&tool_scenes, entries, &argc, &argv, &exit))
    return exit;
  for (guint split = 0; split < 3; split++) {
    if (options.count[split] < 0)
      return tool_bad_option (&tool_scenes, "a number of scenes is negative");
    total += options.count[split];
  }
  if (total < 1 || total > MAX_SCENES)
    return tool_bad_option (
        &tool_scenes, "1 to %d scenes can be written, not %" G_GINT64_FORMAT,
        MAX_SCENES, total);
  if (options.rate < 16000 || options.rate > 192000)
    return tool_bad_option (&tool_scenes, "--rate is 16000 to 192000, not %d",
                            options.rate);
  if (container && !g_str_equal (container, "mp4")
      && !g_str_equal (container, "mkv"))
    return tool_bad_option (&tool_scenes, "--videos is mp4 or mkv, not \"%s\"",
                            container);
  if (options.mono && !container)
    return tool_bad_option (&tool_scenes, "--mono is for --videos");
  options.folder = argv[1];
  options.sofa = sofa;
  options.container = container;
  if (ccs_folder_occupy (options.folder, &error) < 0
      || !tool_check_folder (options.folder, options.overwrite, &error)
      || !(container ? write_videos (&options, &error)
                     : write_layout (&options, &error)))
    return tool_fail (&tool_scenes, error);
  show_progress (1, 1, NULL);
  printf ("%" G_GINT64_FORMAT " scenes in %s\n", total, options.folder);
  return TOOL_OK;
}

const ToolCommand tool_scenes = {
  TOOL_SCENES,
  "FOLDER",
  1,
  TOOL_SCENES_SUMMARY,
  "Scenes of ten seconds. The audio places each sound where its source is "
  "seen. "
  "The same "
  "seed,\nsplit and number are the same scene as in ccstereo-train's data set "
  "\"scenes\".",
  run_scenes
};
