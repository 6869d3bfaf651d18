/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The eight metrics of the published work for a prediction and its truth
 * (specification section 7). Lower is better, except for snr. */
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

/* Returns the metric's name in the published code: "stft_l2_dist" and so on. */
const char *ccs_metric_name (CcsMetric metric);

/* Divides both channels [n] by their common peak, in place. The published
 * evaluation does this to prediction and truth before comparing them. */
void ccs_metrics_normalise_peak (float *const channels[2], gsize n);

/* Computes @values, by CcsMetric, of @prediction and @truth: left and right,
 * [n] samples at 16 kHz each, which are not scaled. Fails with
 * CCS_ERROR_ARGUMENT for 256 samples or fewer, which cannot be padded by
 * reflection. */
gboolean ccs_metrics_compute (const float *const prediction[2],
                              const float *const truth[2], gsize n,
                              double values[CCS_N_METRICS], GError **error);

G_END_DECLS
