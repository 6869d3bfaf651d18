/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What readers of WAV files pass over in silence. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether @path holds all of the sound that its header states: a WAV or RF64
 * file that was cut off does not, and says so with CCS_ERROR_FORMAT. Files of
 * other forms, what is no regular file, and headers that leave the length open,
 * as those do who cannot seek back, pass. */
gboolean ccs_wav_is_whole (const char *path, GError **error);

G_END_DECLS
