/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The header is read, grown and written back: nothing lies behind it, and what
 * it tells of places in the file lies before. */
#include "transcode-sphere.h"

#include <libavutil/spherical.h>
#include <libavutil/stereo3d.h>
#include <stdio.h>
#include <string.h>

#define BOX_HEAD 8
#define ENTRY_COUNT 8 /* bytes before the entries of stsd */
#define MOST_HEADER (1 << 30)

/* -- boxes ------------------------------------------------------------------
 */

static void
put_32 (GByteArray *to, guint32 value)
{
  const guint32 big = GUINT32_TO_BE (value);

  g_byte_array_append (to, (const guint8 *)&big, sizeof big);
}

/* Begins a box; its size is set when it ends. Returns where it begins. */
static guint
begin_box (GByteArray *to, const char *type)
{
  const guint start = to->len;

  put_32 (to, 0);
  g_byte_array_append (to, (const guint8 *)type, 4);
  return start;
}

/* One with version 0 and no flags. */
static guint
begin_full_box (GByteArray *to, const char *type)
{
  const guint start = begin_box (to, type);

  put_32 (to, 0);
  return start;
}

static void
set_32 (GByteArray *in, guint at, guint32 value)
{
  const guint32 big = GUINT32_TO_BE (value);

  memcpy (in->data + at, &big, sizeof big);
}

static guint32
get_32 (const GByteArray *in, guint at)
{
  guint32 big;

  memcpy (&big, in->data + at, sizeof big);
  return GUINT32_FROM_BE (big);
}

static void
end_box (GByteArray *to, guint start)
{
  set_32 (to, start, to->len - start);
}

/* -- what a stream says -----------------------------------------------------
 */

static gconstpointer
side_data (const AVStream *stream, enum AVPacketSideDataType type)
{
  return av_stream_get_side_data (stream, type, NULL);
}

/* The code of st3d; -1: it has none. */
static int
stereo_code (const AVStereo3D *stereo)
{
  switch (stereo->type) {
  case AV_STEREO3D_2D:
    return 0;
  case AV_STEREO3D_TOPBOTTOM:
    return 1;
  case AV_STEREO3D_SIDEBYSIDE:
    return 2;
  default:
    return -1;
  }
}

static void
put_stereo (GByteArray *to, const AVStereo3D *stereo)
{
  const int code = stereo_code (stereo);
  const guint8 byte = (guint8)code;
  guint box;

  if (code < 0)
    return;
  box = begin_full_box (to, "st3d");
  g_byte_array_append (to, &byte, 1);
  end_box (to, box);
}

static void
put_projection (GByteArray *to, const AVSphericalMapping *sphere)
{
  const gboolean is_cube = sphere->projection == AV_SPHERICAL_CUBEMAP;
  guint box = begin_full_box (to, "prhd");

  put_32 (to, (guint32)sphere->yaw);
  put_32 (to, (guint32)sphere->pitch);
  put_32 (to, (guint32)sphere->roll);
  end_box (to, box);
  box = begin_full_box (to, is_cube ? "cbmp" : "equi");
  if (is_cube) {
    put_32 (to, 0); /* the layout */
    put_32 (to, sphere->padding);
  } else {
    put_32 (to, sphere->bound_top);
    put_32 (to, sphere->bound_bottom);
    put_32 (to, sphere->bound_left);
    put_32 (to, sphere->bound_right);
  }
  end_box (to, box);
}

static void
put_sphere (GByteArray *to, const AVSphericalMapping *sphere)
{
  const guint outer = begin_box (to, "sv3d");
  guint box = begin_full_box (to, "svhd");

  g_byte_array_append (to, (const guint8 *)"", 1); /* who made it */
  end_box (to, box);
  box = begin_box (to, "proj");
  put_projection (to, sphere);
  end_box (to, box);
  end_box (to, outer);
}

gboolean
transcode_sphere_is_in (const AVStream *stream)
{
  return side_data (stream, AV_PKT_DATA_SPHERICAL)
         || side_data (stream, AV_PKT_DATA_STEREO3D);
}

static GByteArray *
boxes_of (const AVStream *stream)
{
  const AVStereo3D *stereo = side_data (stream, AV_PKT_DATA_STEREO3D);
  const AVSphericalMapping *sphere = side_data (stream, AV_PKT_DATA_SPHERICAL);
  GByteArray *boxes = g_byte_array_new ();

  if (stereo)
    put_stereo (boxes, stereo);
  if (sphere)
    put_sphere (boxes, sphere);
  return boxes;
}

/* -- the header -------------------------------------------------------------
 */

/* Box number @n of @type in [@from, @to), or -1. */
static gint64
find_box (const GByteArray *in, gint64 from, gint64 to, const char *type,
          guint n)
{
  while (from + BOX_HEAD <= to) {
    const gint64 size = get_32 (in, (guint)from);

    if (size < BOX_HEAD || from + size > to)
      return -1;
    if (memcmp (in->data + from + 4, type, 4) == 0 && n-- == 0)
      return from;
    from += size;
  }
  return -1;
}

/* Puts @boxes at the end of the first sample entry of @track. */
static gboolean
insert_boxes (GByteArray *header, guint track, const GByteArray *boxes)
{
  static const char *const path[] = { "trak", "mdia", "minf", "stbl", "stsd" };
  gint64 grows[G_N_ELEMENTS (path) + 2], at = 0, end;
  guint n = 0, tail;

  grows[n++] = at;
  for (guint i = 0; i < G_N_ELEMENTS (path); i++) {
    at = find_box (header, at + BOX_HEAD, at + get_32 (header, (guint)at),
                   path[i], i == 0 ? track : 0);
    if (at < 0)
      return FALSE;
    grows[n++] = at;
  }
  end = at + get_32 (header, (guint)at);
  at += BOX_HEAD + ENTRY_COUNT;
  if (at + BOX_HEAD > end || at + get_32 (header, (guint)at) > end)
    return FALSE;
  grows[n++] = at;
  at += get_32 (header, (guint)at);
  tail = header->len - (guint)at;
  g_byte_array_set_size (header, header->len + boxes->len);
  memmove (header->data + at + boxes->len, header->data + at, tail);
  memcpy (header->data + at, boxes->data, boxes->len);
  for (guint i = 0; i < n; i++)
    set_32 (header, (guint)grows[i],
            get_32 (header, (guint)grows[i]) + boxes->len);
  return TRUE;
}

/* Where the box "moov" begins that ends with the file; -1: there is none. */
static gint64
find_header (FILE *file)
{
  struct
  {
    guint32 size;
    char type[4];
  } head;
  guint64 large;
  gint64 at = 0, size = 0;

  while (fseeko (file, at, SEEK_SET) == 0
         && fread (&head, sizeof head, 1, file) == 1) {
    size = GUINT32_FROM_BE (head.size);
    if (size == 1 && fread (&large, sizeof large, 1, file) == 1)
      size = (gint64)GUINT64_FROM_BE (large);
    if (size < BOX_HEAD)
      return -1;
    if (memcmp (head.type, "moov", sizeof head.type) == 0)
      return fseeko (file, 0, SEEK_END) == 0 && ftello (file) == at + size
                     && size < MOST_HEADER
                 ? at
                 : -1;
    at += size;
  }
  return -1;
}

static gboolean
grow_header (FILE *file, guint track, const GByteArray *boxes)
{
  const gint64 at = find_header (file);
  g_autoptr (GByteArray) header = g_byte_array_new ();
  gint64 size;

  if (at < 0)
    return FALSE;
  size = ftello (file) - at;
  g_byte_array_set_size (header, (guint)size);
  return fseeko (file, at, SEEK_SET) == 0
         && fread (header->data, 1, (gsize)size, file) == (gsize)size
         && insert_boxes (header, track, boxes)
         && fseeko (file, at, SEEK_SET) == 0
         && fwrite (header->data, 1, header->len, file) == header->len;
}

gboolean
transcode_sphere_write (const char *path, guint track, const AVStream *stream,
                        GError **error)
{
  g_autoptr (GByteArray) boxes = boxes_of (stream);
  FILE *file = fopen (path, "r+b");
  gboolean ok = file && grow_header (file, track, boxes);

  if (file && fclose (file) != 0)
    ok = FALSE;
  if (!ok)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "%s: 360-degree data cannot be written", path);
  return ok;
}
