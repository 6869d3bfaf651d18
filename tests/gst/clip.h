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
 * @channels: number of audio channels
 * @audio_start: timestamp of the first audio sample, in samples
 * @audio_samples: length of the audio, in samples
 * @n_audio: number of audio tracks
 * @no_video: there is no video track
 * @vfr: the frame rate varies
 * @spherical: the video is equirectangular, top-bottom stereo
 * @chapters: there are two chapters
 * @swapped: the right eye's view comes first in the stereo video
 * @lossless: frames are QuickTime Animation, in RGB (MOV)
 * @turned: frames are stored rotated by 90 degrees, with a display matrix that
 *   undoes it
 * @wide: the pixel aspect ratio is 2:1 in the container and 1:1 in the codec
 * @text: codec of a subtitle CLIP_WORDS from 0.5 s to 1.5 s; 0: no subtitle
 * @endless: the subtitle has the longest duration that Matroska can express
 * @seconds: duration of the video; 0: CLIP_SECONDS
 * @hidden: tenths of a second of video before time 0, as with an edit list
 * @apart: channel c repeats the first channel CLIP_APART * c samples later
 * @cover: clip_cover is attached as an image (Matroska)
 * @clock: time at which the file's clock starts, seconds
 * @overlap: samples by which the second half of the audio starts before the
 *   first half ends
 * @squeeze: samples by which each audio packet starts before the previous one
 *   ends
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

/* Writes a file. The format depends on the extension of @path. A .mpg
 * program stream has MPEG-2 frames, some of them without a timestamp. */
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
/* As clip_decode(), but returns the left channel only. */
GArray *clip_decode_left (const char *path, double *start, int *rate);

G_END_DECLS
