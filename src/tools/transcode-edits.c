/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The edit list of libavformat ends with the edit that shows the track from
 * some sample on; an empty edit may precede it. */
#include "transcode-edits.h"

#include "transcode-boxes.h"

#define VERSION_AND_FLAGS 4 /* bytes */
#define COUNT 4
#define RATE_ONE (1 << 16)
#define NOTHING (-1) /* start sample of an empty edit */

typedef struct
{
  guint track;
  gint64 first, delay;
} Beginning;

/* Appends a field, which has 32 or 64 bits. */
static void
put (GByteArray *to, gboolean is_long, gint64 value)
{
  if (is_long)
    transcode_box_put_32 (to, (guint32)((guint64)value >> 32));
  transcode_box_put_32 (to, (guint32)value);
}

static gint64
get (const GByteArray *in, gboolean is_long, guint at)
{
  if (!is_long)
    return (gint32)transcode_box_get_32 (in, at);
  return (gint64)((guint64)transcode_box_get_32 (in, at) << 32
                  | transcode_box_get_32 (in, at + 4));
}

static void
put_edit (GByteArray *to, gboolean is_long, gint64 duration, gint64 sample)
{
  put (to, is_long, duration);
  put (to, is_long, sample);
  transcode_box_put_32 (to, RATE_ONE);
}

/* Makes the new list. @last is the offset of the edit that shows the track. */
static GByteArray *
new_list (const GByteArray *header, gboolean is_long, guint last,
          const Beginning *beginning)
{
  const guint size = is_long ? 8 : 4;
  const gint64 duration = get (header, is_long, last);
  const gint64 sample = get (header, is_long, last + size);
  GByteArray *list = g_byte_array_new ();
  const guint box = transcode_box_begin_full (list, "elst", is_long);

  transcode_box_put_32 (list, 2);
  put_edit (list, is_long, beginning->first, NOTHING);
  put_edit (list, is_long, duration - (beginning->delay - sample),
            beginning->delay);
  transcode_box_end (list, box);
  return list;
}

static gboolean
replace_list (GByteArray *header, gconstpointer data)
{
  const Beginning *beginning = data;
  TranscodeBoxes edts = TRANSCODE_BOXES_HEADER, elst;
  g_autoptr (GByteArray) list = NULL;
  guint at, end, edit;
  gboolean is_long;

  if (!transcode_boxes_enter (&edts, header, "trak", beginning->track)
      || !transcode_boxes_enter (&edts, header, "edts", 0))
    return FALSE;
  elst = edts;
  if (!transcode_boxes_enter (&elst, header, "elst", 0))
    return FALSE;
  at = transcode_boxes_start (&elst);
  end = transcode_boxes_end (&elst, header);
  is_long = end > at && header->data[at] == 1;
  edit = is_long ? 20 : 12;
  if (end < at + VERSION_AND_FLAGS + COUNT + edit)
    return FALSE;
  list = new_list (header, is_long, end - edit, beginning);
  at -= TRANSCODE_BOX_HEAD;
  transcode_boxes_replace (&edts, header, at, end - at, list);
  return TRUE;
}

gboolean
transcode_edits_write (const char *path, guint track, gint64 first,
                       gint64 delay, GError **error)
{
  const Beginning beginning = { track, first, delay };

  if (transcode_header_change (path, replace_list, &beginning))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
               "%s: where its sound begins cannot be written", path);
  return FALSE;
}
