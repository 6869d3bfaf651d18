/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arithmetic on times from files. Every result is defined for any input.
 * AV_NOPTS_VALUE is preserved. */
#pragma once

#include <glib.h>
#include <libavutil/avutil.h>
#include <libavutil/mathematics.h>

G_BEGIN_DECLS

#define TRANSCODE_TIME_NS ((AVRational){ 1, 1000000000 })

/* Converts @time from the time base @from to @to; clamps results that are out
 * of range. */
gint64 transcode_time_rescale (gint64 time, AVRational from, AVRational to);
/* Returns @a + @b, clamped to the range. */
gint64 transcode_time_add (gint64 a, gint64 b);
/* Returns -@time; the lowest value becomes the highest. */
gint64 transcode_time_negate (gint64 time);

G_END_DECLS
