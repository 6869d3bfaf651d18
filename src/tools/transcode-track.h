/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The new audio track of `ccstereo-transcode`: encodes pieces of stereo audio
 * with their times. Samples keep their times: gaps become silence, and packet
 * times include the encoder's delay. */
#pragma once

#include <glib.h>
#include <libavcodec/avcodec.h>

#include "transcode-piece.h"

G_BEGIN_DECLS

typedef struct _TranscodeTrack TranscodeTrack;

/**
 * TranscodeCodec:
 * @name: name on the command line
 * @id: id in libavcodec
 * @encoder: name of libavcodec's encoder
 * @format: format of the encoder's input samples
 * @bits: significant bits of a sample; 0: all bits of the format
 * @bitrate: default bitrate in bits per second; 0: lossless
 * @rate: the only sample rate that is used, in Hz; 0: any that the encoder
 * takes
 * @is_float: whether samples beyond full scale are preserved
 * @delay_told: whether every container stores the encoder's delay separately
 *   from packet times
 */
typedef struct
{
  const char *name;
  enum AVCodecID id;
  const char *encoder;
  enum AVSampleFormat format;
  int bits;
  int bitrate;
  guint rate;
  gboolean delay_told, is_float;
} TranscodeCodec;

/* Returns the codec with this name, or NULL. */
const TranscodeCodec *transcode_codec_find (const char *name);

/**
 * TranscodeTrackOptions:
 * @codec: the codec
 * @rate: sample rate of the audio, in Hz
 * @bitrate: bits per second; 0: the codec's default
 * @gain: factor by which samples are multiplied
 * @global_header: whether the container stores the codec's header separately
 * @tick: the container stores the start of the track in units of 1 / @tick s
 * (0: any time): the track starts on a tick, with silence up to the first
 * sample
 */
typedef struct
{
  const TranscodeCodec *codec;
  guint rate;
  gint64 bitrate;
  double gain;
  gboolean global_header;
  guint tick;
} TranscodeTrackOptions;

TranscodeTrack *transcode_track_new (const TranscodeTrackOptions *options,
                                     GError **error);
void transcode_track_free (TranscodeTrack *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TranscodeTrack, transcode_track_free)

/* Returns the opened encoder, for its parameters and time base. (transfer none)
 */
const AVCodecContext *transcode_track_encoder (const TranscodeTrack *self);
gboolean transcode_track_push (TranscodeTrack *self,
                               const TranscodePiece *piece, GError **error);
/* Returns how much audio was dropped because it overlapped earlier audio, ns.
 */
gint64 transcode_track_overlap (const TranscodeTrack *self);
/* Returns how many samples (of both channels) were beyond full scale in a codec
 * that does not keep them, and the highest value coded, 1 being full scale. */
guint64 transcode_track_clipped (const TranscodeTrack *self, double *peak);
/* Ends the track: encodes the remaining samples. */
gboolean transcode_track_finish (TranscodeTrack *self, GError **error);
/* Returns the next packet, in the encoder's time base, or NULL if more audio is
 * needed. (transfer full) */
AVPacket *transcode_track_pop (TranscodeTrack *self);

G_END_DECLS
