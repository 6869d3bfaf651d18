/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A discrete Fourier transform of any length in double precision, for metrics
 * and reports: what the envelope metric needs (exactly n points, n a prime as
 * well) the permissively licensed FFT libraries at hand do only in float or in
 * quadratic time. The net has its own transform, as a matrix product. */
#pragma once

#include <complex.h>
#include <glib.h>

G_BEGIN_DECLS

/* Returns re + i im, exactly. clang has no CMPLX with the headers of
 * glibc 2.36.
 */
static inline double complex
ccs_complex (double re, double im)
{
  const union
  {
    double parts[2];
    double complex value;
  } number = { { re, im } };

  return number.value;
}

/* Twiddle factors and scratch for one length; for one thread at a time. */
typedef struct _CcsFft CcsFft;

/* @n: at least 1. */
CcsFft *ccs_fft_new (gsize n);
void ccs_fft_free (CcsFft *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CcsFft, ccs_fft_free)

/* In place: x[k] = sum over j of x[j] exp (-2 pi i j k / n). */
void ccs_fft_forward (CcsFft *self, double complex *x);
/* In place, with the factor 1/n: undoes ccs_fft_forward(). */
void ccs_fft_inverse (CcsFft *self, double complex *x);

G_END_DECLS
