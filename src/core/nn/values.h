/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What passes and plans ask about a program's values. */
#pragma once

#include "program.h"

G_BEGIN_DECLS

/* Bytes of the value's elements, dense. */
gsize ccs_value_bytes (const CcsValue *value);
/* How often each value is read by ops; by value id. (transfer full) */
guint *ccs_count_readers (const CcsProgram *program);
/* Returns whether @id is the result of an op and has exactly one reader, so
 * that producer and reader may be fused. */
gboolean ccs_has_single_reader (const CcsProgram *program, const guint *readers,
                                CcsValueId id);
/* TRUE when the value's content is known when a plan is made. */
gboolean ccs_value_is_constant (const CcsProgram *program,
                                const CcsValue *value);
gboolean ccs_value_has_views (const CcsProgram *program, CcsValueId id);
/* The value whose memory @id lies in (itself, where it is no view), and the
 * element it starts at in there. */
CcsValueId ccs_value_root (const CcsProgram *program, CcsValueId id,
                           gint64 *offset);

G_END_DECLS
