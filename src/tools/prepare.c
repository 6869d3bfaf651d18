/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo prepare`: makes a data set for training from a folder of videos. */
#include "datasets.h"

#include <stdio.h>

#include "dataset-files.h"
#include "prepare.h"

static const struct
{
  const char *name;
  gboolean (*prepare) (const CcsPrepareOptions *, CcsPrepareReport *,
                       GError **);
} layouts[] = {
  { "fairplay", ccs_prepare_fairplay },
  { "yt_clean", ccs_prepare_yt_clean },
};

static gboolean
show_progress (const char *video, guint done, guint total, gpointer user_data)
{
  tool_progress (TRUE, "Preparing", (double)done / total);
  return TRUE;
}

static ToolExit
run_prepare (gint argc, char **argv)
{
  g_autofree char *layout = NULL, *order = NULL, *sofa = NULL;
  gboolean skip = FALSE, overwrite = FALSE;
  gint64 seed = 1;
  CcsPrepareOptions options = CCS_PREPARE_OPTIONS_INIT;
  const GOptionEntry entries[] = {
    { "layout", 'l', 0, G_OPTION_ARG_STRING, &layout,
      "fairplay (default) for binaural videos, yt_clean for first-order "
      "ambisonic videos",
      "LAYOUT" },
    { "val", 0, 0, G_OPTION_ARG_DOUBLE, &options.val_share,
      "Share of the videos for validation (0.1)", "SHARE" },
    { "test", 0, 0, G_OPTION_ARG_DOUBLE, &options.test_share,
      "Share of the videos for testing (0.1)", "SHARE" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &seed,
      "Seed of the division into splits (1)", "N" },
    { "skip-bad", 0, 0, G_OPTION_ARG_NONE, &skip,
      "Skip files that cannot be used, with a warning", NULL },
    { "overwrite", 0, 0, G_OPTION_ARG_NONE, &overwrite,
      "Write into FOLDER even if it is not empty", NULL },
    { "allow-playlists", 0, 0, G_OPTION_ARG_NONE, &options.allow_playlists,
      "Read playlists (HLS, DASH, ffconcat) and the local files that they name",
      NULL },
    { "sofa", 0, 0, G_OPTION_ARG_FILENAME, &sofa,
      "SOFA file of head-related impulse responses for yt_clean", "FILE" },
    { "order", 0, 0, G_OPTION_ARG_STRING, &order,
      "Order of ambisonic channels: ambix (default) or fuma", "ORDER" },
    { NULL },
  };
  CcsPrepareReport report;
  GError *error = NULL;
  ToolExit exit;
  guint chosen = 0;

  if (!tool_parse (&tool_prepare, entries, &argc, &argv, &exit))
    return exit;
  while (layout && chosen < G_N_ELEMENTS (layouts)
         && !g_str_equal (layout, layouts[chosen].name))
    chosen++;
  if (chosen == G_N_ELEMENTS (layouts))
    return tool_bad_option (
        &tool_prepare, "--layout is fairplay or yt_clean, not \"%s\"", layout);
  if ((sofa || order) && layouts[chosen].prepare != ccs_prepare_yt_clean)
    return tool_bad_option (&tool_prepare,
                            "--sofa and --order are for --layout yt_clean");
  if (order && !g_str_equal (order, "ambix") && !g_str_equal (order, "fuma"))
    return tool_bad_option (&tool_prepare,
                            "--order is ambix or fuma, not \"%s\"", order);
  options.videos = argv[1];
  options.folder = argv[2];
  options.seed = seed;
  options.on_bad = skip ? CCS_ON_BAD_SKIP : CCS_ON_BAD_FATAL;
  options.sofa = sofa;
  options.order = order && g_str_equal (order, "fuma") ? CCS_AMBISONIC_FUMA
                                                       : CCS_AMBISONIC_AMBIX;
  options.progress = show_progress;
  if (!ccs_prepare_options_check (&options, &error)) {
    tool_fail (&tool_prepare, error);
    return TOOL_USAGE;
  }
  if (ccs_folder_occupy (argv[2], &error) < 0
      || !tool_check_folder (argv[2], overwrite, &error)
      || !layouts[chosen].prepare (&options, &report, &error))
    return tool_fail (&tool_prepare, error);
  tool_progress (TRUE, "Preparing", 1);
  printf ("%u clips of %u videos in %s", report.clips, report.videos, argv[2]);
  if (report.skipped > 0)
    printf ("; %u videos left out", report.skipped);
  printf ("\n");
  return TOOL_OK;
}

const ToolCommand tool_prepare = {
  TOOL_PREPARE,
  "VIDEOS FOLDER",
  2,
  TOOL_PREPARE_SUMMARY,
  "Clips of ten seconds: frames at 10 a second, 480x240, and 48 kHz stereo. "
  "All\nclips of a video fall to one split.",
  run_prepare
};
