/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The short-time Fourier transform of a whole signal in double precision, for
 * metrics and reports (the net's own, of one window, is a matrix product in its
 * program). Parameters are the model's: 512 points, hop 160, Hann 400. */
#pragma once

#include "fft.h"
#include "nn/program.h"

G_BEGIN_DECLS

/* Frames of an @n-sample signal, centred: n / 160 + 1. */
gsize ccs_spectrum_frames (gsize n);
/* Reflection needs this many samples at least. */
gsize ccs_spectrum_min_samples (CcsPadMode mode);
/* @samples [n], at 16 kHz -> [frames,257], one-sided, not normalised; padded
 * by 256 samples on both ends as @mode says. g_free() it. (transfer full) */
double complex *ccs_spectrum_new (const float *samples, gsize n,
                                  CcsPadMode mode);

G_END_DECLS
