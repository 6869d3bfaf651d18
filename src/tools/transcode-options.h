/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of `ccstereo-transcode`. */
#pragma once

#include "gain.h"
#include "transcode-file.h"

G_BEGIN_DECLS

/**
 * TranscodeOptions:
 * @operands: arguments that are not options
 * @in, @out: input and output file, from @operands
 * @model: model file; NULL: the default model
 * @backend: "auto", "cpu" or "cuda"
 * @precision: arithmetic precision
 * @codec: codec of the new track, which @container allows
 * @layout: "auto", or "ambisonic": channels of the input
 * @bitrate: bitrate of the new track, bits per second; 0: default of the codec
 * @gain_text: value of --gain; NULL: not given
 * @gain: gain of the new track
 * @width: 0 mono .. 1 as predicted .. CCS_BINAURALIZER_MAX_WIDTH
 * @threads: number of CPU threads; 0: one per core
 * @hop: samples at 16 kHz between windows
 * @stream: index of the audio stream, from 0
 * @keep_original: whether the old track is kept beside the new one
 * @overwrite: whether an existing output is replaced
 * @playlists: whether the input may name other files
 * @quiet: whether only errors are printed
 * @version: --version was given; the other options are not checked
 * @container: container of the output
 */
typedef struct
{
  char **operands;
  const char *in, *out;
  char *model, *backend, *precision, *codec, *layout, *gain_text;
  Gain gain;
  gint64 bitrate;
  double width;
  gint threads, hop, stream;
  gboolean keep_original, overwrite, playlists, quiet, version;
  const TranscodeContainer *container;
} TranscodeOptions;

/* Parses argv into @options. The error names the invalid option. Call
 * transcode_options_clear() in every case. */
gboolean transcode_options_parse (TranscodeOptions *options, int *argc,
                                  char ***argv, GError **error);
void transcode_options_clear (TranscodeOptions *options);

G_END_DECLS
