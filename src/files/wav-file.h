/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Headers of WAV files (RIFF, RF64, BW64) that libsndfile misreads. */
#pragma once

#include <glib.h>
#include <stdio.h>

G_BEGIN_DECLS

/**
 * CcsWavHeader:
 * @bytes: (nullable): header to be read in place of the file's own, up to the
 *   first audio byte; %NULL if libsndfile reads the file's own correctly
 * @start: offset of the first audio byte in the file
 * @audio_bytes: size of the audio; %G_MAXUINT64 if it lasts until the end of
 *   a pipe
 *
 * Initialize with { 0 }.
 */
typedef struct
{
  GByteArray *bytes;
  guint64 start;
  guint64 audio_bytes;
} CcsWavHeader;

void ccs_wav_header_clear (CcsWavHeader *self);

/**
 * ccs_wav_header_read:
 * @self: result
 * @file: opened file, at its first byte
 * @path: of @file, for error messages
 * @consumed: (nullable): receives every byte read, for files that cannot seek
 *
 * Reads a WAV header and repairs it: writers that cannot seek back leave the
 * size of the audio open (0, 0x7fff0000 and more, 0xffffffff); libsndfile does
 * not know BW64, and reads RF64 from files alone. Other formats and damaged
 * headers leave @self empty.
 *
 * Returns: %FALSE with CCS_ERROR_FORMAT if the audio is shorter than the header
 *   states
 */
gboolean ccs_wav_header_read (CcsWavHeader *self, FILE *file, const char *path,
                              GByteArray *consumed, GError **error);

G_END_DECLS
