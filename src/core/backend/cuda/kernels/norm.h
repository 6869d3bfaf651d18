/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels of normalisations. Batch norm: moments of parts of the rows relative
 * to the group's first value, combined in double, then one pass over the
 * elements. Layer norm and L2 norm: one block per row. */
#pragma once

#include "device.h"

/* Columns of a block that sums per channel. */
#define CCS_NORM_ACROSS 32
#define CCS_NORM_LANES (CCS_BLOCK_THREADS / CCS_NORM_ACROSS)

/* The rows of a group in equal parts. The sums of part p of group g for channel
 * c are at [(g parts + p) channels + c] of each of two arrays in scratch. */
typedef struct
{
  char *scratch; /* double [2][groups parts channels] */
  int rows;      /* of a group */
  int parts, rows_per_part, groups, channels;
} CcsNormParts;

typedef struct
{
  unsigned c, part, group, lane;
  int first_row, end_row; /* of the part; among all rows */
  unsigned place, size;   /* in scratch, and of one array there */
} CcsNormPlace;

/* Finds the place of a block. Blocks are ordered by columns of channels, part,
 * group. */
CCS_DEVICE CcsNormPlace
ccs_norm_place (const CcsPlace *at, const CcsNormParts *p)
{
  const unsigned columns
      = (p->channels + CCS_NORM_ACROSS - 1) / CCS_NORM_ACROSS;
  CcsNormPlace here;

  here.c = at->block % columns * CCS_NORM_ACROSS + at->thread % CCS_NORM_ACROSS;
  here.lane = at->thread / CCS_NORM_ACROSS;
  here.part = at->block / columns % p->parts;
  here.group = at->block / columns / p->parts;
  here.first_row = (int)here.part * p->rows_per_part;
  here.end_row = here.first_row + p->rows_per_part;
  if (here.end_row > p->rows)
    here.end_row = p->rows;
  here.first_row += (int)here.group * p->rows;
  here.end_row += (int)here.group * p->rows;
  here.place = (here.group * p->parts + here.part) * p->channels + here.c;
  here.size = (unsigned)(p->groups * p->parts * p->channels);
  return here;
}

/* Sums two values per thread over the lanes and stores the sums in scratch. */
CCS_DEVICE void
ccs_norm_join (const CcsPlace *at, const CcsNormParts *p, int phase,
               int last_phase)
{
  double *sums = (double *)at->shared; /* [2][CCS_BLOCK_THREADS] */

  if (phase < last_phase) {
    ccs_device_tree_add (at, sums, CCS_NORM_ACROSS, phase - 1);
    ccs_device_tree_add (at, sums + CCS_BLOCK_THREADS, CCS_NORM_ACROSS,
                         phase - 1);
  } else if (at->thread < CCS_NORM_ACROSS) {
    const CcsNormPlace here = ccs_norm_place (at, p);
    double *to = (double *)p->scratch;

    if (here.c < (unsigned)p->channels) {
      to[here.place] = sums[at->thread];
      to[here.place + here.size] = sums[CCS_BLOCK_THREADS + at->thread];
    }
  }
}

/* Steps of a tree sum over the lanes; log2 (lanes) of them are needed. */
#define CCS_NORM_TREE_PHASES 3
#define CCS_NORM_SUM_PHASES (CCS_NORM_TREE_PHASES + 2)

/* -- batch norm: moments --------------------------------------------------- */

typedef struct
{
  CcsNormParts parts;
  const float *x;
  int x_pitch;
} CcsMomentsParams;

/* Sums x - x0 and its square; x0 is the group's first value. */
CCS_DEVICE void
ccs_kernel_moments (const CcsPlace *at, const CcsMomentsParams *p, int phase)
{
  double *sums = (double *)at->shared;

  if (phase == 0) {
    const CcsNormPlace here = ccs_norm_place (at, &p->parts);
    float sum = 0.f, square = 0.f;

    if (here.c < (unsigned)p->parts.channels) {
      const float origin
          = p->x[(int)here.group * p->parts.rows * p->x_pitch + here.c];

      for (int r = here.first_row + (int)here.lane; r < here.end_row;
           r += CCS_NORM_LANES) {
        const float apart = p->x[r * p->x_pitch + here.c] - origin;

        sum += apart;
        square += apart * apart;
      }
    }
    sums[at->thread] = sum;
    sums[CCS_BLOCK_THREADS + at->thread] = square;
  } else {
    ccs_norm_join (at, &p->parts, phase, CCS_NORM_SUM_PHASES - 1);
  }
}

typedef struct
{
  CcsNormParts parts;
  const float *x; /* for the groups' first values */
  int x_pitch;
  unsigned stat_offset; /* in scratch: float [2][groups][channels] */
  float *mean, *rstd;   /* [groups,channels], or NULL */
  int mean_pitch, rstd_pitch;
  float *running_mean, *running_var;
  float momentum, eps;
} CcsMomentsFinishParams;

/* One thread per channel: groups update the running statistics in order. */
CCS_DEVICE void
ccs_kernel_moments_finish (const CcsPlace *at, const CcsMomentsFinishParams *p,
                           int phase)
{
  const int c = (int)ccs_device_index (at);
  const CcsNormParts *parts = &p->parts;
  const unsigned size
      = (unsigned)(parts->groups * parts->parts * parts->channels);
  const double *sums = (const double *)parts->scratch;
  float *stat = (float *)(parts->scratch + p->stat_offset);
  const double n = parts->rows, m = p->momentum;

  if (c >= parts->channels)
    return;
  for (int g = 0; g < parts->groups; g++) {
    double sum = 0., square = 0., mean, var, rstd;

    for (int k = 0; k < parts->parts; k++) {
      const unsigned place
          = (unsigned)((g * parts->parts + k) * parts->channels + c);

      sum += sums[place];
      square += sums[place + size];
    }
    mean = sum / n;
    var = square / n - mean * mean;
    var = var > 0. ? var : 0.;
    mean += p->x[g * parts->rows * p->x_pitch + c];
    rstd = 1. / sqrt (var + p->eps);
    stat[g * parts->channels + c] = (float)mean;
    stat[(parts->groups + g) * parts->channels + c] = (float)rstd;
    if (p->mean)
      p->mean[g * p->mean_pitch + c] = (float)mean;
    if (p->rstd)
      p->rstd[g * p->rstd_pitch + c] = (float)rstd;
    p->running_mean[c] = (float)((1. - m) * p->running_mean[c] + m * mean);
    p->running_var[c]
        = (float)((1. - m) * p->running_var[c] + m * var * n / (n - 1.));
  }
}

/* -- batch norm: elements -------------------------------------------------- */

typedef struct
{
  char *scratch;
  unsigned stat_offset;    /* mean and rstd in scratch, as above */
  const float *mean, *var; /* or these [channels], of inference; else NULL */
  const float *x, *w, *b;  /* w, b: NULL where there are none */
  float *y;
  unsigned n; /* elements */
  int channels, x_pitch, y_pitch, rows, groups;
  float eps;
  CcsDeviceAct act;
} CcsNormaliseParams;

CCS_DEVICE void
ccs_kernel_normalise (const CcsPlace *at, const CcsNormaliseParams *p,
                      int phase)
{
  const unsigned i = ccs_device_index (at);
  const int c = (int)(i % p->channels), r = (int)(i / p->channels);
  const float *stat = (const float *)(p->scratch + p->stat_offset);
  float mean, rstd, x;

  if (i >= p->n)
    return;
  if (p->var) {
    mean = p->mean[c];
    rstd = 1.f / sqrtf (p->var[c] + p->eps);
  } else {
    const int place = r / p->rows * p->channels + c;

    mean = stat[place];
    rstd = stat[p->groups * p->channels + place];
  }
  x = (p->x[r * p->x_pitch + c] - mean) * rstd;
  p->y[r * p->y_pitch + c] = ccs_device_act (
      p->act, x * (p->w ? p->w[c] : 1.f) + (p->b ? p->b[c] : 0.f));
}

/* -- gradients of batch norm and layer norm -------------------------------- */

/* Input of both gradients for an element: its normalised x and the gradient
 * before the activation. Statistics of row r and channel c are at r / stat_rows
 * * stat_pitch + c stat_step. */
typedef struct
{
  const float *dy, *x, *w, *b, *mean, *rstd;
  int dy_pitch, x_pitch, stat_rows, mean_pitch, rstd_pitch, stat_step;
  CcsDeviceAct act;
} CcsNormGrad;

CCS_DEVICE void
ccs_norm_grad_at (const CcsNormGrad *p, int r, int c, float *normalised,
                  float *gradient)
{
  const int row = r / p->stat_rows;
  const float mean = p->mean[row * p->mean_pitch + c * p->stat_step];
  const float rstd = p->rstd[row * p->rstd_pitch + c * p->stat_step];

  *normalised = (p->x[r * p->x_pitch + c] - mean) * rstd;
  *gradient = p->dy[r * p->dy_pitch + c];
  if (p->act.kind != CCS_DEVICE_ACT_NONE)
    *gradient *= ccs_device_act_derivative (
        p->act, ccs_device_act (p->act, *normalised * (p->w ? p->w[c] : 1.f)
                                            + (p->b ? p->b[c] : 0.f)));
}

typedef struct
{
  CcsNormParts parts;
  CcsNormGrad grad;
} CcsNormSumsParams;

/* Sums the gradient times the normalised x, and the gradient. */
CCS_DEVICE void
ccs_kernel_norm_sums (const CcsPlace *at, const CcsNormSumsParams *p, int phase)
{
  double *sums = (double *)at->shared;

  if (phase == 0) {
    const CcsNormPlace here = ccs_norm_place (at, &p->parts);
    float dot = 0.f, sum = 0.f;

    if (here.c < (unsigned)p->parts.channels)
      for (int r = here.first_row + (int)here.lane; r < here.end_row;
           r += CCS_NORM_LANES) {
        float normalised, gradient;

        ccs_norm_grad_at (&p->grad, r, (int)here.c, &normalised, &gradient);
        dot += gradient * normalised;
        sum += gradient;
      }
    sums[at->thread] = dot;
    sums[CCS_BLOCK_THREADS + at->thread] = sum;
  } else {
    ccs_norm_join (at, &p->parts, phase, CCS_NORM_SUM_PHASES - 1);
  }
}

typedef struct
{
  CcsNormParts parts;
  unsigned stat_offset; /* in scratch: float [2][groups][channels], the means
                         * over a group's rows of the two sums */
  float *dw, *db;       /* [channels], or NULL */
} CcsNormSumsFinishParams;

CCS_DEVICE void
ccs_kernel_norm_sums_finish (const CcsPlace *at,
                             const CcsNormSumsFinishParams *p, int phase)
{
  const int c = (int)ccs_device_index (at);
  const CcsNormParts *parts = &p->parts;
  const unsigned size
      = (unsigned)(parts->groups * parts->parts * parts->channels);
  const double *sums = (const double *)parts->scratch;
  float *stat = (float *)(parts->scratch + p->stat_offset);
  double dw = 0., db = 0.;

  if (c >= parts->channels)
    return;
  for (int g = 0; g < parts->groups; g++) {
    double dot = 0., sum = 0.;

    for (int k = 0; k < parts->parts; k++) {
      const unsigned place
          = (unsigned)((g * parts->parts + k) * parts->channels + c);

      dot += sums[place];
      sum += sums[place + size];
    }
    stat[g * parts->channels + c] = (float)(dot / parts->rows);
    stat[(parts->groups + g) * parts->channels + c]
        = (float)(sum / parts->rows);
    dw += dot;
    db += sum;
  }
  if (p->dw)
    p->dw[c] = (float)dw;
  if (p->db)
    p->db[c] = (float)db;
}

typedef struct
{
  char *scratch;
  unsigned stat_offset;
  CcsNormGrad grad;
  float *dx;
  unsigned n;
  int channels, dx_pitch, rows, groups;
} CcsNormGradParams;

/* Computes dx of a batch norm. */
CCS_DEVICE void
ccs_kernel_norm_grad (const CcsPlace *at, const CcsNormGradParams *p, int phase)
{
  const unsigned i = ccs_device_index (at);
  const int c = (int)(i % p->channels), r = (int)(i / p->channels);
  const int group = r / p->rows;
  const float *stat
      = (const float *)(p->scratch + p->stat_offset) + group * p->channels + c;
  float normalised, gradient;

  if (i >= p->n)
    return;
  ccs_norm_grad_at (&p->grad, r, c, &normalised, &gradient);
  p->dx[r * p->dx_pitch + c]
      = (p->grad.w ? p->grad.w[c] : 1.f)
        * p->grad.rstd[group * p->grad.rstd_pitch + c]
        * (gradient - stat[p->groups * p->channels] - normalised * stat[0]);
}

/* -- a block a row --------------------------------------------------------- */

typedef struct
{
  const float *x, *w, *b;
  float *y, *mean, *rstd; /* mean, rstd [rows], or NULL */
  int channels, x_pitch, y_pitch;
  float eps;
} CcsLayerNormParams;

#define CCS_LAYER_NORM_PHASES (2 * CCS_TREE_PHASES + 4)

/* Phases: sum, its tree, squares about the mean, their tree, the result. */
CCS_DEVICE void
ccs_kernel_layer_norm (const CcsPlace *at, const CcsLayerNormParams *p,
                       int phase)
{
  double *sums = (double *)at->shared; /* [CCS_BLOCK_THREADS], then the mean */
  const float *x = p->x + (int)at->block * p->x_pitch;
  const int first = (int)at->thread;

  if (phase == 0) {
    float sum = 0.f;

    for (int c = first; c < p->channels; c += CCS_BLOCK_THREADS)
      sum += x[c];
    sums[at->thread] = sum;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_add (at, sums, 1, phase - 1);
  } else if (phase == CCS_TREE_PHASES + 1) {
    if (at->thread == 0)
      sums[CCS_BLOCK_THREADS] = sums[0] / p->channels;
  } else if (phase == CCS_TREE_PHASES + 2) {
    const float mean = (float)sums[CCS_BLOCK_THREADS];
    float square = 0.f;

    for (int c = first; c < p->channels; c += CCS_BLOCK_THREADS)
      square += (x[c] - mean) * (x[c] - mean);
    sums[at->thread] = square;
  } else if (phase <= 2 * CCS_TREE_PHASES + 2) {
    ccs_device_tree_add (at, sums, 1, phase - CCS_TREE_PHASES - 3);
  } else {
    const float mean = (float)sums[CCS_BLOCK_THREADS];
    const float rstd = (float)(1. / sqrt (sums[0] / p->channels + p->eps));

    for (int c = first; c < p->channels; c += CCS_BLOCK_THREADS)
      p->y[(int)at->block * p->y_pitch + c]
          = (x[c] - mean) * rstd * p->w[c] + p->b[c];
    if (at->thread == 0 && p->mean)
      p->mean[at->block] = mean;
    if (at->thread == 0 && p->rstd)
      p->rstd[at->block] = rstd;
  }
}

typedef struct
{
  CcsNormGrad grad;
  float *dx;
  int channels, dx_pitch;
} CcsLayerNormGradParams;

#define CCS_ROW_PHASES (CCS_TREE_PHASES + 2)

CCS_DEVICE void
ccs_kernel_layer_norm_grad (const CcsPlace *at, const CcsLayerNormGradParams *p,
                            int phase)
{
  double *sums = (double *)at->shared; /* [2][CCS_BLOCK_THREADS] */
  const int r = (int)at->block, first = (int)at->thread;
  float normalised, gradient;

  if (phase == 0) {
    float sum = 0.f, dot = 0.f;

    for (int c = first; c < p->channels; c += CCS_BLOCK_THREADS) {
      ccs_norm_grad_at (&p->grad, r, c, &normalised, &gradient);
      sum += gradient * p->grad.w[c];
      dot += gradient * p->grad.w[c] * normalised;
    }
    sums[at->thread] = sum;
    sums[CCS_BLOCK_THREADS + at->thread] = dot;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_add (at, sums, 1, phase - 1);
    ccs_device_tree_add (at, sums + CCS_BLOCK_THREADS, 1, phase - 1);
  } else {
    const float mean = (float)(sums[0] / p->channels);
    const float slope = (float)(sums[CCS_BLOCK_THREADS] / p->channels);

    for (int c = first; c < p->channels; c += CCS_BLOCK_THREADS) {
      ccs_norm_grad_at (&p->grad, r, c, &normalised, &gradient);
      p->dx[r * p->dx_pitch + c]
          = p->grad.rstd[r * p->grad.rstd_pitch]
            * (gradient * p->grad.w[c] - mean - normalised * slope);
    }
  }
}

/* L2 norm: y = x scale, scale = 1 / max (|x|, eps). With @dy, x being the
 * result y, its gradient: scale (dy - y (dy . y)), where the scale of a row
 * shorter than eps is a constant. */
typedef struct
{
  const float *x, *dy;
  const float *scale; /* [rows], of the gradient */
  float *y, *scale_out;
  int channels, x_pitch, dy_pitch, y_pitch;
  float eps, floor_scale;
} CcsL2NormParams;

CCS_DEVICE void
ccs_kernel_l2_norm (const CcsPlace *at, const CcsL2NormParams *p, int phase)
{
  double *sums = (double *)at->shared;
  const float *x = p->x + (int)at->block * p->x_pitch;
  const float *other = p->dy ? p->dy + (int)at->block * p->dy_pitch : x;
  float *y = p->y + (int)at->block * p->y_pitch;
  const int first = (int)at->thread;

  if (phase == 0) {
    float sum = 0.f;

    for (int c = first; c < p->channels; c += CCS_BLOCK_THREADS)
      sum += x[c] * other[c];
    sums[at->thread] = sum;
  } else if (phase <= CCS_TREE_PHASES) {
    ccs_device_tree_add (at, sums, 1, phase - 1);
  } else if (p->dy) {
    const float scale = p->scale[at->block];
    const float dot = scale < p->floor_scale ? (float)sums[0] : 0.f;

    for (int c = first; c < p->channels; c += CCS_BLOCK_THREADS)
      y[c] = scale * (other[c] - x[c] * dot);
  } else {
    const double norm = sqrt (sums[0]);
    const float scale = (float)(1. / (norm > p->eps ? norm : p->eps));

    for (int c = first; c < p->channels; c += CCS_BLOCK_THREADS)
      y[c] = x[c] * scale;
    if (at->thread == 0 && p->scale_out)
      p->scale_out[at->block] = scale;
  }
}
