/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Radix-2 decimation in time for powers of two; other lengths as a convolution
 * with a chirp (Bluestein 1970), computed with the next sufficient power of
 * two. */
#include "fft.h"

#include <string.h>

struct _CcsFft
{
  gsize n;
  gsize size;           /* length of the radix-2 transform */
  double complex *root; /* [size/2]: exp (-2 pi i k / size) */
  /* only if n is not a power of two: */
  double complex *chirp;   /* [n]: exp (-pi i k^2 / n) */
  double complex *filter;  /* [size]: transform of the conjugate chirp */
  double complex *scratch; /* [size] */
};

static gsize
power_of_two_from (gsize n)
{
  gsize p = 1;

  while (p < n)
    p <<= 1;
  return p;
}

static void
reorder_bit_reversed (double complex *x, gsize size)
{
  for (gsize i = 1, j = 0; i < size; i++) {
    gsize bit = size >> 1;

    for (; j & bit; bit >>= 1)
      j ^= bit;
    j ^= bit;
    if (i < j) {
      double complex swapped = x[i];
      x[i] = x[j];
      x[j] = swapped;
    }
  }
}

/* Multiplies without the checks for infinities of the complex operator. */
static inline double complex
product (double complex a, double complex b)
{
  double ar = creal (a), ai = cimag (a), br = creal (b), bi = cimag (b);

  return ccs_complex (ar * br - ai * bi, ar * bi + ai * br);
}

static void
transform_power_of_two (const CcsFft *self, double complex *x)
{
  reorder_bit_reversed (x, self->size);
  for (gsize half = 1; half < self->size; half <<= 1) {
    gsize step = self->size / (2 * half);

    for (gsize start = 0; start < self->size; start += 2 * half) {
      for (gsize k = 0; k < half; k++) {
        double complex even = x[start + k];
        double complex odd
            = product (x[start + k + half], self->root[k * step]);

        x[start + k] = even + odd;
        x[start + k + half] = even - odd;
      }
    }
  }
}

static void
conjugate (double complex *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] = conj (x[i]);
}

static void
prepare_chirp (CcsFft *self)
{
  gsize square = 0; /* k^2 mod 2n, computed without overflow */

  self->chirp = g_new (double complex, self->n);
  self->filter = g_new0 (double complex, self->size);
  self->scratch = g_new (double complex, self->size);
  for (gsize k = 0; k < self->n; k++) {
    self->chirp[k] = cexp (ccs_complex (0, -G_PI * square / self->n));
    self->filter[k] = conj (self->chirp[k]);
    if (k > 0)
      self->filter[self->size - k] = self->filter[k];
    square = (square + 2 * k + 1) % (2 * self->n);
  }
  transform_power_of_two (self, self->filter);
}

CcsFft *
ccs_fft_new (gsize n)
{
  CcsFft *self;

  g_return_val_if_fail (n >= 1 && n <= G_MAXSIZE / 64, NULL);

  self = g_new0 (CcsFft, 1);
  self->n = n;
  self->size = power_of_two_from (n);
  if (self->size != n)
    self->size = power_of_two_from (2 * n - 1);
  self->root = g_new (double complex, MAX (self->size / 2, 1));
  for (gsize k = 0; k < self->size / 2; k++)
    self->root[k] = cexp (ccs_complex (0, -2 * G_PI * k / self->size));
  if (self->size != n)
    prepare_chirp (self);
  return self;
}

void
ccs_fft_free (CcsFft *self)
{
  if (self == NULL)
    return;
  g_free (self->root);
  g_free (self->chirp);
  g_free (self->filter);
  g_free (self->scratch);
  g_free (self);
}

/* sum x_j w^(jk) with jk = (j^2 + k^2 - (k - j)^2)/2: chirp, convolve, chirp.
 */
static void
transform_any (CcsFft *self, double complex *x)
{
  double complex *y = self->scratch;

  for (gsize j = 0; j < self->n; j++)
    y[j] = product (x[j], self->chirp[j]);
  memset (y + self->n, 0, (self->size - self->n) * sizeof *y);
  transform_power_of_two (self, y);
  for (gsize i = 0; i < self->size; i++)
    y[i] = conj (product (y[i], self->filter[i]));
  transform_power_of_two (self, y);
  for (gsize k = 0; k < self->n; k++)
    x[k] = product (conj (y[k]) / self->size, self->chirp[k]);
}

void
ccs_fft_forward (CcsFft *self, double complex *x)
{
  if (self->size == self->n)
    transform_power_of_two (self, x);
  else
    transform_any (self, x);
}

void
ccs_fft_inverse (CcsFft *self, double complex *x)
{
  conjugate (x, self->n);
  ccs_fft_forward (self, x);
  for (gsize i = 0; i < self->n; i++)
    x[i] = conj (x[i]) / self->n;
}
