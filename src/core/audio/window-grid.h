/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The published window grid: where windows start, which frame each takes, and
 * how overlapping outputs are averaged (specification section 7). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Lengths and hops are in samples. Windows that cover @n of them: ceil ((n -
 * window)/hop) + 1, at least 1. */
gsize ccs_grid_windows (gsize n, gsize window, gsize hop);
/* Samples after the zero padding that completes the last window. */
gsize ccs_grid_padded (gsize n, gsize window, gsize hop);
/* Number of the frame, not below 0, that the window at @start of an @n-sample
 * clip of @duration seconds takes, evaluated in the published order and rounded
 * half to even: round (((start + window/2)/n T + offset) fps). FAIR-Play's
 * frames are numbered from 1 and take @offset 0.1 s, YT-Clean's from 0 and
 * 0.05 s. */
gint64 ccs_grid_frame (gsize start, gsize n, double duration, double offset,
                       gsize window, double fps);

/* Streaming overlap average with equal weights, counting the windows that are
 * there. They arrive in order, each a hop (1 to window) after the last; a
 * sample is final once no later window covers it. */
typedef struct _CcsOverlap CcsOverlap;
CcsOverlap *ccs_overlap_new (gsize window, gsize hop);
void ccs_overlap_free (CcsOverlap *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsOverlap, ccs_overlap_free)
/* Adds a window's output [window]; appends the hop samples that became final to
 * @out (element-type float). Draining appends the rest and starts anew. */
void ccs_overlap_push (CcsOverlap *self, const float *window, GArray *out);
void ccs_overlap_drain (CcsOverlap *self, GArray *out);
void ccs_overlap_reset (CcsOverlap *self);

G_END_DECLS
