/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One stream of a file, decoded: libavformat and libavcodec give its frames in
 * the order in which they are presented, each with its time. Every reader has
 * the file open for itself, so that streams that lie far apart in it never wait
 * for each other. */
#pragma once

#include <gio/gio.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <signal.h>

G_BEGIN_DECLS

typedef struct _TranscodeReader TranscodeReader;

/* Opens stream @index of @path and a decoder on @threads threads (0: as many as
 * it likes). Reading ends once *@stop is not 0. Errors name the file. */
TranscodeReader *transcode_reader_open (const char *path, int index,
                                        int threads,
                                        const volatile sig_atomic_t *stop,
                                        GError **error);
void transcode_reader_free (TranscodeReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TranscodeReader, transcode_reader_free)

/* (transfer none) */
AVStream *transcode_reader_stream (TranscodeReader *self);
/* Frames a second, or 0/1 where they come at uneven times. */
AVRational transcode_reader_rate (const AVStream *stream);
/* Of pictures that come at a constant rate only those next to multiples of
 * 1 / @rate s (with @offset, in ns, added to their times) are needed. Others
 * may still come. */
void transcode_reader_thin_out (TranscodeReader *self, int rate, gint64 offset);
/* The next frame and its time in ns by the file's clock; *@frame is valid until
 * the next call, and NULL at the end. Packets that cannot be decoded are passed
 * over. G_IO_ERROR_CANCELLED when stopped. */
gboolean transcode_reader_next (TranscodeReader *self, AVFrame **frame,
                                gint64 *time, GError **error);

G_END_DECLS
