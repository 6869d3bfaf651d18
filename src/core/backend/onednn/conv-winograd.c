/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* 3x3 convolutions of stride 1 with a constant filter by Winograd's F(2x2,3x3)
 * and F(4x4,3x3): 2.25 and 4 times fewer multiply-adds than there are in the
 * sum. Blocks of tiles of results are shared out to threads; all sums run over
 * the input channels in order. */
#include "gemm.h"

#include <string.h>

#include <omp.h>

#define MAX_STEP 4
#define MAX_TILE (MAX_STEP + 2)
/* Floats of a block's transformed pixels: half of a second-level cache. */
#define BLOCK_FLOATS (1 << 17)
/* Fewer, and reading the transformed filter costs more than the products. */
#define MIN_REGISTER_TILES 5
/* Between transformed tiles, so that neighbours do not share cache sets. */
#define PITCH_PAD 16
#define MIN_CHANNELS 32 /* fewer, and the transforms cost too much */
/* More, and a filter of F(4x4,3x3), four times its taps, leaves the caches. */
#define MAX_CHANNELS_4 256

/* How the taps g [3] of one axis become numbers: G g. */
typedef struct
{
  gint step; /* results of a tile's side; its pixels' are two more */
  const double (*taps)[3];
} Form;

#define A ((double)CCS_WINOGRAD_A)
#define B ((double)CCS_WINOGRAD_B)
#define POINT(p, q)                                                            \
  {                                                                            \
    1 / (2 * p * p * (p * p - q * q)), 1 / (2 * p * (p * p - q * q)),          \
        1 / (2 * (p * p - q * q))                                              \
  }
static const double taps_2[][3]
    = { { 1, 0, 0 }, { 0.5, 0.5, 0.5 }, { 0.5, -0.5, 0.5 }, { 0, 0, 1 } };
static const double taps_4[][3] = { { 1 / (A * A * B * B), 0, 0 },
                                    POINT (A, B),
                                    POINT (-A, B),
                                    POINT (B, A),
                                    POINT (-B, A),
                                    { 0, 0, 1 } };
#undef POINT
#undef A
#undef B

static const Form forms[CCS_N_WINOGRADS] = {
  [CCS_WINOGRAD_2] = { 2, taps_2 },
  [CCS_WINOGRAD_4] = { 4, taps_4 },
};

typedef struct
{
  CcsOperand x, y, residual;
  const float *bias, *filter;
  CcsAct act;
  CcsWinograd form;
  gint step, tile, planes;        /* pixels of a tile: planes */
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

/* @to [planes] = G g G^T for the taps @g [3,3], @step apart. */
static void
transform_taps (const Form *form, const float *g, gint64 step, double *to)
{
  const gint tile = form->step + 2;

  for (gint i = 0; i < tile; i++) {
    double half[3] = { 0. };

    for (gint k = 0; k < 9; k++)
      half[k % 3] += form->taps[i][k / 3] * g[k * step];
    for (gint j = 0; j < tile; j++)
      to[tile * i + j] = form->taps[j][0] * half[0] + form->taps[j][1] * half[1]
                         + form->taps[j][2] * half[2];
  }
}

static CcsGemmRight
right_side (const Winograd *self, const float *data)
{
  return (CcsGemmRight){
    .data = data,
    .batch = self->planes,
    .k = self->in,
    .n = self->out,
    .batch_step = self->in * self->out,
    .row_step = self->out,
    .column_step = 1,
  };
}

/* Packs the right sides of the planes' products, each [in,out]. */
static gboolean
pack_filter (CcsCpu *cpu, gpointer user, void *to, GError **error)
{
  const Winograd *self = user;
  const gint64 size = self->in * self->out;
  g_autofree float *planes = g_new (float, self->planes *size);
  const CcsGemmRight b = right_side (self, planes);
  const gint64 n = self->planes * ccs_gemm_panels (&b);

#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (gint64 i = 0; i < self->in; i++)
      for (gint64 o = 0; o < self->out; o++) {
        double taps[MAX_TILE * MAX_TILE];

        transform_taps (&forms[self->form], self->filter + o * 9 * self->in + i,
                        self->in, taps);
        for (gint p = 0; p < self->planes; p++)
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
  *j = tile % self->tiles_w * self->step;
  *i = tile / self->tiles_w % self->tiles_h * self->step;
  *b = tile / (self->tiles_w * self->tiles_h);
}

/* @to: planes of [block,pitch]; @zeros: a pixel of the padding. */
static void
transform_tile (const Winograd *self, const CcsSimd *simd, gint64 tile,
                const float *zeros, float *to)
{
  const gint64 height = self->x.shape.dim[1], width = self->x.shape.dim[2];
  const float *pixels[MAX_TILE * MAX_TILE];
  gint64 b, i, j;

  tile_origin (self, tile, &b, &i, &j);
  for (gint k = 0; k < self->planes; k++) {
    const gint64 row = i - self->pad + k / self->tile;
    const gint64 column = j - self->pad + k % self->tile;
    const gboolean inside
        = row >= 0 && row < height && column >= 0 && column < width;

    pixels[k] = inside ? ccs_row (&self->x, (b * height + row) * width + column)
                       : zeros;
  }
  simd->winograd[self->form].input (self->in, pixels, to,
                                    self->block * self->pitch);
}

/* Results of tile @tile, channels from @first on. */
static void
finish_tile (const Winograd *self, const CcsSimd *simd, gint64 tile,
             gint64 first, const float *sums)
{
  const gint64 height = self->y.shape.dim[1], width = self->y.shape.dim[2];
  const float *residual[MAX_STEP * MAX_STEP] = { NULL };
  float *y[MAX_STEP * MAX_STEP] = { NULL };
  gint64 b, i, j;

  tile_origin (self, tile, &b, &i, &j);
  for (gint k = 0; k < self->step * self->step; k++) {
    const gint64 row = i + k / self->step, column = j + k % self->step;
    const gint64 at = (b * height + row) * width + column;

    if (row >= height || column >= width)
      continue;
    y[k] = ccs_row (&self->y, at) + first;
    if (self->residual.data)
      residual[k] = ccs_row (&self->residual, at) + first;
  }
  simd->winograd[self->form].output (
      MIN (simd->gemm_columns, self->out - first), sums,
      self->block * simd->gemm_columns, self->bias ? self->bias + first : NULL,
      residual, self->act, y);
}

/* @scratch: a pixel of zeros, the planes, the sums of one panel. */
static void
run_block (const Winograd *self, const CcsSimd *simd, gint64 first,
           float *scratch)
{
  const gint64 n = MIN (self->block, self->tiles - first);
  const gint64 columns = simd->gemm_columns;
  const gint64 panels = (self->out + columns - 1) / columns;
  const gint64 panel_size = self->in * columns;
  float *planes = scratch + self->in;
  float *sums = planes + self->planes * self->block * self->pitch;

  memset (scratch, 0, self->in * sizeof (float));
  for (gint64 t = 0; t < n; t++)
    transform_tile (self, simd, first + t, scratch, planes + t * self->pitch);
  for (gint64 panel = 0; panel < panels; panel++) {
    for (gint64 p = 0; p < self->planes; p++)
      simd->gemm_sums (
          n, self->in, planes + p * self->block * self->pitch, self->pitch,
          (const float *)self->pack->data + (p * panels + panel) * panel_size,
          sums + p * self->block * columns);
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

/* By the channels alone: a result must not depend on batch or threads. */
static CcsWinograd
choose_form (const Winograd *self)
{
  return MAX (self->in, self->out) <= MAX_CHANNELS_4 ? CCS_WINOGRAD_4
                                                     : CCS_WINOGRAD_2;
}

/* Tiles of a block: whole register tiles, as many as fill the cache, but every
 * thread has a block. Sums do not depend on it. */
static gint64
choose_block (const Winograd *self, gint n_threads)
{
  const gint64 rows = ccs_simd ()->gemm_rows;
  const gint64 fitting = BLOCK_FLOATS / (self->planes * self->in) / rows * rows;
  const gint64 share
      = (self->tiles + n_threads * rows - 1) / (n_threads * rows) * rows;

  return CLAMP (share, rows, MAX (fitting, MIN_REGISTER_TILES * rows));
}

gboolean
ccs_cpu_prepare_winograd (CcsCpu *cpu, CcsKernel *kernel,
                          const CcsKernelHints *hints, GError **error)
{
  Winograd *self = g_new0 (Winograd, 1);
  const gint64 columns = ccs_simd ()->gemm_columns;
  g_autoptr (GBytes) key = NULL;
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
  self->form = choose_form (self);
  self->step = forms[self->form].step;
  self->tile = self->step + 2;
  self->planes = self->tile * self->tile;
  self->tiles_h = (self->y.shape.dim[1] + self->step - 1) / self->step;
  self->tiles_w = (self->y.shape.dim[2] + self->step - 1) / self->step;
  self->tiles = self->y.shape.dim[0] * self->tiles_h * self->tiles_w;
  self->block = choose_block (self, cpu->base.n_threads);
  b = right_side (self, NULL);
  key = g_bytes_new_static (&forms[self->form], sizeof forms[self->form]);
  self->pack
      = ccs_pack_get (cpu, hints->constant[1], key, ccs_gemm_packed_bytes (&b),
                      pack_filter, self, error);
  if (!self->pack)
    return FALSE;
  self->each
      = ccs_align (
            (self->in + self->planes * self->block * (self->pitch + columns))
            * sizeof (float))
        / sizeof (float);
  kernel->scratch = cpu->base.n_threads * self->each * sizeof (float);
  kernel->run = run_winograd;
  return TRUE;
}
