/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sound of `ccstereo-transcode`: GStreamer decodes a file and ccstereobin
 * makes its sound binaural; here it comes out in pieces, with the time of each.
 * Memory is bounded: the pipeline waits when nobody reads. */
#pragma once

#include <glib.h>
#include <signal.h>

G_BEGIN_DECLS

typedef struct _TranscodeSound TranscodeSound;

/**
 * TranscodeSoundOptions:
 * @stream: which audio stream, from 0
 * @n_streams: how many audio streams the file has
 * @model: parameters; NULL: the default model
 * @backend: "auto", "cpu" or "cuda"
 * @threads: CPU threads of the net; 0: one a core
 * @hop: samples at 16 kHz between windows
 * @width: 0 mono .. 1 as predicted .. 2
 * @stop: not 0 once the work is to be abandoned
 */
typedef struct
{
  guint stream, n_streams;
  const char *model;
  const char *backend;
  gint threads;
  gint hop;
  double width;
  const volatile sig_atomic_t *stop;
} TranscodeSoundOptions;

/* Starts decoding @path and waits for the first piece. Errors name the file. */
TranscodeSound *transcode_sound_open (const char *path,
                                      const TranscodeSoundOptions *options,
                                      GError **error);
void transcode_sound_free (TranscodeSound *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TranscodeSound, transcode_sound_free)

/**
 * TranscodePiece:
 * @samples: interleaved L R, valid until the next call; NULL at the end
 * @frames: how many pairs
 * @rate: in Hz
 * @time: of the first pair, ns from the presentation's start
 */
typedef struct
{
  const float *samples;
  gsize frames;
  guint rate;
  gint64 time;
} TranscodePiece;

/* When the stream's first coded data is due by GStreamer's clock, which for a
 * transport stream starts elsewhere than libavformat's; ns. */
gint64 transcode_sound_coded_start (TranscodeSound *self);
/* The current piece. */
const TranscodePiece *transcode_sound_peek (TranscodeSound *self);
/* Goes on to the next piece, waiting for it. G_IO_ERROR_CANCELLED when
 * stopped. */
gboolean transcode_sound_next (TranscodeSound *self, GError **error);

G_END_DECLS
