/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Windows and transforms each frame, and keeps the bins up to the Nyquist
 * frequency. */
#include "spectrum.h"

#include <math.h>
#include <string.h>

#include "model/config.h"

gsize
ccs_spectrum_frames (gsize n)
{
  return n / CCS_STFT_HOP + 1;
}

gsize
ccs_spectrum_min_samples (CcsPadMode mode)
{
  return mode == CCS_PAD_REFLECT ? CCS_STFT_PAD + 1 : 1;
}

/* Returns sample @i of the padded signal. */
static double
padded_sample (const float *samples, gssize n, gssize i, CcsPadMode mode)
{
  if (i >= 0 && i < n)
    return samples[i];
  if (mode == CCS_PAD_ZERO)
    return 0;
  return samples[i < 0 ? -i : 2 * (n - 1) - i];
}

double complex *
ccs_spectrum_new (const float *samples, gsize n, CcsPadMode mode)
{
  g_autoptr (CcsFft) fft = ccs_fft_new (CCS_FFT);
  gsize frames = ccs_spectrum_frames (n);
  gsize margin = (CCS_FFT - CCS_STFT_WINDOW) / 2;
  double window[CCS_STFT_WINDOW];
  double complex frame[CCS_FFT];
  double complex *spectrum;

  g_return_val_if_fail (n >= ccs_spectrum_min_samples (mode), NULL);

  for (gsize i = 0; i < CCS_STFT_WINDOW; i++)
    window[i] = 0.5 - 0.5 * cos (2 * G_PI * i / CCS_STFT_WINDOW);
  spectrum = g_new (double complex, frames *CCS_BINS);
  for (gsize t = 0; t < frames; t++) {
    gssize start = (gssize)(t * CCS_STFT_HOP + margin) - CCS_STFT_PAD;

    memset (frame, 0, sizeof frame);
    for (gsize i = 0; i < CCS_STFT_WINDOW; i++)
      frame[margin + i]
          = window[i] * padded_sample (samples, n, start + (gssize)i, mode);
    ccs_fft_forward (fft, frame);
    memcpy (spectrum + t * CCS_BINS, frame, CCS_BINS * sizeof *frame);
  }
  return spectrum;
}
