/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Short-time Fourier transform of a whole signal in double precision, for
 * metrics and reports (the model has its own, a matrix product). Parameters are
 * the model's: 512 points, hop 160, Hann 400. */
#pragma once

#include "fft.h"
#include "nn/program.h"

G_BEGIN_DECLS

/* Returns the number of frames of @n samples, centred: n / 160 + 1. */
gsize ccs_spectrum_frames (gsize n);
/* Returns the smallest number of samples that @mode can pad. */
gsize ccs_spectrum_min_samples (CcsPadMode mode);
/* Transforms @samples [n] at 16 kHz to [frames,257], one-sided, not normalised,
 * padded by 256 samples on both ends as @mode says. Free with g_free().
 * (transfer full) */
double complex *ccs_spectrum_new (const float *samples, gsize n,
                                  CcsPadMode mode);

G_END_DECLS
