/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes binaural videos in FAIR-Play's layout: one clip, with its own number,
 * for every ten seconds. */
#include <glib/gstdio.h>

#include "dataset-files.h"
#include "dataset-layout.h"
#include "prepare-private.h"
#include "file-write.h"

/* The short clips of FAIR-Play last 9.984 s and have this many frames. */
#define SHORTEST_SAMPLES ((gsize)(9.98 * CCS_PREPARE_RATE))
#define FEWEST_FRAMES (CCS_PREPARE_FRAMES - 1)

typedef struct
{
  CcsPrepareSink parent;
  const char *folder;
  char *video;    /* the current video */
  guint index;    /* of the video */
  guint first;    /* id of the video's first clip */
  GString *table; /* clips.tsv */
  GArray *owners; /* guint: video of each clip */
} FairplaySink;

static gboolean
fairplay_begin (CcsPrepareSink *sink, const char *video, guint index,
                GError **error)
{
  FairplaySink *self = (FairplaySink *)sink;

  self->index = index;
  g_free (self->video);
  self->video = g_path_get_basename (video);
  return TRUE;
}

static gboolean
fairplay_sound (CcsPrepareSink *sink, guint clip, float *const *planes, gsize n,
                GError **error)
{
  FairplaySink *self = (FairplaySink *)sink;
  g_autofree char *id = ccs_layout_id (self->first + clip);
  g_autofree char *path = ccs_layout_sound (self->folder, id);

  return ccs_sound_write (path, CCS_PREPARE_RATE, n, planes[0], planes[1],
                          error);
}

static gboolean
fairplay_frame (CcsPrepareSink *sink, guint number, const guint8 *rgb,
                GError **error)
{
  FairplaySink *self = (FairplaySink *)sink;
  guint within = number % CCS_PREPARE_FRAMES;
  g_autofree char *id
      = ccs_layout_id (self->first + number / CCS_PREPARE_FRAMES);
  g_autofree char *frames = ccs_layout_frames (self->folder, id);
  g_autofree char *path = g_strdup_printf ("%s/%06u.png", frames, within + 1);

  if (within == 0 && !ccs_folder_make (frames, error))
    return FALSE;
  return ccs_frame_write (path, CCS_RESIZE_WIDTH, CCS_RESIZE_HEIGHT, rgb,
                          error);
}

/* Removes what follows the complete clips. */
static gboolean
fairplay_end (CcsPrepareSink *sink, guint sounds, guint frames, gboolean failed,
              guint *clips, GError **error)
{
  FairplaySink *self = (FairplaySink *)sink;
  guint pictured
      = (frames + CCS_PREPARE_FRAMES - FEWEST_FRAMES) / CCS_PREPARE_FRAMES;
  guint begun = MAX (sounds, frames / CCS_PREPARE_FRAMES) + 1;

  *clips = failed ? 0 : MIN (sounds, pictured);
  for (guint clip = 0; clip < *clips; clip++) {
    g_string_append_printf (self->table, "%06u\t%s\t%u\n", self->first + clip,
                            self->video, clip * CCS_PREPARE_SECONDS);
    g_array_append_val (self->owners, self->index);
  }
  for (guint clip = *clips; clip < begun; clip++) {
    g_autofree char *id = ccs_layout_id (self->first + clip);
    g_autofree char *sound = ccs_layout_sound (self->folder, id);
    g_autofree char *folder = ccs_layout_frames (self->folder, id);

    g_unlink (sound);
    ccs_prepare_remove_folder (folder);
  }
  self->first += *clips;
  return TRUE;
}

static gboolean
write_lists (const FairplaySink *self, const GArray *splits, GError **error)
{
  for (gint split = 0; split < 3; split++) {
    g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);

    for (guint clip = 0; clip < self->owners->len; clip++) {
      guint video = g_array_index (self->owners, guint, clip);

      if (g_array_index (splits, gint, video) == split)
        g_ptr_array_add (ids, ccs_layout_id (clip + 1));
    }
    if (!ccs_layout_write_lists (self->folder, ccs_split_name (split), ids,
                                 error))
      return FALSE;
  }
  return TRUE;
}

gboolean
ccs_prepare_fairplay (const CcsPrepareOptions *options,
                      CcsPrepareReport *report, GError **error)
{
  g_autoptr (GArray) splits = g_array_new (FALSE, TRUE, sizeof (gint));
  g_autofree char *table
      = g_build_filename (options->folder, "clips.tsv", NULL);
  FairplaySink sink = {
    .parent = { .channels = 2,
                .channels_name = "binaural sound",
                .shortest = SHORTEST_SAMPLES,
                .begin = fairplay_begin,
                .sound = fairplay_sound,
                .frame = fairplay_frame,
                .end = fairplay_end },
    .folder = options->folder,
    .first = 1,
    .table = g_string_new ("id\tvideo\tsecond\n"),
    .owners = g_array_new (FALSE, FALSE, sizeof (guint)),
  };
  gboolean good
      = ccs_layout_make (options->folder, error)
        && ccs_prepare_run (options, &sink.parent, splits, report, error)
        && write_lists (&sink, splits, error)
        && ccs_file_write (table, sink.table->str, sink.table->len,
                           CCS_OUTPUT_OVERWRITE, error);

  g_free (sink.video);
  g_string_free (sink.table, TRUE);
  g_array_unref (sink.owners);
  return good;
}
