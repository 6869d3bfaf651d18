/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libsndfile writes through functions that remember the first error. */
#include "sound-output.h"

#include <ccstereo/error.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct _CcsSoundOutput
{
  char *path;
  CcsOutputFile *file;
  SNDFILE *sndfile; /* NULL: closed */
  int reason;       /* errno of the first write that failed */
};

/* -- functions for libsndfile -- */

static sf_count_t
get_length (void *data)
{
  CcsSoundOutput *self = data;
  struct stat about;

  return fstat (ccs_output_file_fd (self->file), &about) == 0 ? about.st_size
                                                              : -1;
}

static sf_count_t
seek (sf_count_t offset, int whence, void *data)
{
  CcsSoundOutput *self = data;

  return lseek (ccs_output_file_fd (self->file), offset, whence);
}

static sf_count_t
read_back (void *to, sf_count_t n, void *data)
{
  CcsSoundOutput *self = data;

  return MAX (read (ccs_output_file_fd (self->file), to, n), 0);
}

static sf_count_t
write_out (const void *from, sf_count_t n, void *data)
{
  CcsSoundOutput *self = data;

  if (ccs_output_write_all (ccs_output_file_fd (self->file), from, n))
    return n;
  if (self->reason == 0)
    self->reason = errno;
  return 0;
}

static sf_count_t
tell (void *data)
{
  return seek (0, SEEK_CUR, data);
}

/* -- one file -- */

static gboolean
fail (const CcsSoundOutput *self, const char *reason, GError **error)
{
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: cannot be written: %s",
               self->path, self->reason ? g_strerror (self->reason) : reason);
  return FALSE;
}

CcsSoundOutput *
ccs_sound_output_new (const char *path, CcsOutputFlags flags,
                      const SF_INFO *info, GError **error)
{
  g_autoptr (CcsSoundOutput) self = NULL;
  CcsOutputFile *file = ccs_output_file_new (path, flags, error);
  SF_VIRTUAL_IO functions = { get_length, seek, read_back, write_out, tell };
  SF_INFO format = *info;

  if (!file)
    return NULL;
  self = g_new0 (CcsSoundOutput, 1);
  self->path = g_strdup (path);
  self->file = file;
  self->sndfile = sf_open_virtual (&functions, SFM_WRITE, &format, self);
  if (!self->sndfile) {
    fail (self, sf_strerror (NULL), error);
    return NULL;
  }
  /* It holds the time of day: the same sound would be another file. */
  sf_command (self->sndfile, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
  return g_steal_pointer (&self);
}

SNDFILE *
ccs_sound_output_file (CcsSoundOutput *self)
{
  return self->sndfile;
}

gboolean
ccs_sound_output_write (CcsSoundOutput *self, const float *interleaved,
                        gsize frames, GError **error)
{
  return (sf_writef_float (self->sndfile, interleaved, frames)
              == (sf_count_t)frames
          && self->reason == 0)
         || fail (self, sf_strerror (self->sndfile), error);
}

gboolean
ccs_sound_output_commit (CcsSoundOutput *self, GError **error)
{
  const int status = sf_close (g_steal_pointer (&self->sndfile));

  if (status != SF_ERR_NO_ERROR || self->reason != 0)
    return fail (self, sf_error_number (status), error);
  return ccs_output_file_commit (self->file, error);
}

void
ccs_sound_output_free (CcsSoundOutput *self)
{
  if (!self)
    return;
  g_clear_pointer (&self->sndfile, sf_close);
  ccs_output_file_free (self->file);
  g_free (self->path);
  g_free (self);
}
