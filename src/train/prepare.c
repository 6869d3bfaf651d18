/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prepare.h"

#include <ccstereo/error.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "dataset-files.h"
#include "dataset-random.h"
#include "prepare-media.h"
#include "prepare-private.h"

/* Largest error of times, seconds: some containers have milliseconds. */
#define TOLERANCE 2e-3

/* Longest gap in audio or video that is filled, seconds. In a longer one the
 * file's timestamps are wrong, for example in joined recordings, and filling it
 * could use up the disk. */
#define LONGEST_GAP 3600

/* -- one video -- */

/* Splits a video into clips and frames. */
typedef struct
{
  CcsPrepareSink *sink;
  CcsMedia *media;
  const char *path;
  float **planes; /* [channels][CCS_PREPARE_SAMPLES] */
  gsize filled;   /* samples of the current clip */
  guint sounds;   /* clips passed to the sink */
  guint frames;   /* frames passed to the sink */
  gboolean any_picture;
  double last_picture; /* seconds */
  guint8 *rgb;
} Cutter;

static gboolean
check_gap (const Cutter *self, double seconds, const char *of, GError **error)
{
  if (seconds <= LONGEST_GAP)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
               "%s: its clock leaves %.0f s without %s; %d s are filled",
               self->path, seconds, of, LONGEST_GAP);
  return FALSE;
}

static gboolean
give_sound (Cutter *self, GError **error)
{
  if (!self->sink->sound (self->sink, self->sounds, self->planes, self->filled,
                          error))
    return FALSE;
  self->sounds++;
  self->filled = 0;
  return TRUE;
}

/* Appends @n samples from @offset of the chunk; silence if @chunk is NULL. */
static gboolean
append_sound (Cutter *self, const CcsMediaChunk *chunk, gsize offset, gsize n,
              GError **error)
{
  while (n > 0) {
    gsize count = MIN (n, CCS_PREPARE_SAMPLES - self->filled);

    for (guint c = 0; c < self->sink->channels; c++) {
      float *to = self->planes[c] + self->filled;

      if (chunk)
        memcpy (to, chunk->samples[c] + offset, count * sizeof (float));
      else
        memset (to, 0, count * sizeof (float));
    }
    self->filled += count;
    offset += count;
    n -= count;
    if (self->filled == CCS_PREPARE_SAMPLES && !give_sound (self, error))
      return FALSE;
  }
  return TRUE;
}

/* Adds audio by the file's timestamps: gaps become silence, overlaps are
 * dropped. */
static gboolean
take_sound (Cutter *self, const CcsMediaChunk *chunk, GError **error)
{
  gint64 have = (gint64)self->sounds * CCS_PREPARE_SAMPLES + self->filled;
  gint64 want;
  gsize skip = 0;

  if (!check_gap (self, chunk->time - (double)have / CCS_PREPARE_RATE, "sound",
                  error))
    return FALSE;
  want = llround (chunk->time * CCS_PREPARE_RATE);
  if (want > have && !append_sound (self, NULL, 0, want - have, error))
    return FALSE;
  if (want < have)
    skip = MIN ((gsize)(have - want), chunk->n);
  return append_sound (self, chunk, skip, chunk->n - skip, error);
}

/* Passes frames with times before @time to the sink, with the kept frame as
 * their content. */
static gboolean
give_frames_until (Cutter *self, double time, GError **error)
{
  gboolean rendered = FALSE;

  if (!check_gap (self, time - (double)self->frames / CCS_ANALYSIS_FPS,
                  "a new picture", error))
    return FALSE;
  while ((double)self->frames / CCS_ANALYSIS_FPS < time - TOLERANCE) {
    if (!rendered && !ccs_media_render_picture (self->media, self->rgb, error))
      return FALSE;
    rendered = TRUE;
    if (!self->sink->frame (self->sink, self->frames, self->rgb, error))
      return FALSE;
    self->frames++;
  }
  return TRUE;
}

static gboolean
take_picture (Cutter *self, const CcsMediaChunk *chunk, GError **error)
{
  double time
      = chunk->time >= 0
            ? chunk->time
            : self->last_picture + ccs_media_picture_duration (self->media);

  if (self->any_picture && !give_frames_until (self, time, error))
    return FALSE;
  ccs_media_keep_picture (self->media);
  self->any_picture = TRUE;
  self->last_picture = time;
  return TRUE;
}

static gboolean
finish_cut (Cutter *self, GError **error)
{
  if (self->filled >= self->sink->shortest && !give_sound (self, error))
    return FALSE;
  return !self->any_picture
         || give_frames_until (self,
                               self->last_picture
                                   + ccs_media_picture_duration (self->media),
                               error);
}

static gboolean
cut (Cutter *self, GError **error)
{
  for (;;) {
    CcsMediaChunk chunk;

    if (!ccs_media_next (self->media, &chunk, error))
      return FALSE;
    switch (chunk.kind) {
    case CCS_MEDIA_SOUND:
      if (!take_sound (self, &chunk, error))
        return FALSE;
      break;
    case CCS_MEDIA_PICTURE:
      if (!take_picture (self, &chunk, error))
        return FALSE;
      break;
    case CCS_MEDIA_END:
      return finish_cut (self, error);
    }
  }
}

static gboolean
cut_video (CcsPrepareSink *sink, const char *path, guint index, guint *clips,
           GError **error)
{
  g_autoptr (CcsMedia) media
      = ccs_media_open (path, CCS_PREPARE_RATE, sink->allow_playlists, error);
  Cutter cutter = { .sink = sink, .media = media, .path = path };
  gboolean good;

  if (!media)
    return FALSE;
  if (ccs_media_channels (media) != sink->channels) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: its sound has %u channel%s; %s has %u", path,
                 ccs_media_channels (media),
                 ccs_media_channels (media) == 1 ? "" : "s",
                 sink->channels_name, sink->channels);
    return FALSE;
  }
  if (!sink->begin (sink, path, index, error))
    return FALSE;
  cutter.planes = g_new0 (float *, sink->channels);
  for (guint c = 0; c < sink->channels; c++)
    cutter.planes[c] = g_new (float, CCS_PREPARE_SAMPLES);
  cutter.rgb = g_malloc (3 * CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT);
  good = cut (&cutter, error);
  if (!sink->end (sink, cutter.sounds, cutter.frames, !good, clips,
                  good ? error : NULL))
    good = FALSE;
  if (good && *clips == 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "%s: too short: a clip takes %d s of sound and pictures", path,
                 CCS_PREPARE_SECONDS);
    good = FALSE;
  }
  for (guint c = 0; c < sink->channels; c++)
    g_free (cutter.planes[c]);
  g_free (cutter.planes);
  g_free (cutter.rgb);
  return good;
}

/* -- all videos -- */

static gboolean
is_video (const char *name)
{
  static const char *const endings[]
      = { ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts" };
  g_autofree char *lower = g_ascii_strdown (name, -1);

  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (lower, endings[i]))
      return name[0] != '.';
  return FALSE;
}

static GPtrArray *
list_videos (const char *folder, GError **error)
{
  g_autoptr (GPtrArray) names = ccs_folder_list (folder, error);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  if (!names)
    return NULL;
  for (guint i = 0; i < names->len; i++)
    if (is_video (names->pdata[i]))
      g_ptr_array_add (paths, g_build_filename (folder, names->pdata[i], NULL));
  if (paths->len == 0) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_IO, "%s: holds no videos", folder);
    return NULL;
  }
  return g_steal_pointer (&paths);
}

/* Shuffles the videos and assigns them to splits: test and val get their shares
 * (at least one each if possible), train the rest. */
static void
deal_splits (const CcsPrepareOptions *options, GArray *splits)
{
  CcsRandom random = ccs_random_named (options->seed, splits->len, 0);
  guint n = splits->len, left = n;
  guint test = lround (options->test_share * n);
  guint val = lround (options->val_share * n);
  g_autofree guint *order = g_new (guint, n);

  if (test == 0 && options->test_share > 0 && n >= 3)
    test = 1;
  if (val == 0 && options->val_share > 0 && n >= 3)
    val = 1;
  for (guint i = 0; i < n; i++)
    order[i] = i;
  for (; left > 0; left--) {
    guint j = ccs_random_below (&random, left), video = order[j];
    guint dealt = n - left;

    order[j] = order[left - 1];
    g_array_index (splits, gint, video) = dealt < test ? CCS_SPLIT_TEST
                                          : dealt < test + val
                                              ? CCS_SPLIT_VAL
                                              : CCS_SPLIT_TRAIN;
  }
}

gboolean
ccs_prepare_options_check (const CcsPrepareOptions *options, GError **error)
{
  if (options->val_share >= 0 && options->test_share >= 0
      && options->val_share + options->test_share <= 1)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "shares of val (%g) and test (%g) must be 0 to 1 together",
               options->val_share, options->test_share);
  return FALSE;
}

gboolean
ccs_prepare_run (const CcsPrepareOptions *options, CcsPrepareSink *sink,
                 GArray *splits, CcsPrepareReport *report, GError **error)
{
  g_autoptr (GPtrArray) videos = NULL;

  memset (report, 0, sizeof *report);
  sink->allow_playlists = options->allow_playlists;
  if (!ccs_prepare_options_check (options, error))
    return FALSE;
  videos = list_videos (options->videos, error);
  if (!videos)
    return FALSE;
  g_array_set_size (splits, videos->len);
  deal_splits (options, splits);
  for (guint i = 0; i < videos->len; i++) {
    const char *path = videos->pdata[i];
    GError *reason = NULL;
    guint clips = 0;

    if (options->progress
        && !options->progress (path, i, videos->len, options->user_data)) {
      g_set_error (error, CCS_ERROR, CCS_ERROR_CANCELLED, "%s: stopped",
                   options->folder);
      return FALSE;
    }
    if (cut_video (sink, path, i, &clips, &reason)) {
      report->videos++;
      report->clips += clips;
    } else if (options->on_bad == CCS_ON_BAD_SKIP
               && g_error_matches (reason, CCS_ERROR, CCS_ERROR_FORMAT)) {
      g_warning ("left out: %s", reason->message);
      g_error_free (reason);
      g_array_index (splits, gint, i) = -1;
      report->skipped++;
    } else {
      g_propagate_error (error, reason);
      return FALSE;
    }
  }
  if (report->clips > 0)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
               "%s: none of its %u videos can be used", options->videos,
               videos->len);
  return FALSE;
}

char *
ccs_prepare_video_id (const char *path)
{
  char *id = g_path_get_basename (path), *dot = strrchr (id, '.');

  if (dot)
    *dot = '\0';
  return id;
}

void
ccs_prepare_remove_folder (const char *folder)
{
  g_autoptr (GPtrArray) names = ccs_folder_list (folder, NULL);

  for (guint i = 0; names && i < names->len; i++) {
    g_autofree char *path = g_build_filename (folder, names->pdata[i], NULL);

    g_unlink (path);
  }
  g_rmdir (folder);
}
