/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* 3x3 convolutions of stride 1 with a constant filter by Winograd's F(2x2,3x3):
 * 2.25 times fewer multiply-adds than there are in the sum, at about the same
 * rounding error. Blocks of 2x2 results are shared out to threads; all sums run
 * over the input channels in order. */
#include "gemm.h"

#include <string.h>

#include <omp.h>

#define PLANES 16 /* numbers that 4x4 pixels become */
#define TILE 4    /* pixels of a tile's side */
#define STEP 2    /* results of a tile's side */
/* Floats of a block's transformed pixels: most of a second-level cache. */
#define BLOCK_FLOATS (3 << 17)
/* Fewer, and reading the transformed filter costs more than the products. */
#define MIN_REGISTER_TILES 5
/* Between transformed tiles, so that neighbours do not share cache sets. */
#define PITCH_PAD 16
#define MIN_CHANNELS 32 /* fewer, and the transforms cost too much */

typedef struct
{
  CcsOperand x, y, residual;
  const float *bias, *filter;
  CcsAct act;
  gint64 pad, in, out;            /* channels */
  gint64 pitch;                   /* of transformed tiles */
  gint64 tiles_h, tiles_w, tiles; /* of one item, and of all */
  gint64 block;                   /* tiles of a block */
  CcsPack *pack;
  gsize each; /* floats of scratch for each thread */
} Winograd;

static void
winograd_free (gpointer data)
{
  Winograd *self = data;

  ccs_pack_release (self->pack);
  g_free (self);
}

/* -- the filter -------------------------------------------------------------
 */

/* @to [16] = G g G^T for the taps @g [3,3], @step apart. */
static void
transform_taps (const float *g, gint64 step, double to[PLANES])
{
  double half[TILE][3];

  for (gint j = 0; j < 3; j++) {
    const double g0 = g[j * step], g1 = g[(3 + j) * step];
    const double g2 = g[(6 + j) * step];

    half[0][j] = g0;
    half[1][j] = (g0 + g1 + g2) / 2;
    half[2][j] = (g0 - g1 + g2) / 2;
    half[3][j] = g2;
  }
  for (gint i = 0; i < TILE; i++) {
    const double *h = half[i];

    to[TILE * i] = h[0];
    to[TILE * i + 1] = (h[0] + h[1] + h[2]) / 2;
    to[TILE * i + 2] = (h[0] - h[1] + h[2]) / 2;
    to[TILE * i + 3] = h[2];
  }
}

static CcsGemmRight
right_side (const Winograd *self, const float *data)
{
  return (CcsGemmRight){
    .data = data,
    .batch = PLANES,
    .k = self->in,
    .n = self->out,
    .batch_step = self->in * self->out,
    .row_step = self->out,
    .column_step = 1,
  };
}

/* Packs the 16 products' right sides, each [in,out]. */
static gboolean
pack_filter (CcsCpu *cpu, gpointer user, void *to, GError **error)
{
  const Winograd *self = user;
  const gint64 size = self->in * self->out;
  g_autofree float *planes = g_new (float, PLANES *size);
  const CcsGemmRight b = right_side (self, planes);
  const gint64 n = PLANES * ccs_gemm_panels (&b);

#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (gint64 i = 0; i < self->in; i++)
      for (gint64 o = 0; o < self->out; o++) {
        double taps[PLANES];

        transform_taps (self->filter + o * 9 * self->in + i, self->in, taps);
        for (gint p = 0; p < PLANES; p++)
          planes[p * size + i * self->out + o] = taps[p];
      }
#pragma omp for schedule(static)
    for (gint64 i = 0; i < n; i++)
      ccs_gemm_pack (&b, i, to);
  }
  return TRUE;
}

/* -- a block ----------------------------------------------------------------
 */

/* Item, row and column of the first result of tile @tile. */
static void
tile_origin (const Winograd *self, gint64 tile, gint64 *b, gint64 *i, gint64 *j)
{
  *j = tile % self->tiles_w * STEP;
  *i = tile / self->tiles_w % self->tiles_h * STEP;
  *b = tile / (self->tiles_w * self->tiles_h);
}

/* @to: 16 planes of [block,pitch]; @zeros: a pixel of the padding. */
static void
transform_tile (const Winograd *self, const CcsSimd *simd, gint64 tile,
                const float *zeros, float *to)
{
  const gint64 height = self->x.shape.dim[1], width = self->x.shape.dim[2];
  const float *pixels[PLANES];
  gint64 b, i, j;

  tile_origin (self, tile, &b, &i, &j);
  for (gint k = 0; k < PLANES; k++) {
    const gint64 row = i - self->pad + k / TILE;
    const gint64 column = j - self->pad + k % TILE;
    const gboolean inside
        = row >= 0 && row < height && column >= 0 && column < width;

    pixels[k] = inside ? ccs_row (&self->x, (b * height + row) * width + column)
                       : zeros;
  }
  simd->winograd_input (self->in, pixels, to, self->block * self->pitch);
}

/* Results of tile @tile, channels from @first on. */
static void
finish_tile (const Winograd *self, const CcsSimd *simd, gint64 tile,
             gint64 first, const float *sums)
{
  const gint64 height = self->y.shape.dim[1], width = self->y.shape.dim[2];
  const float *residual[STEP * STEP] = { NULL };
  float *y[STEP * STEP] = { NULL };
  gint64 b, i, j;

  tile_origin (self, tile, &b, &i, &j);
  for (gint k = 0; k < STEP * STEP; k++) {
    const gint64 row = i + k / STEP, column = j + k % STEP;
    const gint64 at = (b * height + row) * width + column;

    if (row >= height || column >= width)
      continue;
    y[k] = ccs_row (&self->y, at) + first;
    if (self->residual.data)
      residual[k] = ccs_row (&self->residual, at) + first;
  }
  simd->winograd_output (MIN (simd->gemm_columns, self->out - first), sums,
                         self->block * simd->gemm_columns,
                         self->bias ? self->bias + first : NULL, residual,
                         self->act, y);
}

/* @scratch: a pixel of zeros, the planes, the sums of one panel. */
static void
run_block (const Winograd *self, const CcsSimd *simd, gint64 first,
           float *scratch)
{
  const CcsSimdFinish finish = { 1.f, NULL, CCS_NO_ACT };
  const gint64 n = MIN (self->block, self->tiles - first);
  const gint64 columns = simd->gemm_columns;
  const gint64 panels = (self->out + columns - 1) / columns;
  const gint64 panel_size = self->in * columns;
  float *planes = scratch + self->in;
  float *sums = planes + PLANES * self->block * self->pitch;

  memset (scratch, 0, self->in * sizeof (float));
  for (gint64 t = 0; t < n; t++)
    transform_tile (self, simd, first + t, scratch, planes + t * self->pitch);
  for (gint64 panel = 0; panel < panels; panel++) {
    for (gint64 p = 0; p < PLANES; p++)
      simd->gemm (n, columns, self->in, planes + p * self->block * self->pitch,
                  self->pitch,
                  (const float *)self->pack->data
                      + (p * panels + panel) * panel_size,
                  &finish, sums + p * self->block * columns, columns);
    for (gint64 t = 0; t < n; t++)
      finish_tile (self, simd, first + t, panel * columns, sums + t * columns);
  }
}

static void
run_winograd (CcsBackend *backend, gpointer state, void *scratch)
{
  const Winograd *self = state;
  const CcsSimd *simd = ccs_simd ();

#pragma omp parallel for schedule(dynamic)
  for (gint64 first = 0; first < self->tiles; first += self->block)
    run_block (self, simd, first,
               (float *)scratch + omp_get_thread_num () * self->each);
}

/* -- preparation ------------------------------------------------------------
 */

gboolean
ccs_cpu_winograd_serves (const CcsKernel *kernel, const CcsKernelHints *hints)
{
  const CcsAttrs *attrs = &kernel->op->attrs;
  const CcsShape *filter = &kernel->in[1].shape;

  return hints->constant[1] && filter->dim[1] == 3 && filter->dim[2] == 3
         && attrs->conv.stride == 1 && attrs->conv.dilation == 1
         && filter->dim[0] >= MIN_CHANNELS && filter->dim[3] >= MIN_CHANNELS;
}

/* Tiles of a block: whole register tiles, as many as fill the cache, but every
 * thread has a block. Sums do not depend on it. */
static gint64
choose_block (const Winograd *self, gint n_threads)
{
  const gint64 rows = ccs_simd ()->gemm_rows;
  const gint64 fitting = BLOCK_FLOATS / (PLANES * self->in) / rows * rows;
  const gint64 share
      = (self->tiles + n_threads * rows - 1) / (n_threads * rows) * rows;

  return CLAMP (share, rows, MAX (fitting, MIN_REGISTER_TILES * rows));
}

gboolean
ccs_cpu_prepare_winograd (CcsCpu *cpu, CcsKernel *kernel,
                          const CcsKernelHints *hints, GError **error)
{
  static const char name[] = "winograd";
  Winograd *self = g_new0 (Winograd, 1);
  const gint64 columns = ccs_simd ()->gemm_columns;
  g_autoptr (GBytes) key = g_bytes_new_static (name, sizeof name);
  CcsGemmRight b;

  kernel->state = self;
  kernel->free_state = winograd_free;
  self->x = kernel->in[0];
  self->y = kernel->out[0];
  self->filter = kernel->in[1].data;
  self->bias = kernel->in[2].data;
  self->residual = kernel->in[3];
  self->act = kernel->op->attrs.conv.act;
  self->pad = kernel->op->attrs.conv.pad;
  self->in = ccs_channels (&self->x);
  self->out = ccs_channels (&self->y);
  self->pitch = self->in + PITCH_PAD;
  self->tiles_h = (self->y.shape.dim[1] + STEP - 1) / STEP;
  self->tiles_w = (self->y.shape.dim[2] + STEP - 1) / STEP;
  self->tiles = self->y.shape.dim[0] * self->tiles_h * self->tiles_w;
  self->block = choose_block (self, cpu->base.n_threads);
  b = right_side (self, NULL);
  self->pack
      = ccs_pack_get (cpu, hints->constant[1], key, ccs_gemm_packed_bytes (&b),
                      pack_filter, self, error);
  if (!self->pack)
    return FALSE;
  self->each
      = ccs_align ((self->in + PLANES * self->block * (self->pitch + columns))
                   * sizeof (float))
        / sizeof (float);
  kernel->scratch = cpu->base.n_threads * self->each * sizeof (float);
  kernel->run = run_winograd;
  return TRUE;
}
