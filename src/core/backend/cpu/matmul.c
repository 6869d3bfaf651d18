/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MATMUL: batches of products with transposed operands, bias and activation,
 * with our own tiles. */
#include "gemm.h"

#define ROW_BLOCK 112 /* a multiple of every tile height, but small */
#define PANEL_BLOCK 4
/* Multiply-adds up to which one thread computes alone. */
#define SMALL_PRODUCT 32768

typedef struct
{
  CcsOperand a, y;
  CcsGemmPacked right;
  CcsSimdFinish finish;
  gboolean transpose_a;
  gint64 batch, m, k, n;
  gsize a_at; /* offset of a's transpose in scratch */
} Matmul;

static void
matmul_free (gpointer data)
{
  Matmul *self = data;

  ccs_constant_release (self->right.pack);
  g_free (self);
}

/* Row @i of op (a) in all products: column i % m of product i / m. */
static void
transpose_left (const Matmul *self, float *to)
{
  const gint64 rows = self->batch * self->m;

#pragma omp parallel for schedule(static) if (rows * self->k                   \
                                              > CCS_PART_ELEMENTS)
  for (gint64 i = 0; i < rows; i++) {
    const float *from
        = ccs_operand_row (&self->a, i / self->m * self->k) + i % self->m;

    for (gint64 l = 0; l < self->k; l++)
      to[i * self->k + l] = from[l * self->a.pitch];
  }
}

/* Computes one block of rows by one block of panels of one product. */
static void
matmul_block (const Matmul *self, gint64 z, gint64 row, gint64 panel,
              const float *a, gint64 a_pitch, const float *packed)
{
  const CcsSimd *simd = ccs_simd ();
  const gint64 column = panel * simd->gemm_columns;
  const gint64 columns = PANEL_BLOCK * simd->gemm_columns;
  CcsSimdFinish finish = self->finish;

  if (finish.bias)
    finish.bias += column;
  simd->gemm (MIN (ROW_BLOCK, self->m - row), MIN (columns, self->n - column),
              self->k, a + (z * self->m + row) * a_pitch, a_pitch,
              packed + z * ccs_gemm_product_size (&self->right.b)
                  + column * self->k,
              &finish, ccs_operand_row (&self->y, z * self->m + row) + column,
              self->y.pitch);
}

static void
run_matmul (CcsBackend *backend, gpointer state, void *scratch)
{
  const Matmul *self = state;
  const float *packed = ccs_gemm_packed_get (&self->right, scratch);
  const float *a = self->a.data;
  gint64 a_pitch = self->a.pitch;
  const gint64 row_blocks = (self->m + ROW_BLOCK - 1) / ROW_BLOCK;
  const gint64 column_blocks
      = (ccs_gemm_panels (&self->right.b) + PANEL_BLOCK - 1) / PANEL_BLOCK;
  const gint64 each = row_blocks * column_blocks, n = self->batch * each;

  if (self->transpose_a) {
    float *turned = (float *)((char *)scratch + self->a_at);

    transpose_left (self, turned);
    a = turned;
    a_pitch = self->k;
  }
#pragma omp parallel for schedule(                                             \
    dynamic) if (self->batch * self->m * self->n * self->k > SMALL_PRODUCT)
  for (gint64 i = 0; i < n; i++)
    matmul_block (self, i / each, i % row_blocks * ROW_BLOCK,
                  i % each / row_blocks * PANEL_BLOCK, a, a_pitch, packed);
}

static gboolean
prepare_matmul (CcsCpu *cpu, CcsKernel *kernel, const CcsKernelHints *hints,
                GError **error)
{
  Matmul *self = g_new0 (Matmul, 1);
  const CcsAttrs *attrs = &kernel->op->attrs;
  const CcsOperand *a = &kernel->in[0], *b = &kernel->in[1];
  const guint rank = a->shape.rank;
  const gboolean transpose_b = attrs->matmul.transpose_b;

  kernel->state = self;
  kernel->free_state = matmul_free;
  self->a = *a;
  self->y = kernel->out[0];
  self->transpose_a = attrs->matmul.transpose_a;
  self->m = self->y.shape.dim[rank - 2];
  self->n = self->y.shape.dim[rank - 1];
  self->k = a->shape.dim[rank - (self->transpose_a ? 2 : 1)];
  self->batch = ccs_rows (&self->y) / self->m;
  self->finish = (CcsSimdFinish){ attrs->matmul.alpha, kernel->in[2].data,
                                  attrs->matmul.act };
  self->right.b = (CcsGemmRight){
    .data = b->data,
    .batch = self->batch,
    .k = self->k,
    .n = self->n,
    .batch_step = b->shape.dim[rank - 2] * b->pitch,
    .row_step = transpose_b ? 1 : b->pitch,
    .column_step = transpose_b ? b->pitch : 1,
  };
  if (!ccs_gemm_packed_init (&self->right, cpu, kernel, hints->constant[1],
                             error))
    return FALSE;
  if (self->transpose_a) {
    self->a_at = kernel->scratch;
    kernel->scratch
        += ccs_align (self->batch * self->m * self->k * sizeof (float));
  }
  kernel->run = run_matmul;
  return TRUE;
}

const CcsCpuKernel ccs_cpu_matmul_kernels[] = {
  { CCS_OP_MATMUL, prepare_matmul },
  { 0 },
};
