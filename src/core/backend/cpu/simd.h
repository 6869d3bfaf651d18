/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inner loops of our own kernels, compiled once for each vector unit
 * (simd-*.c include simd-*.h) and chosen when the program runs. They work on
 * one part of the data, in one thread, and allocate nothing. */
#pragma once

#include "../../nn/program.h"

G_BEGIN_DECLS

/* Operations on two rows: y[c] from a[c] and b[c * b_step]. */
typedef enum
{
  CCS_SIMD_ADD,
  CCS_SIMD_SUB,
  CCS_SIMD_MUL,
} CcsSimdBinary;

/* The end of a product: y = act (alpha sum + bias). */
typedef struct
{
  float alpha;
  const float *bias; /* of the first column here; or NULL */
  CcsAct act;
} CcsSimdFinish;

/* The left operand of a product: row r has @runs runs of @run floats, which
 * start at data[r pitch + i run_step]. k is their total length. */
typedef struct
{
  const float *data;
  gint64 pitch;
  gint64 runs, run;
  gint64 run_step;
} CcsSimdLeft;

/* Winograd's forms F(m x m, r x r): they compute m x m results of an r x r
 * filter from a tile of (m + r - 1)^2 pixels. All but the first use the points
 * +-A, +-B, infinity and, if there are six, 0. Of the points that were tried,
 * these have the smallest error, about twice that of the plain sum; their
 * squares and products are exact. */
typedef enum
{
  CCS_WINOGRAD_2_3,
  CCS_WINOGRAD_4_3,
  CCS_WINOGRAD_2_5,
  CCS_WINOGRAD_4_2,
  CCS_N_WINOGRADS
} CcsWinograd;

#define CCS_WINOGRAD_A 0.625f
#define CCS_WINOGRAD_B 1.5f

typedef struct
{
  gint step, taps; /* m and r */
  /* Transforms a filter; value k is written to to[k plane]: @columns output
   * channels, then zeros up to gemm_columns. taps[i r + j] has the channels of
   * tap (i, j). */
  void (*filter) (gint64 columns, const float *const *taps, float *to,
                  gint64 plane);
  /* Transforms a tile of @pixels; value k is written to to[k plane]. Up to a
   * vector after @channels is overwritten. */
  void (*input) (gint64 channels, const float *const *pixels, float *to,
                 gint64 plane);
  /* Computes the results from one panel of gemm_columns sums, of which @columns
   * are used, in planes from @from on. A result with y[i] NULL is outside. */
  void (*output) (gint64 columns, const float *from, gint64 plane,
                  const float *bias, const float *const *residual, CcsAct act,
                  float *const *y);
} CcsSimdWinograd;

typedef struct
{
  const char *name;
  gint64 gemm_columns; /* columns of a panel of b */
  gint64 gemm_rows;    /* rows of a register tile */

  /* c [m,n] = act (alpha a b + bias). Rows of a [m,k] are a_pitch apart. b is
   * stored in panels of gemm_columns columns, each [k, gemm_columns]; the last
   * one is padded with zeros. Each element is summed over k in order, for any m
   * and n. */
  void (*gemm) (gint64 m, gint64 n, gint64 k, const float *a, gint64 a_pitch,
                const float *b, const CcsSimdFinish *finish, float *c,
                gint64 c_pitch);
  /* sums [m, gemm_columns] = @left b for one panel b, of which @n columns are
   * used. With @more the sums continue from their values, with the same result
   * as one call over all of k. */
  void (*gemm_sums) (gint64 m, gint64 n, const CcsSimdLeft *left,
                     const float *b, gboolean more, float *sums);
  /* c [m,n] += a^T b, n of whole panels: the sum over k, in order, is added to
   * c. a [k,m] and b [k,n] have rows a_pitch and b_pitch apart. */
  void (*gemm_outer) (gint64 m, gint64 n, gint64 k, const float *a,
                      gint64 a_pitch, const float *b, gint64 b_pitch, float *c,
                      gint64 c_pitch);
  /* Packs panel @panel of b [k,n]; element (i, j) is b[i row_step + j
   * column_step]. */
  void (*gemm_pack) (gint64 panel, gint64 n, gint64 k, const float *b,
                     gint64 row_step, gint64 column_step, float *to);
  /* Runs multiply-adds in registers, to measure the processor. The result has
   * no meaning. */
  float (*multiply_adds) (gint64 steps);
  gint64 multiply_adds_a_step;

  CcsSimdWinograd winograd[CCS_N_WINOGRADS];

  /* y = act (x + bias + residual) on @rows rows; bias and residual may be
   * NULL; y may be x. */
  void (*epilogue) (gint64 rows, gint64 channels, const float *x,
                    gint64 x_pitch, const float *bias, const float *residual,
                    gint64 residual_pitch, CcsAct act, float *y,
                    gint64 y_pitch);
  void (*activation_grad) (gint64 n, const float *dy, const float *y,
                           CcsAct act, float *dx);
  void (*binary) (CcsSimdBinary kind, gint64 n, const float *a, const float *b,
                  gint64 b_step, CcsAct act, float *y);
  void (*affine) (gint64 n, const float *x, float scale, float shift, float *y);
  void (*modulate) (gint64 n, const float *x, const float *gamma,
                    const float *beta, CcsAct act, float *y);
  void (*complex_mul) (gint64 n, const float *a, const float *b,
                       gboolean conjugate_b, float *y);
  /* Copies @n runs of @run floats; x and y advance by their steps. */
  void (*copy_runs) (gint64 n, gint64 run, const float *x, gint64 x_step,
                     float *y, gint64 y_step);
  /* Adds y[0 .. run) += x[0 .. run) for each of @n items; x and y advance by
   * their steps. Items may overlap in y. */
  void (*spread_add) (gint64 n, gint64 run, const float *x, gint64 x_step,
                      float *y, gint64 y_step);
  /* Fills every row of y [rows,channels] with x. */
  void (*fill_rows) (gint64 rows, gint64 channels, const float *x, float *y);
  /* y += k x */
  void (*axpy) (gint64 n, float k, const float *x, float *y);

  /* Computes mean and sum of squared deviations of @rows rows. */
  void (*moments) (gint64 rows, gint64 channels, const float *x, gint64 pitch,
                   float *mean, float *square);
  /* y = act ((x - mean) scale + shift) */
  void (*normalize) (gint64 rows, gint64 channels, const float *x,
                     gint64 x_pitch, const float *mean, const float *scale,
                     const float *shift, CcsAct act, float *y, gint64 y_pitch);
  /* Sums the gradient before act ((x - mean) scale + shift), and its product
   * with x - mean. */
  void (*norm_grad_sums) (gint64 rows, gint64 channels, const float *dy,
                          gint64 dy_pitch, const float *x, gint64 x_pitch,
                          const float *mean, const float *scale,
                          const float *shift, CcsAct act, float *sum,
                          float *dot);
  /* dx = scale (that gradient - offset - (x - mean) slope) */
  void (*norm_grad) (gint64 rows, gint64 channels, const float *dy,
                     gint64 dy_pitch, const float *x, gint64 x_pitch,
                     const float *mean, const float *scale, const float *shift,
                     const float *offset, const float *slope, CcsAct act,
                     float *dx, gint64 dx_pitch);
  /* sum[c] += x[r][c] over rows */
  void (*column_sums) (gint64 rows, gint64 channels, const float *x,
                       gint64 pitch, float *sum);
  /* Return the sum of x[i] y[i], and of x[i]. */
  float (*dot) (gint64 n, const float *x, const float *y);
  float (*sum) (gint64 n, const float *x);
  /* x = e^(scale x - top), the largest scale x; returns the sum. */
  float (*softmax) (gint64 n, float scale, float *x);

  /* y is the largest of @count rows x, and position the position of the first
   * such row (NULL: not needed). */
  void (*pool_max) (gint64 n, guint count, const float *const *x,
                    const guint8 *positions, float *y, guint8 *where);
  /* dx += dy for elements whose maximum was at @position */
  void (*pool_spread) (gint64 n, const float *dy, const guint8 *where,
                       guint8 position, float *dx);
  void (*adam) (gint64 n, float *param, const float *grad, float *m, float *v,
                float grad_scale, float weight_decay, float beta1, float beta2,
                float step, float root_bias2, float eps);
} CcsSimd;

extern const CcsSimd ccs_simd_base;
extern const CcsSimd ccs_simd_avx2;
extern const CcsSimd ccs_simd_avx512;
extern const CcsSimd ccs_simd_neon;

/* Returns the loops of the level in the environment variable CCSTEREO_SIMD, or
 * of the best level that this processor supports. Does not change during the
 * process. Thread-safe. */
const CcsSimd *ccs_simd (void);
/* Checks that CCSTEREO_SIMD, if it is set, names a level that this processor
 * runs; CCS_ERROR_ARGUMENT names those there are. */
gboolean ccs_simd_check (GError **error);
/* Returns the name of level @index of those that this processor runs (transfer
 * none), from base to the best; NULL after the last. */
const char *ccs_simd_level (guint index);

G_END_DECLS
