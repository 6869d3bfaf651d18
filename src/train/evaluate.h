/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The test protocol (specification sections 7 and 8) over a data set: each
 * clip binauralized in overlapping windows, judged by the eight published
 * metrics and two that listeners notice, with mono on both ears beside it. */
#pragma once

#include <ccstereo/ccstereo.h>

#include "dataset.h"
#include "metrics.h"

G_BEGIN_DECLS

typedef struct
{
  double metrics[CCS_N_METRICS];
  double ild_error; /* interaural level, dB; see ccs_interaural_level */
  double itd_error; /* interaural time, microseconds */
} CcsScores;

/**
 * CcsEvaluateOptions:
 * @official: frame choice with the clip's length cut to whole seconds, as the
 *   published loader does (section 8, fault 1)
 * @tdss: moving crops; off: the centre
 * @limit: clips at most; 0: all
 * @skip_bad: a clip that cannot be read is left out with a warning; none left
 *   is an error
 */
typedef struct
{
  gboolean official;
  gboolean tdss;
  guint limit;
  gboolean skip_bad;
} CcsEvaluateOptions;

/* One clip as judged; channels are [n] at 16 kHz, at the clip's own level. */
typedef struct
{
  const CcsDatasetItem *item;
  gsize index;
  gsize n;
  const float *truth[2], *prediction[2];
  CcsScores scores, mono; /* of the prediction; of mix/2 on both ears */
} CcsEvaluatedClip;

/* Called after each clip; FALSE stops with @error set. */
typedef gboolean (*CcsClipFunc) (const CcsEvaluatedClip *clip,
                                 gpointer user_data, GError **error);

/* Averages over the clips judged into @prediction and @mono; @clips their
 * number. Unless bad clips are skipped, one that cannot be read is an error
 * that names its file; the averages are then those of the clips before it. */
gboolean ccs_evaluate (CcsModel *model, CcsDataset *dataset,
                       const CcsEvaluateOptions *options, CcsClipFunc func,
                       gpointer user_data, CcsScores *prediction,
                       CcsScores *mono, guint *clips, GError **error);

/* Whether there is enough to hear for level and time to mean something. */
gboolean ccs_is_audible (const float *left, const float *right, gsize n);
/* The louder ear and by how much: 10 log10 of left over right energy, dB, with
 * a floor of -60 dB of full scale on each. */
double ccs_interaural_level (const float *left, const float *right, gsize n);
/* Which ear is first: the lag within +-1 ms that maximises the
 * cross-correlation, of equal ones the least, parabola-refined; microseconds,
 * positive when left leads, 0 where an ear is silent. What it can tell and what
 * not is in docs/training.md. */
double ccs_interaural_time (const float *left, const float *right, gsize n);

G_END_DECLS
