/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* 3x3 convolutions of stride 1, and their data gradients, by Winograd's
 * F(2x2,3x3) and F(4x4,3x3): 2.25 and 4 times fewer multiply-adds than there
 * are in the sum. Blocks of tiles of results are shared out to threads; all
 * sums run over the input channels in order. */
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

/* A filter that changes is transformed in every run: results that each of its
 * rows or columns must have for that to be worth it. */
#define MIN_ROWS_A_CHANNEL 2
#define TAPS 9

/* Results of a tile's side; its pixels' are two more. */
static const gint steps[CCS_N_WINOGRADS]
    = { [CCS_WINOGRAD_2] = 2, [CCS_WINOGRAD_4] = 4 };

/* Where tap t of input channel i and output channel o stands: taps [i in_step +
 * t tap_step + o]. */
typedef struct
{
  const float *taps;
  gint64 in_step, tap_step;
} Filter;

typedef struct
{
  CcsCpu *cpu;
  CcsOperand x, y, residual;
  float *filter; /* [out,3,3,in]; of a data gradient [in,3,3,out] */
  const float *bias;
  CcsAct act;
  gboolean gradient;
  CcsWinograd form;
  gint step, tile, planes;        /* pixels of a tile: planes */
  gint64 pad, in, out;            /* channels */
  gint64 pitch;                   /* of transformed tiles */
  gint64 tiles_h, tiles_w, tiles; /* of one item, and of all */
  gint64 block;                   /* tiles of a block */
  CcsConstant *pack; /* or, where the filter changes, in scratch: */
  CcsDnnl turn;      /* to [in,3,3,out] */
  gsize turned_at, packed_at, turn_at;
  gsize each; /* floats of scratch for each thread */
} Winograd;

static void
winograd_free (gpointer data)
{
  Winograd *self = data;

  ccs_constant_release (self->pack);
  ccs_dnnl_clear (&self->turn);
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

/* @to: for each plane its panels [in,gemm_columns]. */
static void
pack_panels (const Winograd *self, Filter filter, float *to)
{
  const CcsSimd *simd = ccs_simd ();
  const gint64 columns = simd->gemm_columns, n = panels (self);
  const gint64 size = panel_size (self);

#pragma omp parallel for collapse(2) schedule(static)
  for (gint64 panel = 0; panel < n; panel++)
    for (gint64 i = 0; i < self->in; i++)
      simd->winograd[self->form].filter (
          MIN (columns, self->out - panel * columns),
          filter.taps + i * filter.in_step + panel * columns, filter.tap_step,
          to + panel * size + i * columns, n * size);
}

static void
desc_turned (const Winograd *self, gboolean turned, dnnl_memory_desc_t *md)
{
  dnnl_dims_t dims = { self->out, self->in, TAPS };
  dnnl_dims_t strides = { TAPS * self->in, 1, self->in };
  dnnl_dims_t turned_strides = { 1, TAPS * self->out, self->out };

  dnnl_memory_desc_init_by_strides (md, 3, dims, dnnl_f32,
                                    turned ? turned_strides : strides);
}

static gsize
turned_bytes (const Winograd *self)
{
  return ccs_align (TAPS * self->in * self->out * sizeof (float));
}

/* A data gradient takes the taps in reverse order. */
static Filter
as_it_stands (const Winograd *self)
{
  return (Filter){ self->filter + (TAPS - 1) * self->out, TAPS * self->out,
                   -self->out };
}

static Filter
turned_at (const Winograd *self, const float *taps)
{
  return (Filter){ taps, TAPS * self->out, self->out };
}

static gboolean
pack_constant (CcsBackend *backend, gpointer user, void *to, GError **error)
{
  const Winograd *self = user;
  dnnl_memory_desc_t from_desc, to_desc;
  g_autofree float *turned = NULL;

  if (self->gradient) {
    pack_panels (self, as_it_stands (self), to);
    return TRUE;
  }
  turned = g_malloc (turned_bytes (self));
  desc_turned (self, FALSE, &from_desc);
  desc_turned (self, TRUE, &to_desc);
  if (!ccs_dnnl_reorder_once ((CcsCpu *)backend, &from_desc, self->filter,
                              &to_desc, turned, "packing a filter", error))
    return FALSE;
  pack_panels (self, turned_at (self, turned), to);
  return TRUE;
}

/* The panels of this run. */
static const float *
packed (Winograd *self, char *scratch)
{
  float *turned = (float *)(scratch + self->turned_at);
  float *to = (float *)(scratch + self->packed_at);

  if (self->pack)
    return self->pack->data;
  if (self->gradient) {
    pack_panels (self, as_it_stands (self), to);
    return to;
  }
  ccs_dnnl_set_arg_data (&self->turn, DNNL_ARG_TO, turned);
  ccs_dnnl_run (&self->turn, self->cpu, scratch + self->turn_at);
  pack_panels (self, turned_at (self, turned), to);
  return to;
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
  Winograd *self = state;
  const CcsSimd *simd = ccs_simd ();
  const float *filter = packed (self, scratch);

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
  const gint64 most = MAX (filter->dim[0], filter->dim[3]);
  const gint64 least = MIN (filter->dim[0], filter->dim[3]);

  return filter->dim[1] == 3 && filter->dim[2] == 3 && attrs->conv.stride == 1
         && attrs->conv.dilation == 1 && attrs->conv.pad < 3
         && least >= MIN_CHANNELS
         && (hints->constant[1]
             || ccs_rows (&kernel->out[0]) >= MIN_ROWS_A_CHANNEL * most);
}

/* By the filter alone: a result must not depend on batch or threads. One that
 * changes is trained: F(2x2,3x3) rounds no more than the plain sum, where the
 * other form was seen to move a step beyond what that meets. */
static CcsWinograd
choose_form (const Winograd *self, gboolean constant)
{
  return constant && MAX (self->in, self->out) <= MAX_CHANNELS_4
             ? CCS_WINOGRAD_4
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
winograd_new (CcsCpu *cpu, CcsKernel *kernel, gboolean constant)
{
  Winograd *self = g_new0 (Winograd, 1);
  const gint pad = kernel->op->attrs.conv.pad;

  kernel->state = self;
  kernel->free_state = winograd_free;
  kernel->run = run_winograd;
  self->cpu = cpu;
  self->gradient = kernel->op->kind == CCS_OP_CONV_TRANSPOSE2D;
  self->x = kernel->in[0];
  self->y = kernel->out[0];
  self->filter = kernel->in[1].data;
  self->bias = kernel->in[2].data;
  if (!self->gradient)
    self->residual = kernel->in[3];
  self->act = kernel->op->attrs.conv.act;
  self->pad = self->gradient ? 2 - pad : pad;
  self->in = ccs_channels (&self->x);
  self->out = ccs_channels (&self->y);
  self->pitch = self->in + PITCH_PAD;
  self->form = choose_form (self, constant);
  self->step = steps[self->form];
  self->tile = self->step + 2;
  self->planes = self->tile * self->tile;
  self->tiles_h = (self->y.shape.dim[1] + self->step - 1) / self->step;
  self->tiles_w = (self->y.shape.dim[2] + self->step - 1) / self->step;
  self->tiles = self->y.shape.dim[0] * self->tiles_h * self->tiles_w;
  self->block = choose_block (self, omp_get_max_threads ());
  return self;
}

/* What distinguishes this packing of a filter from others. */
static GBytes *
pack_key (const Winograd *self)
{
  const struct
  {
    char name[8];
    gint32 form, gradient;
  } key = { "winogra", self->form, self->gradient };

  return g_bytes_new (&key, sizeof key);
}

gboolean
ccs_cpu_prepare_winograd (CcsCpu *cpu, CcsKernel *kernel,
                          const CcsKernelHints *hints, GError **error)
{
  Winograd *self = winograd_new (cpu, kernel, hints->constant[1] != NULL);
  const gint64 columns = ccs_simd ()->gemm_columns;
  dnnl_memory_desc_t from_desc, to_desc;

  self->each
      = ccs_align (
            (self->in + self->planes * self->block * (self->pitch + columns))
            * sizeof (float))
        / sizeof (float);
  kernel->scratch = omp_get_max_threads () * self->each * sizeof (float);
  if (hints->constant[1]) {
    g_autoptr (GBytes) key = pack_key (self);

    self->pack
        = ccs_constant_get (&cpu->base, hints->constant[1], key,
                            packed_bytes (self), pack_constant, self, error);
    return self->pack != NULL;
  }
  self->packed_at = kernel->scratch;
  kernel->scratch += ccs_align (packed_bytes (self));
  if (self->gradient)
    return TRUE;
  self->turned_at = kernel->scratch;
  self->turn_at = self->turned_at + turned_bytes (self);
  desc_turned (self, FALSE, &from_desc);
  desc_turned (self, TRUE, &to_desc);
  if (!ccs_dnnl_reorder (&self->turn, cpu, &from_desc, self->filter, &to_desc,
                         NULL, error))
    return FALSE;
  kernel->scratch = self->turn_at + self->turn.scratch;
  return TRUE;
}
