/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto.h"

#include <string.h>

/* Wire types of protocol buffers. */
typedef enum
{
  WIRE_VARINT = 0,
  WIRE_BYTES = 2,
  WIRE_FIXED32 = 5,
} WireType;

#define VARINT_MAX_BYTES 10 /* of 7 bits each */

static void
add_varint (GByteArray *message, guint64 value)
{
  guint8 bytes[VARINT_MAX_BYTES];
  guint n = 0;

  for (; value >= 0x80; value >>= 7)
    bytes[n++] = (value & 0x7f) | 0x80;
  bytes[n++] = value;
  g_byte_array_append (message, bytes, n);
}

static void
add_key (GByteArray *message, guint field, WireType type)
{
  add_varint (message, field << 3 | type);
}

void
proto_add_int (GByteArray *message, guint field, gint64 value)
{
  add_key (message, field, WIRE_VARINT);
  add_varint (message, value);
}

void
proto_add_float (GByteArray *message, guint field, float value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  bits = GUINT32_TO_LE (bits);
  add_key (message, field, WIRE_FIXED32);
  g_byte_array_append (message, (const guint8 *)&bits, sizeof bits);
}

void
proto_add_bytes (GByteArray *message, guint field, gconstpointer data,
                 gsize size)
{
  add_key (message, field, WIRE_BYTES);
  add_varint (message, size);
  g_byte_array_append (message, data, size);
}

void
proto_add_string (GByteArray *message, guint field, const char *text)
{
  proto_add_bytes (message, field, text, strlen (text));
}

void
proto_add_message (GByteArray *message, guint field, GByteArray *child)
{
  proto_add_bytes (message, field, child->data, child->len);
  g_byte_array_unref (child);
}
