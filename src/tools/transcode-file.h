/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The containers of `ccstereo-transcode`: opens the input, makes an output with
 * every stream of it (packets, side data, metadata and chapters as they are)
 * and with one new audio track, and moves packets. */
#pragma once

#include <gio/gio.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <signal.h>

#include "transcode-entry.h"
#include "transcode-order.h"
#include "transcode-params.h"
#include "transcode-text.h"
#include "transcode-track.h"

G_BEGIN_DECLS

/**
 * TranscodeContainer:
 * @extension: of file names
 * @muxer: libavformat's
 * @codecs: names of those that the new track may have; the first is the default
 * @tick: packets' times are in units of 1 / @tick s; 0: of the track's choice
 */
typedef struct
{
  const char *extension;
  const char *muxer;
  const char *const *codecs;
  guint tick;
} TranscodeContainer;

/* By @path's extension; NULL: none that can be written. */
const TranscodeContainer *transcode_container_find (const char *path);
gboolean transcode_container_takes (const TranscodeContainer *self,
                                    const char *codec);

/**
 * TranscodeFile:
 * @in: the input
 * @video: the first stream of pictures in it
 * @audio: the stream of it that is made binaural
 * @n_audio: how many audio streams the input has
 * @entries: what its sample entries hold; NULL: it has none
 * @field_channel: the omnidirectional channel of @audio, from 0; -1: it is no
 *   sound field
 * @hidden: how much of the pictures a player leaves out before 0, and the
 * output cannot, in AV_TIME_BASE
 * @offset: what is added to the input's times, in AV_TIME_BASE: the input's
 *   clock may begin anywhere
 * @out: the output; NULL before transcode_file_create()
 * @name: of the output, for messages
 * @map: input stream -> output stream, or -1; @n_map of them
 * @text: by input stream, what makes its packets anew; NULL: they are copied
 * @order: by input stream, what gives its packets their times; NULL: they are
 *   used as they are
 * @params: by input stream, what keeps its packets decodable; NULL: they are
 *   used as they are
 * @notice: hears what the output cannot have
 * @is_turned: by input stream, whether its turn is still to be written
 * @last_dts: of every output stream, in its time base
 * @track: the output stream of the new sound
 * @track_base: the encoder's time base
 * @track_start: of its first packet, in that
 * @container: the output's
 */
typedef struct
{
  char *in_path;
  AVFormatContext *in;
  AVStream *video, *audio;
  guint n_audio;
  TranscodeEntries *entries;
  gint field_channel;
  gint64 hidden, offset;
  AVFormatContext *out;
  char *name;
  gint *map;
  guint n_map;
  TranscodeText **text;
  TranscodeOrder **order;
  TranscodeParams **params;
  TranscodeNotice notice;
  gboolean *is_turned;
  gint64 *last_dts;
  AVStream *track;
  AVRational track_base;
  gint64 track_start;
  const TranscodeContainer *container;
} TranscodeFile;

/* Not the cover of an album, which is a video stream too. */
gboolean transcode_file_is_picture (const AVStream *stream);
/* Opens @path alone, for whoever reads in it. Stops waiting for data once
 * *@stop is not 0. */
AVFormatContext *transcode_file_open_input (const char *path,
                                            const volatile sig_atomic_t *stop,
                                            GError **error);
/* Sets @error from libav's @code, G_IO_ERROR_CANCELLED where that says that
 * reading was stopped; always FALSE. */
gboolean transcode_file_fail (GError **error, const char *path,
                              const char *what, int code);

/* Opens @path, which is to become a @container, and finds a video stream and
 * audio stream number @stream, from 0. Stops waiting for data once *@stop is
 * not 0. */
TranscodeFile *transcode_file_open (const char *path, guint stream,
                                    const TranscodeContainer *container,
                                    const volatile sig_atomic_t *stop,
                                    GError **error);
void transcode_file_free (TranscodeFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TranscodeFile, transcode_file_free)

/* Makes @path, to be called @name, where the new track takes the chosen
 * stream's place, or with
 * @keep_original stands before it. @notice hears the reason for each stream
 * that the output cannot have. */
gboolean transcode_file_create (TranscodeFile *self, const char *path,
                                const char *name, const AVCodecContext *encoder,
                                gboolean keep_original, TranscodeNotice notice,
                                GError **error);
/* The next packet to copy, with output times, or *@packet NULL at the end. */
gboolean transcode_file_read (TranscodeFile *self, AVPacket **packet,
                              GError **error);
/* Writes @packet (takes it), whose times are in @time_base. */
gboolean transcode_file_write (TranscodeFile *self, AVPacket *packet,
                               gint stream, AVRational time_base,
                               GError **error);
/* Writes a packet of the new track (takes it), whose times are the encoder's.
 */
gboolean transcode_file_write_sound (TranscodeFile *self, AVPacket *packet,
                                     GError **error);
/* Returns how many frames of copied video did not keep their presentation
 * time. */
guint64 transcode_file_moved (const TranscodeFile *self);
/* Index and headers: the output is complete. */
gboolean transcode_file_finish (TranscodeFile *self, GError **error);

G_END_DECLS
