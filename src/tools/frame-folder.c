/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds numbered images in a folder by name, and reads and crops them one at
 * a time. */
#include "frame-folder.h"

#include <ccstereo/ccstereo.h>
#include <string.h>

#include "picture-file.h"

#define MAX_DIGITS 15 /* a longer number is not a frame number */

typedef struct
{
  gint64 number;
  char *path;
} Frame;

struct _FrameFolder
{
  GArray *frames;    /* element type Frame, sorted by number */
  CcsResize *resize; /* for images of the size of the last one read */
  gint width, height;
  guint8 resized[3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT];
};

static void
frame_clear (Frame *frame)
{
  g_free (frame->path);
}

static gint
compare_frames (gconstpointer a, gconstpointer b)
{
  gint64 x = ((const Frame *)a)->number, y = ((const Frame *)b)->number;

  return (x > y) - (x < y);
}

static gboolean
is_picture_suffix (const char *suffix)
{
  return g_ascii_strcasecmp (suffix, ".png") == 0
         || g_ascii_strcasecmp (suffix, ".jpg") == 0
         || g_ascii_strcasecmp (suffix, ".jpeg") == 0;
}

/* Parses the frame number, which is the last part of @name before the
 * extension of the image. */
static gboolean
parse_number (const char *name, gint64 *number)
{
  const char *dot = strrchr (name, '.');
  const char *digits = dot;

  if (!dot || !is_picture_suffix (dot))
    return FALSE;
  while (digits > name && g_ascii_isdigit (digits[-1]))
    digits--;
  if (digits == dot || dot - digits > MAX_DIGITS)
    return FALSE;
  *number = g_ascii_strtoll (digits, NULL, 10);
  return TRUE;
}

static gboolean
check_frames (const FrameFolder *self, const char *path, GError **error)
{
  if (self->frames->len == 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "%s: no numbered PNG or JPEG pictures in it", path);
    return FALSE;
  }
  for (guint i = 1; i < self->frames->len; i++) {
    const Frame *a = &g_array_index (self->frames, Frame, i - 1);
    const Frame *b = &g_array_index (self->frames, Frame, i);
    if (a->number == b->number) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                   "%s and %s have the same number", a->path, b->path);
      return FALSE;
    }
  }
  return TRUE;
}

FrameFolder *
frame_folder_open (const char *path, GError **error)
{
  g_autoptr (FrameFolder) self = NULL;
  g_autoptr (GDir) dir = g_dir_open (path, 0, error);
  const char *name;

  if (!dir)
    return NULL;
  self = g_new0 (FrameFolder, 1);
  self->frames = g_array_new (FALSE, FALSE, sizeof (Frame));
  g_array_set_clear_func (self->frames, (GDestroyNotify)frame_clear);
  while ((name = g_dir_read_name (dir))) {
    Frame frame;
    if (!parse_number (name, &frame.number))
      continue;
    frame.path = g_build_filename (path, name, NULL);
    g_array_append_val (self->frames, frame);
  }
  g_array_sort (self->frames, compare_frames);
  if (!check_frames (self, path, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
frame_folder_free (FrameFolder *self)
{
  if (!self)
    return;
  g_array_unref (self->frames);
  g_clear_pointer (&self->resize, ccs_resize_free);
  g_free (self);
}

gint64
frame_folder_length (const FrameFolder *self)
{
  const Frame *first = &g_array_index (self->frames, Frame, 0);
  const Frame *last
      = &g_array_index (self->frames, Frame, self->frames->len - 1);

  return last->number - first->number + 1;
}

/* Returns the last frame whose number does not exceed the frame number of
 * @index. */
static const Frame *
frame_at (const FrameFolder *self, gint64 index)
{
  const Frame *frames = (const Frame *)self->frames->data;
  guint low = 0, high = self->frames->len;

  while (high - low > 1) {
    guint middle = low + (high - low) / 2;
    if (frames[middle].number - frames[0].number <= index)
      low = middle;
    else
      high = middle;
  }
  return &frames[low];
}

gboolean
frame_folder_crop (FrameFolder *self, gint64 index, CcsPoint at, guint8 *out,
                   GError **error)
{
  g_autoptr (CcsPicture) picture
      = ccs_picture_load (frame_at (self, index)->path, error);

  if (!picture)
    return FALSE;
  if (!self->resize || picture->width != self->width
      || picture->height != self->height) {
    g_clear_pointer (&self->resize, ccs_resize_free);
    self->resize = ccs_resize_new (picture->width, picture->height,
                                   CCS_RESIZE_WIDTH, CCS_RESIZE_HEIGHT, error);
    if (!self->resize)
      return FALSE;
    self->width = picture->width;
    self->height = picture->height;
  }
  ccs_resize_run (self->resize, picture->rgb, 3 * (gsize)picture->width,
                  self->resized, 3 * CCS_RESIZE_WIDTH);
  ccs_crop (self->resized, at, out);
  return TRUE;
}
