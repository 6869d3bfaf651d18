/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A piece of stereo audio on its way through `ccstereo-transcode`. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * TranscodePiece:
 * @samples: interleaved L R, owned by the stage that made the piece; NULL at
 *   the end
 * @frames: how many pairs
 * @rate: in Hz
 * @time: of the first pair, ns, the offset added
 */
typedef struct
{
  const float *samples;
  gsize frames;
  guint rate;
  gint64 time;
} TranscodePiece;

G_END_DECLS
