/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of `ccstereo-transcode`. */
#pragma once

#include "gain.h"
#include "transcode-file.h"

G_BEGIN_DECLS

/**
 * TranscodeOptions:
 * @operands: what stands on the line beside options
 * @in, @out: the two of them
 * @model: parameters; NULL: the default model
 * @backend: "auto", "cpu" or "cuda"
 * @precision: what the net's factors are rounded to
 * @codec: of the new track; one that @container takes
 * @layout: of the input's channels, "auto" or "ambisonic"
 * @bitrate: of the new track, bits a second; 0: as the codec has it
 * @gain_text: as on the line; NULL: none
 * @gain: of the new track
 * @width: 0 mono .. 1 as predicted .. CCS_BINAURALIZER_MAX_WIDTH
 * @threads: CPU threads of the net; 0: one a core
 * @hop: samples at 16 kHz between windows
 * @stream: which audio stream, from 0
 * @keep_original: the old track stays beside the new one
 * @overwrite: an output that exists is replaced
 * @quiet: nothing is said but errors
 * @version: the version is all that is asked for; nothing else is checked
 * @container: the output's
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
  gboolean keep_original, overwrite, quiet, version;
  const TranscodeContainer *container;
} TranscodeOptions;

/* Fills @options from the line. An error says which value is none, for a user
 * who typed it. Either way it is to be cleared. */
gboolean transcode_options_parse (TranscodeOptions *options, int *argc,
                                  char ***argv, GError **error);
void transcode_options_clear (TranscodeOptions *options);

G_END_DECLS
