/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The streaming engine: audio in pieces of any size and features by time in,
 * stereo of the same length out. Elements, tools and evaluation all use this.
 *
 * The mix M is the sum of the input's channels at the input's rate. Only the
 * difference D passes through the net, at 16 kHz; L = (M + D)/2, R = (M - D)/2
 * at the input's rate, so L + R is the input mix. Windows lie on the grid of
 * CCS_WINDOW and the hop, counted from the first sample pushed; each takes the
 * feature nearest its centre in time, the earlier of two equally near. Output
 * does not depend on how the input was split. Time is in nanoseconds from the
 * first sample. An engine is for one thread at a time. */
#pragma once

#include "../model/model.h"

G_BEGIN_DECLS

typedef struct _CcsBinauralizer CcsBinauralizer;

/**
 * CcsBinauralizerOptions:
 * @rate: input and output rate in Hz, CCS_BINAURALIZER_MIN_RATE (4000) to
 *   CCS_BINAURALIZER_MAX_RATE (384000)
 * @channels: 1 or 2; stereo is summed. A mono input x is taken as the mix M, so
 *   that L + R = x.
 * @hop: samples at 16 kHz between windows, 1 to CCS_WINDOW; default CCS_HOP
 * @lookahead: the part of the overlap average that is awaited, in 16 kHz
 *   samples, @hop to CCS_WINDOW: a sample is the average of the windows that
 *   begin at least window - lookahead before it. CCS_WINDOW (default): all of
 *   them, the published average; smaller: lower latency. Below CCS_WINDOW the
 *   grid begins before the first sample, in silence, so that the latency is the
 *   same from the start.
 * @batch: gather CCS_MODEL_WINDOW_BATCH windows a run (throughput; adds the
 *   hops between them to the latency), or as many as wait where the model takes
 *   more; else run each window as soon as it is complete (live). The output is
 *   the same.
 * @width: 0 mono .. 1 as predicted .. CCS_BINAURALIZER_MAX_WIDTH (2)
 */
typedef struct
{
  guint rate;
  guint channels;
  guint hop;
  guint lookahead;
  gboolean batch;
  float width;
} CcsBinauralizerOptions;

#define CCS_BINAURALIZER_DEFAULTS                                              \
  ((CcsBinauralizerOptions){ 48000, 1, CCS_HOP, CCS_WINDOW, TRUE, 1.f })

/* The ranges of rate and width. */
#define CCS_BINAURALIZER_MIN_RATE 4000
#define CCS_BINAURALIZER_MAX_RATE 384000
#define CCS_BINAURALIZER_MAX_WIDTH 2.

/* 180 dB above full scale: no sound, and its square has room in a float. */
#define CCS_BINAURALIZER_LOUDEST 1e9f

/* @model (transfer none). CCS_ERROR_ARGUMENT for an option outside its range.
 */
CcsBinauralizer *ccs_binauralizer_new (CcsModel *model,
                                       const CcsBinauralizerOptions *options,
                                       GError **error);
void ccs_binauralizer_free (CcsBinauralizer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsBinauralizer, ccs_binauralizer_free)

/* The feature of the frame shown at @time; times must not go back
 * (CCS_ERROR_ARGUMENT), and of several at the same time the first counts.
 * Copies ccs_model_feature_size() floats; those that no window can take any
 * more are freed. */
gboolean ccs_binauralizer_push_feature (CcsBinauralizer *self, gint64 time,
                                        const float *feature, GError **error);
/* No further feature is shown before @time (ns): windows whose centre lies
 * before it wait for none. Where there has been no feature at all they have
 * none, also when one has come by the time they run: D = 0. */
void ccs_binauralizer_push_gap (CcsBinauralizer *self, gint64 time);
/* No feature comes any more (windows still waiting may run with what is
 * there). */
void ccs_binauralizer_end_features (CcsBinauralizer *self);
/* @frames interleaved frames of @channels floats. Sums that are not finite,
 * or beyond CCS_BINAURALIZER_LOUDEST, are silence to the net: they come out as
 * they are and disturb no others. CCS_ERROR_ARGUMENT after drain, and where
 * more than 2^29 frames would wait. */
gboolean ccs_binauralizer_push_audio (CcsBinauralizer *self,
                                      const float *samples, gsize frames,
                                      GError **error);
/* End of audio: pads the tail and runs what can run, so that everything can be
 * pulled that does not wait for a feature. What does, process() runs when the
 * features are there or have ended, or with force. */
gboolean ccs_binauralizer_drain (CcsBinauralizer *self, GError **error);
/* Stereo frames that can be pulled now. */
gsize ccs_binauralizer_available (const CcsBinauralizer *self);
/* Runs what can run. A window waits until features or a gap reach its centre or
 * features have ended, and with the batch option until there are enough of
 * them; with @force all complete windows run, with the nearest feature there is
 * (live), or with none: D = 0. After an error nothing is lost: the same windows
 * run next time.
 */
gboolean ccs_binauralizer_process (CcsBinauralizer *self, gboolean force,
                                   GError **error);
/* Moves up to @frames frames (interleaved L R) to @out; returns how many. */
gsize ccs_binauralizer_pull (CcsBinauralizer *self, float *out, gsize frames);
/* Forgets everything, keeps model and options (and the width last set). */
void ccs_binauralizer_reset (CcsBinauralizer *self);
/* 0 .. 2; applies to frames not yet pulled, over a ramp of CCS_HOP samples at
 * 16 kHz for each 1 of change, which is heard as no click. Before the first
 * pull it applies at once. */
void ccs_binauralizer_set_width (CcsBinauralizer *self, float width);
/* Input frames (at @rate) by which output lags input at most: of n frames
 * pushed, at least n - latency can have been pulled after process(), where
 * features do not hold it up. In 16 kHz samples that is lookahead - 1, with the
 * batch option (CCS_MODEL_WINDOW_BATCH - 1) hops more, and what the two
 * resamplers hold back (nothing at 16 kHz). */
gsize ccs_binauralizer_latency (const CcsBinauralizer *self);
/* The centre (ns) of the first window that is complete and waits for features:
 * they are needed up to there. -1 where none waits. */
gint64 ccs_binauralizer_next_center (const CcsBinauralizer *self);
/* Windows that found no feature at all so far (D = 0). */
guint64 ccs_binauralizer_centered_windows (const CcsBinauralizer *self);

/* A whole clip in the published protocol at 16 kHz: @mix of @n samples;
 * features by window through @feature_of_window (the number of windows is
 * ccs_grid_windows (n, CCS_WINDOW, CCS_HOP)) -> @difference [n]. The feature
 * has to stay valid until the call returns; NULL leaves the window in the
 * centre. */
typedef const float *(*CcsFeatureOfWindow) (gsize window, gpointer user_data);
gboolean ccs_binauralize_clip (CcsModel *model, const float *mix, gsize n,
                               CcsFeatureOfWindow feature_of_window,
                               gpointer user_data, float *difference,
                               GError **error);

G_END_DECLS
