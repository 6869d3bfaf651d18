/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The signal front end (specification section 1) as matrix products: the
 * product of a frame of 400 samples and a fixed basis is its windowed spectrum,
 * and a second basis inverts it. This is exact, deterministic and
 * differentiable. */
#include <math.h>
#include "net.h"

/* (re, im) pairs of all bins: one row of a spectrum. */
#define SPECTRUM_ROW (2 * CCS_BINS)
/* The window is centred in the transform: it starts this many samples after the
 * transform. */
#define WINDOW_OFFSET ((CCS_FFT - CCS_STFT_WINDOW) / 2)
/* Frames of CCS_STFT_WINDOW samples with this padding are the windowed part of
 * transforms centred with CCS_STFT_PAD. */
#define FRAME_PAD (CCS_STFT_PAD - WINDOW_OFFSET)

/* Periodic Hann. */
static double
window_at (gint sample)
{
  return 0.5 - 0.5 * cos (2 * G_PI * sample / CCS_STFT_WINDOW);
}

/* Fills in one period of the cosine in CCS_FFT steps. */
static void
fill_cosine (double cosine[CCS_FFT])
{
  for (gint i = 0; i < CCS_FFT; i++)
    cosine[i] = cos (2 * G_PI * i / CCS_FFT);
}

/* Computes (re, im) of window x exp (-2 pi i bin n / CCS_FFT) at @sample of a
 * frame. */
static void
basis_at (const double *cosine, gint bin, gint sample, double pair[2])
{
  gint phase = bin * (sample + WINDOW_OFFSET) % CCS_FFT;

  pair[0] = window_at (sample) * cosine[phase];
  /* sin (a) = cos (a - pi/2) */
  pair[1]
      = -window_at (sample) * cosine[(phase + CCS_FFT - CCS_FFT / 4) % CCS_FFT];
}

/* Returns the constant @name, which is added to the program at the first call.
 */
static CcsValueId
constant (CcsProgram *p, const char *name, CcsShape shape,
          void (*fill) (float *data))
{
  CcsValueId id = ccs_program_find (p, name);
  float *data;

  if (id != CCS_NONE)
    return id;
  data = g_new (float, ccs_shape_elements (&shape));
  fill (data);
  return ccs_program_const (p, name,
                            ccs_tensor_new_take (CCS_F32, &shape, data));
}

/* Fills in the analysis basis [514,400]. */
static void
fill_analysis (float *data)
{
  double cosine[CCS_FFT], pair[2];

  fill_cosine (cosine);
  for (gint bin = 0; bin < CCS_BINS; bin++) {
    for (gint i = 0; i < CCS_STFT_WINDOW; i++) {
      basis_at (cosine, bin, i, pair);
      data[(2 * bin) * CCS_STFT_WINDOW + i] = pair[0];
      data[(2 * bin + 1) * CCS_STFT_WINDOW + i] = pair[1];
    }
  }
}

/* Fills in the bias [514], which adds 1e-12 to the spectrum. */
static void
fill_analysis_bias (float *data)
{
  for (gint i = 0; i < SPECTRUM_ROW; i++)
    data[i] = CCS_SPEC_EPS;
}

/* Fills in the synthesis basis [400,514]: the windowed inverse transform of a
 * one-sided spectrum. All bins but the first and the last count twice, for the
 * mirrored bins; those two have no imaginary part. */
static void
fill_synthesis (float *data)
{
  double cosine[CCS_FFT], pair[2];

  fill_cosine (cosine);
  for (gint i = 0; i < CCS_STFT_WINDOW; i++) {
    float *row = data + i * SPECTRUM_ROW;
    for (gint bin = 0; bin < CCS_BINS; bin++) {
      gboolean real_only = bin == 0 || bin == CCS_BINS - 1;
      double weight = (real_only ? 1.0 : 2.0) / CCS_FFT;
      basis_at (cosine, bin, i, pair);
      row[2 * bin] = weight * pair[0];
      row[2 * bin + 1] = real_only ? 0.f : weight * pair[1];
    }
  }
}

/* Fills in the bias [400] that subtracts the 1e-12 of every entry of the
 * spectrum. */
static void
fill_synthesis_bias (float *data)
{
  g_autofree float *basis = g_new (float, CCS_STFT_WINDOW *SPECTRUM_ROW);

  fill_synthesis (basis);
  for (gint i = 0; i < CCS_STFT_WINDOW; i++) {
    double sum = 0;
    for (gint j = 0; j < SPECTRUM_ROW; j++)
      sum += basis[i * SPECTRUM_ROW + j];
    data[i] = -CCS_SPEC_EPS * sum;
  }
}

/* Fills in [10080]: 1 / the sum of the squared windows at each sample. */
static void
fill_overlap_weight (float *data)
{
  for (gint n = 0; n < CCS_WINDOW; n++) {
    double sum = 0;
    for (gint t = 0; t < CCS_FRAMES; t++) {
      gint i = n - (t * CCS_STFT_HOP - FRAME_PAD);
      if (i >= 0 && i < CCS_STFT_WINDOW)
        sum += window_at (i) * window_at (i);
    }
    data[n] = 1.0 / sum;
  }
}

static CcsValueId
analyse (CcsProgram *p, CcsValueId samples, CcsPadMode mode, CcsValueId bias)
{
  CcsValueId basis
      = constant (p, "stft.analysis", CCS_SHAPE (SPECTRUM_ROW, CCS_STFT_WINDOW),
                  fill_analysis);
  CcsValueId frames
      = ccs_frame (p, samples, CCS_STFT_WINDOW, CCS_STFT_HOP, FRAME_PAD, mode);

  return ccs_linear (p, frames, basis, bias, CCS_NO_ACT);
}

static gint64
batch_of (const CcsProgram *p, CcsValueId id)
{
  return id == CCS_NONE ? 1 : ccs_program_value (p, id)->shape.dim[0];
}

CcsValueId
ccs_net_stft (CcsProgram *p, CcsValueId samples)
{
  CcsValueId bias = constant (p, "stft.analysis_bias", CCS_SHAPE (SPECTRUM_ROW),
                              fill_analysis_bias);
  CcsValueId rows = analyse (p, samples, CCS_PAD_ZERO, bias);
  CcsValueId by_frame = ccs_reshape (
      p, rows, CCS_SHAPE (batch_of (p, samples), CCS_FRAMES, CCS_BINS, 2));

  return ccs_transpose (p, by_frame, 0, 2, 1, 3);
}

CcsValueId
ccs_net_stft_reflect (CcsProgram *p, CcsValueId samples)
{
  return analyse (p, samples, CCS_PAD_REFLECT, CCS_NONE);
}

CcsValueId
ccs_net_istft (CcsProgram *p, CcsValueId spectrum)
{
  CcsValueId basis
      = constant (p, "stft.synthesis",
                  CCS_SHAPE (CCS_STFT_WINDOW, SPECTRUM_ROW), fill_synthesis);
  CcsValueId bias = constant (p, "stft.synthesis_bias",
                              CCS_SHAPE (CCS_STFT_WINDOW), fill_synthesis_bias);
  CcsValueId weight = constant (p, "stft.overlap_weight",
                                CCS_SHAPE (CCS_WINDOW), fill_overlap_weight);
  CcsValueId by_frame = ccs_transpose (p, spectrum, 0, 2, 1, 3);
  CcsValueId rows = ccs_reshape (
      p, by_frame,
      CCS_SHAPE (batch_of (p, spectrum), CCS_FRAMES, SPECTRUM_ROW));
  CcsValueId frames = ccs_linear (p, rows, basis, bias, CCS_NO_ACT);
  CcsValueId sum = ccs_overlap_add (p, frames, CCS_WINDOW, CCS_STFT_HOP,
                                    FRAME_PAD, CCS_PAD_ZERO);

  return ccs_mul (p, sum, weight);
}
