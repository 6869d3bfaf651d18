/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtual I/O for libsndfile: presents a repaired header, then the file.
 * libsndfile seeks even in pipes while it parses a header, so the bytes read
 * from a pipe until then are kept. */
#include "sound-input.h"

#include <ccstereo/error.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "local-path.h"
#include "wav-file.h"

/* Larger counts are not true: libsndfile derives them from the length of a
 * pipe. */
#define MAX_FRAMES (G_GINT64_CONSTANT (1) << 48)
#define MAX_SKIP (1 << 20) /* bytes of a pipe */

struct _CcsSoundInput
{
  SNDFILE *sndfile;
  SF_INFO info;
  FILE *file;
  gboolean is_pipe, is_open_ended;
  GByteArray *head;   /* bytes presented before offset @start of the file */
  sf_count_t start;   /* file offset that follows @head */
  sf_count_t length;  /* as presented to libsndfile */
  sf_count_t at;      /* position, as presented to libsndfile */
  sf_count_t file_at; /* the file's own position */
};

/* -- functions for libsndfile --------------------------------------------- */

static sf_count_t
get_length (void *data)
{
  return ((CcsSoundInput *)data)->length;
}

static sf_count_t
seek (sf_count_t offset, int whence, void *data)
{
  CcsSoundInput *self = data;
  const sf_count_t from = whence == SEEK_SET   ? 0
                          : whence == SEEK_CUR ? self->at
                                               : self->length;

  self->at = CLAMP (from + offset, 0, self->length);
  return self->at;
}

static sf_count_t
tell (void *data)
{
  return ((CcsSoundInput *)data)->at;
}

/* Keeps bytes of a pipe that are read while the header is parsed. */
static void
keep (CcsSoundInput *self, const guint8 *bytes, sf_count_t n)
{
  if (!self->is_pipe || self->sndfile)
    return;
  g_byte_array_append (self->head, bytes, n);
  self->start += n;
}

/* Reads ahead in a pipe, at most the length of a header. */
static gboolean
skip (CcsSoundInput *self, sf_count_t wanted)
{
  guint8 bytes[4096];

  if (wanted < self->file_at || wanted - self->file_at > MAX_SKIP)
    return FALSE;
  while (self->file_at < wanted) {
    sf_count_t n = MIN (wanted - self->file_at, (sf_count_t)sizeof bytes);

    n = (sf_count_t)fread (bytes, 1, n, self->file);
    if (n == 0)
      return FALSE;
    self->file_at += n;
    keep (self, bytes, n);
  }
  return TRUE;
}

/* Seeks to the file offset for @at. Returns FALSE if a pipe cannot. */
static gboolean
reach (CcsSoundInput *self)
{
  const sf_count_t wanted
      = self->start + self->at - (sf_count_t)self->head->len;

  if (wanted == self->file_at)
    return TRUE;
  if (self->is_pipe)
    return skip (self, wanted);
  if (fseeko (self->file, wanted, SEEK_SET) != 0)
    return FALSE;
  self->file_at = wanted;
  return TRUE;
}

static sf_count_t
read_bytes (void *to, sf_count_t count, void *data)
{
  CcsSoundInput *self = data;
  guint8 *out = to;
  sf_count_t from_head
      = CLAMP ((sf_count_t)self->head->len - self->at, 0, count);
  sf_count_t got = 0;

  if (from_head > 0)
    memcpy (out, self->head->data + self->at, from_head);
  self->at += from_head;
  count = MIN (count - from_head, self->length - self->at);
  if (count > 0 && reach (self)) {
    got = (sf_count_t)fread (out + from_head, 1, count, self->file);
    self->file_at += got;
    self->at += got;
    keep (self, out + from_head, got);
  }
  return from_head + got;
}

/* -- opening -------------------------------------------------------------- */

/* Prepares the presented header and offsets. */
static gboolean
plan (CcsSoundInput *self, const char *path, GError **error)
{
  g_autoptr (GByteArray) consumed = g_byte_array_new ();
  CcsWavHeader header = { 0 };

  self->is_pipe = fseeko (self->file, 0, SEEK_END) != 0;
  self->length = self->is_pipe ? SF_COUNT_MAX : ftello (self->file);
  if (!self->is_pipe)
    rewind (self->file);
  if (!ccs_wav_header_read (&header, self->file, path,
                            self->is_pipe ? consumed : NULL, error))
    return FALSE;
  self->file_at = self->is_pipe ? consumed->len : ftello (self->file);
  if (header.bytes) {
    self->is_open_ended = header.audio_bytes == G_MAXUINT64;
    self->head = g_steal_pointer (&header.bytes);
    self->start = (sf_count_t)header.start;
    if (!self->is_open_ended)
      self->length
          = (sf_count_t)self->head->len + (sf_count_t)header.audio_bytes;
  } else {
    self->head = g_byte_array_ref (consumed);
    self->start = consumed->len;
  }
  return TRUE;
}

CcsSoundInput *
ccs_sound_input_open (const char *path, GError **error)
{
  g_autoptr (CcsSoundInput) self = g_new0 (CcsSoundInput, 1);
  SF_VIRTUAL_IO functions = {
    .get_filelen = get_length, .seek = seek, .read = read_bytes, .tell = tell
  };

  if (!ccs_path_check_local (path, error))
    return NULL;
  self->file = g_fopen (path, "rb");
  if (!self->file) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: %s", path,
                 g_strerror (errno));
    return NULL;
  }
  if (!plan (self, path, error))
    return NULL;
  self->sndfile = sf_open_virtual (&functions, SFM_READ, &self->info, self);
  if (!self->sndfile) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: %s", path,
                 sf_strerror (NULL));
    return NULL;
  }
  if (self->is_pipe) {
    self->info.seekable = FALSE;
    if (self->is_open_ended || self->info.frames > MAX_FRAMES)
      self->info.frames = -1;
  }
  return g_steal_pointer (&self);
}

void
ccs_sound_input_free (CcsSoundInput *self)
{
  if (!self)
    return;
  g_clear_pointer (&self->sndfile, sf_close);
  g_clear_pointer (&self->file, fclose);
  g_clear_pointer (&self->head, g_byte_array_unref);
  g_free (self);
}

SNDFILE *
ccs_sound_input_file (CcsSoundInput *self)
{
  return self->sndfile;
}

const SF_INFO *
ccs_sound_input_info (const CcsSoundInput *self)
{
  return &self->info;
}
