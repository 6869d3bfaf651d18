/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Audio files: stereo with at least the model's rate, read in pieces at 16 kHz
 * with libsndfile and the resampler. */
#include "dataset-files.h"

#include <ccstereo/error.h>
#include <math.h>
#include <string.h>

#include "audio/resampler.h"
#include "sound-input.h"
#include "sound-output.h"

#define HIGHEST_RATE 768000 /* Hz */
/* Audio read before and after a range, in samples at 16 kHz: several times the
 * length of the resampling filter. */
#define CONTEXT 1024

/* -- reading -- */

static CcsSoundInput *
open_sound (const char *path, GError **error)
{
  g_autoptr (CcsSoundInput) input = NULL;
  const SF_INFO *info;

  if (!ccs_file_readable (path, error)
      || !(input = ccs_sound_input_open (path, error)))
    return NULL;
  info = ccs_sound_input_info (input);
  if (info->channels != 2)
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: %d channel%s; binaural sound has two", path,
                 info->channels, info->channels == 1 ? "" : "s");
  else if (info->samplerate < CCS_MODEL_RATE || info->samplerate > HIGHEST_RATE)
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: a rate of %d Hz; %d to %d Hz are read", path,
                 info->samplerate, CCS_MODEL_RATE, HIGHEST_RATE);
  else if (info->frames <= 0)
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT, "%s: holds no sound",
                 path);
  else
    return g_steal_pointer (&input);
  return NULL;
}

/* Returns the number of samples that librosa computes for a file, with the same
 * expression. */
static gsize
samples_at_model_rate (const SF_INFO *info)
{
  double ratio = (double)CCS_MODEL_RATE / info->samplerate;

  return (gsize)ceil (info->frames * ratio);
}

static guint
greatest_divisor (guint a, guint b)
{
  return b ? greatest_divisor (b, a % b) : a;
}

/* Reads @count stored frames from @first on, interleaved. (transfer full) */
static float *
read_stored (SNDFILE *file, const char *path, gsize first, gsize count,
             GError **error)
{
  g_autofree float *stored = g_new (float, 2 * count);

  if (sf_seek (file, first, SEEK_SET) < 0
      || sf_readf_float (file, stored, count) != (sf_count_t)count) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: ends before the length that its header states", path);
    return NULL;
  }
  for (gsize i = 0; i < 2 * count; i++) {
    if (!isfinite (stored[i])) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                   "%s: frame %" G_GSIZE_FORMAT " is not a finite number", path,
                   first + i / 2);
      return NULL;
    }
  }
  return g_steal_pointer (&stored);
}

/* Also reads the last frame, because a header may have any length. */
gboolean
ccs_sound_probe (const char *path, CcsSoundFile *out, GError **error)
{
  g_autoptr (CcsSoundInput) input = open_sound (path, error);
  g_autofree float *last = NULL;
  const SF_INFO *info;

  if (!input)
    return FALSE;
  info = ccs_sound_input_info (input);
  last = read_stored (ccs_sound_input_file (input), path, info->frames - 1, 1,
                      error);
  if (!last)
    return FALSE;
  out->rate = info->samplerate;
  out->frames = info->frames;
  out->samples = samples_at_model_rate (info);
  return TRUE;
}

/* Resamples one channel of @stored to 16 kHz; the range starts at sample @skip.
 */
static gboolean
resample_channel (const float *stored, gsize count, guint channel, guint rate,
                  gsize skip, gsize n, float *out, GError **error)
{
  g_autofree float *mono = g_new (float, count);
  g_autoptr (GArray) resampled = NULL;
  gsize got;

  for (gsize i = 0; i < count; i++)
    mono[i] = stored[2 * i + channel];
  resampled = ccs_resample (mono, count, rate, CCS_MODEL_RATE, error);
  if (!resampled)
    return FALSE;
  /* the last sample of a file may be missing because of rounding */
  got = resampled->len > skip ? MIN (n, resampled->len - skip) : 0;
  memcpy (out, &g_array_index (resampled, float, skip), got * sizeof (float));
  memset (out + got, 0, (n - got) * sizeof (float));
  return TRUE;
}

gboolean
ccs_sound_read (const char *path, gsize start, gsize n, float *left,
                float *right, GError **error)
{
  g_autoptr (CcsSoundInput) input = open_sound (path, error);
  g_autofree float *stored = NULL;
  gsize samples, step_in, step_out, steps, first, last;
  SF_INFO info;

  if (!input)
    return FALSE;
  info = *ccs_sound_input_info (input);
  samples = samples_at_model_rate (&info);
  if (start > samples || n > samples - start) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: too short: %" G_GSIZE_FORMAT
                 " samples at 16 kHz where %" G_GSIZE_FORMAT " are needed",
                 path, samples, start + n);
    return FALSE;
  }
  /* step_in stored frames have the duration of step_out samples */
  step_out
      = CCS_MODEL_RATE / greatest_divisor (CCS_MODEL_RATE, info.samplerate);
  step_in
      = info.samplerate / greatest_divisor (CCS_MODEL_RATE, info.samplerate);
  steps = start > CONTEXT ? (start - CONTEXT) / step_out : 0;
  first = steps * step_in;
  last = ((start + n + CONTEXT) / step_out + 1) * step_in;
  last = MIN (last, (gsize)info.frames);
  stored = read_stored (ccs_sound_input_file (input), path, first, last - first,
                        error);
  return stored
         && resample_channel (stored, last - first, 0, info.samplerate,
                              start - steps * step_out, n, left, error)
         && resample_channel (stored, last - first, 1, info.samplerate,
                              start - steps * step_out, n, right, error);
}

/* -- writing -- */

/* Writes @interleaved, [n] frames, in libsndfile's @format. */
static gboolean
write_sound (const char *path, guint rate, int format, gsize n,
             const float *interleaved, GError **error)
{
  const SF_INFO info = { .samplerate = rate, .channels = 2, .format = format };
  g_autoptr (CcsSoundOutput) file = ccs_sound_output_new (
      path, CCS_OUTPUT_OVERWRITE | CCS_OUTPUT_UNSYNCED, &info, error);

  return file && ccs_sound_output_write (file, interleaved, n, error)
         && ccs_sound_output_commit (file, error);
}

gboolean
ccs_sound_write (const char *path, guint rate, gsize n, const float *left,
                 const float *right, GError **error)
{
  g_autofree float *interleaved = g_new (float, 2 * n);

  for (gsize i = 0; i < n; i++) {
    interleaved[2 * i] = CLAMP (left[i], -1, 1);
    interleaved[2 * i + 1] = CLAMP (right[i], -1, 1);
  }
  return write_sound (path, rate, SF_FORMAT_WAV | SF_FORMAT_PCM_16, n,
                      interleaved, error);
}

gboolean
ccs_sound_write_float (const char *path, guint rate, gsize n, const float *left,
                       const float *right, GError **error)
{
  g_autofree float *interleaved = g_new (float, 2 * n);

  for (gsize i = 0; i < n; i++) {
    interleaved[2 * i] = left[i];
    interleaved[2 * i + 1] = right[i];
  }
  return write_sound (path, rate, SF_FORMAT_WAV | SF_FORMAT_FLOAT, n,
                      interleaved, error);
}
