/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Winograd convolutions and data gradients of stride 1 and, if the filter is
 * constant, of stride 2: these are sums of four convolutions of stride 1, one
 * for each parity of row and column, whose products are summed before the
 * output transform. Threads share blocks of tiles of results. All sums run over
 * the input channels in order. */
#include "conv.h"
#include "winograd-filter.h"

#include <string.h>

#include <omp.h>

#define MAX_RESULTS 16 /* per tile */
#define MAX_PIXELS 36
/* Size of a second-level cache. A block uses the part that a transformed filter
 * leaves. If the filter is larger, blocks have at least MIN_REGISTER_TILES,
 * because smaller ones would read it too often. */
#define CACHE_FLOATS (1 << 18)
#define MIN_REGISTER_TILES 5
/* Padding between transformed tiles, so that they do not share cache sets. */
#define PITCH_PAD 16
#define MIN_CHANNELS 32 /* with fewer, transforms cost more than they save */
/* For stride 2: with more, the transformed filter, ten times as large as the
 * filter, does not fit the caches. */
#define MAX_CHANNELS_STRIDED 256

/* A filter that changes is transformed in every run, which needs this many
 * result rows per channel to be worth it. */
#define MIN_ROWS_A_CHANNEL 2

typedef struct
{
  CcsWinogradFilter filter;
  CcsOperand x, y, residual;
  const float *bias;
  CcsAct act;
  gint step, tile; /* results and pixels on a side of a tile */
  gint64 pad;
  gint64 pitch;                   /* of transformed tiles */
  gint64 tiles_h, tiles_w, tiles; /* of one item, and of all */
  gint64 block, blocks;           /* tiles of a block, and blocks */
  gint64 groups; /* groups of panels, if there are fewer blocks than threads */
  gsize each;    /* floats of scratch per thread */
} Winograd;

static void
winograd_free (gpointer data)
{
  Winograd *self = data;

  ccs_winograd_filter_clear (&self->filter);
  g_free (self);
}

/* -- a block --------------------------------------------------------------- */

/* Computes item, row and column of the first result of tile @tile. */
static void
tile_origin (const Winograd *self, gint64 tile, gint64 *b, gint64 *i, gint64 *j)
{
  *j = tile % self->tiles_w * self->step;
  *i = tile / self->tiles_w % self->tiles_h * self->step;
  *b = tile / (self->tiles_w * self->tiles_h);
}

/* Collects the addresses of the pixels with parity @of of tile @tile; @zeros
 * for pixels in the padding. */
static void
tile_pixels (const Winograd *self, gint64 tile, CcsWinogradParity of,
             const float *zeros, const float *pixels[MAX_PIXELS])
{
  const gint64 height = self->x.shape.dim[1], width = self->x.shape.dim[2];
  gint64 b, i, j;

  tile_origin (self, tile, &b, &i, &j);
  i = self->filter.stride * i + of.row - self->pad;
  j = self->filter.stride * j + of.column - self->pad;
  for (gint k = 0; k < self->filter.planes; k++) {
    const gint64 row = i + self->filter.stride * (k / self->tile);
    const gint64 column = j + self->filter.stride * (k % self->tile);
    const gboolean inside
        = row >= 0 && row < height && column >= 0 && column < width;

    pixels[k] = inside ? ccs_operand_row (&self->x,
                                          (b * height + row) * width + column)
                       : zeros;
  }
}

/* Transforms a tile to @to: planes of [block,pitch]. */
static void
transform_tile (const Winograd *self, const CcsSimd *simd, gint64 tile,
                const float *zeros, float *to)
{
  const float *pixels[MAX_PIXELS];
  const gint64 plane = self->block * self->pitch;

  for (gint k = 0; k < self->filter.n_parities; k++) {
    tile_pixels (self, tile, ccs_winograd_filter_parity (&self->filter, k),
                 zeros, pixels);
    simd->winograd[self->filter.form].input (self->filter.in, pixels,
                                             to + k * self->filter.in, plane);
  }
}

/* Returns the parities that are used in plane @plane. */
static void
plane_parities (const Winograd *self, gint plane, gint *first, gint *end)
{
  const gboolean odd_filter
      = self->filter.stride == 2 && self->filter.side % 2 == 1;
  const gboolean last_row = odd_filter && plane / self->tile == self->tile - 1;
  const gboolean last_column
      = odd_filter && plane % self->tile == self->tile - 1;

  *first = last_row ? 1 : 0;
  *end = last_column ? 2 : last_row ? 3 : self->filter.n_parities;
}

/* Computes @sums of all planes for panel @panel of the filter. */
static void
sum_products (const Winograd *self, const CcsSimd *simd, const float *filter,
              gint64 panel, gint64 n, const float *planes, float *sums)
{
  const gint64 columns = simd->gemm_columns;

  for (gint p = 0; p < self->filter.planes; p++) {
    gint first, end;

    plane_parities (self, p, &first, &end);
    simd->gemm_sums (
        n, columns,
        &(CcsSimdLeft){ planes + p * self->block * self->pitch
                            + first * self->filter.in,
                        self->pitch, 1, (end - first) * self->filter.in },
        filter
            + (p * ccs_winograd_filter_panels (&self->filter) + panel)
                  * ccs_winograd_filter_panel_size (&self->filter)
            + first * self->filter.in * columns,
        FALSE, sums + p * self->block * columns);
  }
}

/* Computes the results of tile @tile, channels from @first on. */
static void
finish_tile (const Winograd *self, const CcsSimd *simd, gint64 tile,
             gint64 first, const float *sums)
{
  const gint64 height = self->y.shape.dim[1], width = self->y.shape.dim[2];
  const float *residual[MAX_RESULTS] = { NULL };
  float *y[MAX_RESULTS] = { NULL };
  gint64 b, i, j;

  tile_origin (self, tile, &b, &i, &j);
  for (gint k = 0; k < self->step * self->step; k++) {
    const gint64 row = i + k / self->step, column = j + k % self->step;
    const gint64 at = (b * height + row) * width + column;

    if (row >= height || column >= width)
      continue;
    y[k] = ccs_operand_row (&self->y, at) + first;
    if (self->residual.data)
      residual[k] = ccs_operand_row (&self->residual, at) + first;
  }
  simd->winograd[self->filter.form].output (
      MIN (simd->gemm_columns, self->filter.out - first), sums,
      self->block * simd->gemm_columns, self->bias ? self->bias + first : NULL,
      residual, self->act, y);
}

/* Computes group @group of the panels for the block from tile @first on.
 * @scratch: a pixel of zeros, the planes, the sums of one panel. */
static void
run_block (const Winograd *self, const CcsSimd *simd, const float *filter,
           gint64 first, gint64 group, float *scratch)
{
  const gint64 n = MIN (self->block, self->tiles - first);
  const gint64 n_panels = ccs_winograd_filter_panels (&self->filter);
  const gint64 columns = simd->gemm_columns;
  const gint64 end = (group + 1) * n_panels / self->groups;
  float *planes = scratch + self->filter.in;
  float *sums = planes + self->filter.planes * self->block * self->pitch;

  memset (scratch, 0, self->filter.in * sizeof (float));
  for (gint64 t = 0; t < n; t++)
    transform_tile (self, simd, first + t, scratch, planes + t * self->pitch);
  for (gint64 panel = group * n_panels / self->groups; panel < end; panel++) {
    sum_products (self, simd, filter, panel, n, planes, sums);
    for (gint64 t = 0; t < n; t++)
      finish_tile (self, simd, first + t, panel * columns, sums + t * columns);
  }
}

static void
run_winograd (CcsBackend *backend, gpointer state, void *scratch)
{
  Winograd *self = state;
  const CcsSimd *simd = ccs_simd ();
  const float *filter = ccs_winograd_filter_get (&self->filter, scratch);
  const gint64 parts = self->blocks * self->groups;

#pragma omp parallel for schedule(dynamic)
  for (gint64 part = 0; part < parts; part++)
    run_block (self, simd, filter, part / self->groups * self->block,
               part % self->groups,
               (float *)scratch + omp_get_thread_num () * self->each);
}

/* -- preparation ----------------------------------------------------------- */

/* Chooses the form by the filter alone, so that results do not depend on batch
 * or threads. A filter that changes is trained: for it only F(2x2,3x3), which
 * rounds no more than the plain sum. The others made training steps exceed the
 * tolerance. */
static gboolean
choose_form (gint side, gint stride, gboolean constant, CcsWinograd *form)
{
  static const struct
  {
    gint side, stride;
    CcsWinograd form;
  } choices[] = {
    { 3, 1, CCS_WINOGRAD_4_3 },
    { 5, 1, CCS_WINOGRAD_2_5 },
    { 3, 2, CCS_WINOGRAD_4_2 },
    { 4, 2, CCS_WINOGRAD_4_2 },
  };

  if (!constant) {
    *form = CCS_WINOGRAD_2_3;
    return side == 3 && stride == 1;
  }
  for (guint i = 0; i < G_N_ELEMENTS (choices); i++)
    if (choices[i].side == side && choices[i].stride == stride) {
      *form = choices[i].form;
      return TRUE;
    }
  return FALSE;
}

gboolean
ccs_cpu_winograd_serves (const CcsKernel *kernel, const CcsKernelHints *hints)
{
  const CcsAttrs *attrs = &kernel->op->attrs;
  const CcsShape *filter = &kernel->in[1].shape;
  const gint stride = attrs->conv.stride;
  const gboolean constant = hints->constant[1] != NULL;
  const gboolean gradient = kernel->op->kind == CCS_OP_CONV_TRANSPOSE2D;
  const gint64 most = MAX (filter->dim[0], filter->dim[3]);
  const gint64 least = MIN (filter->dim[0], filter->dim[3]);
  CcsWinograd form;

  if (filter->dim[1] != filter->dim[2] || attrs->conv.dilation != 1
      || attrs->conv.pad >= filter->dim[1]
      || !choose_form (filter->dim[1], stride, constant, &form))
    return FALSE;
  if (least < MIN_CHANNELS
      || (stride > 1 && (gradient || most > MAX_CHANNELS_STRIDED)))
    return FALSE;
  return constant || ccs_rows (&kernel->out[0]) >= MIN_ROWS_A_CHANNEL * most;
}

/* Returns the tiles per block: whole register tiles that fill the cache, but at
 * least one block for each thread. Sums do not depend on it. */
static gint64
choose_block (const Winograd *self, gint n_threads)
{
  const gint64 rows = ccs_simd ()->gemm_rows;
  const gint64 each
      = self->filter.planes * (self->pitch + ccs_simd ()->gemm_columns);
  const gint64 beside
      = CACHE_FLOATS
        - (gint64)(ccs_winograd_filter_bytes (&self->filter) / sizeof (float));
  const gint64 room = beside > 0 ? beside : CACHE_FLOATS / 2;
  const gint64 least = beside > 0 ? 1 : MIN_REGISTER_TILES;
  const gint64 share
      = (self->tiles + n_threads * rows - 1) / (n_threads * rows) * rows;

  return CLAMP (share, rows, MAX (room / each / rows, least) * rows);
}

/* Makes the state: operands and form. */
static Winograd *
winograd_new (CcsKernel *kernel, gboolean constant)
{
  Winograd *self = g_new0 (Winograd, 1);
  const CcsAttrs *attrs = &kernel->op->attrs;

  kernel->state = self;
  kernel->free_state = winograd_free;
  kernel->run = run_winograd;
  self->filter.gradient = kernel->op->kind == CCS_OP_CONV_TRANSPOSE2D;
  self->x = kernel->in[0];
  self->y = kernel->out[0];
  self->filter.data = kernel->in[1].data;
  self->bias = kernel->in[2].data;
  if (!self->filter.gradient)
    self->residual = kernel->in[3];
  self->act = attrs->conv.act;
  self->filter.side = kernel->in[1].shape.dim[1];
  self->filter.stride = attrs->conv.stride;
  self->pad = self->filter.gradient ? self->filter.side - 1 - attrs->conv.pad
                                    : attrs->conv.pad;
  self->filter.in = ccs_channels (&self->x);
  self->filter.out = ccs_channels (&self->y);
  choose_form (self->filter.side, self->filter.stride, constant,
               &self->filter.form);
  return self;
}

/* Divides the work into blocks. */
static void
plan_tiles (Winograd *self)
{
  const CcsSimdWinograd *form = &ccs_simd ()->winograd[self->filter.form];
  const gint64 *dim = self->y.shape.dim;
  const gint n_threads = omp_get_max_threads ();

  self->step = form->step;
  self->filter.taps = form->taps;
  self->tile = self->step + self->filter.taps - 1;
  self->filter.planes = self->tile * self->tile;
  self->filter.n_parities = self->filter.stride * self->filter.stride;
  self->filter.depth = self->filter.n_parities * self->filter.in;
  self->pitch = self->filter.depth + PITCH_PAD;
  self->tiles_h = (dim[1] + self->step - 1) / self->step;
  self->tiles_w = (dim[2] + self->step - 1) / self->step;
  self->tiles = dim[0] * self->tiles_h * self->tiles_w;
  self->block = choose_block (self, n_threads);
  self->blocks = (self->tiles + self->block - 1) / self->block;
  self->groups = MIN (ccs_winograd_filter_panels (&self->filter),
                      (n_threads + self->blocks - 1) / self->blocks);
}

/* Allocates scratch for everything but the filter. */
static void
plan_scratch (Winograd *self, CcsKernel *kernel)
{
  const gint64 columns = ccs_simd ()->gemm_columns;
  const gsize floats
      = self->filter.in
        + self->filter.planes * self->block * (self->pitch + columns);
  const gsize bytes = ccs_align (floats * sizeof (float));

  self->each = bytes / sizeof (float);
  kernel->scratch = omp_get_max_threads () * bytes;
}

gboolean
ccs_cpu_prepare_winograd (CcsCpu *cpu, CcsKernel *kernel,
                          const CcsKernelHints *hints, GError **error)
{
  Winograd *self = winograd_new (kernel, hints->constant[1] != NULL);

  plan_tiles (self);
  plan_scratch (self, kernel);
  return ccs_winograd_filter_prepare (&self->filter, cpu, kernel,
                                      hints->constant[1], error);
}
