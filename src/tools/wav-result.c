/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wav-result.h"

#include <math.h>

#include "sound-output.h"

#define CHANNELS 2
#define MAX_SAMPLE_BYTES 4
/* Sizes in WAV files have 32 bits. The difference leaves room for the
 * headers. */
#define MAX_WAV_FRAMES                                                         \
  ((G_MAXUINT32 - (1 << 16)) / (CHANNELS * MAX_SAMPLE_BYTES))

struct _WavResult
{
  CcsSoundOutput *file;
  gboolean as_float;
  gsize n_clipped;
};

/* Chooses plain WAV where it is large enough, as every program reads it, and
 * RF64 otherwise. libsndfile could reduce a small RF64 file to WAV, but to
 * the extensible form, which some programs cannot read. */
static SF_INFO
describe (const WavFormat *format)
{
  const gboolean fits = format->frames >= 0 && format->frames <= MAX_WAV_FRAMES;

  return (SF_INFO){ .samplerate = format->rate,
                    .channels = CHANNELS,
                    .format = (fits ? SF_FORMAT_WAV : SF_FORMAT_RF64)
                              | (format->as_float ? SF_FORMAT_FLOAT
                                                  : SF_FORMAT_PCM_24) };
}

WavResult *
wav_result_new (const char *path, const WavFormat *format, CcsOutputFlags flags,
                GError **error)
{
  const SF_INFO info = describe (format);
  CcsSoundOutput *file = ccs_sound_output_new (path, flags, &info, error);
  WavResult *self;

  if (!file)
    return NULL;
  self = g_new0 (WavResult, 1);
  self->file = file;
  self->as_float = format->as_float;
  sf_command (ccs_sound_output_file (file), SFC_RF64_AUTO_DOWNGRADE, NULL,
              SF_TRUE);
  sf_command (ccs_sound_output_file (file), SFC_SET_CLIPPING, NULL, SF_TRUE);
  return self;
}

gboolean
wav_result_write (WavResult *self, const float *stereo, gsize frames,
                  GError **error)
{
  if (!self->as_float)
    for (gsize i = 0; i < CHANNELS * frames; i++)
      self->n_clipped += fabsf (stereo[i]) > 1.f;
  return ccs_sound_output_write (self->file, stereo, frames, error);
}

gsize
wav_result_clipped (const WavResult *self)
{
  return self->n_clipped;
}

gboolean
wav_result_finish (WavResult *self, GError **error)
{
  return ccs_sound_output_commit (self->file, error);
}

void
wav_result_free (WavResult *self)
{
  if (!self)
    return;
  ccs_sound_output_free (self->file);
  g_free (self);
}
