/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our matrix products: b is packed into panels, and threads share tiles of the
 * result. Each element is always summed in the same order. */
#pragma once

#include "rows.h"

G_BEGIN_DECLS

/* b [k,n] of @batch products: element (i, j) of product z is stored at
 * data[z batch_step + i row_step + j column_step]. The right side of a
 * convolution is a filter's taps [rows,columns] above each other, k of all of
 * them; tap (r, c) starts r tap_row_step + c tap_step after data. */
typedef struct
{
  const float *data;
  gint64 batch, k, n;
  gint64 batch_step, row_step, column_step;
  gint64 tap_rows, tap_columns; /* 0: there are no taps */
  gint64 tap_row_step, tap_step;
} CcsGemmRight;

gint64 ccs_gemm_panels (const CcsGemmRight *b);
/* Return the size of the panels of one product in floats, and of the batch in
 * bytes. */
gint64 ccs_gemm_product_size (const CcsGemmRight *b);
gsize ccs_gemm_packed_bytes (const CcsGemmRight *b);
/* Packs panel @index of all products' panels into @packed. */
void ccs_gemm_pack (const CcsGemmRight *b, gint64 index, float *packed);

/* A packed right operand: packed once if it is constant, else in every run. */
typedef struct
{
  CcsGemmRight b;
  CcsConstant *pack;
  gsize at; /* offset in scratch, if it is not constant */
} CcsGemmPacked;

gboolean ccs_gemm_packed_init (CcsGemmPacked *self, CcsCpu *cpu,
                               CcsKernel *kernel, CcsTensor *constant,
                               GError **error);
/* Returns the panels; packs them in parallel first if they are not constant.
 * Called by one thread. */
const float *ccs_gemm_packed_get (const CcsGemmPacked *self, char *scratch);

G_END_DECLS
