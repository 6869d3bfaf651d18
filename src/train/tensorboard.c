/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensorboard.h"
#include <ccstereo/error.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CRC_POLYNOMIAL 0x82F63B78u /* CRC-32C, reflected */
#define CRC_MASK 0xA282EAD8u /* masks the CRC, as the file format requires */

/* Field numbers of tensorflow.Event and tensorflow.Summary, with wire types. */
enum
{
  EVENT_WALL_TIME = 1 << 3 | 1,
  EVENT_STEP = 2 << 3 | 0,
  EVENT_FILE_VERSION = 3 << 3 | 2,
  EVENT_SUMMARY = 5 << 3 | 2,
  EVENT_SESSION = 7 << 3 | 2,
  SESSION_STATUS = 1 << 3 | 0,
  SUMMARY_VALUE = 1 << 3 | 2,
  VALUE_TAG = 1 << 3 | 2,
  VALUE_SIMPLE = 2 << 3 | 5,
};

#define SESSION_START 1 /* tensorflow.SessionLog.START */

struct _CcsTensorBoard
{
  char *path;
  FILE *file;
};

static guint32
masked_crc (const guint8 *data, gsize n)
{
  guint32 crc = ~0u;

  for (gsize i = 0; i < n; i++) {
    crc ^= data[i];
    for (guint bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (crc & 1 ? CRC_POLYNOMIAL : 0);
  }
  crc = ~crc;
  return (crc >> 15 | crc << 17) + CRC_MASK;
}

static void
put_varint (GByteArray *to, guint64 value)
{
  do {
    guint8 byte = (value & 0x7f) | (value > 0x7f ? 0x80 : 0);

    g_byte_array_append (to, &byte, 1);
    value >>= 7;
  } while (value > 0);
}

static void
put_bytes (GByteArray *to, guint field, gconstpointer data, gsize n)
{
  put_varint (to, field);
  put_varint (to, n);
  g_byte_array_append (to, data, n);
}

static void
put_fixed (GByteArray *to, guint field, gconstpointer data, gsize n)
{
  put_varint (to, field);
  g_byte_array_append (to, data, n);
}

static gboolean
write_record (CcsTensorBoard *self, const GByteArray *event, GError **error)
{
  guint64 length = GUINT64_TO_LE ((guint64)event->len);
  guint32 length_crc
      = GUINT32_TO_LE (masked_crc ((const guint8 *)&length, sizeof length));
  guint32 data_crc = GUINT32_TO_LE (masked_crc (event->data, event->len));

  if (fwrite (&length, sizeof length, 1, self->file) == 1
      && fwrite (&length_crc, sizeof length_crc, 1, self->file) == 1
      && fwrite (event->data, event->len, 1, self->file) == 1
      && fwrite (&data_crc, sizeof data_crc, 1, self->file) == 1
      && fflush (self->file) == 0)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: cannot write: %s",
               self->path, g_strerror (errno));
  return FALSE;
}

static GByteArray *
new_event (void)
{
  GByteArray *event = g_byte_array_new ();
  double now = g_get_real_time () / 1e6;

  put_fixed (event, EVENT_WALL_TIME, &now, sizeof now);
  return event;
}

static gboolean
write_version (CcsTensorBoard *self, GError **error)
{
  static const char version[] = "brain.Event:2";
  g_autoptr (GByteArray) event = new_event ();

  put_bytes (event, EVENT_FILE_VERSION, version, strlen (version));
  return write_record (self, event, error);
}

static gboolean
write_start (CcsTensorBoard *self, guint64 step, GError **error)
{
  static const guint8 start[] = { SESSION_STATUS, SESSION_START };
  g_autoptr (GByteArray) event = new_event ();

  put_varint (event, EVENT_STEP);
  put_varint (event, step);
  put_bytes (event, EVENT_SESSION, start, sizeof start);
  return write_record (self, event, error);
}

CcsTensorBoard *
ccs_tensorboard_open (const char *dir, guint64 step, GError **error)
{
  CcsTensorBoard *self = g_new0 (CcsTensorBoard, 1);
  g_autofree char *name
      = g_strdup_printf ("events.out.tfevents.%" G_GINT64_FORMAT ".ccstereo",
                         g_get_real_time () / G_USEC_PER_SEC);

  self->path = g_build_filename (dir, name, NULL);
  self->file = fopen (self->path, "ab");
  if (self->file == NULL) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: cannot open: %s",
                 self->path, g_strerror (errno));
    ccs_tensorboard_close (self);
    return NULL;
  }
  if (write_version (self, error) && write_start (self, step, error))
    return self;
  ccs_tensorboard_close (self);
  return NULL;
}

void
ccs_tensorboard_close (CcsTensorBoard *self)
{
  if (self->file)
    fclose (self->file);
  g_free (self->path);
  g_free (self);
}

gboolean
ccs_tensorboard_scalar (CcsTensorBoard *self, const char *tag, guint64 step,
                        double value, GError **error)
{
  g_autoptr (GByteArray) scalar = g_byte_array_new ();
  g_autoptr (GByteArray) summary = g_byte_array_new ();
  g_autoptr (GByteArray) event = new_event ();
  float simple = (float)value;

  put_bytes (scalar, VALUE_TAG, tag, strlen (tag));
  put_fixed (scalar, VALUE_SIMPLE, &simple, sizeof simple);
  put_bytes (summary, SUMMARY_VALUE, scalar->data, scalar->len);
  put_varint (event, EVENT_STEP);
  put_varint (event, step);
  put_bytes (event, EVENT_SUMMARY, summary->data, summary->len);
  return write_record (self, event, error);
}
