/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where things lie in FAIR-Play's layout (specification section 9), for those
 * who write it. All paths are (transfer full). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CCS_LAYOUT_LIST "audio" /* data set in the HDF5 lists */
#define CCS_LAYOUT_SOUNDS "binaural_audios"
#define CCS_LAYOUT_FRAMES "frames"
#define CCS_LAYOUT_FRAMES_SUFFIX ".mp4" /* folders of frames are named so */
#define CCS_LAYOUT_SPLITS "splits"
#define CCS_LAYOUT_FIVE_SPLITS "five_splits"
#define CCS_LAYOUT_TEXT_SUFFIX ".mp3" /* follows an id in a text list */

/* Six digits. */
char *ccs_layout_id (guint number);
char *ccs_layout_sound (const char *folder, const char *id);
char *ccs_layout_frames (const char *folder, const char *id);
/* The folders for sounds, frames and the first split. */
gboolean ccs_layout_make (const char *folder, GError **error);
/* The list of @split ("train", ...) in splits/split1 and five_splits/split1.
 * @ids: (element-type utf8) */
gboolean ccs_layout_write_lists (const char *folder, const char *split,
                                 const GPtrArray *ids, GError **error);

G_END_DECLS
