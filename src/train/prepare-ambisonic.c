/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prepare-ambisonic.h"

#include <math.h>
#include <string.h>

#define CORNERS 8
/* Directions of a cube's corners: elevation atan (1/sqrt 2). */
#define CORNER_ELEVATION 35.26438968
/* Weight of the first order relative to the zeroth that maximises the energy
 * vector in three dimensions ("max rE"): 1/sqrt 3. */
#define MAX_RE 0.5773502692
/* Samples per pass; they fit a first-level cache. */
#define BLOCK 1024

struct _CcsAmbisonic
{
  guint taps;
  guint source[CCS_AMBISONIC_CHANNELS]; /* plane of W, Y, Z, X */
  float *filters;                       /* [W Y Z X][left right][taps] */
  float *past;                          /* [W Y Z X][taps]: the audio before */
};

/* Computes the real spherical harmonics (ACN, SN3D) of a direction; azimuth is
 * positive to the right. */
static void
harmonics (double azimuth, double elevation, double *out)
{
  double a = -azimuth * G_PI / 180, e = elevation * G_PI / 180;

  out[0] = 1;
  out[1] = sin (a) * cos (e);
  out[2] = sin (e);
  out[3] = cos (a) * cos (e);
}

static void
fold_filters (CcsAmbisonic *self, CcsHrir *hrir, double w_gain)
{
  g_autofree float *ears = g_new (float, 2 * self->taps);

  for (guint corner = 0; corner < CORNERS; corner++) {
    double azimuth = 45 + 90 * (corner % 4);
    double elevation = corner < 4 ? CORNER_ELEVATION : -CORNER_ELEVATION;
    double y[CCS_AMBISONIC_CHANNELS];

    harmonics (azimuth, elevation, y);
    ccs_hrir_get (hrir, azimuth, elevation, ears, ears + self->taps);
    for (guint c = 0; c < CCS_AMBISONIC_CHANNELS; c++) {
      /* input in SN3D, decoding in N3D: a factor of three for the first order
       */
      double gain = (c == 0 ? w_gain : 3 * MAX_RE * y[c]) / CORNERS;

      for (guint i = 0; i < 2 * self->taps; i++)
        self->filters[c * 2 * self->taps + i] += gain * ears[i];
    }
  }
}

CcsAmbisonic *
ccs_ambisonic_new (CcsAmbisonicOrder order, guint rate, const char *sofa,
                   GError **error)
{
  static const guint planes[][CCS_AMBISONIC_CHANNELS] = {
    [CCS_AMBISONIC_AMBIX] = { 0, 1, 2, 3 },
    [CCS_AMBISONIC_FUMA] = { 0, 2, 3, 1 },
  };
  g_autoptr (CcsHrir) hrir = ccs_hrir_new (sofa, rate, error);
  CcsAmbisonic *self;

  if (!hrir)
    return NULL;
  self = g_new0 (CcsAmbisonic, 1);
  self->taps = ccs_hrir_length (hrir);
  memcpy (self->source, planes[order], sizeof self->source);
  self->filters = g_new0 (float, CCS_AMBISONIC_CHANNELS * 2 * self->taps);
  self->past = g_new0 (float, CCS_AMBISONIC_CHANNELS * self->taps);
  fold_filters (self, hrir, order == CCS_AMBISONIC_FUMA ? G_SQRT2 : 1);
  return self;
}

void
ccs_ambisonic_free (CcsAmbisonic *self)
{
  if (!self)
    return;
  g_free (self->filters);
  g_free (self->past);
  g_free (self);
}

void
ccs_ambisonic_reset (CcsAmbisonic *self)
{
  memset (self->past, 0, CCS_AMBISONIC_CHANNELS * self->taps * sizeof (float));
}

static void
render_block (CcsAmbisonic *self, float *const *planes, gsize at, gsize n,
              float *work, float *left, float *right)
{
  for (guint c = 0; c < CCS_AMBISONIC_CHANNELS; c++) {
    const float *filters = self->filters + c * 2 * self->taps;
    float *past = self->past + c * self->taps;

    memcpy (work, past, self->taps * sizeof (float));
    memcpy (work + self->taps, planes[self->source[c]] + at,
            n * sizeof (float));
    ccs_hrir_convolve (work + self->taps, n, filters, self->taps, left + at);
    ccs_hrir_convolve (work + self->taps, n, filters + self->taps, self->taps,
                       right + at);
    memcpy (past, work + n, self->taps * sizeof (float));
  }
}

void
ccs_ambisonic_render (CcsAmbisonic *self, float *const *planes, gsize n,
                      float *left, float *right)
{
  g_autofree float *work = g_new (float, self->taps + BLOCK);

  memset (left, 0, n * sizeof (float));
  memset (right, 0, n * sizeof (float));
  for (gsize at = 0; at < n; at += BLOCK)
    render_block (self, planes, at, MIN (BLOCK, n - at), work, left, right);
}
