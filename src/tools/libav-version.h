/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What differs between FFmpeg 5.1 and later releases, under the names of this
 * file. No other file tests the version. */
#pragma once

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#define LIBAV_HAS_FRAME_DURATION                                               \
  (LIBAVUTIL_VERSION_INT >= AV_VERSION_INT (57, 30, 100)) /* FFmpeg 6.0 */
#define LIBAV_HAS_CODED_SIDE_DATA                                              \
  (LIBAVCODEC_VERSION_INT >= AV_VERSION_INT (60, 30, 100)) /* 6.1 */
#define LIBAV_HAS_SUPPORTED_CONFIG                                             \
  (LIBAVCODEC_VERSION_INT >= AV_VERSION_INT (61, 13, 100)) /* 7.1 */

/* The Matroska muxer stores the encoder's delay of every codec (CodecDelay) and
 * adds it to the times of packets. Earlier it stores that of Opus alone, and
 * the caller adds it. */
#define LIBAV_MATROSKA_ADDS_DELAY                                              \
  (LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT (59, 31, 100)) /* FFmpeg 6.0 */

/* Returns how long @frame lasts, in its stream's time base; 0 if unknown. */
static inline int64_t
libav_frame_duration (const AVFrame *frame)
{
#if LIBAV_HAS_FRAME_DURATION
  return frame->duration;
#else
  return frame->pkt_duration;
#endif
}

/* Returns the sample rates that @codec encodes, up to a 0, or NULL if it takes
 * any. */
static inline const int *
libav_sample_rates (const AVCodec *codec)
{
#if LIBAV_HAS_SUPPORTED_CONFIG
  const void *rates = NULL;

  if (avcodec_get_supported_config (NULL, codec, AV_CODEC_CONFIG_SAMPLE_RATE, 0,
                                    &rates, NULL)
      < 0)
    return NULL;
  return rates;
#else
  return codec->supported_samplerates;
#endif
}

/* Returns @stream's side data of the given type (nullable); its bytes are
 * stored to @size unless that is NULL. */
static inline const void *
libav_side_data (const AVStream *stream, enum AVPacketSideDataType type,
                 size_t *size)
{
#if LIBAV_HAS_CODED_SIDE_DATA
  const AVPacketSideData *data
      = av_packet_side_data_get (stream->codecpar->coded_side_data,
                                 stream->codecpar->nb_coded_side_data, type);

  if (size)
    *size = data ? data->size : 0;
  return data ? data->data : NULL;
#else
  return av_stream_get_side_data (stream, type, size);
#endif
}

/* Adds @size bytes at @data to @stream, which takes them over (transfer full)
 * unless this returns FALSE. They are from av_malloc(). */
static inline int
libav_add_side_data (AVStream *stream, enum AVPacketSideDataType type,
                     void *data, size_t size)
{
#if LIBAV_HAS_CODED_SIDE_DATA
  return av_packet_side_data_add (&stream->codecpar->coded_side_data,
                                  &stream->codecpar->nb_coded_side_data, type,
                                  data, size, 0)
         != NULL;
#else
  return av_stream_add_side_data (stream, type, data, size) >= 0;
#endif
}

/* Removes @stream's side data of the given type. */
static inline void
libav_remove_side_data (AVStream *stream, enum AVPacketSideDataType type)
{
#if LIBAV_HAS_CODED_SIDE_DATA
  av_packet_side_data_remove (stream->codecpar->coded_side_data,
                              &stream->codecpar->nb_coded_side_data, type);
#else
  for (int i = 0; i < stream->nb_side_data; i++)
    if (stream->side_data[i].type == type) {
      av_free (stream->side_data[i].data);
      stream->side_data[i--] = stream->side_data[--stream->nb_side_data];
    }
#endif
}

/* Copies the side data of @from to @to, where copying its codec's parameters
 * has not done so. Returns FALSE without memory. */
static inline int
libav_copy_side_data (AVStream *to, const AVStream *from)
{
#if !LIBAV_HAS_CODED_SIDE_DATA
  for (int i = 0; i < from->nb_side_data; i++) {
    const AVPacketSideData *data = &from->side_data[i];
    void *copy = av_memdup (data->data, data->size);

    if (copy && av_stream_add_side_data (to, data->type, copy, data->size) < 0)
      av_freep (&copy);
    if (!copy)
      return 0;
  }
#endif
  return 1;
}
