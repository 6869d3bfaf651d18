/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Audio files written with libsndfile, which takes their name when complete. */
#pragma once

#include <glib.h>
#include <sndfile.h>

#include "output-file.h"

G_BEGIN_DECLS

typedef struct _CcsSoundOutput CcsSoundOutput;

/* Makes a file in the format of @info. Errors of this and of what follows are
 * CCS_ERROR_IO and name @path. (transfer full) */
CcsSoundOutput *ccs_sound_output_new (const char *path, CcsOutputFlags flags,
                                      const SF_INFO *info, GError **error);
/* Returns libsndfile's handle, for sf_command(). (transfer none) */
SNDFILE *ccs_sound_output_file (CcsSoundOutput *self);
/* Writes @frames interleaved frames. */
gboolean ccs_sound_output_write (CcsSoundOutput *self, const float *interleaved,
                                 gsize frames, GError **error);
/* Completes the file and gives it its name. A write that failed at any time is
 * an error, also that of the header at the end, which sf_close() ignores. */
gboolean ccs_sound_output_commit (CcsSoundOutput *self, GError **error);
/* Removes the file unless it was committed. */
void ccs_sound_output_free (CcsSoundOutput *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsSoundOutput, ccs_sound_output_free)

G_END_DECLS
