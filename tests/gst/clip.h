/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes small files with everything that a transcoder must preserve, and reads
 * files, with libavformat. Functions end the running Check test on failure. */
#pragma once

#include <glib.h>
#include <libavformat/avformat.h>

G_BEGIN_DECLS

#define CLIP_SECONDS 2
#define CLIP_WORDS "Hello"
#define CLIP_APART 1000

/**
 * ClipOptions:
 * @rate: sample rate of the audio, Hz; 0: no audio
 * @channels: of it
 * @audio_start: of its first sample, samples
 * @audio_samples: how many
 * @n_audio: tracks of it
 * @no_video: there is no picture
 * @vfr: pictures come at uneven times
 * @spherical: the picture is equirectangular, top-bottom stereo
 * @chapters: there are two
 * @swapped: in which the right eye's picture is the first
 * @lossless: pictures are QuickTime Animation, in RGB (MOV)
 * @turned: the picture is stored turned by a quarter, and says so
 * @wide: its points are twice as wide as high, says the container, and the
 *   codec that they are square
 * @text: codec of subtitles that say CLIP_WORDS from 0.5 s to 1.5 s; 0: none
 * @endless: they say it as long as Matroska can tell
 * @seconds: of the picture; 0: CLIP_SECONDS
 * @hidden: tenths of a second of it that lie before 0, as edit lists hide them
 * @apart: channel c has the sound of the first, CLIP_APART * c samples later
 * @cover: an image is attached, clip_cover (Matroska)
 * @clock: time at which the file's clock starts, seconds
 * @overlap: samples by which the second half of the audio starts before the
 *   first half ends
 * @squeeze: samples by which each audio packet starts before the last one ends
 */
typedef struct
{
  int rate, channels;
  gint64 audio_start, audio_samples;
  int n_audio;
  gboolean no_video, vfr, spherical, chapters, swapped, lossless, turned, wide;
  enum AVCodecID text;
  gboolean endless;
  int seconds, hidden;
  gboolean apart, cover;
  gint64 clock, overlap, squeeze;
} ClipOptions;

/* A PNG image with one pixel. */
extern const guint8 clip_cover[];
extern const int clip_cover_size;

/* Writes a file. The format depends on the extension of @path; a .mpg program
 * stream has MPEG-2 frames, some of them without a time. */
void clip_write (const char *path, const ClipOptions *options);
/* Reads the packets of stream @index. (transfer full) (element-type AVPacket)
 */
GPtrArray *clip_packets (AVFormatContext *file, int index);
AVFormatContext *clip_open (const char *path);
/* Returns the first stream of @type, or -1. */
int clip_find (AVFormatContext *file, enum AVMediaType type);
/* Decodes the first audio stream and returns the sum of its channels; @start is
 * the time of the first sample in seconds, @rate in Hz. (transfer full)
 * (element-type float) */
GArray *clip_decode (const char *path, double *start, int *rate);
/* Decodes the left channel alone. */
GArray *clip_decode_left (const char *path, double *start, int *rate);

G_END_DECLS
