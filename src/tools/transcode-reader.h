/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decodes one stream of a file with libavformat and libavcodec: frames in
 * presentation order with their times. Each reader opens the file itself, so
 * that streams that are far apart in the file do not wait for each other. */
#pragma once

#include <gio/gio.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <signal.h>

G_BEGIN_DECLS

typedef struct _TranscodeReader TranscodeReader;

/* Opens stream @index of @path and a decoder with @threads threads (0:
 * libavcodec decides). With @playlists, @path may name other files. Reading
 * stops once *@stop is not 0. Errors name the
 * file. */
TranscodeReader *transcode_reader_open (const char *path, int index,
                                        int threads, gboolean playlists,
                                        const volatile sig_atomic_t *stop,
                                        GError **error);
void transcode_reader_free (TranscodeReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TranscodeReader, transcode_reader_free)

/* Returns the stream. (transfer none) */
AVStream *transcode_reader_stream (TranscodeReader *self);
/* Returns the frame rate, or 0/1 if it is not constant. */
AVRational transcode_reader_rate (const AVStream *stream);
/* Allows the reader to skip frames of a video with constant rate that are not
 * near a multiple of 1 / @rate s, after adding @offset, in ns, to their times.
 */
void transcode_reader_thin_out (TranscodeReader *self, int rate, gint64 offset);
/* Returns the next frame and its time in ns. *@frame is valid until the next
 * call, and NULL at the end. Packets that cannot be decoded are skipped.
 * G_IO_ERROR_CANCELLED if stopped. */
gboolean transcode_reader_next (TranscodeReader *self, AVFrame **frame,
                                gint64 *time, GError **error);

G_END_DECLS
