/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Extradata has the format of ISO/IEC 14496-15 (avcC, hvcC) or of a byte stream
 * (Annex B); packets have the same format. */
#include "transcode-params.h"

#include <string.h>

#define AVCC_HEADER 6
#define HVCC_HEADER 23

struct _TranscodeParams
{
  enum AVCodecID codec;
  guint length_size; /* bytes of a NAL unit's size in the output; 0: Annex B */
  guint read_size;   /* bytes of a NAL unit's size in the input */
  GBytes *extradata; /* of the input */
  GPtrArray
      *sets; /* GBytes to be added to key frames; NULL: the header has them */
  gboolean is_pending; /* changed, but not yet written */
};

/* -- NAL units ------------------------------------------------------------ */

/* A part of a buffer. */
typedef struct
{
  const guint8 *data;
  gsize size;
} Span;

static guint
big_endian (const guint8 *data, guint n)
{
  guint value = 0;

  for (guint i = 0; i < n; i++)
    value = value << 8 | data[i];
  return value;
}

/* Returns the number of bytes before the next start code, or of all. */
static gsize
before_start_code (Span span)
{
  for (gsize i = 0; i + 3 <= span.size; i++)
    if (span.data[i] == 0 && span.data[i + 1] == 0 && span.data[i + 2] == 1)
      return i;
  return span.size;
}

/* Reads the next NAL unit from @rest; sizes have @length_size bytes (0: Annex
 * B). Returns FALSE at the end, or if the rest is damaged. */
static gboolean
take_unit (Span *rest, guint length_size, Span *unit)
{
  gsize size, head = length_size;

  if (length_size == 0) {
    head = before_start_code (*rest) + 3;
    if (head > rest->size)
      return FALSE;
    size = before_start_code ((Span){ rest->data + head, rest->size - head });
    *unit = (Span){ rest->data + head, size };
    while (unit->size > 0 && unit->data[unit->size - 1] == 0)
      unit->size--;
  } else {
    if (rest->size < head)
      return FALSE;
    size = big_endian (rest->data, length_size);
    if (size > rest->size - head)
      return FALSE;
    *unit = (Span){ rest->data + head, size };
  }
  rest->data += head + size;
  rest->size -= head + size;
  return TRUE;
}

static void
put_unit (GByteArray *to, guint length_size, Span unit)
{
  static const guint8 start_code[] = { 0, 0, 0, 1 };

  if (length_size == 0)
    g_byte_array_append (to, start_code, sizeof start_code);
  for (guint i = length_size; i > 0; i--)
    g_byte_array_append (to, &(guint8){ unit.size >> 8 * (i - 1) & 0xff }, 1);
  g_byte_array_append (to, unit.data, unit.size);
}

/* Returns whether @unit is an access unit delimiter, which must come before the
 * parameter sets. */
static gboolean
is_delimiter (const TranscodeParams *self, Span unit)
{
  if (unit.size == 0)
    return FALSE;
  return self->codec == AV_CODEC_ID_H264 ? (unit.data[0] & 31) == 9
                                         : (unit.data[0] >> 1 & 63) == 35;
}

/* -- extradata ------------------------------------------------------------ */

static gboolean
is_annex_b (Span span)
{
  return span.size >= 3 && span.data[0] == 0 && span.data[1] == 0;
}

/* Adds @n units, whose sizes have 2 bytes, to @to. */
static gboolean
take_sets (Span *rest, guint n, GPtrArray *to)
{
  Span unit;

  for (; n > 0; n--) {
    if (!take_unit (rest, 2, &unit))
      return FALSE;
    g_ptr_array_add (to, g_bytes_new (unit.data, unit.size));
  }
  return TRUE;
}

static gboolean
parse_avcc (Span span, GPtrArray *to)
{
  Span rest = { span.data + AVCC_HEADER, span.size - AVCC_HEADER };
  guint n;

  if (!take_sets (&rest, span.data[AVCC_HEADER - 1] & 31, to) || rest.size < 1)
    return FALSE;
  n = rest.data[0];
  rest.data++;
  rest.size--;
  return take_sets (&rest, n, to);
}

static gboolean
parse_hvcc (Span span, GPtrArray *to)
{
  Span rest = { span.data + HVCC_HEADER, span.size - HVCC_HEADER };

  for (guint n = span.data[HVCC_HEADER - 1]; n > 0; n--) {
    guint units;

    if (rest.size < 3)
      return FALSE;
    units = big_endian (rest.data + 1, 2);
    rest.data += 3;
    rest.size -= 3;
    if (!take_sets (&rest, units, to))
      return FALSE;
  }
  return TRUE;
}

static gsize
header_size (const TranscodeParams *self)
{
  return self->codec == AV_CODEC_ID_H264 ? AVCC_HEADER : HVCC_HEADER;
}

/* Returns the bytes of unit sizes in packets with @extradata. */
static guint
length_size_of (const TranscodeParams *self, Span extradata)
{
  if (is_annex_b (extradata) || extradata.size < header_size (self))
    return 0;
  return (extradata.data[self->codec == AV_CODEC_ID_H264 ? 4 : 21] & 3) + 1;
}

/* Parses the parameter sets. (transfer full) (nullable) */
static GPtrArray *
parse_sets (const TranscodeParams *self, Span extradata)
{
  g_autoptr (GPtrArray) sets
      = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  Span unit;

  if (is_annex_b (extradata)) {
    while (take_unit (&extradata, 0, &unit))
      g_ptr_array_add (sets, g_bytes_new (unit.data, unit.size));
    return g_steal_pointer (&sets);
  }
  if (extradata.size < header_size (self)
      || !(self->codec == AV_CODEC_ID_H264 ? parse_avcc (extradata, sets)
                                           : parse_hvcc (extradata, sets)))
    return NULL;
  return g_steal_pointer (&sets);
}

/* -- life ----------------------------------------------------------------- */

TranscodeParams *
transcode_params_new (const AVCodecParameters *params)
{
  TranscodeParams *self = g_new0 (TranscodeParams, 1);
  const Span extradata = { params->extradata, params->extradata_size };

  self->codec = params->codec_id;
  self->extradata = g_bytes_new (extradata.data, extradata.size);
  if (self->codec == AV_CODEC_ID_H264 || self->codec == AV_CODEC_ID_HEVC)
    self->length_size = self->read_size = length_size_of (self, extradata);
  return self;
}

void
transcode_params_free (TranscodeParams *self)
{
  if (self == NULL)
    return;
  g_bytes_unref (self->extradata);
  g_clear_pointer (&self->sets, g_ptr_array_unref);
  g_free (self);
}

/* -- packets -------------------------------------------------------------- */

/* Applies new @extradata. Returns FALSE if packets cannot contain it. */
static gboolean
change (TranscodeParams *self, Span extradata)
{
  GPtrArray *sets;

  switch (self->codec) {
  case AV_CODEC_ID_H264:
  case AV_CODEC_ID_HEVC:
    sets = parse_sets (self, extradata);
    if (sets == NULL)
      return FALSE;
    g_clear_pointer (&self->sets, g_ptr_array_unref);
    self->sets = sets;
    self->read_size = length_size_of (self, extradata);
    self->is_pending = TRUE;
    return TRUE;
  case AV_CODEC_ID_AV1: /* key frames contain the parameters */
  case AV_CODEC_ID_VP8:
  case AV_CODEC_ID_VP9:
  case AV_CODEC_ID_MPEG1VIDEO:
  case AV_CODEC_ID_MPEG2VIDEO:
    return TRUE;
  default:
    return FALSE;
  }
}

static void
put_sets (const TranscodeParams *self, GByteArray *to)
{
  for (guint i = 0; i < self->sets->len; i++) {
    Span unit;

    unit.data
        = g_bytes_get_data (g_ptr_array_index (self->sets, i), &unit.size);
    put_unit (to, self->length_size, unit);
  }
}

/* Converts the units of @packet to the output's format, with the parameter sets
 * before them if @with_sets. (transfer full) */
static GByteArray *
rewrite (const TranscodeParams *self, const AVPacket *packet,
         gboolean with_sets)
{
  GByteArray *to = g_byte_array_sized_new (packet->size + 256);
  Span rest = { packet->data, packet->size }, unit;

  while (take_unit (&rest, self->read_size, &unit)) {
    if (with_sets && !is_delimiter (self, unit)) {
      put_sets (self, to);
      with_sets = FALSE;
    }
    put_unit (to, self->length_size, unit);
  }
  return to;
}

static gboolean
replace_data (AVPacket *packet, const GByteArray *bytes)
{
  AVBufferRef *buffer
      = av_buffer_alloc (bytes->len + AV_INPUT_BUFFER_PADDING_SIZE);

  if (buffer == NULL)
    return FALSE;
  memcpy (buffer->data, bytes->data, bytes->len);
  memset (buffer->data + bytes->len, 0, AV_INPUT_BUFFER_PADDING_SIZE);
  av_buffer_unref (&packet->buf);
  packet->buf = buffer;
  packet->data = buffer->data;
  packet->size = (int)bytes->len;
  return TRUE;
}

gboolean
transcode_params_apply (TranscodeParams *self, AVPacket *packet)
{
  const gboolean is_key = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  g_autoptr (GByteArray) bytes = NULL;
  Span extradata = { 0 };
  gboolean with_sets;

  extradata.data = av_packet_get_side_data (packet, AV_PKT_DATA_NEW_EXTRADATA,
                                            &extradata.size);
  if (extradata.data && extradata.size > 0) {
    g_autoptr (GBytes) now = g_bytes_new (extradata.data, extradata.size);

    if (!g_bytes_equal (now, self->extradata)) {
      if (!change (self, extradata))
        return FALSE;
      g_bytes_unref (self->extradata);
      self->extradata = g_steal_pointer (&now);
    }
  }
  with_sets = self->sets && (is_key || self->is_pending);
  if (!with_sets && self->read_size == self->length_size)
    return TRUE;
  self->is_pending = FALSE;
  bytes = rewrite (self, packet, with_sets);
  return replace_data (packet, bytes);
}
