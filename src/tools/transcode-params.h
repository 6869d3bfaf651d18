/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Codec parameters (H.264's and HEVC's parameter sets, sizes of frames) that
 * change in the middle of a stream. The output's header has those of the start;
 * later ones are written into the packets that need them. */
#pragma once

#include <glib.h>
#include <libavcodec/avcodec.h>

G_BEGIN_DECLS

typedef struct _TranscodeParams TranscodeParams;

/* Makes a converter for a stream that starts with @params, which are in the
 * output's header. */
TranscodeParams *transcode_params_new (const AVCodecParameters *params);
void transcode_params_free (TranscodeParams *self);

/* Makes @packet decodable with the output's header and the packets before it.
 * Returns FALSE if its parameters have changed and packets of this codec cannot
 * carry them. */
gboolean transcode_params_apply (TranscodeParams *self, AVPacket *packet);

G_END_DECLS
