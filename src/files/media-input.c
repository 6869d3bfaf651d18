/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media-input.h"

#include <libavutil/avstring.h>
#include <libavutil/opt.h>

#include "local-path.h"

/* Demuxers, by libavformat's names. A format is listed if users have video or
 * audio in it and if it refers to no other file. Left out are network
 * protocols, devices, image sequences, raw streams without a header, formats of
 * games and of tests, and text. */
#define CONTAINERS "mov,matroska,mpegts,mpeg,avi,flv,nut,ogg,asf,mxf,gxf,dv,"
/* Audio alone, so that the message is that there is no video. */
#define AUDIO_FILES "wav,w64,aiff,au,caf,flac,mp3,aac,ac3,eac3,dts,wv,tta,amr,"
/* Video alone. */
#define VIDEO_FILES "h264,hevc,m4v,mpegvideo,ivf,obu"
#define DEMUXERS CONTAINERS AUDIO_FILES VIDEO_FILES
/* These name other files or addresses. */
#define PLAYLISTS "hls,dash,imf,concat,concatf,webm_dash_manifest,sdp,rtsp"
/* Of these, what can be read without a network. */
#define LOCAL_PLAYLISTS "hls,dash,imf,concat"
/* Also for the files that a file names. */
#define PROTOCOLS "file"

static gboolean
fail (GError **error, const char *path, const char *what, int code)
{
  char reason[AV_ERROR_MAX_STRING_SIZE] = "";

  av_strerror (code, reason, sizeof reason);
  g_set_error (error, CCS_ERROR,
               code == AVERROR_INVALIDDATA ? CCS_ERROR_FORMAT : CCS_ERROR_IO,
               "%s: %s: %s", path, what, reason);
  return FALSE;
}

static gboolean
check_format (const AVInputFormat *format, const char *path,
              gboolean allow_playlists, GError **error)
{
  const char *name = format->long_name ? format->long_name : format->name;

  if (av_match_list (format->name, DEMUXERS, ',')
      || (allow_playlists
          && av_match_list (format->name, LOCAL_PLAYLISTS, ',')))
    return TRUE;
  if (av_match_list (format->name, LOCAL_PLAYLISTS, ','))
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: is a playlist (%s), which names other files "
                 "(--allow-playlists reads them)",
                 path, name);
  else if (av_match_list (format->name, PLAYLISTS, ','))
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: is a playlist (%s) of network addresses; files alone are "
                 "read",
                 path, name);
  else
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: its format (%s) is not supported", path, name);
  return FALSE;
}

/* Detects the format from the content and, if that is not enough, from the
 * name. The content is probed under the name of an HLS playlist, because from
 * FFmpeg 7.1 on libavformat detects a playlist under no other name. */
static int
probe (AVIOContext *io, const char *url, const AVInputFormat **format)
{
  const int status
      = av_probe_input_buffer2 (io, format, "list.m3u8", NULL, 0, 0);

  if (status != AVERROR_INVALIDDATA || avio_seek (io, 0, SEEK_SET) < 0)
    return status;
  return av_probe_input_buffer2 (io, format, url, NULL, 0, 0);
}

static gboolean
find_format (AVFormatContext *in, const char *url, const char *path,
             gboolean allow_playlists, const AVInputFormat **format,
             GError **error)
{
  AVDictionary *options = NULL;
  AVIOContext *io = NULL;
  int status;

  av_dict_set (&options, "protocol_whitelist", PROTOCOLS, 0);
  status = avio_open2 (&io, url, AVIO_FLAG_READ, &in->interrupt_callback,
                       &options);
  av_dict_free (&options);
  if (status >= 0)
    status = probe (io, url, format);
  avio_closep (&io);
  if (status < 0)
    return fail (error, path, "cannot be opened", status);
  return check_format (*format, path, allow_playlists, error);
}

/* The demuxer hands the lists on to those that it opens itself. */
static gboolean
open_as (AVFormatContext **in, const char *url, const AVInputFormat *format,
         const char *path, gboolean allow_playlists, GError **error)
{
  AVDictionary *options = NULL;
  int status;

  av_dict_set (&options, "protocol_whitelist", PROTOCOLS, 0);
  av_dict_set (&options, "format_whitelist",
               allow_playlists ? DEMUXERS "," LOCAL_PLAYLISTS : DEMUXERS, 0);
  status = avformat_open_input (in, url, format, &options);
  av_dict_free (&options);
  if (status < 0)
    return fail (error, path, "cannot be opened", status);
  status = avformat_find_stream_info (*in, NULL);
  return status >= 0 || fail (error, path, "cannot be read", status);
}

gboolean
ccs_media_input_open (AVFormatContext **in, const char *path,
                      gboolean allow_playlists, GError **error)
{
  g_autofree char *url = g_strconcat ("file:", path, NULL);
  const AVInputFormat *format = NULL;

  if (ccs_path_check_local (path, error)
      && find_format (*in, url, path, allow_playlists, &format, error)
      && open_as (in, url, format, path, allow_playlists, error))
    return TRUE;
  if (*in)
    avformat_close_input (in);
  return FALSE;
}

gboolean
ccs_media_input_check_encryption (const AVStream *stream, const char *path,
                                  GError **error)
{
  const guint32 tag = stream->codecpar->codec_tag;

  if (tag != MKTAG ('e', 'n', 'c', 'v') && tag != MKTAG ('e', 'n', 'c', 'a')
      && tag != MKTAG ('d', 'r', 'm', 'i') && tag != MKTAG ('d', 'r', 'm', 's')
      && !av_dict_get (stream->metadata, "enc_key_id", NULL, 0))
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
               "%s: its %s is encrypted (copy protection), and no key is known",
               path, av_get_media_type_string (stream->codecpar->codec_type));
  return FALSE;
}
