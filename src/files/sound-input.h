/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens audio files with libsndfile, including WAV files with incomplete
 * headers. */
#pragma once

#include <glib.h>
#include <sndfile.h>

G_BEGIN_DECLS

typedef struct _CcsSoundInput CcsSoundInput;

/**
 * ccs_sound_input_open:
 * @path: an audio file, or a pipe
 * @error: names @path
 *
 * Opens an audio file for reading. WAV headers without a size (from writers
 * into pipes) and BW64 are repaired on the way; a WAV file that is cut off is
 * an error (CCS_ERROR_FORMAT).
 *
 * Returns: (transfer full) (nullable): free with ccs_sound_input_free()
 */
CcsSoundInput *ccs_sound_input_open (const char *path, GError **error);
void ccs_sound_input_free (CcsSoundInput *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsSoundInput, ccs_sound_input_free)

/* Returns the handle to read from. (transfer none) */
SNDFILE *ccs_sound_input_file (CcsSoundInput *self);
/* Returns the format. @frames is -1 if the length of a pipe is unknown. */
const SF_INFO *ccs_sound_input_info (const CcsSoundInput *self);

G_END_DECLS
