/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes a data set from a folder of videos: clips of ten seconds with 48 kHz
 * stereo audio and 10 frames a second, 480x240. */
#pragma once

#include "dataset.h"

G_BEGIN_DECLS

typedef enum
{
  CCS_AMBISONIC_AMBIX, /* W Y Z X, SN3D: as for YouTube */
  CCS_AMBISONIC_FUMA,  /* W X Y Z, W 3 dB lower */
} CcsAmbisonicOrder;

/**
 * CcsPrepareOptions:
 * @videos: the folder of videos (mp4, m4v, mov, mkv, webm, avi, ts); others of
 *   its files are ignored
 * @folder: where the data set is made
 * @val_share, @test_share: of the videos, 0 to 1 together; all clips of a video
 *   fall to one split
 * @seed: of the division
 * @on_bad: what to do about a video that cannot be used
 * @sofa, @order: of yt_clean
 * @allow_playlists: read videos that name other files (playlists)
 * @progress: (nullable): called before each video; FALSE stops
 */
typedef struct
{
  const char *videos;
  const char *folder;
  double val_share, test_share;
  guint64 seed;
  CcsOnBad on_bad;
  const char *sofa;
  CcsAmbisonicOrder order;
  gboolean allow_playlists;
  gboolean (*progress) (const char *video, guint done, guint total,
                        gpointer user_data);
  gpointer user_data;
} CcsPrepareOptions;

#define CCS_PREPARE_OPTIONS_INIT                                               \
  ((CcsPrepareOptions){ .val_share = 0.1, .test_share = 0.1, .seed = 1 })

typedef struct
{
  guint videos, skipped, clips;
} CcsPrepareReport;

/* Checks the shares. The functions below do this, too. */
gboolean ccs_prepare_options_check (const CcsPrepareOptions *options,
                                    GError **error);
/* Writes binaural videos in FAIR-Play's layout, and clips.tsv with the video
 * and start second of each id. Errors name the file. */
gboolean ccs_prepare_fairplay (const CcsPrepareOptions *options,
                               CcsPrepareReport *report, GError **error);
/* Writes 360-degree videos with first-order ambisonics in YT-Clean's layout,
 * with binaural audio for a listener who faces the middle of the video. */
gboolean ccs_prepare_yt_clean (const CcsPrepareOptions *options,
                               CcsPrepareReport *report, GError **error);

G_END_DECLS
