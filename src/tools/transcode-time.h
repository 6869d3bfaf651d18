/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arithmetic with times that a file states: every result is defined, whatever
 * the file says. AV_NOPTS_VALUE stays what it is. */
#pragma once

#include <glib.h>
#include <libavutil/avutil.h>
#include <libavutil/mathematics.h>

G_BEGIN_DECLS

#define TRANSCODE_TIME_NS ((AVRational){ 1, 1000000000 })

/* Converts @time from units of @from to units of @to; results out of range
 * become the nearest that is in it. */
gint64 transcode_time_rescale (gint64 time, AVRational from, AVRational to);
/* Returns @a + @b, or the nearest that is in range. */
gint64 transcode_time_add (gint64 a, gint64 b);
/* Returns -@time; the lowest value becomes the highest. */
gint64 transcode_time_negate (gint64 time);

G_END_DECLS
