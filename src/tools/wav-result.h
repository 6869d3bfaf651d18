/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stereo WAV file that `ccstereo run` makes. It grows under a name of its
 * own beside its place, which it takes when it is whole. */
#pragma once

#include <glib.h>

#include "output-file.h"

G_BEGIN_DECLS

typedef struct _WavResult WavResult;

/**
 * WavFormat:
 * @rate: Hz
 * @frames: how many there will be, as far as is known. What plain WAV cannot
 *   hold becomes RF64.
 * @as_float: 32-bit floating point instead of 24-bit integers, in which what
 *   is beyond full scale is clipped
 */
typedef struct
{
  gint rate;
  gint64 frames;
  gboolean as_float;
} WavFormat;

/* Errors of this and of what follows are CCS_ERROR_IO and name @path.
 * (transfer full) */
WavResult *wav_result_new (const char *path, const WavFormat *format,
                           CcsOutputFlags flags, GError **error);
/* @frames interleaved frames, L R. */
gboolean wav_result_write (WavResult *self, const float *stereo, gsize frames,
                           GError **error);
/* Samples so far that were clipped. */
gsize wav_result_clipped (const WavResult *self);
/* Completes the file and puts it in its place. */
gboolean wav_result_finish (WavResult *self, GError **error);
/* Of a file that was not finished nothing is left. */
void wav_result_free (WavResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (WavResult, wav_result_free)

G_END_DECLS
