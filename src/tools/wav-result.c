/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wav-result.h"

#include <ccstereo/error.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <sndfile.h>

#define CHANNELS 2
#define MAX_SAMPLE_BYTES 4
/* Sizes in WAV have 32 bits; the rest is for headers. */
#define MAX_WAV_FRAMES                                                         \
  ((G_MAXUINT32 - (1 << 16)) / (CHANNELS * MAX_SAMPLE_BYTES))

struct _WavResult
{
  const char *path;
  char *partial; /* NULL: in its place */
  SNDFILE *file; /* NULL: closed */
  gboolean as_float;
  gsize n_clipped;
};

static gboolean
fail (const WavResult *self, const char *what, const char *reason,
      GError **error)
{
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: %s: %s", self->path, what,
               reason);
  return FALSE;
}

/* Plain WAV is what every program reads. RF64 that stays small enough would
 * become WAV too, but an extended form of it that some do not read. */
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
wav_result_new (const char *path, const WavFormat *format, GError **error)
{
  g_autoptr (WavResult) self = g_new0 (WavResult, 1);
  SF_INFO info = describe (format);
  int fd;

  self->path = path;
  self->as_float = format->as_float;
  self->partial = g_strconcat (path, ".XXXXXX", NULL);
  fd = g_mkstemp_full (self->partial, O_RDWR | O_CLOEXEC, 0666);
  if (fd < 0) {
    fail (self, "cannot be created", g_strerror (errno), error);
    g_clear_pointer (&self->partial, g_free);
    return NULL;
  }
  self->file = sf_open_fd (fd, SFM_WRITE, &info, SF_TRUE);
  if (!self->file) {
    fail (self, "cannot be begun", sf_strerror (NULL), error);
    return NULL;
  }
  sf_command (self->file, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
  /* It holds the time of day: the same sound would be another file. */
  sf_command (self->file, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
  sf_command (self->file, SFC_SET_CLIPPING, NULL, SF_TRUE);
  return g_steal_pointer (&self);
}

gboolean
wav_result_write (WavResult *self, const float *stereo, gsize frames,
                  GError **error)
{
  if (!self->as_float)
    for (gsize i = 0; i < CHANNELS * frames; i++)
      self->n_clipped += fabsf (stereo[i]) > 1.f;
  return sf_writef_float (self->file, stereo, frames) == (sf_count_t)frames
         || fail (self, "cannot be written", sf_strerror (self->file), error);
}

gsize
wav_result_clipped (const WavResult *self)
{
  return self->n_clipped;
}

gboolean
wav_result_finish (WavResult *self, GError **error)
{
  const int status = sf_close (g_steal_pointer (&self->file));

  if (status != SF_ERR_NO_ERROR)
    return fail (self, "cannot be completed", sf_error_number (status), error);
  if (g_rename (self->partial, self->path) != 0)
    return fail (self, "the finished file cannot take this name",
                 g_strerror (errno), error);
  g_clear_pointer (&self->partial, g_free);
  return TRUE;
}

void
wav_result_free (WavResult *self)
{
  if (!self)
    return;
  g_clear_pointer (&self->file, sf_close);
  if (self->partial)
    g_unlink (self->partial);
  g_free (self->partial);
  g_free (self);
}
