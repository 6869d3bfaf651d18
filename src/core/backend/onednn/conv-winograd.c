/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Convolutions and their data gradients by Winograd's forms: of stride 1, and,
 * where the filter never changes, of stride 2 too: those are sums of four of
 * stride 1, one for each parity of row and column, whose products are summed
 * before they are turned into results. Blocks of tiles of results are shared
 * out to threads; all sums run over the input channels in order. */
#include "gemm.h"

#include <string.h>

#include <omp.h>

#define MAX_RESULTS 16 /* of a tile */
#define MAX_PIXELS 36
#define MAX_PARITIES 4
#define MAX_TAPS 25    /* of a parity's filter */
#define MAX_COLUMNS 32 /* gemm_columns of any instruction set */
/* Of a second-level cache. A block has what a transformed filter leaves of it;
 * of filters that are larger than that, blocks of fewer register tiles would
 * read them too often. */
#define CACHE_FLOATS (1 << 18)
#define MIN_REGISTER_TILES 5
/* Between transformed tiles, so that neighbours do not share cache sets. */
#define PITCH_PAD 16
#define MIN_CHANNELS 32 /* fewer, and the transforms cost too much */
/* Of a convolution of stride 2: more, and its filter, ten times its taps,
 * leaves the caches. */
#define MAX_CHANNELS_STRIDED 256

/* A filter that changes is transformed in every run: results that each of its
 * rows or columns must have for that to be worth it. */
#define MIN_ROWS_A_CHANNEL 2

/* Where tap t of input channel i and output channel o stands: taps [i in_step +
 * t tap_step + o]. */
typedef struct
{
  const float *taps;
  gint64 in_step, tap_step;
} Filter;

/* The pixels, and taps, whose rows and columns are even (0) or odd (1), counted
 * from the first tap's. */
typedef struct
{
  gint row, column;
} Parity;

/* An odd filter has a tap less for odd rows, for which the last of a tile's
 * numbers, that of the point at infinity, is zero; so with columns. In this
 * order those that are left out never stand between others. */
static const Parity parities[MAX_PARITIES]
    = { { 1, 0 }, { 0, 0 }, { 0, 1 }, { 1, 1 } };
static const Parity whole = { 0, 0 };

typedef struct
{
  CcsCpu *cpu;
  CcsOperand x, y, residual;
  float *filter; /* [out,side,side,in]; of a data gradient [in,side,side,out] */
  const float *bias;
  CcsAct act;
  gboolean gradient;
  gint side, stride;
  CcsWinograd form;
  gint step, taps, tile, planes; /* pixels of a tile: planes */
  gint n_parities;
  gint64 pad, in, out;            /* channels */
  gint64 depth;                   /* in of all parities */
  gint64 pitch;                   /* of transformed tiles */
  gint64 tiles_h, tiles_w, tiles; /* of one item, and of all */
  gint64 block, blocks;           /* tiles of a block, and blocks */
  gint64 groups;     /* of panels: where there are fewer blocks than threads */
  CcsConstant *pack; /* or, where the filter changes, in scratch: */
  CcsDnnl turn;      /* to [in,side,side,out] */
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

/* -- the filter ------------------------------------------------------------ */

static gint64
panels (const Winograd *self)
{
  const gint64 columns = ccs_simd ()->gemm_columns;

  return (self->out + columns - 1) / columns;
}

static gint64
panel_size (const Winograd *self)
{
  return self->depth * ccs_simd ()->gemm_columns;
}

static gsize
packed_bytes (const Winograd *self)
{
  return self->planes * panels (self) * panel_size (self) * sizeof (float);
}

static Parity
parity (const Winograd *self, gint index)
{
  return self->stride == 1 ? whole : parities[index];
}

/* Row @i of parity @index in panel @panel of all planes. */
static void
pack_row (const Winograd *self, Filter filter, gint64 panel, gint index,
          gint64 i, float *to)
{
  static const float zeros[MAX_COLUMNS];
  const CcsSimd *simd = ccs_simd ();
  const gint64 columns = simd->gemm_columns, first = panel * columns;
  const Parity of = parity (self, index);
  const float *taps[MAX_TAPS];

  for (gint t = 0; t < self->taps * self->taps; t++) {
    const gint row = self->stride * (t / self->taps) + of.row;
    const gint column = self->stride * (t % self->taps) + of.column;
    const gint64 tap = row * self->side + column;

    taps[t]
        = row < self->side && column < self->side
              ? filter.taps + i * filter.in_step + tap * filter.tap_step + first
              : zeros;
  }
  simd->winograd[self->form].filter (MIN (columns, self->out - first), taps,
                                     to + panel * panel_size (self)
                                         + (index * self->in + i) * columns,
                                     panels (self) * panel_size (self));
}

/* @to: for each plane its panels [depth,gemm_columns]. */
static void
pack_panels (const Winograd *self, Filter filter, float *to)
{
  const gint64 n = panels (self);

#pragma omp parallel for collapse(3) schedule(static)
  for (gint64 panel = 0; panel < n; panel++)
    for (gint index = 0; index < self->n_parities; index++)
      for (gint64 i = 0; i < self->in; i++)
        pack_row (self, filter, panel, index, i, to);
}

static gint64
filter_taps (const Winograd *self)
{
  return self->side * self->side;
}

static void
desc_turned (const Winograd *self, gboolean turned, dnnl_memory_desc_t *md)
{
  dnnl_dims_t dims = { self->out, self->in, filter_taps (self) };
  dnnl_dims_t strides = { filter_taps (self) * self->in, 1, self->in };
  dnnl_dims_t turned_strides = { 1, filter_taps (self) * self->out, self->out };

  dnnl_memory_desc_init_by_strides (md, 3, dims, dnnl_f32,
                                    turned ? turned_strides : strides);
}

static gsize
turned_bytes (const Winograd *self)
{
  return ccs_align (filter_taps (self) * self->in * self->out * sizeof (float));
}

/* A data gradient takes the taps in reverse order. */
static Filter
as_it_stands (const Winograd *self)
{
  const gint64 taps = filter_taps (self);

  return (Filter){ self->filter + (taps - 1) * self->out, taps * self->out,
                   -self->out };
}

static Filter
turned_at (const Winograd *self, const float *taps)
{
  return (Filter){ taps, filter_taps (self) * self->out, self->out };
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

/* -- a block --------------------------------------------------------------- */

/* Item, row and column of the first result of tile @tile. */
static void
tile_origin (const Winograd *self, gint64 tile, gint64 *b, gint64 *i, gint64 *j)
{
  *j = tile % self->tiles_w * self->step;
  *i = tile / self->tiles_w % self->tiles_h * self->step;
  *b = tile / (self->tiles_w * self->tiles_h);
}

/* Where the pixels of tile @tile are that have parity @of; @zeros: a pixel of
 * the padding. */
static void
tile_pixels (const Winograd *self, gint64 tile, Parity of, const float *zeros,
             const float *pixels[MAX_PIXELS])
{
  const gint64 height = self->x.shape.dim[1], width = self->x.shape.dim[2];
  gint64 b, i, j;

  tile_origin (self, tile, &b, &i, &j);
  i = self->stride * i + of.row - self->pad;
  j = self->stride * j + of.column - self->pad;
  for (gint k = 0; k < self->planes; k++) {
    const gint64 row = i + self->stride * (k / self->tile);
    const gint64 column = j + self->stride * (k % self->tile);
    const gboolean inside
        = row >= 0 && row < height && column >= 0 && column < width;

    pixels[k] = inside ? ccs_row (&self->x, (b * height + row) * width + column)
                       : zeros;
  }
}

/* @to: planes of [block,pitch]. */
static void
transform_tile (const Winograd *self, const CcsSimd *simd, gint64 tile,
                const float *zeros, float *to)
{
  const float *pixels[MAX_PIXELS];
  const gint64 plane = self->block * self->pitch;

  for (gint k = 0; k < self->n_parities; k++) {
    tile_pixels (self, tile, parity (self, k), zeros, pixels);
    simd->winograd[self->form].input (self->in, pixels, to + k * self->in,
                                      plane);
  }
}

/* The parities that count in plane @plane. */
static void
plane_parities (const Winograd *self, gint plane, gint *first, gint *end)
{
  const gboolean odd_filter = self->stride == 2 && self->side % 2 == 1;
  const gboolean last_row = odd_filter && plane / self->tile == self->tile - 1;
  const gboolean last_column
      = odd_filter && plane % self->tile == self->tile - 1;

  *first = last_row ? 1 : 0;
  *end = last_column ? 2 : last_row ? 3 : self->n_parities;
}

/* @sums: of all planes, for panel @panel of the filter. */
static void
sum_products (const Winograd *self, const CcsSimd *simd, const float *filter,
              gint64 panel, gint64 n, const float *planes, float *sums)
{
  const gint64 columns = simd->gemm_columns;

  for (gint p = 0; p < self->planes; p++) {
    gint first, end;

    plane_parities (self, p, &first, &end);
    simd->gemm_sums (n, (end - first) * self->in,
                     planes + p * self->block * self->pitch + first * self->in,
                     self->pitch,
                     filter + (p * panels (self) + panel) * panel_size (self)
                         + first * self->in * columns,
                     sums + p * self->block * columns);
  }
}

/* Results of tile @tile, channels from @first on. */
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
    y[k] = ccs_row (&self->y, at) + first;
    if (self->residual.data)
      residual[k] = ccs_row (&self->residual, at) + first;
  }
  simd->winograd[self->form].output (
      MIN (simd->gemm_columns, self->out - first), sums,
      self->block * simd->gemm_columns, self->bias ? self->bias + first : NULL,
      residual, self->act, y);
}

/* Part @group of the panels of the block from tile @first on. @scratch: a pixel
 * of zeros, the planes, the sums of one panel. */
static void
run_block (const Winograd *self, const CcsSimd *simd, const float *filter,
           gint64 first, gint64 group, float *scratch)
{
  const gint64 n = MIN (self->block, self->tiles - first);
  const gint64 n_panels = panels (self), columns = simd->gemm_columns;
  const gint64 end = (group + 1) * n_panels / self->groups;
  float *planes = scratch + self->in;
  float *sums = planes + self->planes * self->block * self->pitch;

  memset (scratch, 0, self->in * sizeof (float));
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
  const float *filter = packed (self, scratch);
  const gint64 parts = self->blocks * self->groups;

#pragma omp parallel for schedule(dynamic)
  for (gint64 part = 0; part < parts; part++)
    run_block (self, simd, filter, part / self->groups * self->block,
               part % self->groups,
               (float *)scratch + omp_get_thread_num () * self->each);
}

/* -- preparation ----------------------------------------------------------- */

/* By the filter alone: a result must not depend on batch or threads. One that
 * changes is trained: F(2x2,3x3) rounds no more than the plain sum, where the
 * others were seen to move a step beyond what that meets. */
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

/* Tiles of a block: whole register tiles, as many as fill the cache, but every
 * thread has a block. Sums do not depend on it. */
static gint64
choose_block (const Winograd *self, gint n_threads)
{
  const gint64 rows = ccs_simd ()->gemm_rows;
  const gint64 each = self->planes * (self->pitch + ccs_simd ()->gemm_columns);
  const gint64 beside
      = CACHE_FLOATS - (gint64)(packed_bytes (self) / sizeof (float));
  const gint64 room = beside > 0 ? beside : CACHE_FLOATS / 2;
  const gint64 least = beside > 0 ? 1 : MIN_REGISTER_TILES;
  const gint64 share
      = (self->tiles + n_threads * rows - 1) / (n_threads * rows) * rows;

  return CLAMP (share, rows, MAX (room / each / rows, least) * rows);
}

/* What its kernels read and write, and the form. */
static Winograd *
winograd_new (CcsCpu *cpu, CcsKernel *kernel, gboolean constant)
{
  Winograd *self = g_new0 (Winograd, 1);
  const CcsAttrs *attrs = &kernel->op->attrs;

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
  self->act = attrs->conv.act;
  self->side = kernel->in[1].shape.dim[1];
  self->stride = attrs->conv.stride;
  self->pad
      = self->gradient ? self->side - 1 - attrs->conv.pad : attrs->conv.pad;
  self->in = ccs_channels (&self->x);
  self->out = ccs_channels (&self->y);
  choose_form (self->side, self->stride, constant, &self->form);
  return self;
}

/* How the work is cut up. */
static void
plan_tiles (Winograd *self)
{
  const CcsSimdWinograd *form = &ccs_simd ()->winograd[self->form];
  const gint64 *dim = self->y.shape.dim;
  const gint n_threads = omp_get_max_threads ();

  self->step = form->step;
  self->taps = form->taps;
  self->tile = self->step + self->taps - 1;
  self->planes = self->tile * self->tile;
  self->n_parities = self->stride * self->stride;
  self->depth = self->n_parities * self->in;
  self->pitch = self->depth + PITCH_PAD;
  self->tiles_h = (dim[1] + self->step - 1) / self->step;
  self->tiles_w = (dim[2] + self->step - 1) / self->step;
  self->tiles = dim[0] * self->tiles_h * self->tiles_w;
  self->block = choose_block (self, n_threads);
  self->blocks = (self->tiles + self->block - 1) / self->block;
  self->groups
      = MIN (panels (self), (n_threads + self->blocks - 1) / self->blocks);
}

/* Room for what the runs make, before the filter. */
static void
plan_scratch (Winograd *self, CcsKernel *kernel)
{
  const gint64 columns = ccs_simd ()->gemm_columns;
  const gsize floats
      = self->in + self->planes * self->block * (self->pitch + columns);
  const gsize bytes = ccs_align (floats * sizeof (float));

  self->each = bytes / sizeof (float);
  kernel->scratch = omp_get_max_threads () * bytes;
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
  dnnl_memory_desc_t from_desc, to_desc;

  plan_tiles (self);
  plan_scratch (self, kernel);
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
