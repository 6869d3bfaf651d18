/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes ambisonic videos in YT-Clean's layout, with their audio rendered
 * binaurally, for which there is no public tool. */
#include <ccstereo/error.h>
#include <glib/gstdio.h>

#include "dataset-files.h"
#include "prepare-ambisonic.h"
#include "prepare-private.h"
#include "file-write.h"

#define FRAMES "frames"
/* The published name, for any head-related impulse responses. */
#define SOUND_FOLDER "cipic_subj3"
#define PICTURE_FOLDER "video"

typedef struct
{
  CcsPrepareSink parent;
  const char *folder;
  CcsAmbisonic *ambisonic;
  char *sounds, *pictures; /* folders of the current video */
  GPtrArray *ids; /* by index of video, up to the current one; NULL: skipped */
} YtCleanSink;

/* Checks the id of a video, which is the name of its folder. */
static gboolean
check_id (const YtCleanSink *self, const char *video, const char *id,
          GError **error)
{
  for (guint i = 0; i < self->ids->len; i++)
    if (g_strcmp0 (self->ids->pdata[i], id) == 0) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                   "%s: another video is called '%s' too", video, id);
      return FALSE;
    }
  return TRUE;
}

static gboolean
yt_clean_begin (CcsPrepareSink *sink, const char *video, guint index,
                GError **error)
{
  YtCleanSink *self = (YtCleanSink *)sink;
  g_autofree char *id = ccs_prepare_video_id (video);

  if (!check_id (self, video, id, error))
    return FALSE;
  g_ptr_array_set_size (self->ids, index + 1);
  self->ids->pdata[index] = g_strdup (id);
  g_free (self->sounds);
  g_free (self->pictures);
  self->sounds
      = g_build_filename (self->folder, FRAMES, id, SOUND_FOLDER, NULL);
  self->pictures
      = g_build_filename (self->folder, FRAMES, id, PICTURE_FOLDER, NULL);
  ccs_ambisonic_reset (self->ambisonic);
  return ccs_folder_make (self->sounds, error)
         && ccs_folder_make (self->pictures, error);
}

/* Returns the path of a chunk. Names have six digits, so that they are sorted
 * by time and the last, which readers skip, is the short one. */
static char *
chunk_path (const YtCleanSink *self, guint clip)
{
  return g_strdup_printf ("%s/%06u.wav", self->sounds,
                          clip * CCS_PREPARE_SECONDS);
}

static gboolean
yt_clean_sound (CcsPrepareSink *sink, guint clip, float *const *planes, gsize n,
                GError **error)
{
  YtCleanSink *self = (YtCleanSink *)sink;
  g_autofree char *path = chunk_path (self, clip);
  g_autofree float *left = g_new (float, n);
  g_autofree float *right = g_new (float, n);

  ccs_ambisonic_render (self->ambisonic, planes, n, left, right);
  return ccs_sound_write (path, CCS_PREPARE_RATE, n, left, right, error);
}

static gboolean
yt_clean_frame (CcsPrepareSink *sink, guint number, const guint8 *rgb,
                GError **error)
{
  YtCleanSink *self = (YtCleanSink *)sink;
  g_autofree char *path
      = g_strdup_printf ("%s/%06u.jpg", self->pictures, number);

  return ccs_frame_write_jpeg (path, CCS_RESIZE_WIDTH, CCS_RESIZE_HEIGHT, rgb,
                               error);
}

static gboolean
yt_clean_end (CcsPrepareSink *sink, guint sounds, guint frames, gboolean failed,
              guint *clips, GError **error)
{
  YtCleanSink *self = (YtCleanSink *)sink;

  /* a chunk starts with a frame; readers skip the last chunk */
  guint pictured = (frames + CCS_PREPARE_FRAMES - 1) / CCS_PREPARE_FRAMES;
  guint kept = failed ? 0 : MIN (sounds, pictured);

  *clips = kept > 0 ? kept - 1 : 0;
  for (guint clip = kept; clip < sounds; clip++) {
    g_autofree char *path = chunk_path (self, clip);

    g_unlink (path);
  }
  if (*clips == 0) {
    g_autofree char *parent = g_path_get_dirname (self->sounds);

    ccs_prepare_remove_folder (self->sounds);
    ccs_prepare_remove_folder (self->pictures);
    g_rmdir (parent);
    g_clear_pointer (&self->ids->pdata[self->ids->len - 1], g_free);
  }
  return TRUE;
}

static gboolean
write_lists (const YtCleanSink *self, const GArray *splits, GError **error)
{
  if (!ccs_output_folder_sync (self->folder, error))
    return FALSE;
  for (gint split = 0; split < 3; split++) {
    g_autoptr (GString) text = g_string_new (NULL);
    g_autofree char *name
        = g_strdup_printf ("YT-Clean.%s.1.lst", ccs_split_name (split));
    g_autofree char *path = g_build_filename (self->folder, name, NULL);

    for (guint i = 0; i < splits->len && i < self->ids->len; i++)
      if (g_array_index (splits, gint, i) == split)
        g_string_append_printf (text, "%s\n", (char *)self->ids->pdata[i]);
    if (!ccs_file_write (path, text->str, text->len, CCS_OUTPUT_OVERWRITE,
                         error))
      return FALSE;
  }
  return TRUE;
}

gboolean
ccs_prepare_yt_clean (const CcsPrepareOptions *options,
                      CcsPrepareReport *report, GError **error)
{
  g_autoptr (GArray) splits = g_array_new (FALSE, TRUE, sizeof (gint));
  YtCleanSink sink = {
    .parent = { .channels = CCS_AMBISONIC_CHANNELS,
                .channels_name = "first-order ambisonic sound",
                .shortest = 1,
                .begin = yt_clean_begin,
                .sound = yt_clean_sound,
                .frame = yt_clean_frame,
                .end = yt_clean_end },
    .folder = options->folder,
    .ids = g_ptr_array_new_with_free_func (g_free),
  };
  gboolean good;

  sink.ambisonic = ccs_ambisonic_new (options->order, CCS_PREPARE_RATE,
                                      options->sofa, error);
  good = sink.ambisonic && ccs_folder_make (options->folder, error)
         && ccs_prepare_run (options, &sink.parent, splits, report, error)
         && write_lists (&sink, splits, error);
  ccs_ambisonic_free (sink.ambisonic);
  g_ptr_array_unref (sink.ids);
  g_free (sink.sounds);
  g_free (sink.pictures);
  return good;
}
