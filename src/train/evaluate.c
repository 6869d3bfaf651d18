/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "evaluate.h"
#include <math.h>
#include <string.h>

#include "audio/window-grid.h"
#include "binauralizer/clip.h"

#define LEVEL_FLOOR 1e-6 /* energy: -60 dB of full scale */
#define MAX_LAG (CCS_MODEL_RATE / 1000)
#define BLOCK                                                                  \
  (CCS_MODEL_RATE / 10) /* level and time are compared for each 0.1 s */
#define AUDIBLE 1e-3    /* blocks with a lower rms are skipped */

/* -- what listeners notice ------------------------------------------------- */

static double
energy (const float *x, gsize n)
{
  double sum = 0.;

  for (gsize i = 0; i < n; i++)
    sum += (double)x[i] * x[i];
  return sum / MAX (n, 1);
}

gboolean
ccs_is_audible (const float *left, const float *right, gsize n)
{
  return energy (left, n) + energy (right, n) >= 2. * AUDIBLE * AUDIBLE;
}

double
ccs_interaural_level (const float *left, const float *right, gsize n)
{
  return 10.
         * log10 (MAX (energy (left, n), LEVEL_FLOOR)
                  / MAX (energy (right, n), LEVEL_FLOOR));
}

/* Returns the sum of left[i] right[i + lag]. */
static double
correlation (const float *left, const float *right, gsize n, gint lag)
{
  gsize first = lag < 0 ? (gsize)-lag : 0;
  gsize last = lag > 0 ? n - MIN (n, (gsize)lag) : n;
  double sum = 0.;

  for (gsize i = first; i < last; i++)
    sum += (double)left[i] * right[(gssize)i + lag];
  return sum;
}

double
ccs_interaural_time (const float *left, const float *right, gsize n)
{
  double around[2 * MAX_LAG + 3];
  double *at = around + MAX_LAG + 1; /* by lag */
  gint best = 0;
  double bend, shift = 0.;

  for (gint lag = -MAX_LAG - 1; lag <= MAX_LAG + 1; lag++)
    at[lag] = correlation (left, right, n, lag);
  for (gint lag = 1; lag <= MAX_LAG; lag++) {
    gint later = at[-lag] > at[lag] ? -lag : lag;

    if (at[later] > at[best])
      best = later;
  }
  bend = at[best - 1] - 2. * at[best] + at[best + 1];
  if (bend < 0.)
    shift = CLAMP (0.5 * (at[best - 1] - at[best + 1]) / bend, -0.5, 0.5);
  return (best + shift) * 1e6 / CCS_MODEL_RATE;
}

/* Computes the mean absolute difference of level and of time over the audible
 * blocks. */
static void
score_interaural (const float *const p[2], const float *const t[2], gsize n,
                  CcsScores *scores)
{
  guint blocks = 0;

  scores->ild_error = scores->itd_error = 0.;
  for (gsize start = 0; start + BLOCK <= n; start += BLOCK) {
    const float *pl = p[0] + start, *pr = p[1] + start;
    const float *tl = t[0] + start, *tr = t[1] + start;

    if (!ccs_is_audible (tl, tr, BLOCK))
      continue;
    scores->ild_error += fabs (ccs_interaural_level (pl, pr, BLOCK)
                               - ccs_interaural_level (tl, tr, BLOCK));
    scores->itd_error += fabs (ccs_interaural_time (pl, pr, BLOCK)
                               - ccs_interaural_time (tl, tr, BLOCK));
    blocks++;
  }
  scores->ild_error /= MAX (blocks, 1);
  scores->itd_error /= MAX (blocks, 1);
}

/* -- features, each frame encoded once ------------------------------------- */

typedef struct
{
  CcsModel *model;
  CcsDataset *dataset;
  gsize index;
  gboolean tdss;
  GHashTable *features; /* frame number + crop -> float array */
  gint64 *numbers;      /* frame number of each window */
} ClipFeatures;

static gpointer
frame_key (gint64 number)
{
  return GINT_TO_POINTER ((gint)number + 1);
}

static gboolean
load_crop (ClipFeatures *self, gint64 number, guint8 *rgb, guint8 *crop,
           GError **error)
{
  CcsPoint at = self->tdss ? ccs_tdss_point (number) : ccs_center_point ();

  if (!ccs_dataset_load_frame (self->dataset, self->index, number, rgb, error))
    return FALSE;
  ccs_crop (rgb, at, crop);
  return TRUE;
}

/* Encodes the frames @numbers in batches. */
static gboolean
encode_frames (ClipFeatures *self, const GArray *numbers, GError **error)
{
  const gsize crop_bytes = CCS_CROP_WIDTH * CCS_CROP_HEIGHT * 3;
  const guint most = ccs_model_preferred_frames (self->model);
  gsize size = ccs_model_feature_size (self->model);
  g_autofree guint8 *rgb = g_malloc (CCS_RESIZE_WIDTH * CCS_RESIZE_HEIGHT * 3);
  g_autofree guint8 *crops = g_malloc (most * crop_bytes);

  for (guint first = 0; first < numbers->len; first += most) {
    guint n = MIN (numbers->len - first, most);
    const guint8 *frames[CCS_MODEL_MAX_FRAMES];
    float *features[CCS_MODEL_MAX_FRAMES];

    for (guint i = 0; i < n; i++) {
      gint64 number = g_array_index (numbers, gint64, first + i);

      frames[i] = crops + i * crop_bytes;
      features[i] = g_new (float, size);
      g_hash_table_insert (self->features, frame_key (number), features[i]);
      if (!load_crop (self, number, rgb, crops + i * crop_bytes, error))
        return FALSE;
    }
    if (!ccs_model_encode (self->model, frames, n, features, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
prepare_features (ClipFeatures *self, const CcsDatasetItem *item,
                  gboolean official, GError **error)
{
  gsize windows = ccs_grid_windows (item->samples, CCS_WINDOW, CCS_HOP);
  double duration
      = official ? (double)(item->samples / CCS_MODEL_RATE) : item->duration;
  g_autoptr (GArray) distinct = g_array_new (FALSE, FALSE, sizeof (gint64));

  self->numbers = g_new (gint64, windows);
  for (gsize w = 0; w < windows; w++) {
    gint64 number
        = item->frame_base
          + ccs_grid_frame (w * CCS_HOP, item->samples, duration,
                            item->frame_offset, CCS_WINDOW, CCS_ANALYSIS_FPS);

    number = CLAMP (number, item->first_frame, item->last_frame);
    self->numbers[w] = number;
    if (!g_hash_table_contains (self->features, frame_key (number))) {
      g_hash_table_insert (self->features, frame_key (number), NULL);
      g_array_append_val (distinct, number);
    }
  }
  return encode_frames (self, distinct, error);
}

static const float *
feature_of_window (gsize window, gpointer user_data)
{
  ClipFeatures *self = user_data;

  return g_hash_table_lookup (self->features,
                              frame_key (self->numbers[window]));
}

/* -- a clip ---------------------------------------------------------------- */

static gboolean
binauralize (CcsModel *model, CcsDataset *dataset, gsize index,
             const CcsDatasetItem *item, const CcsEvaluateOptions *options,
             const float *mix, float *difference, GError **error)
{
  ClipFeatures features
      = { .model = model,
          .dataset = dataset,
          .index = index,
          .tdss = options->tdss,
          .features = g_hash_table_new_full (NULL, NULL, NULL, g_free) };
  gboolean ok
      = prepare_features (&features, item, options->official, error)
        && ccs_binauralize_clip (model, mix, item->samples, feature_of_window,
                                 &features, difference, error);

  g_hash_table_unref (features.features);
  g_free (features.numbers);
  return ok;
}

/* Checks that the scores are finite: audio far beyond full scale overflows when
 * it is squared. */
static gboolean
check_finite (const CcsScores *scores, GError **error)
{
  gboolean finite
      = isfinite (scores->ild_error) && isfinite (scores->itd_error);

  for (guint m = 0; m < CCS_N_METRICS; m++)
    finite = finite && isfinite (scores->metrics[m]);
  if (!finite)
    g_set_error (error, CCS_ERROR, CCS_ERROR_FORMAT,
                 "the sound is too loud to be judged: its scores are not "
                 "finite");
  return finite;
}

/* Computes the scores. The published evaluation first divides prediction and
 * truth by their own peaks. */
static gboolean
score (const float *const p[2], const float *const t[2], gsize n,
       CcsScores *scores, GError **error)
{
  g_autofree float *copy = g_new (float, 4 * n);
  float *prediction[2] = { copy, copy + n };
  float *truth[2] = { copy + 2 * n, copy + 3 * n };

  score_interaural (p, t, n, scores);
  for (guint c = 0; c < 2; c++) {
    memcpy (prediction[c], p[c], n * sizeof (float));
    memcpy (truth[c], t[c], n * sizeof (float));
  }
  ccs_metrics_normalise_peak (prediction, n);
  ccs_metrics_normalise_peak (truth, n);
  return ccs_metrics_compute ((const float *const *)prediction,
                              (const float *const *)truth, n, scores->metrics,
                              error)
         && check_finite (scores, error);
}

/* An evaluated clip and the memory that it points to. */
typedef struct
{
  CcsEvaluatedClip clip;
  CcsDatasetItem item;
  float *memory;
} Judged;

static gboolean
judge_clip (CcsModel *model, CcsDataset *dataset, gsize index,
            const CcsEvaluateOptions *options, Judged *self, GError **error)
{
  CcsEvaluatedClip *clip = &self->clip;
  float *left, *right, *mix, *difference;
  gsize n;

  ccs_dataset_item (dataset, index, &self->item);
  n = self->item.samples;
  self->memory = g_new (float, 6 * n);
  left = self->memory;
  right = left + n;
  mix = right + n;
  difference = mix + n;
  if (!ccs_dataset_load_audio (dataset, index, 0, n, left, right, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    mix[i] = left[i] + right[i];
  if (!binauralize (model, dataset, index, &self->item, options, mix,
                    difference, error))
    return FALSE;
  *clip = (CcsEvaluatedClip){ .item = &self->item,
                              .index = index,
                              .n = n,
                              .truth = { left, right },
                              .prediction
                              = { difference + n, difference + 2 * n } };
  for (gsize i = 0; i < n; i++) {
    difference[n + i] = 0.5f * (mix[i] + difference[i]);
    difference[2 * n + i] = 0.5f * (mix[i] - difference[i]);
    mix[i] *= 0.5f;
  }
  if (score (clip->prediction, clip->truth, n, &clip->scores, error)
      && score ((const float *const[]){ mix, mix }, clip->truth, n, &clip->mono,
                error))
    return TRUE;
  g_prefix_error (error, "%s: ", self->item.name);
  return FALSE;
}

/* -- all clips -- */

static void
accumulate (CcsScores *sum, const CcsScores *one)
{
  for (guint m = 0; m < CCS_N_METRICS; m++)
    sum->metrics[m] += one->metrics[m];
  sum->ild_error += one->ild_error;
  sum->itd_error += one->itd_error;
}

static void
divide (CcsScores *sum, guint clips)
{
  for (guint m = 0; m < CCS_N_METRICS; m++)
    sum->metrics[m] /= clips;
  sum->ild_error /= clips;
  sum->itd_error /= clips;
}

/* Returns whether an error was caused by a file, not by the model or the
 * backend. */
static gboolean
is_bad_file (const GError *reason)
{
  return g_error_matches (reason, CCS_ERROR, CCS_ERROR_IO)
         || g_error_matches (reason, CCS_ERROR, CCS_ERROR_FORMAT);
}

/* Evaluates a clip. Returns TRUE if it was evaluated or may be skipped. */
static gboolean
evaluate_clip (CcsModel *model, CcsDataset *dataset, gsize index,
               const CcsEvaluateOptions *options, Judged *judged,
               gboolean *left_out, GError **error)
{
  GError *reason = NULL;

  *left_out = FALSE;
  if (judge_clip (model, dataset, index, options, judged, &reason))
    return TRUE;
  *left_out = options->skip_bad && is_bad_file (reason);
  if (*left_out)
    g_warning ("left out: %s", reason->message);
  else
    g_propagate_error (error, g_error_copy (reason));
  g_error_free (reason);
  return *left_out;
}

gboolean
ccs_evaluate (CcsModel *model, CcsDataset *dataset,
              const CcsEvaluateOptions *options, CcsClipFunc func,
              gpointer user_data, CcsScores *prediction, CcsScores *mono,
              guint *clips, GError **error)
{
  gsize n = ccs_dataset_length (dataset);
  gboolean ok = TRUE;

  if (options->limit > 0)
    n = MIN (n, options->limit);
  memset (prediction, 0, sizeof *prediction);
  memset (mono, 0, sizeof *mono);
  *clips = 0;
  for (gsize i = 0; ok && i < n; i++) {
    Judged judged = { .memory = NULL };
    gboolean left_out;

    ok = evaluate_clip (model, dataset, i, options, &judged, &left_out, error);
    if (ok && !left_out) {
      accumulate (prediction, &judged.clip.scores);
      accumulate (mono, &judged.clip.mono);
      ++*clips;
      ok = func == NULL || func (&judged.clip, user_data, error);
    }
    g_free (judged.memory);
  }
  divide (prediction, MAX (*clips, 1));
  divide (mono, MAX (*clips, 1));
  if (!ok || *clips > 0)
    return ok;
  g_set_error (error, CCS_ERROR, CCS_ERROR_IO,
               "none of the %" G_GSIZE_FORMAT " clips can be read", n);
  return FALSE;
}
