/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Input and output file of `ccstereo-transcode`: opens the input, creates an
 * output with all its streams (packets, side data, metadata and chapters
 * unchanged) and a new audio track, and copies packets. */
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

/* Returns the container for the extension of @path, or NULL. */
const TranscodeContainer *transcode_container_find (const char *path);
gboolean transcode_container_takes (const TranscodeContainer *self,
                                    const char *codec);

/**
 * TranscodeFile:
 * @in: the input file
 * @video: its first video stream
 * @audio: its audio stream that is made binaural
 * @n_audio: number of its audio streams
 * @entries: content of its sample entries; NULL if it has none
 * @field_channel: index of the omnidirectional channel of @audio; -1 if @audio
 *   is not an ambisonic sound field
 * @hidden: duration of the video before time 0 that the input hides with an
 * edit list and the output cannot hide, in AV_TIME_BASE
 * @offset: offset added to all input timestamps, in AV_TIME_BASE, so that the
 *   output starts at 0
 * @out: the output file; NULL before transcode_file_create()
 * @name: name of the output, for messages
 * @map: input stream -> output stream, or -1; @n_map elements
 * @text: by input stream: converts its text packets; NULL: they are copied
 * @order: by input stream: corrects the times of its packets; NULL: they are
 *   kept
 * @params: by input stream: inserts parameter sets into its packets; NULL: they
 *   are kept
 * @notice: function that reports what the output cannot contain
 * @is_turned: by input stream: whether its rotation must still be written
 * @last_dts: by output stream: last DTS, in its time base
 * @track: output stream of the new audio
 * @track_base: time base of the encoder
 * @track_start: time of its first packet, in that time base
 * @container: container of the output
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

/* Returns whether @stream is video, but not a cover image. */
gboolean transcode_file_is_picture (const AVStream *stream);
/* Opens the input @path, with @playlists also one that names other files. Stops
 * waiting for data once *@stop is not 0. */
AVFormatContext *transcode_file_open_input (const char *path,
                                            gboolean playlists,
                                            const volatile sig_atomic_t *stop,
                                            GError **error);
/* Sets @error from libav's error @code; G_IO_ERROR_CANCELLED if reading was
 * stopped. Returns FALSE. */
gboolean transcode_file_fail (GError **error, const char *path,
                              const char *what, int code);

/* Opens @path, which is to be converted to @container, and finds a video stream
 * and the audio stream @stream, from 0. @playlists and @stop are those of
 * transcode_file_open_input(). */
TranscodeFile *transcode_file_open (const char *path, guint stream,
                                    gboolean playlists,
                                    const TranscodeContainer *container,
                                    const volatile sig_atomic_t *stop,
                                    GError **error);
void transcode_file_free (TranscodeFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TranscodeFile, transcode_file_free)

/* Creates the output @path, called @name in messages. The new track replaces
 * the chosen stream or, with @keep_original, comes before it. @notice receives
 * the reason for each stream that the output cannot contain. */
gboolean transcode_file_create (TranscodeFile *self, const char *path,
                                const char *name, const AVCodecContext *encoder,
                                gboolean keep_original, TranscodeNotice notice,
                                GError **error);
/* Reads the next packet to copy, with times of the output; *@packet is NULL at
 * the end. */
gboolean transcode_file_read (TranscodeFile *self, AVPacket **packet,
                              GError **error);
/* Writes @packet (transfer full), whose times are in @time_base. */
gboolean transcode_file_write (TranscodeFile *self, AVPacket *packet,
                               gint stream, AVRational time_base,
                               GError **error);
/* Writes a packet (transfer full) of the new track, whose times are in the
 * encoder's time base. */
gboolean transcode_file_write_sound (TranscodeFile *self, AVPacket *packet,
                                     GError **error);
/* Returns how many frames of copied video did not keep their presentation
 * time. */
guint64 transcode_file_moved (const TranscodeFile *self);
/* Writes index and headers, which completes the output. */
gboolean transcode_file_finish (TranscodeFile *self, GError **error);

G_END_DECLS
