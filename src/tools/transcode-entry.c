/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transcode-entry.h"

#include <libavutil/avstring.h>
#include <string.h>

#include "libav-version.h"
#include "transcode-boxes.h"

#define ENTRY_COUNT 8 /* bytes before the entries of stsd */
/* Bytes of a sample entry before its boxes. */
#define VIDEO_ENTRY 78
#define AUDIO_ENTRY 28
#define AUDIO_ENTRY_1 44 /* in QuickTime's version 1 */
#define AUDIO_ENTRY_2 64
#define AUDIO_VERSION 8 /* offset of the version */
/* SA3D: version, type, order (4), ordering, normalization, channels (4), then
 * the component of each channel. */
#define SA3D_CHANNELS 8
#define SA3D_MAP 12
#define COMPONENT_W 0

struct _TranscodeEntries
{
  GByteArray *header;
};

static const struct
{
  const char *type;
  enum AVMediaType media;
  enum AVPacketSideDataType
      side_data; /* the equivalent that libavformat writes */
  const char *what, *without;
} kept[] = {
  { "st3d", AVMEDIA_TYPE_VIDEO, AV_PKT_DATA_STEREO3D, "stereoscopic video",
    "players show both views side by side" },
  { "sv3d", AVMEDIA_TYPE_VIDEO, AV_PKT_DATA_SPHERICAL,
    "projection of spherical video, or its mesh (mshp)",
    "players show the frames flat" },
  { "vexu", AVMEDIA_TYPE_VIDEO, AV_PKT_DATA_NB, "spatial video",
    "players show one view" },
  { "hfov", AVMEDIA_TYPE_VIDEO, AV_PKT_DATA_NB, "horizontal field of view",
    "players assume one" },
  { "SA3D", AVMEDIA_TYPE_AUDIO, AV_PKT_DATA_NB, "ambisonic sound field",
    "players take its channels for loudspeakers" },
};

/* -- ways into a header --------------------------------------------------- */

/* Enters the first sample entry of track @track. */
static gboolean
enter_entry (TranscodeBoxes *way, const GByteArray *header, guint track)
{
  static const char *const path[] = { "trak", "mdia", "minf", "stbl", "stsd" };

  for (guint i = 0; i < G_N_ELEMENTS (path); i++)
    if (!transcode_boxes_enter (way, header, path[i], i == 0 ? track : 0))
      return FALSE;
  return transcode_boxes_enter_at (way, header,
                                   transcode_boxes_start (way) + ENTRY_COUNT);
}

/* Returns the bytes of a sample entry before its boxes. */
static guint
entry_head (const GByteArray *header, guint start, enum AVMediaType media)
{
  if (media == AVMEDIA_TYPE_VIDEO)
    return VIDEO_ENTRY;
  switch (start + AUDIO_VERSION + 2 <= header->len
              ? header->data[start + AUDIO_VERSION + 1]
              : 0) {
  case 1:
    return AUDIO_ENTRY_1;
  case 2:
    return AUDIO_ENTRY_2;
  default:
    return AUDIO_ENTRY;
  }
}

/* Finds the box @type in the first sample entry of track @track: *@at is its
 * offset. */
static gboolean
find_box (const GByteArray *header, guint track, enum AVMediaType media,
          const char *type, guint *at, guint *size)
{
  TranscodeBoxes way = TRANSCODE_BOXES_HEADER;
  guint next;

  if (!enter_entry (&way, header, track))
    return FALSE;
  next = transcode_boxes_start (&way)
         + entry_head (header, transcode_boxes_start (&way), media);
  while (transcode_boxes_enter_at (&way, header, next)) {
    *at = next;
    *size = transcode_boxes_end (&way, header) - next;
    if (memcmp (header->data + next + 4, type, 4) == 0)
      return TRUE;
    next += *size;
    way.depth--;
  }
  return FALSE;
}

/* Finds the track of @stream by the id in its tkhd. Returns FALSE if it is
 * missing. */
static gboolean
find_track (const TranscodeEntries *self, const AVStream *stream, guint *track)
{
  for (*track = 0;; (*track)++) {
    TranscodeBoxes way = TRANSCODE_BOXES_HEADER;
    guint at;

    if (!transcode_boxes_enter (&way, self->header, "trak", *track))
      return FALSE;
    if (!transcode_boxes_enter (&way, self->header, "tkhd", 0))
      continue;
    at = transcode_boxes_start (&way);
    at += 4 + (at < self->header->len && self->header->data[at] == 1 ? 16 : 8);
    if (at + 4 <= transcode_boxes_end (&way, self->header)
        && transcode_box_get_32 (self->header, at) == (guint32)stream->id)
      return TRUE;
  }
}

/* -- life ----------------------------------------------------------------- */

TranscodeEntries *
transcode_entries_read (const char *path, const AVInputFormat *format)
{
  GByteArray *header = av_match_name ("mov", format->name)
                           ? transcode_header_read (path)
                           : NULL;
  TranscodeEntries *self;

  if (header == NULL)
    return NULL;
  self = g_new0 (TranscodeEntries, 1);
  self->header = header;
  return self;
}

void
transcode_entries_free (TranscodeEntries *self)
{
  if (self == NULL)
    return;
  g_byte_array_unref (self->header);
  g_free (self);
}

/* -- what the boxes say --------------------------------------------------- */

gboolean
transcode_entries_is_encrypted (const TranscodeEntries *self,
                                const AVStream *stream)
{
  TranscodeBoxes way = TRANSCODE_BOXES_HEADER;
  const guint8 *type;
  guint track;

  if (libav_side_data (stream, AV_PKT_DATA_ENCRYPTION_INIT_INFO, NULL))
    return TRUE;
  if (self == NULL || !find_track (self, stream, &track)
      || !enter_entry (&way, self->header, track))
    return FALSE;
  type = self->header->data + transcode_boxes_start (&way) - 4;
  return memcmp (type, "enca", 4) == 0 || memcmp (type, "encv", 4) == 0;
}

/* Returns the index of channel W, from the box or from libavformat's channel
 * layout. */
gint
transcode_entries_field_channel (const TranscodeEntries *self,
                                 const AVStream *stream)
{
  const AVChannelLayout *layout = &stream->codecpar->ch_layout;
  guint track, at, size, n;
  gint w;

  if (self && find_track (self, stream, &track)
      && find_box (self->header, track, AVMEDIA_TYPE_AUDIO, "SA3D", &at,
                   &size)) {
    at += TRANSCODE_BOX_HEAD;
    size -= TRANSCODE_BOX_HEAD;
    n = size >= SA3D_MAP
            ? transcode_box_get_32 (self->header, at + SA3D_CHANNELS)
            : 0;
    for (guint i = 0; i < MIN (n, (size - SA3D_MAP) / 4); i++)
      if (transcode_box_get_32 (self->header, at + SA3D_MAP + 4 * i)
          == COMPONENT_W)
        return (gint)i;
    return 0;
  }
  w = av_channel_layout_index_from_channel (layout, AV_CHAN_AMBISONIC_BASE);
  return w >= 0 || layout->order != AV_CHANNEL_ORDER_AMBISONIC ? w : 0;
}

/* -- to the output -------------------------------------------------------- */

typedef struct
{
  const TranscodeEntries *from;
  const AVStream *stream;
  guint from_track, track;
} Copy;

static gboolean
copy_boxes (GByteArray *header, gconstpointer data)
{
  const Copy *copy = data;
  const enum AVMediaType media = copy->stream->codecpar->codec_type;
  guint at, size;

  for (guint i = 0; i < G_N_ELEMENTS (kept); i++) {
    TranscodeBoxes way = TRANSCODE_BOXES_HEADER;
    g_autoptr (GByteArray) box = g_byte_array_new ();

    if (kept[i].media != media
        || find_box (header, copy->track, media, kept[i].type, &at, &size)
        || !find_box (copy->from->header, copy->from_track, media, kept[i].type,
                      &at, &size))
      continue;
    g_byte_array_append (box, copy->from->header->data + at, size);
    if (!enter_entry (&way, header, copy->track))
      return FALSE;
    transcode_boxes_replace (&way, header, transcode_boxes_end (&way, header),
                             0, box);
  }
  return TRUE;
}

/* Returns whether @stream has any of the boxes. */
static gboolean
has_boxes (const TranscodeEntries *self, const AVStream *stream, guint track)
{
  guint at, size;

  for (guint i = 0; i < G_N_ELEMENTS (kept); i++)
    if (kept[i].media == stream->codecpar->codec_type
        && find_box (self->header, track, kept[i].media, kept[i].type, &at,
                     &size))
      return TRUE;
  return FALSE;
}

gboolean
transcode_entries_copy (const TranscodeEntries *self, const AVStream *stream,
                        const char *path, guint track, GError **error)
{
  Copy copy = { .from = self, .stream = stream, .track = track };

  if (self == NULL || !find_track (self, stream, &copy.from_track)
      || !has_boxes (self, stream, copy.from_track)
      || transcode_header_change (path, copy_boxes, &copy))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
               "%s: boxes of stream %d cannot be written", path, stream->index);
  return FALSE;
}

void
transcode_entries_report (const TranscodeEntries *self, const AVStream *stream,
                          const char *name, const char *extension,
                          TranscodeNotice notice)
{
  guint track, at, size;

  if (self == NULL || !find_track (self, stream, &track))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (kept); i++) {
    g_autofree char *text = NULL;

    if (kept[i].media != stream->codecpar->codec_type
        || !find_box (self->header, track, kept[i].media, kept[i].type, &at,
                      &size)
        || (kept[i].side_data != AV_PKT_DATA_NB
            && libav_side_data (stream, kept[i].side_data, NULL)))
      continue;
    text = g_strdup_printf ("%s: stream %d: box %s (%s) is left out: .%s files "
                            "cannot have it; %s",
                            name, stream->index, kept[i].type, kept[i].what,
                            extension, kept[i].without);
    notice (text);
  }
}
