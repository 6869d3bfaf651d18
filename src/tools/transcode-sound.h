/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The audio path of `ccstereo-transcode`: passes a file's audio and video
 * through ccstereobin and returns binaural audio in pieces with their times.
 * Memory is bounded: the pipeline waits until its output is read. */
#pragma once

#include <glib.h>
#include <signal.h>

#include "transcode-notice.h"
#include "transcode-piece.h"

G_BEGIN_DECLS

typedef struct _TranscodeSound TranscodeSound;

/**
 * TranscodeSoundOptions:
 * @audio, @video: indices of the streams
 * @field_channel: the only channel of the audio that is used, as it is the
 *   omnidirectional one of a sound field; -1: all are
 * @offset: what is added to the file's times, ns: 0 is then about where it
 *   begins
 * @model: parameters; NULL: the default model
 * @backend: "auto", "cpu" or "cuda"
 * @precision: what the net's factors are rounded to
 * @threads: CPU threads of the net; 0: one a core
 * @hop: samples at 16 kHz between windows
 * @width: 0 mono .. 1 as predicted .. 2
 * @playlists: whether the input may name other files
 * @stop: not 0 once the work is to be abandoned
 * @notice: hears of what the sound has to do without
 */
typedef struct
{
  int audio, video;
  gint field_channel;
  gint64 offset;
  const char *model;
  const char *backend;
  const char *precision;
  gint threads;
  gint hop;
  double width;
  gboolean playlists;
  const volatile sig_atomic_t *stop;
  TranscodeNotice notice;
} TranscodeSoundOptions;

/* Starts decoding the file @path and waits for the first piece. Errors name the
 * file. */
TranscodeSound *transcode_sound_open (const char *path,
                                      const TranscodeSoundOptions *options,
                                      GError **error);
void transcode_sound_free (TranscodeSound *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TranscodeSound, transcode_sound_free)

/* Returns the current piece, whose samples are valid until
 * transcode_sound_next(). */
const TranscodePiece *transcode_sound_peek (TranscodeSound *self);
/* Waits for the next piece. G_IO_ERROR_CANCELLED if stopped. */
gboolean transcode_sound_next (TranscodeSound *self, GError **error);

G_END_DECLS
