/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ranges of the input that are known to be silent because they were pushed as a
 * gap. Private to the binauralizer. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  GArray *ranges; /* ascending, disjoint, none adjacent to the next */
} CcsSilence;

void ccs_silence_init (CcsSilence *self);
void ccs_silence_clear (CcsSilence *self);
void ccs_silence_reset (CcsSilence *self);
/* Adds the frames from @start up to @end, which come after all that were added
 * before. */
void ccs_silence_add (CcsSilence *self, guint64 start, guint64 end);
/* Returns whether all frames from @start up to @end are silent. */
gboolean ccs_silence_covers (const CcsSilence *self, guint64 start,
                             guint64 end);
/* Forgets the ranges that end before @frame. */
void ccs_silence_drop_before (CcsSilence *self, guint64 frame);

G_END_DECLS
