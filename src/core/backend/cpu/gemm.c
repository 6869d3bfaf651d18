/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packs the right operands of our matrix products into panels. */
#include "gemm.h"

gint64
ccs_gemm_panels (const CcsGemmRight *b)
{
  const gint64 columns = ccs_simd ()->gemm_columns;

  return (b->n + columns - 1) / columns;
}

gint64
ccs_gemm_product_size (const CcsGemmRight *b)
{
  return ccs_gemm_panels (b) * b->k * ccs_simd ()->gemm_columns;
}

gsize
ccs_gemm_packed_bytes (const CcsGemmRight *b)
{
  return b->batch * ccs_gemm_product_size (b) * sizeof (float);
}

void
ccs_gemm_pack (const CcsGemmRight *b, gint64 index, float *packed)
{
  const CcsSimd *simd = ccs_simd ();
  const gint64 panels = ccs_gemm_panels (b);
  const gint64 columns = MAX (b->tap_columns, 1);
  const gint64 taps = MAX (b->tap_rows, 1) * columns;
  const gint64 rows = b->k / taps; /* of one tap */
  const float *data = b->data + index / panels * b->batch_step;

  packed += index * b->k * simd->gemm_columns;
  for (gint64 tap = 0; tap < taps; tap++)
    simd->gemm_pack (
        index % panels, b->n, rows,
        data + tap / columns * b->tap_row_step + tap % columns * b->tap_step,
        b->row_step, b->column_step, packed + tap * rows * simd->gemm_columns);
}

static void
pack_all (const CcsGemmRight *b, float *packed)
{
  const gint64 n = b->batch * ccs_gemm_panels (b);

#pragma omp parallel for schedule(static) if (b->batch * b->k * b->n           \
                                              > CCS_PART_ELEMENTS)
  for (gint64 i = 0; i < n; i++)
    ccs_gemm_pack (b, i, packed);
}

static gboolean
pack_constant (CcsBackend *backend, gpointer user, void *to, GError **error)
{
  pack_all (user, to);
  return TRUE;
}

gboolean
ccs_gemm_packed_init (CcsGemmPacked *self, CcsCpu *cpu, CcsKernel *kernel,
                      CcsTensor *constant, GError **error)
{
  const CcsGemmRight *b = &self->b;
  const gint64 steps[]
      = { b->batch,        b->k,           b->n,        b->batch_step,
          b->row_step,     b->column_step, b->tap_rows, b->tap_columns,
          b->tap_row_step, b->tap_step };
  g_autoptr (GBytes) key = NULL;

  if (!constant) {
    self->at = kernel->scratch;
    kernel->scratch += ccs_align (ccs_gemm_packed_bytes (&self->b));
    return TRUE;
  }
  key = g_bytes_new (steps, sizeof steps);
  self->pack = ccs_constant_get (&cpu->base, constant, key,
                                 ccs_gemm_packed_bytes (&self->b),
                                 pack_constant, &self->b, error);
  return self->pack != NULL;
}

const float *
ccs_gemm_packed_get (const CcsGemmPacked *self, char *scratch)
{
  if (self->pack)
    return self->pack->data;
  pack_all (&self->b, (float *)(scratch + self->at));
  return (const float *)(scratch + self->at);
}
