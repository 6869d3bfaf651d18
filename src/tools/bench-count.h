/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the work of a program comes to, for `ccstereo bench`: the arithmetic and
 * the memory traffic that a device's ceilings are held against. */
#pragma once

#include "nn/program.h"

G_BEGIN_DECLS

/* Multiply-adds of the products in a run of @p; what is only added, scaled or
 * moved does not count. */
gint64 bench_count_macs (const CcsProgram *p);
/* Bytes that a run of @p reads and writes where every op fetches each of its
 * operands once and leaves each result once, in the types of its values.
 * Optimise @p before: what is fused away moves nothing. */
gint64 bench_count_bytes (const CcsProgram *p);

G_END_DECLS
