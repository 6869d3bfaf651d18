/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The streaming engine: resamples the mix to 16 kHz, runs the model on windows,
 * averages their overlap, resamples the difference to the input's rate and
 * computes left and right. Positions are integer counts, so there is no drift.
 */

#include <ccstereo/binauralizer.h>
#include <ccstereo/error.h>
#include <math.h>

#include "../audio/resampler.h"
#include "../audio/window-grid.h"
#include "binauralizer-private.h"
#include "feature-queue.h"
#include "sample-queue.h"
#include "silence.h"
#include "window-batch.h"

/* Largest number of audio frames that can wait. Queues have 32-bit counts, and
 * at 4 kHz the 16 kHz queue has four times as many. */
#define MAX_WAITING (1u << 29)
/* Frames of silence pushed at a time. */
#define SILENCE_PIECE 4096
#define NS_PER_SAMPLE (G_GINT64_CONSTANT (1000000000) / CCS_MODEL_RATE)

struct _CcsBinauralizer
{
  gatomicrefcount references;
  CcsModel *model;
  CcsBinauralizerOptions options;
  gsize latency;
  guint64 reach; /* radius of the resampler's filter, in input frames */

  CcsResampler *down, *up;
  CcsOverlap
      *overlap; /* average of the last @lookahead samples of each window */
  CcsFeatureQueue features;
  CcsSilence silence;        /* in frames pushed */
  CcsSampleQueue mix;        /* input rate, from the next frame to pull */
  CcsSampleQueue low;        /* 16 kHz, from the next window's start */
  CcsSampleQueue difference; /* input rate, from the next frame to pull */
  GArray *heard;             /* scratch: mix for the model, input rate */
  GArray *average;           /* scratch: averaged difference, 16 kHz */
  guint most;                /* largest number of windows per run */
  float *batch;              /* scratch: [most, 10080] */

  guint64 n_frames;  /* pushed */
  guint64 n_low;     /* 16 kHz samples so far, lead-in included */
  guint64 n_windows; /* run */
  guint64 n_centered;
  guint64 n_averages; /* given to the upsampler */
  gsize skip;         /* averages of the lead-in that are still to be dropped */
  gint64 gap_end;     /* no feature arrives with an earlier time, ns */
  gint64 blank_end;   /* windows before this time have no feature, ns */
  gboolean audio_ended, features_ended, finished;

  float width, width_target;
  float width_step; /* largest change per frame */
  gboolean pulled;
};

/* -- life ---------------------------------------------------------------- */

static gboolean
check_range (const char *option, guint value, guint low, guint high,
             GError **error)
{
  if (value >= low && value <= high)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "binauralizer: %s %u is outside %u to %u", option, value, low,
               high);
  return FALSE;
}

static gboolean
check_options (const CcsBinauralizerOptions *options, GError **error)
{
  if (!check_range ("rate", options->rate, CCS_BINAURALIZER_MIN_RATE,
                    CCS_BINAURALIZER_MAX_RATE, error)
      || !check_range ("channels", options->channels, 1, 2, error)
      || !check_range ("hop", options->hop, 1, CCS_WINDOW, error)
      || !check_range ("lookahead", options->lookahead, options->hop,
                       CCS_WINDOW, error))
    return FALSE;
  if (options->width >= 0 && options->width <= CCS_BINAURALIZER_MAX_WIDTH)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "binauralizer: width %g is outside 0 to %g", options->width,
               CCS_BINAURALIZER_MAX_WIDTH);
  return FALSE;
}

/* Returns the samples of silence to insert before the first sample, so that as
 * many windows cover the first samples as any others. The published average
 * (full lookahead) has none. A multiple of the hop, so that the window grid is
 * unchanged. */
static gsize
lead_in (const CcsBinauralizer *self)
{
  const guint hop = self->options.hop;

  return self->options.lookahead == CCS_WINDOW ? 0
                                               : (CCS_WINDOW - 1) / hop * hop;
}

/* Computes ccs_binauralizer_latency(). A 16 kHz sample at position t is final
 * once the sample at t + lookahead - 1 has arrived. The resamplers add their
 * delays, rounded up to whole samples. */
static gsize
measure_latency (const CcsBinauralizer *self)
{
  const CcsBinauralizerOptions *options = &self->options;
  const double step = (double)options->rate / CCS_MODEL_RATE;
  gsize low = options->lookahead - 1 + ccs_resampler_delay (self->up);

  if (options->rate != CCS_MODEL_RATE)
    low++;
  if (options->batch)
    low += (CCS_MODEL_WINDOW_BATCH - 1) * (gsize)options->hop;
  return (gsize)ceil (low * step) + ccs_resampler_delay (self->down);
}

CcsBinauralizer *
ccs_binauralizer_new (CcsModel *model, const CcsBinauralizerOptions *options,
                      GError **error)
{
  static const CcsBinauralizerOptions defaults = CCS_BINAURALIZER_OPTIONS_INIT;
  g_autoptr (CcsBinauralizer) self = NULL;

  g_return_val_if_fail (model != NULL, NULL);

  if (options == NULL)
    options = &defaults;
  if (!check_options (options, error))
    return NULL;
  self = g_new0 (CcsBinauralizer, 1);
  g_atomic_ref_count_init (&self->references);
  self->model = ccs_model_ref (model);
  self->options = *options;
  self->overlap = ccs_overlap_new (options->lookahead, options->hop);
  ccs_feature_queue_init (&self->features, ccs_model_feature_size (model));
  ccs_silence_init (&self->silence);
  ccs_sample_queue_init (&self->mix);
  ccs_sample_queue_init (&self->low);
  ccs_sample_queue_init (&self->difference);
  self->heard = g_array_new (FALSE, FALSE, sizeof (float));
  self->average = g_array_new (FALSE, FALSE, sizeof (float));
  self->most = options->batch ? ccs_model_preferred_windows (model) : 1;
  self->batch = g_new (float, (gsize)self->most *CCS_WINDOW);
  self->width_target = options->width;
  self->width_step
      = (float)CCS_MODEL_RATE / ((float)CCS_HOP * (float)options->rate);
  self->down = ccs_resampler_new (options->rate, CCS_MODEL_RATE, error);
  if (!self->down)
    return NULL;
  self->up = ccs_resampler_new (CCS_MODEL_RATE, options->rate, error);
  if (!self->up)
    return NULL;
  self->latency = measure_latency (self);
  self->reach = ccs_resampler_delay (self->down);
  ccs_binauralizer_reset (self);
  return g_steal_pointer (&self);
}

CcsBinauralizer *
ccs_binauralizer_ref (CcsBinauralizer *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
ccs_binauralizer_unref (CcsBinauralizer *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->references))
    return;
  ccs_resampler_free (self->down);
  ccs_resampler_free (self->up);
  ccs_overlap_free (self->overlap);
  ccs_feature_queue_reset (&self->features);
  ccs_silence_clear (&self->silence);
  ccs_sample_queue_clear (&self->mix);
  ccs_sample_queue_clear (&self->low);
  ccs_sample_queue_clear (&self->difference);
  g_array_unref (self->heard);
  g_array_unref (self->average);
  g_free (self->batch);
  ccs_model_unref (self->model);
  g_free (self);
}

guint
ccs_binauralizer_channels (const CcsBinauralizer *self)
{
  return self->options.channels;
}

gsize
ccs_binauralizer_feature_size (const CcsBinauralizer *self)
{
  return ccs_model_feature_size (self->model);
}

void
ccs_binauralizer_reset (CcsBinauralizer *self)
{
  const gsize lead = lead_in (self);

  ccs_resampler_reset (self->down);
  ccs_resampler_reset (self->up);
  ccs_overlap_reset (self->overlap);
  ccs_feature_queue_reset (&self->features);
  ccs_silence_reset (&self->silence);
  ccs_sample_queue_reset (&self->mix);
  ccs_sample_queue_reset (&self->low);
  ccs_sample_queue_reset (&self->difference);
  ccs_sample_queue_pad (&self->low, lead);
  self->n_frames = 0;
  self->n_low = lead;
  self->n_windows = self->n_centered = self->n_averages = 0;
  /* The first averages are those of the first window's last lookahead samples.
   * The published average has no lead-in to skip. */
  self->skip = lead > 0 ? lead - (CCS_WINDOW - self->options.lookahead) : 0;
  self->gap_end = self->blank_end = G_MININT64;
  self->audio_ended = self->features_ended = self->finished = FALSE;
  self->width = self->width_target;
  self->pulled = FALSE;
}

/* -- windows ------------------------------------------------------------- */

/* Returns the number of windows whose samples have all been pushed, run or not.
 */
static guint64
complete_windows (const CcsBinauralizer *self)
{
  const guint hop = self->options.hop;

  if (self->audio_ended)
    return self->n_low > lead_in (self)
               ? ccs_grid_windows (self->n_low, CCS_WINDOW, hop)
               : 0;
  return self->n_low < CCS_WINDOW ? 0 : (self->n_low - CCS_WINDOW) / hop + 1;
}

/* Returns the time of a window's centre in ns since the first sample. */
static gint64
center_of_window (const CcsBinauralizer *self, guint64 window)
{
  gint64 start = (gint64)(window * self->options.hop) - lead_in (self);

  return (start + CCS_WINDOW / 2) * NS_PER_SAMPLE;
}

/* Returns the range of pushed frames that @window depends on, including those
 * within the resampler's filter. Frames before @end may not have been pushed
 * yet. */
static void
frames_of_window (const CcsBinauralizer *self, guint64 window, guint64 *start,
                  guint64 *end)
{
  const guint64 rate = self->options.rate;
  const guint64 low = window * self->options.hop, lead = lead_in (self);
  const guint64 first = low > lead ? (low - lead) * rate / CCS_MODEL_RATE : 0;
  const guint64 last
      = (low + CCS_WINDOW - 1 - lead) * rate / CCS_MODEL_RATE + 1;

  *start = first - MIN (first, self->reach);
  *end = last + self->reach;
}

/* Returns whether all frames of @window that have been pushed are silent. */
static gboolean
window_is_silent (const CcsBinauralizer *self, guint64 window)
{
  guint64 start, end;

  frames_of_window (self, window, &start, &end);
  return ccs_silence_covers (&self->silence, start, MIN (end, self->n_frames));
}

/* Returns whether @window can run: its feature is known, or it is silent and
 * needs none. */
static gboolean
window_is_ready (const CcsBinauralizer *self, guint64 window)
{
  const gint64 center = center_of_window (self, window);
  guint64 start, end;

  frames_of_window (self, window, &start, &end);
  if (window_is_silent (self, window))
    return self->audio_ended || self->n_frames >= end;
  return self->features_ended || center < self->gap_end
         || ccs_feature_queue_reaches (&self->features, center);
}

/* Returns the number of windows to run now: whole batches, or with @force all
 * complete windows. */
static guint
runnable_windows (const CcsBinauralizer *self, gboolean force)
{
  const guint batch = self->options.batch ? CCS_MODEL_WINDOW_BATCH : 1;
  const guint64 waiting = complete_windows (self) - self->n_windows;
  guint n = 0;

  while (n < MIN (waiting, self->most)
         && (force || window_is_ready (self, self->n_windows + n)))
    n++;
  return n >= batch || force || self->audio_ended ? n : 0;
}

/* Returns the feature for a window, or NULL: the difference is then 0. */
static const float *
feature_of_window (const CcsBinauralizer *self, guint64 window)
{
  const gint64 center = center_of_window (self, window);

  return center < self->blank_end
             ? NULL
             : ccs_feature_queue_nearest (&self->features, center);
}

static void
drop_stale (CcsBinauralizer *self)
{
  guint64 start, end;

  frames_of_window (self, self->n_windows, &start, &end);
  ccs_silence_drop_before (&self->silence, start);
  ccs_feature_queue_drop_before (&self->features,
                                 center_of_window (self, self->n_windows));
}

/* Resamples the averages that became final to the input's rate, without those
 * of the silence before the first and after the last sample. */
static gboolean
upsample_averages (CcsBinauralizer *self, GError **error)
{
  guint64 left = self->n_low - lead_in (self) - self->n_averages;
  guint skip = (guint)MIN (self->skip, self->average->len);

  if (skip > 0)
    g_array_remove_range (self->average, 0, skip);
  self->skip -= skip;
  if (self->average->len > left)
    g_array_set_size (self->average, (guint)left);
  self->n_averages += self->average->len;
  return ccs_resampler_push (self->up, (const float *)self->average->data,
                             self->average->len, self->difference.samples,
                             error);
}

static gboolean
run_windows (CcsBinauralizer *self, guint n, GError **error)
{
  const float *mixes[CCS_MODEL_MAX_WINDOWS] = { NULL };
  const float *features[CCS_MODEL_MAX_WINDOWS] = { NULL };
  const gsize before_average = CCS_WINDOW - self->options.lookahead;
  guint64 n_centered = 0;

  for (guint i = 0; i < n; i++) {
    const guint64 window = self->n_windows + i;

    mixes[i]
        = ccs_sample_queue_peek (&self->low) + (gsize)i * self->options.hop;
    if (window_is_silent (self, window))
      continue;
    features[i] = feature_of_window (self, window);
    n_centered += features[i] == NULL;
  }
  if (!ccs_window_batch_run (self->model, mixes, features, n, self->batch,
                             error))
    return FALSE;

  g_array_set_size (self->average, 0);
  for (guint i = 0; i < n; i++)
    ccs_overlap_push (self->overlap,
                      self->batch + (gsize)i * CCS_WINDOW + before_average,
                      self->average);
  self->n_centered += n_centered;
  self->n_windows += n;
  ccs_sample_queue_drop (&self->low, (gsize)n * self->options.hop);
  drop_stale (self);
  return upsample_averages (self, error);
}

/* Ends the stream after the last window: pads or cuts the difference to the
 * length of the mix. */
static gboolean
finish (CcsBinauralizer *self, GError **error)
{
  self->finished = TRUE;
  g_array_set_size (self->average, 0);
  ccs_overlap_drain (self->overlap, self->average);
  if (!upsample_averages (self, error)
      || !ccs_resampler_drain (self->up, self->difference.samples, error))
    return FALSE;
  ccs_sample_queue_set_length (&self->difference,
                               ccs_sample_queue_length (&self->mix));
  return TRUE;
}

gboolean
ccs_binauralizer_process (CcsBinauralizer *self, gboolean force, GError **error)
{
  guint n;

  while ((n = runnable_windows (self, force)) > 0)
    if (!run_windows (self, n, error))
      return FALSE;
  if (self->audio_ended && !self->finished
      && self->n_windows == complete_windows (self))
    return finish (self, error);
  return TRUE;
}

/* -- in ------------------------------------------------------------------ */

gboolean
ccs_binauralizer_push_feature (CcsBinauralizer *self, gint64 time,
                               const float *feature, GError **error)
{
  if (!ccs_feature_queue_push (&self->features, time, feature)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "binauralizer: the feature at %" G_GINT64_FORMAT
                 " ns is earlier than the one before",
                 time);
    return FALSE;
  }
  /* A feature within an announced gap ends the gap. */
  self->gap_end = MIN (self->gap_end, time);
  self->blank_end = MIN (self->blank_end, time);
  drop_stale (self);
  return TRUE;
}

void
ccs_binauralizer_push_gap (CcsBinauralizer *self, gint64 time)
{
  self->gap_end = MAX (self->gap_end, time);
  if (ccs_feature_queue_is_empty (&self->features))
    self->blank_end = self->gap_end;
}

void
ccs_binauralizer_end_features (CcsBinauralizer *self)
{
  self->features_ended = TRUE;
}

/* Appends the mix to its queue, and to @heard the mix for the model, with
 * silence in place of samples that are too loud or not finite. */
static void
append_mix (CcsBinauralizer *self, const float *samples, gsize frames)
{
  const guint channels = self->options.channels;
  const guint start = self->mix.samples->len;
  float *mix, *heard;

  g_array_set_size (self->mix.samples, start + (guint)frames);
  g_array_set_size (self->heard, (guint)frames);
  mix = &g_array_index (self->mix.samples, float, start);
  heard = (float *)self->heard->data;
  for (gsize i = 0; i < frames; i++) {
    mix[i] = samples[i * channels];
    if (channels == 2)
      mix[i] += samples[i * channels + 1];
    heard[i] = fabsf (mix[i]) <= CCS_BINAURALIZER_LOUDEST ? mix[i] : 0.f;
  }
}

gboolean
ccs_binauralizer_push_audio (CcsBinauralizer *self, const float *samples,
                             gsize frames, GError **error)
{
  const gsize before = ccs_sample_queue_length (&self->low);

  if (self->audio_ended) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "binauralizer: audio after its end");
    return FALSE;
  }
  if (frames > MAX_WAITING - ccs_sample_queue_length (&self->mix)) {
    g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
                 "binauralizer: more than %u frames of sound would wait",
                 MAX_WAITING);
    return FALSE;
  }
  append_mix (self, samples, frames);
  if (!ccs_resampler_push (self->down, (const float *)self->heard->data, frames,
                           self->low.samples, error))
    return FALSE;
  self->n_low += ccs_sample_queue_length (&self->low) - before;
  self->n_frames += frames;
  return TRUE;
}

gboolean
ccs_binauralizer_push_silence (CcsBinauralizer *self, gsize frames,
                               GError **error)
{
  static const float zeros[SILENCE_PIECE * 2];
  gsize n;

  for (gsize done = 0; done < frames; done += n) {
    n = MIN (SILENCE_PIECE, frames - done);
    if (!ccs_binauralizer_push_audio (self, zeros, n, error))
      return FALSE;
    ccs_silence_add (&self->silence, self->n_frames - n, self->n_frames);
  }
  return TRUE;
}

gboolean
ccs_binauralizer_drain (CcsBinauralizer *self, GError **error)
{
  const gsize before = ccs_sample_queue_length (&self->low);

  if (!self->audio_ended) {
    if (!ccs_resampler_drain (self->down, self->low.samples, error))
      return FALSE;
    self->n_low += ccs_sample_queue_length (&self->low) - before;
    self->audio_ended = TRUE;
    ccs_sample_queue_pad (
        &self->low, ccs_grid_padded (self->n_low, CCS_WINDOW, self->options.hop)
                        - self->n_low);
  }
  return ccs_binauralizer_process (self, FALSE, error);
}

/* -- out ----------------------------------------------------------------- */

gsize
ccs_binauralizer_available (const CcsBinauralizer *self)
{
  return MIN (ccs_sample_queue_length (&self->mix),
              ccs_sample_queue_length (&self->difference));
}

gsize
ccs_binauralizer_pull (CcsBinauralizer *self, float *out, gsize frames)
{
  const gsize n = MIN (frames, ccs_binauralizer_available (self));
  const float *mix = ccs_sample_queue_peek (&self->mix);
  const float *difference = ccs_sample_queue_peek (&self->difference);
  const float step = self->width_step;
  float width = self->width;

  for (gsize i = 0; i < n; i++) {
    float side;

    width += CLAMP (self->width_target - width, -step, step);
    side = width * difference[i];
    out[2 * i] = (mix[i] + side) * 0.5f;
    out[2 * i + 1] = (mix[i] - side) * 0.5f;
  }
  self->width = width;
  self->pulled |= n > 0;
  ccs_sample_queue_drop (&self->mix, n);
  ccs_sample_queue_drop (&self->difference, n);
  return n;
}

void
ccs_binauralizer_set_width (CcsBinauralizer *self, float width)
{
  g_return_if_fail (width >= 0 && width <= CCS_BINAURALIZER_MAX_WIDTH);

  self->width_target = width;
  if (!self->pulled)
    self->width = width;
}

/* -- questions ----------------------------------------------------------- */

gsize
ccs_binauralizer_latency (const CcsBinauralizer *self)
{
  return self->latency;
}

gint64
ccs_binauralizer_next_center (const CcsBinauralizer *self)
{
  const guint64 complete = complete_windows (self);

  for (guint64 window = self->n_windows; window < complete; window++)
    if (!window_is_ready (self, window))
      return center_of_window (self, window);
  return -1;
}

guint64
ccs_binauralizer_windows (const CcsBinauralizer *self)
{
  return self->n_windows;
}

guint64
ccs_binauralizer_centered_windows (const CcsBinauralizer *self)
{
  return self->n_centered;
}
