/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Properties of a program's values that passes and plans need. */
#pragma once

#include "program.h"

G_BEGIN_DECLS

/* Returns the size of a dense value in bytes. */
gsize ccs_value_bytes (const CcsValue *value);
/* Returns the number of readers of each value, by value id. (transfer full) */
guint *ccs_count_readers (const CcsProgram *program);
/* Returns whether @id is the result of an op and has exactly one reader, so
 * that producer and reader may be fused. */
gboolean ccs_has_single_reader (const CcsProgram *program, const guint *readers,
                                CcsValueId id);
/* Returns whether the content is known when a plan is made. */
gboolean ccs_value_is_constant (const CcsProgram *program,
                                const CcsValue *value);
gboolean ccs_value_has_views (const CcsProgram *program, CcsValueId id);
/* Returns the value in whose memory @id is (@id itself if it is not a view),
 * and in @offset its first element there. */
CcsValueId ccs_value_root (const CcsProgram *program, CcsValueId id,
                           gint64 *offset);

G_END_DECLS
