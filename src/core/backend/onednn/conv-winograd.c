/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* 3x3 convolutions of stride 1 with a constant filter by Winograd's F(2x2,3x3)
 * and F(4x4,3x3): 2.25 and 4 times fewer multiply-adds than there are in the
 * sum. Not for training, where its rounding, small as it is, was seen to move a
 * step beyond what the plain sum meets. Blocks of tiles of results are shared
 * out to threads; all sums run over the input channels in order. */
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

#define TAPS 9

/* Results of a tile's side; its pixels' are two more. */
static const gint steps[CCS_N_WINOGRADS]
    = { [CCS_WINOGRAD_2] = 2, [CCS_WINOGRAD_4] = 4 };

typedef struct
{
  CcsOperand x, y, residual;
  float *filter; /* [out,3,3,in] */
  const float *bias;
  CcsAct act;
  CcsWinograd form;
  gint step, tile, planes;        /* pixels of a tile: planes */
  gint64 pad, in, out;            /* channels */
  gint64 pitch;                   /* of transformed tiles */
  gint64 tiles_h, tiles_w, tiles; /* of one item, and of all */
  gint64 block;                   /* tiles of a block */
  CcsConstant *pack;
  gsize each; /* floats of scratch for each thread */
} Winograd;

static void
winograd_free (gpointer data)
{
  Winograd *self = data;

  ccs_constant_release (self->pack);
  g_free (self);
}

/* -- the filter -------------------------------------------------------------
 */

static gint64
panels (const Winograd *self)
{
  const gint64 columns = ccs_simd ()->gemm_columns;

  return (self->out + columns - 1) / columns;
}

static gint64
panel_size (const Winograd *self)
{
  return self->in * ccs_simd ()->gemm_columns;
}

static gsize
packed_bytes (const Winograd *self)
{
  return self->planes * panels (self) * panel_size (self) * sizeof (float);
}

/* @taps [in,3,3,out]; @to: for each plane its panels [in,gemm_columns]. */
static void
pack_panels (const Winograd *self, const float *taps, float *to)
{
  const CcsSimd *simd = ccs_simd ();
  const gint64 columns = simd->gemm_columns, n = panels (self);
  const gint64 size = panel_size (self);

#pragma omp parallel for collapse(2) schedule(static)
  for (gint64 panel = 0; panel < n; panel++)
    for (gint64 i = 0; i < self->in; i++)
      simd->winograd[self->form].filter (
          MIN (columns, self->out - panel * columns),
          taps + i * TAPS * self->out + panel * columns, self->out,
          to + panel * size + i * columns, n * size);
}

/* The filter as [in,3,3,out]: neighbours share a vector. */
static gboolean
turn_filter (const Winograd *self, CcsCpu *cpu, float *to, GError **error)
{
  dnnl_dims_t dims = { self->out, self->in, TAPS };
  dnnl_dims_t strides = { TAPS * self->in, 1, self->in };
  dnnl_dims_t turned = { 1, TAPS * self->out, self->out };
  dnnl_memory_desc_t from_desc, to_desc;

  dnnl_memory_desc_init_by_strides (&from_desc, 3, dims, dnnl_f32, strides);
  dnnl_memory_desc_init_by_strides (&to_desc, 3, dims, dnnl_f32, turned);
  return ccs_dnnl_reorder_once (cpu, &from_desc, self->filter, &to_desc, to,
                                "packing a filter", error);
}

static gboolean
pack_filter (CcsBackend *backend, gpointer user, void *to, GError **error)
{
  const Winograd *self = user;
  g_autofree float *taps = g_new (float, TAPS * self->in * self->out);

  if (!turn_filter (self, (CcsCpu *)backend, taps, error))
    return FALSE;
  pack_panels (self, taps, to);
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
run_block (const Winograd *self, const CcsSimd *simd, const float *filter,
           gint64 first, float *scratch)
{
  const gint64 n = MIN (self->block, self->tiles - first);
  const gint64 columns = simd->gemm_columns;
  const gint64 n_panels = panels (self), size = panel_size (self);
  float *planes = scratch + self->in;
  float *sums = planes + self->planes * self->block * self->pitch;

  memset (scratch, 0, self->in * sizeof (float));
  for (gint64 t = 0; t < n; t++)
    transform_tile (self, simd, first + t, scratch, planes + t * self->pitch);
  for (gint64 panel = 0; panel < n_panels; panel++) {
    for (gint64 p = 0; p < self->planes; p++)
      simd->gemm_sums (n, self->in, planes + p * self->block * self->pitch,
                       self->pitch, filter + (p * n_panels + panel) * size,
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
  const float *filter = self->pack->data;

#pragma omp parallel for schedule(dynamic)
  for (gint64 first = 0; first < self->tiles; first += self->block)
    run_block (self, simd, filter, first,
               (float *)scratch + omp_get_thread_num () * self->each);
}

/* -- preparation ------------------------------------------------------------
 */

gboolean
ccs_cpu_winograd_serves (const CcsKernel *kernel, const CcsKernelHints *hints)
{
  const CcsAttrs *attrs = &kernel->op->attrs;
  const CcsShape *filter = &kernel->in[1].shape;
  const gint64 least = MIN (filter->dim[0], filter->dim[3]);

  return filter->dim[1] == 3 && filter->dim[2] == 3 && attrs->conv.stride == 1
         && attrs->conv.dilation == 1 && least >= MIN_CHANNELS
         && hints->constant[1];
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

static Winograd *
winograd_new (CcsCpu *cpu, CcsKernel *kernel)
{
  Winograd *self = g_new0 (Winograd, 1);

  kernel->state = self;
  kernel->free_state = winograd_free;
  kernel->run = run_winograd;
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
  self->step = steps[self->form];
  self->tile = self->step + 2;
  self->planes = self->tile * self->tile;
  self->tiles_h = (self->y.shape.dim[1] + self->step - 1) / self->step;
  self->tiles_w = (self->y.shape.dim[2] + self->step - 1) / self->step;
  self->tiles = self->y.shape.dim[0] * self->tiles_h * self->tiles_w;
  self->block = choose_block (self, cpu->base.n_threads);
  return self;
}

gboolean
ccs_cpu_prepare_winograd (CcsCpu *cpu, CcsKernel *kernel,
                          const CcsKernelHints *hints, GError **error)
{
  Winograd *self = winograd_new (cpu, kernel);
  const gint64 columns = ccs_simd ()->gemm_columns;
  /* What distinguishes this packing of a filter from others. */
  g_autoptr (GBytes) key
      = g_bytes_new_static (&steps[self->form], sizeof steps[self->form]);

  self->each
      = ccs_align (
            (self->in + self->planes * self->block * (self->pitch + columns))
            * sizeof (float))
        / sizeof (float);
  kernel->scratch = cpu->base.n_threads * self->each * sizeof (float);
  self->pack = ccs_constant_get (&cpu->base, hints->constant[1], key,
                                 packed_bytes (self), pack_filter, self, error);
  return self->pack != NULL;
}
