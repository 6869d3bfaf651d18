/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The published window grid: where windows start, which frame each takes, and
 * how overlapping outputs are averaged (specification section 7). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Returns the number of windows that cover @n samples: ceil ((n - window)/hop)
 * + 1, at least 1. Lengths and hops are in samples. */
gsize ccs_grid_windows (gsize n, gsize window, gsize hop);
/* Returns the number of samples including the zero padding that completes the
 * last window. */
gsize ccs_grid_padded (gsize n, gsize window, gsize hop);
/* Returns the index of the frame, at least 0, that is used for the window at
 * @start of a clip of @n samples and @duration T seconds: round (((start +
 * window/2)/n T + offset) fps), in this order, rounded half to even.
 * FAIR-Play's frames are numbered from 1 and take @offset 0.1 s, YT-Clean's
 * from 0 and 0.05 s. */
gint64 ccs_grid_frame (gsize start, gsize n, double duration, double offset,
                       gsize window, double fps);

/* Streaming overlap average with equal weights. Windows are pushed in order,
 * each one hop (1 to window) after the last. A sample is the mean over the
 * windows that cover it, and final once no later window does. */
typedef struct _CcsOverlap CcsOverlap;
CcsOverlap *ccs_overlap_new (gsize window, gsize hop);
void ccs_overlap_free (CcsOverlap *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsOverlap, ccs_overlap_free)
/* Adds the output of a window [window] and appends the hop samples that became
 * final to @out (element-type float). ccs_overlap_drain() appends the rest and
 * resets the average. */
void ccs_overlap_push (CcsOverlap *self, const float *window, GArray *out);
void ccs_overlap_drain (CcsOverlap *self, GArray *out);
void ccs_overlap_reset (CcsOverlap *self);

G_END_DECLS
