/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A clip to measure on: noise as sound, noise as pictures, in the published
 * test protocol. */
#pragma once

#include <ccstereo/ccstereo.h>

G_BEGIN_DECLS

typedef struct _BenchClip BenchClip;

BenchClip *bench_clip_new (const CcsModel *model, double seconds);
void bench_clip_free (BenchClip *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchClip, bench_clip_free)

/* Encodes each frame that a window takes once, then runs all windows and
 * averages their overlaps. */
gboolean bench_clip_run (BenchClip *self, CcsModel *model, GError **error);
/* Encodes @n frames, at most CCS_MODEL_MAX_FRAMES. */
gboolean bench_clip_encode (BenchClip *self, CcsModel *model, guint n,
                            GError **error);
/* Separates @n windows, at most CCS_MODEL_MAX_WINDOWS. */
gboolean bench_clip_separate (BenchClip *self, CcsModel *model, guint n,
                              GError **error);

G_END_DECLS
