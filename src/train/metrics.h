/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The eight numbers by which the published work judges a binaural prediction
 * against the truth (specification section 7). Lower is better, apart from
 * snr. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  CCS_METRIC_STFT,
  CCS_METRIC_ENV,
  CCS_METRIC_SNR, /* dB */
  CCS_METRIC_MAG,
  CCS_METRIC_ANG, /* rad: the paper's D_phase */
  CCS_METRIC_WAV,
  CCS_METRIC_AMP,
  CCS_METRIC_PHASE, /* rad */
  CCS_N_METRICS
} CcsMetric;

/* "stft_l2_dist" and so on, as the published code names them. */
const char *ccs_metric_name (CcsMetric metric);

/* Divides both channels [n] by their common peak, in place: what the published
 * evaluation does to prediction and truth before it compares them. */
void ccs_metrics_normalise_peak (float *const channels[2], gsize n);

/* @prediction and @truth: left and right, [n] samples at 16 kHz each, taken as
 * they are -> @values by CcsMetric. Fails with CCS_ERROR_ARGUMENT on signals
 * of 256 samples or fewer, which cannot be reflected at their ends. */
gboolean ccs_metrics_compute (const float *const prediction[2],
                              const float *const truth[2], gsize n,
                              double values[CCS_N_METRICS], GError **error);

G_END_DECLS
