/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wav-file.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "../error.h"

#define RIFF_BYTES 12 /* "RIFF" or "RF64", size, "WAVE" */
#define CHUNK_BYTES 8 /* name, size */
#define DS64_BYTES 16 /* of RF64's sizes those of the file and of the sound */
#define DS64_SOUND 8  /* where the latter stands */
/* Writers that cannot seek back leave sizes from here on in a header. */
#define SIZE_UNKNOWN 0x7ffff000u

static guint64
little_endian (const guint8 *bytes, guint n)
{
  guint64 value = 0;

  while (n-- > 0)
    value = value << 8 | bytes[n];
  return value;
}

/* Reads up to the sound, whose @size as stated is 0 where that is left open. */
static gboolean
find_sound (FILE *file, guint64 *size)
{
  guint8 head[RIFF_BYTES], chunk[CHUNK_BYTES], ds64[DS64_BYTES];
  guint64 length, long_size = 0;

  if (fread (head, 1, sizeof head, file) != sizeof head
      || (memcmp (head, "RIFF", 4) != 0 && memcmp (head, "RF64", 4) != 0)
      || memcmp (head + 8, "WAVE", 4) != 0)
    return FALSE;
  while (fread (chunk, 1, sizeof chunk, file) == sizeof chunk) {
    length = little_endian (chunk + 4, 4);
    if (memcmp (chunk, "data", 4) == 0) {
      *size = length < SIZE_UNKNOWN ? length : long_size;
      return TRUE;
    }
    if (memcmp (chunk, "ds64", 4) == 0 && length >= sizeof ds64) {
      if (fread (ds64, 1, sizeof ds64, file) != sizeof ds64)
        return FALSE;
      long_size = little_endian (ds64 + DS64_SOUND, 8);
      length -= sizeof ds64;
    }
    if (fseeko (file, length + length % 2, SEEK_CUR) != 0)
      return FALSE;
  }
  return FALSE;
}

/* Bytes of the sound that are not there. */
static guint64
missing_bytes (FILE *file)
{
  guint64 size;
  off_t start, end;

  if (!find_sound (file, &size) || (start = ftello (file)) < 0
      || fseeko (file, 0, SEEK_END) != 0 || (end = ftello (file)) < 0)
    return 0;
  return size > (guint64)(end - start) ? size - (guint64)(end - start) : 0;
}

gboolean
ccs_wav_is_whole (const char *path, GError **error)
{
  FILE *file = g_file_test (path, G_FILE_TEST_IS_REGULAR) ? g_fopen (path, "rb")
                                                          : NULL;
  guint64 missing = file ? missing_bytes (file) : 0;

  if (file)
    fclose (file);
  if (missing == 0)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
               "%s: cut off: %" G_GUINT64_FORMAT
               " bytes of the sound that its header states are missing",
               path, missing);
  return FALSE;
}
