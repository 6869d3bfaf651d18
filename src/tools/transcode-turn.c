/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lets the muxer write an equirectangular projection with the pose, then
 * changes its type in the file, one byte, to a flat projection. Poses rotate
 * counter-clockwise; mirrored video has a yaw of 180 degrees first. */
#include "transcode-turn.h"

#include <libavutil/spherical.h>
#include <math.h>
#include <stdio.h>

#include "libav-version.h"

#define SEGMENT 0x18538067
#define TRACKS 0x1654ae6b
#define CLUSTER 0x1f43b675
#define TRACK_ENTRY 0xae
#define VIDEO 0xe0
#define PROJECTION 0x7670
#define PROJECTION_TYPE 0x7671

#define FLAT 0
#define HALF_TURN 180.
#define FIXED_POINT (1 << 16) /* libavutil's fixed-point degrees */
#define MOST_TRACKS                                                            \
  (1 << 24) /* largest size of the track descriptions in bytes */

/* -- EBML ------------------------------------------------------------------ */

typedef struct
{
  guint32 id;
  gint64 start, size; /* range of its content */
} Element;

/* Reads an EBML variable-length integer of up to @most bytes; with @keep_mark
 * including the length marker. Returns -1 at the end of the file, or if it is
 * longer. */
static gint64
read_number (FILE *file, int most, gboolean keep_mark)
{
  int first = fgetc (file), bytes = 1;
  gint64 value;

  if (first == EOF)
    return -1;
  while (bytes <= most && !(first & (0x100 >> bytes)))
    bytes++;
  if (bytes > most)
    return -1;
  value = keep_mark ? first : first & ((0x100 >> bytes) - 1);
  for (int i = 1; i < bytes; i++)
    value = value << 8 | (fgetc (file) & 0xff);
  return value;
}

static gboolean
read_element (FILE *file, gint64 at, Element *element)
{
  if (fseeko (file, at, SEEK_SET) != 0)
    return FALSE;
  element->id = (guint32)read_number (file, 4, TRUE);
  element->size = read_number (file, 8, FALSE);
  element->start = ftello (file);
  return element->size >= 0 && !feof (file);
}

/* Finds child @n with @id of @parent. Stops at the first cluster, because all
 * descriptions are before it. */
static gboolean
find_child (FILE *file, const Element *parent, guint32 id, guint n,
            Element *child)
{
  gint64 at = parent->start;

  while (at < parent->start + parent->size && read_element (file, at, child)
         && child->id != CLUSTER) {
    if (child->id == id && n-- == 0)
      return TRUE;
    at = child->start + child->size;
  }
  return FALSE;
}

/* Finds the projection of track @track. */
static gboolean
find_projection (FILE *file, guint track, Element *projection)
{
  const Element all = { 0, 0, G_MAXINT64 };
  Element segment, tracks, entry, video;

  return find_child (file, &all, SEGMENT, 0, &segment)
         && find_child (file, &segment, TRACKS, 0, &tracks)
         && tracks.size < MOST_TRACKS
         && find_child (file, &tracks, TRACK_ENTRY, track, &entry)
         && find_child (file, &entry, VIDEO, 0, &video)
         && find_child (file, &video, PROJECTION, 0, projection);
}

/* -- writing --------------------------------------------------------------- */

gboolean
transcode_turn_prepare (AVStream *stream)
{
  const gint32 *m = libav_side_data (stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
  AVSphericalMapping *pose;
  size_t size;
  double roll;

  if (m == NULL || libav_side_data (stream, AV_PKT_DATA_SPHERICAL, NULL))
    return FALSE;
  pose = av_spherical_alloc (&size);
  if (pose == NULL)
    return FALSE;
  roll = atan2 (m[3], m[4]) * HALF_TURN / M_PI;
  pose->projection = AV_SPHERICAL_EQUIRECTANGULAR;
  pose->roll = (gint32)lrint (roll * FIXED_POINT);
  if ((double)m[0] * m[4] - (double)m[1] * m[3] < 0)
    pose->yaw = (gint32)HALF_TURN * FIXED_POINT;
  if ((pose->yaw == 0 && pose->roll == 0)
      || !libav_add_side_data (stream, AV_PKT_DATA_SPHERICAL, pose, size)) {
    av_free (pose);
    return FALSE;
  }
  return TRUE;
}

gboolean
transcode_turn_write (const char *path, guint track, GError **error)
{
  FILE *file = fopen (path, "r+b");
  Element projection, type;
  gboolean ok = file && find_projection (file, track, &projection)
                && find_child (file, &projection, PROJECTION_TYPE, 0, &type)
                && type.size == 1 && fseeko (file, type.start, SEEK_SET) == 0
                && fputc (FLAT, file) == FLAT;

  if (file && fclose (file) != 0)
    ok = FALSE;
  if (!ok)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "%s: how the pictures are turned cannot be written", path);
  return ok;
}
