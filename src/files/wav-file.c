/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wav-file.h"

#include <ccstereo/error.h>
#include <string.h>
#include <sys/stat.h>

#define RIFF_BYTES 12 /* "RIFF", "RF64" or "BW64", size, "WAVE" */
#define CHUNK_BYTES 8 /* name, size */
#define DS64_BYTES 28 /* sizes of file, audio and sample count, no table */
#define DS64_AUDIO 8  /* offset of the audio's size */
#define INFO_BYTES 4  /* type of a LIST chunk */
/* Sizes from this value on mean unknown: writers that cannot seek back leave
 * them. */
#define SIZE_UNKNOWN 0x7fff0000u
#define LONG_SIZE_UNKNOWN 0x7fffffff00000000u
#define MAX_HEADER (1 << 20) /* bytes that are kept */
/* Bytes searched for chunks after the audio. */
#define MAX_TRAILER (64 * 1024)

/* The state of the parser, and what the header says. */
typedef struct
{
  FILE *file;
  GByteArray *consumed; /* nullable */
  GByteArray *chunks;   /* between "WAVE" and "data", without "ds64" */
  char riff[4];
  guint64 riff_size, audio_size;
  guint64 start;       /* offset of the audio */
  gboolean has_length; /* the file's length is known */
  guint64 length;
} Parser;

/* -- bytes ---------------------------------------------------------------- */

static guint64
little_endian (const guint8 *bytes, guint n)
{
  guint64 value = 0;

  while (n-- > 0)
    value = value << 8 | bytes[n];
  return value;
}

static void
put (GByteArray *to, guint64 value, guint n)
{
  for (guint i = 0; i < n; i++, value >>= 8)
    g_byte_array_append (to, &(guint8){ value & 0xff }, 1);
}

static void
put_name (GByteArray *to, const char *name)
{
  g_byte_array_append (to, (const guint8 *)name, 4);
}

static gboolean
take (Parser *self, guint8 *bytes, gsize n)
{
  const gsize got = fread (bytes, 1, n, self->file);

  if (self->consumed)
    g_byte_array_append (self->consumed, bytes, got);
  self->start += got;
  return got == n;
}

/* -- parsing -------------------------------------------------------------- */

/* Reads the rest of a chunk. Stores it unless it is "ds64". */
static gboolean
take_chunk (Parser *self, const guint8 *head, guint64 *long_audio,
            guint64 *long_riff)
{
  const gsize size = little_endian (head + 4, 4);
  const gsize padded = size + size % 2;
  const gboolean is_ds64 = memcmp (head, "ds64", 4) == 0;
  g_autofree guint8 *content = NULL;

  if (padded > MAX_HEADER - self->chunks->len)
    return FALSE;
  content = g_malloc (padded);
  if (!take (self, content, padded))
    return FALSE;
  if (is_ds64 && size >= DS64_BYTES - 12) {
    *long_riff = little_endian (content, 8);
    *long_audio = little_endian (content + DS64_AUDIO, 8);
  } else if (!is_ds64) {
    g_byte_array_append (self->chunks, head, CHUNK_BYTES);
    g_byte_array_append (self->chunks, content, padded);
  }
  return TRUE;
}

/* Parses the header up to the audio. */
static gboolean
parse (Parser *self)
{
  guint8 head[RIFF_BYTES], chunk[CHUNK_BYTES];
  guint64 long_audio = G_MAXUINT64, long_riff = G_MAXUINT64;

  if (!take (self, head, sizeof head) || memcmp (head + 8, "WAVE", 4) != 0
      || (memcmp (head, "RIFF", 4) != 0 && memcmp (head, "RF64", 4) != 0
          && memcmp (head, "BW64", 4) != 0))
    return FALSE;
  memcpy (self->riff, head, sizeof self->riff);
  while (take (self, chunk, sizeof chunk)) {
    if (memcmp (chunk, "data", 4) == 0) {
      self->riff_size = little_endian (head + 4, 4);
      self->audio_size = little_endian (chunk + 4, 4);
      if (self->riff_size == G_MAXUINT32)
        self->riff_size = long_riff;
      if (self->audio_size == G_MAXUINT32)
        self->audio_size = long_audio;
      return TRUE;
    }
    if (!take_chunk (self, chunk, &long_audio, &long_riff))
      return FALSE;
  }
  return FALSE;
}

/* -- the audio's true size ------------------------------------------------ */

/* Returns the bytes of the file from the audio on. */
static guint64
available (const Parser *self)
{
  if (!self->has_length)
    return G_MAXUINT64;
  return self->length > self->start ? self->length - self->start : 0;
}

/* Returns whether the header has no size, because it was written first and
 * never updated. A size of 0 is valid if the file ends there. */
static gboolean
is_open_ended (const Parser *self)
{
  const guint64 size = self->audio_size;
  const guint64 riff_end = CHUNK_BYTES + self->riff_size;

  if (size == 0)
    return available (self) > 0
           && (self->riff_size == 0 || self->riff_size >= SIZE_UNKNOWN
               || (self->has_length && riff_end < self->length));
  return ((size >= SIZE_UNKNOWN && size <= G_MAXUINT32)
          || size >= LONG_SIZE_UNKNOWN)
         && (!self->has_length || size > available (self));
}

/* Returns the size of a LIST chunk at the end of the file: programs append tags
 * even if the size of the audio is unknown. */
static guint64
trailer_bytes (const Parser *self)
{
  const guint64 searched = MIN (available (self), MAX_TRAILER);
  g_autofree guint8 *tail = g_malloc (searched);
  guint64 found = 0;

  if (fseeko (self->file, -(off_t)searched, SEEK_END) != 0
      || fread (tail, 1, searched, self->file) != searched)
    return 0;
  for (guint64 left = CHUNK_BYTES + INFO_BYTES; left <= searched; left++) {
    const guint8 *chunk = tail + searched - left;
    const guint64 size = little_endian (chunk + 4, 4);

    if (memcmp (chunk, "LIST", 4) == 0 && CHUNK_BYTES + size + size % 2 == left)
      found = left;
  }
  return found;
}

/* -- a header that is true ------------------------------------------------ */

static GByteArray *
build (const Parser *self, guint64 audio_bytes)
{
  const guint64 riff = 4 + self->chunks->len + CHUNK_BYTES + audio_bytes;
  const gboolean is_long = audio_bytes < G_MAXUINT64 && riff >= SIZE_UNKNOWN;
  GByteArray *bytes = g_byte_array_new ();
  const guint64 shown = is_long || audio_bytes == G_MAXUINT64 ? G_MAXUINT32 : 0;

  put_name (bytes, is_long ? "RF64" : "RIFF");
  put (bytes, shown ? shown : riff, 4);
  put_name (bytes, "WAVE");
  if (is_long) {
    put_name (bytes, "ds64");
    put (bytes, DS64_BYTES, 4);
    put (bytes, riff + CHUNK_BYTES + DS64_BYTES, 8);
    put (bytes, audio_bytes, 8);
    put (bytes, 0, 8);
    put (bytes, 0, 4);
  }
  g_byte_array_append (bytes, self->chunks->data, self->chunks->len);
  put_name (bytes, "data");
  put (bytes, shown ? shown : audio_bytes, 4);
  return bytes;
}

void
ccs_wav_header_clear (CcsWavHeader *self)
{
  g_clear_pointer (&self->bytes, g_byte_array_unref);
}

static gboolean
evaluate (CcsWavHeader *self, Parser *parser, const char *path, GError **error)
{
  const gboolean open_ended = is_open_ended (parser);
  guint64 size = parser->audio_size;

  if (open_ended) {
    size = available (parser);
    if (parser->has_length)
      size -= trailer_bytes (parser);
  } else if (size > available (parser)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: cut off: %" G_GUINT64_FORMAT
                 " bytes of the sound that its header states are missing",
                 path, size - available (parser));
    return FALSE;
  }
  self->start = parser->start;
  self->audio_bytes = size;
  if (open_ended || memcmp (parser->riff, "RIFF", 4) != 0)
    self->bytes = build (parser, size);
  return TRUE;
}

gboolean
ccs_wav_header_read (CcsWavHeader *self, FILE *file, const char *path,
                     GByteArray *consumed, GError **error)
{
  g_autoptr (GByteArray) chunks = g_byte_array_new ();
  Parser parser = { .file = file, .consumed = consumed, .chunks = chunks };
  struct stat status;

  if (fstat (fileno (file), &status) == 0 && S_ISREG (status.st_mode)) {
    parser.has_length = TRUE;
    parser.length = (guint64)status.st_size;
  }
  return !parse (&parser) || evaluate (self, &parser, path, error);
}
