/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transcode-options.h"

#include <ccstereo/binauralizer.h>
#include <ccstereo/constants.h>

#include "backend/backend.h"

static gboolean
check_ranges (TranscodeOptions *options, GError **error)
{
  static const char *const backends[] = { "auto", "cpu", "cuda", NULL };
  static const char *const layouts[] = { "auto", "ambisonic", NULL };
  const char *wrong = NULL;

  if (!(options->width >= 0 && options->width <= CCS_BINAURALIZER_MAX_WIDTH))
    wrong = "--width must be 0 to 2";
  else if (options->hop < 1 || options->hop > CCS_WINDOW)
    wrong = "--hop must be 1 to " G_STRINGIFY (CCS_WINDOW);
  else if (options->threads < 0 || options->threads > CCS_BACKEND_MAX_THREADS)
    wrong = "--threads must be 0 to " G_STRINGIFY (CCS_BACKEND_MAX_THREADS);
  else if (options->stream < 0)
    wrong = "--audio-stream must be 0 or more";
  else if (options->bitrate < 0)
    wrong = "--bitrate must be 0 (default of the codec) or more";
  else if (!g_strv_contains (backends, options->backend))
    wrong = "--backend must be auto, cpu or cuda";
  else if (!g_strv_contains (layouts, options->layout))
    wrong = "--input-layout must be auto or ambisonic";
  else if (!gain_parse (options->gain_text, &options->gain))
    wrong = GAIN_ERROR;
  if (wrong)
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         wrong);
  return wrong == NULL;
}

static gboolean
check_container (TranscodeOptions *options, GError **error)
{
  const char *codec = options->codec;

  options->container = transcode_container_find (options->out);
  if (options->container == NULL) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "%s: its name must end in .mp4, .m4v, .mov, .mkv or .webm",
                 options->out);
    return FALSE;
  }
  if (codec && !transcode_container_takes (options->container, codec)) {
    g_autofree char *possible
        = g_strjoinv (", ", (char **)options->container->codecs);

    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--audio-codec %s: .%s files take %s", codec,
                 options->container->extension, possible);
    return FALSE;
  }
  if (codec == NULL)
    options->codec = g_strdup (options->container->codecs[0]);
  return TRUE;
}

static gboolean
check_bitrate (const TranscodeOptions *options, GError **error)
{
  if (options->bitrate == 0
      || transcode_codec_find (options->codec)->bitrate != 0)
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "--bitrate has no effect: %s is lossless", options->codec);
  return FALSE;
}

gboolean
transcode_options_parse (TranscodeOptions *options, int *argc, char ***argv,
                         GError **error)
{
  const GOptionEntry entries[] = {
    { "audio-codec", 'c', 0, G_OPTION_ARG_STRING, &options->codec,
      "aac, opus, flac, pcm or pcm_f32le, as the container allows (mp4, mov: "
      "aac; mkv, "
      "webm: opus)",
      "CODEC" },
    { "bitrate", 'b', 0, G_OPTION_ARG_INT64, &options->bitrate,
      "Bitrate of the new track, bits per second (default: that of the codec)",
      "BITS" },
    { "gain", 'g', 0, G_OPTION_ARG_STRING, &options->gain_text, GAIN_HELP,
      "DB" },
    { "width", 'w', 0, G_OPTION_ARG_DOUBLE, &options->width,
      "Stereo width: 0 mono, 1 as predicted (default), 2 exaggerated", "W" },
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &options->model,
      "Model file (default: $CCSTEREO_MODEL, then the installed model)",
      "FILE" },
    { "backend", 0, 0, G_OPTION_ARG_STRING, &options->backend,
      "auto (default), cpu or cuda", "NAME" },
    { "precision", 0, 0, G_OPTION_ARG_STRING, &options->precision,
      "Arithmetic precision: fp32 (default), tf32, bf16 or fp16, if the "
      "backend supports it",
      "NAME" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &options->threads,
      "Number of CPU threads (default: one per core)", "N" },
    { "hop", 0, 0, G_OPTION_ARG_INT, &options->hop,
      "Samples at 16 kHz between windows (default: 1008; more is faster)",
      "N" },
    { "audio-stream", 'a', 0, G_OPTION_ARG_INT, &options->stream,
      "Index of the audio stream, from 0 (default: 0)", "N" },
    { "input-layout", 0, 0, G_OPTION_ARG_STRING, &options->layout,
      "Channels of the input: auto (default: from the file) or "
      "ambisonic, of which channel W is used",
      "LAYOUT" },
    { "keep-original", 'k', 0, G_OPTION_ARG_NONE, &options->keep_original,
      "Keep the old audio track beside the new one", NULL },
    { "overwrite", 'y', 0, G_OPTION_ARG_NONE, &options->overwrite,
      "Replace OUT if it exists", NULL },
    { "allow-playlists", 0, 0, G_OPTION_ARG_NONE, &options->playlists,
      "Read a playlist (HLS, DASH, ffconcat) and the local files that it names",
      NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet, "Print errors only",
      NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version,
      "Print the version", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->operands,
      NULL, "IN OUT" },
    { NULL },
  };
  CcsPrecision precision;
  g_autoptr (GOptionContext) context
      = g_option_context_new ("- make the audio of a video binaural");

  *options = (TranscodeOptions){ .width = 1, .hop = CCS_HOP };
  g_option_context_set_description (
      context,
      "OUT is .mp4, .m4v, .mov, .mkv or .webm. All streams but the audio are "
      "copied unchanged.\n\nExit status: 0 done, 1 failed, 2 wrong usage, 130 "
      "stopped by a signal.\n");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (options->version)
    return TRUE;
  if (options->operands == NULL || g_strv_length (options->operands) != 2) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                         "two files expected: IN OUT (see --help)");
    return FALSE;
  }
  options->in = options->operands[0];
  options->out = options->operands[1];
  if (options->backend == NULL)
    options->backend = g_strdup ("auto");
  if (options->layout == NULL)
    options->layout = g_strdup ("auto");
  if (options->precision == NULL)
    options->precision = g_strdup (ccs_precision_name (CCS_PRECISION_FP32));
  return check_ranges (options, error)
         && ccs_precision_from_name (options->precision, &precision, error)
         && check_container (options, error) && check_bitrate (options, error);
}

void
transcode_options_clear (TranscodeOptions *options)
{
  g_strfreev (options->operands);
  g_free (options->model);
  g_free (options->backend);
  g_free (options->precision);
  g_free (options->codec);
  g_free (options->layout);
  g_free (options->gain_text);
}
