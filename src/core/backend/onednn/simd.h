/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inner loops of our own kernels, compiled once for each vector unit
 * (simd-*.c include simd-loops.h) and chosen when the program runs. They work
 * on one part of the data, in one thread. */
#pragma once

#include "../../nn/program.h"

G_BEGIN_DECLS

typedef struct
{
  const char *name;
  /* y = act (x + bias + residual) on @rows rows; bias and residual may be
   * NULL; y may be x. */
  void (*epilogue) (gint64 rows, gint64 channels, const float *x,
      gint64 x_pitch, const float *bias, const float *residual,
      gint64 residual_pitch, CcsAct act, float *y, gint64 y_pitch);
} CcsSimd;

extern const CcsSimd ccs_simd_base;
extern const CcsSimd ccs_simd_avx2;
extern const CcsSimd ccs_simd_avx512;

/* The best this machine runs. */
const CcsSimd *ccs_simd (void);

G_END_DECLS
