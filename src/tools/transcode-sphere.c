/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transcode-sphere.h"

#include <libavutil/spherical.h>
#include <libavutil/stereo3d.h>

#include "libav-version.h"
#include "transcode-boxes.h"

#define ENTRY_COUNT 8 /* bytes before the entries of stsd */

/* -- what a stream says ---------------------------------------------------- */

/* Returns the stereo mode of st3d, in which the left eye is first, or -1. */
static int
stereo_code (const AVStereo3D *stereo)
{
  if (stereo->flags & AV_STEREO3D_FLAG_INVERT)
    return -1;
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

/* Returns @stream's 3D data if st3d holds it, otherwise NULL. */
static const AVStereo3D *
stereo_of (const AVStream *stream)
{
  const AVStereo3D *stereo
      = libav_side_data (stream, AV_PKT_DATA_STEREO3D, NULL);

  return stereo && stereo_code (stereo) >= 0 ? stereo : NULL;
}

/* Returns @stream's projection if sv3d holds it, otherwise NULL. */
static const AVSphericalMapping *
sphere_of (const AVStream *stream)
{
  const AVSphericalMapping *sphere
      = libav_side_data (stream, AV_PKT_DATA_SPHERICAL, NULL);

  if (sphere == NULL)
    return NULL;
  switch (sphere->projection) {
  case AV_SPHERICAL_EQUIRECTANGULAR:
  case AV_SPHERICAL_EQUIRECTANGULAR_TILE:
  case AV_SPHERICAL_CUBEMAP:
    return sphere;
  default:
    return NULL;
  }
}

static void
put_stereo (GByteArray *to, const AVStereo3D *stereo)
{
  const guint8 code = (guint8)stereo_code (stereo);
  guint box = transcode_box_begin_full (to, "st3d", 0);

  g_byte_array_append (to, &code, 1);
  transcode_box_end (to, box);
}

static void
put_projection (GByteArray *to, const AVSphericalMapping *sphere)
{
  const gboolean is_cube = sphere->projection == AV_SPHERICAL_CUBEMAP;
  guint box = transcode_box_begin_full (to, "prhd", 0);

  transcode_box_put_32 (to, (guint32)sphere->yaw);
  transcode_box_put_32 (to, (guint32)sphere->pitch);
  transcode_box_put_32 (to, (guint32)sphere->roll);
  transcode_box_end (to, box);
  box = transcode_box_begin_full (to, is_cube ? "cbmp" : "equi", 0);
  if (is_cube) {
    transcode_box_put_32 (to, 0); /* layout */
    transcode_box_put_32 (to, sphere->padding);
  } else {
    transcode_box_put_32 (to, sphere->bound_top);
    transcode_box_put_32 (to, sphere->bound_bottom);
    transcode_box_put_32 (to, sphere->bound_left);
    transcode_box_put_32 (to, sphere->bound_right);
  }
  transcode_box_end (to, box);
}

static void
put_sphere (GByteArray *to, const AVSphericalMapping *sphere)
{
  const guint outer = transcode_box_begin (to, "sv3d");
  guint box = transcode_box_begin_full (to, "svhd", 0);

  g_byte_array_append (to, (const guint8 *)"", 1); /* metadata source */
  transcode_box_end (to, box);
  box = transcode_box_begin (to, "proj");
  put_projection (to, sphere);
  transcode_box_end (to, box);
  transcode_box_end (to, outer);
}

gboolean
transcode_sphere_is_in (const AVStream *stream)
{
  return sphere_of (stream) || stereo_of (stream);
}

void
transcode_sphere_remove (AVStream *stream)
{
  if (sphere_of (stream))
    libav_remove_side_data (stream, AV_PKT_DATA_SPHERICAL);
  if (stereo_of (stream))
    libav_remove_side_data (stream, AV_PKT_DATA_STEREO3D);
}

static GByteArray *
boxes_of (const AVStream *stream)
{
  const AVStereo3D *stereo = stereo_of (stream);
  const AVSphericalMapping *sphere = sphere_of (stream);
  GByteArray *boxes = g_byte_array_new ();

  if (stereo)
    put_stereo (boxes, stereo);
  if (sphere)
    put_sphere (boxes, sphere);
  return boxes;
}

/* -- the header ------------------------------------------------------------ */

typedef struct
{
  guint track;
  const GByteArray *boxes;
} Insertion;

/* Inserts the boxes at the end of the first sample entry of the track. */
static gboolean
insert_boxes (GByteArray *header, gconstpointer data)
{
  static const char *const path[] = { "trak", "mdia", "minf", "stbl", "stsd" };
  const Insertion *insertion = data;
  TranscodeBoxes way = TRANSCODE_BOXES_HEADER;

  for (guint i = 0; i < G_N_ELEMENTS (path); i++)
    if (!transcode_boxes_enter (&way, header, path[i],
                                i == 0 ? insertion->track : 0))
      return FALSE;
  if (!transcode_boxes_enter_at (&way, header,
                                 transcode_boxes_start (&way) + ENTRY_COUNT))
    return FALSE;
  transcode_boxes_replace (&way, header, transcode_boxes_end (&way, header), 0,
                           insertion->boxes);
  return TRUE;
}

gboolean
transcode_sphere_write (const char *path, guint track, const AVStream *stream,
                        GError **error)
{
  g_autoptr (GByteArray) boxes = boxes_of (stream);
  const Insertion insertion = { track, boxes };

  if (transcode_header_change (path, insert_boxes, &insertion))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
               "%s: 360-degree data cannot be written", path);
  return FALSE;
}
