/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths in FAIR-Play's layout (specification section 9), for writing. All are
 * (transfer full). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CCS_LAYOUT_LIST "audio" /* data set in the HDF5 lists */
#define CCS_LAYOUT_SOUNDS "binaural_audios"
#define CCS_LAYOUT_FRAMES "frames"
#define CCS_LAYOUT_FRAMES_SUFFIX ".mp4" /* suffix of folders of frames */
#define CCS_LAYOUT_SPLITS "splits"
#define CCS_LAYOUT_FIVE_SPLITS "five_splits"
#define CCS_LAYOUT_TEXT_SUFFIX ".mp3" /* suffix of ids in text lists */

/* Returns an id of six digits; and paths for it. */
char *ccs_layout_id (guint number);
char *ccs_layout_sound (const char *folder, const char *id);
char *ccs_layout_frames (const char *folder, const char *id);
/* Makes the folders for audio, frames and the first split. */
gboolean ccs_layout_make (const char *folder, GError **error);
/* Writes the list of @split ("train", ...) to splits/split1 and
 * five_splits/split1. @ids: (element-type utf8) */
gboolean ccs_layout_write_lists (const char *folder, const char *split,
                                 const GPtrArray *ids, GError **error);

G_END_DECLS
