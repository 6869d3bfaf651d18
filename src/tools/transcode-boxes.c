/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads, changes and rewrites the header. It is at the end of the file, and its
 * offsets point to data before it, so its size may change. */
#include "transcode-boxes.h"

#include <stdio.h>
#include <string.h>

#define MOST_HEADER (1 << 30)

/* -- bytes ---------------------------------------------------------------- */

void
transcode_box_put_32 (GByteArray *to, guint32 value)
{
  const guint32 big = GUINT32_TO_BE (value);

  g_byte_array_append (to, (const guint8 *)&big, sizeof big);
}

static void
set_32 (GByteArray *in, guint at, guint32 value)
{
  const guint32 big = GUINT32_TO_BE (value);

  memcpy (in->data + at, &big, sizeof big);
}

guint32
transcode_box_get_32 (const GByteArray *in, guint at)
{
  guint32 big;

  memcpy (&big, in->data + at, sizeof big);
  return GUINT32_FROM_BE (big);
}

guint
transcode_box_begin (GByteArray *to, const char *type)
{
  const guint start = to->len;

  transcode_box_put_32 (to, 0);
  g_byte_array_append (to, (const guint8 *)type, 4);
  return start;
}

guint
transcode_box_begin_full (GByteArray *to, const char *type, guint8 version)
{
  const guint start = transcode_box_begin (to, type);

  transcode_box_put_32 (to, (guint32)version << 24);
  return start;
}

void
transcode_box_end (GByteArray *to, guint start)
{
  set_32 (to, start, to->len - start);
}

/* -- a way into the header ------------------------------------------------ */

guint
transcode_boxes_start (const TranscodeBoxes *self)
{
  return self->at[self->depth - 1] + TRANSCODE_BOX_HEAD;
}

guint
transcode_boxes_end (const TranscodeBoxes *self, const GByteArray *header)
{
  const guint at = self->at[self->depth - 1];

  return at + transcode_box_get_32 (header, at);
}

gboolean
transcode_boxes_enter_at (TranscodeBoxes *self, const GByteArray *header,
                          guint at)
{
  const gint64 end = transcode_boxes_end (self, header);
  gint64 size;

  if (self->depth == TRANSCODE_BOX_DEPTH
      || (gint64)at + TRANSCODE_BOX_HEAD > end)
    return FALSE;
  size = transcode_box_get_32 (header, at);
  if (size < TRANSCODE_BOX_HEAD || at + size > end)
    return FALSE;
  self->at[self->depth++] = at;
  return TRUE;
}

gboolean
transcode_boxes_enter (TranscodeBoxes *self, const GByteArray *header,
                       const char *type, guint n)
{
  guint at = transcode_boxes_start (self);

  while (transcode_boxes_enter_at (self, header, at)) {
    if (memcmp (header->data + at + 4, type, 4) == 0 && n-- == 0)
      return TRUE;
    at = transcode_boxes_end (self, header);
    self->depth--;
  }
  return FALSE;
}

void
transcode_boxes_replace (const TranscodeBoxes *self, GByteArray *header,
                         guint at, guint length, const GByteArray *bytes)
{
  const guint tail = header->len - at - length;

  if (bytes->len > length)
    g_byte_array_set_size (header, header->len + bytes->len - length);
  memmove (header->data + at + bytes->len, header->data + at + length, tail);
  memcpy (header->data + at, bytes->data, bytes->len);
  g_byte_array_set_size (header, at + bytes->len + tail);
  for (guint i = 0; i < self->depth; i++)
    set_32 (header, self->at[i],
            transcode_box_get_32 (header, self->at[i]) + bytes->len - length);
}

/* -- the header in its file ----------------------------------------------- */

/* Returns where the box "moov" starts, and its size; -1 if it is missing. */
static gint64
find_header (FILE *file, gint64 *size)
{
  struct
  {
    guint32 size;
    char type[4];
  } head;
  guint64 large;
  gint64 at = 0;

  while (fseeko (file, at, SEEK_SET) == 0
         && fread (&head, sizeof head, 1, file) == 1) {
    *size = GUINT32_FROM_BE (head.size);
    if (*size == 1 && fread (&large, sizeof large, 1, file) == 1)
      *size = (gint64)GUINT64_FROM_BE (large);
    if (*size < TRANSCODE_BOX_HEAD || *size > G_MAXINT64 - at)
      return -1;
    if (memcmp (head.type, "moov", sizeof head.type) == 0)
      return *size < MOST_HEADER ? at : -1;
    at += *size;
  }
  return -1;
}

/* Reads the header and its offset. (transfer full) (nullable) */
static GByteArray *
read_header (FILE *file, gint64 *at)
{
  g_autoptr (GByteArray) header = g_byte_array_new ();
  gint64 size, end;

  *at = find_header (file, &size);
  if (*at < 0 || fseeko (file, 0, SEEK_END) != 0
      || (end = ftello (file)) < *at + size)
    return NULL;
  g_byte_array_set_size (header, (guint)size);
  if (fseeko (file, *at, SEEK_SET) != 0
      || fread (header->data, 1, (gsize)size, file) != (gsize)size)
    return NULL;
  return g_steal_pointer (&header);
}

GByteArray *
transcode_header_read (const char *path)
{
  FILE *file = fopen (path, "rb");
  GByteArray *header;
  gint64 at;

  if (file == NULL)
    return NULL;
  header = read_header (file, &at);
  fclose (file);
  return header;
}

/* Writes the changed header back at the end of the file; headers do not shrink.
 */
static gboolean
change (FILE *file, TranscodeHeaderChange function, gconstpointer data)
{
  gint64 at;
  g_autoptr (GByteArray) header = read_header (file, &at);
  const guint size = header ? header->len : 0;

  return header && fseeko (file, 0, SEEK_END) == 0 && ftello (file) == at + size
         && function (header, data) && header->len >= size
         && fseeko (file, at, SEEK_SET) == 0
         && fwrite (header->data, 1, header->len, file) == header->len;
}

gboolean
transcode_header_change (const char *path, TranscodeHeaderChange function,
                         gconstpointer data)
{
  FILE *file = fopen (path, "r+b");
  gboolean ok = file && change (file, function, data);

  if (file && fclose (file) != 0)
    ok = FALSE;
  return ok;
}
