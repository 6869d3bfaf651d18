/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Convolutions, and data gradients of stride 1, as products of columns and the
 * filter. Threads share blocks of results. Each element is summed over taps and
 * channels in the same order for any batch, block size and number of threads.
 */
#include "conv.h"
#include "columns.h"
#include "gemm.h"

#include <string.h>

#include <omp.h>

/* A block's input and sums fit a second-level cache. */
#define CACHE_FLOATS (1 << 18)
#define MAX_UNITS 16 /* register tiles of a block, or rows of results */
/* Part of the columns that is multiplied at a time: a panel of the filter of
 * this length fits a first-level cache. */
#define PIECE_LENGTH 256
#define PITCH_PAD 16    /* so that columns do not share cache sets */
#define SET_FLOATS 1024 /* rows at this distance share them */
/* Multiply-adds up to which one thread computes alone. */
#define SMALL_PRODUCT 32768

/* The left operand of the matrix product. */
typedef enum
{
  LEFT_ROWS,    /* the input's rows */
  LEFT_LINES,   /* rows with padding: columns overlap */
  LEFT_COLUMNS, /* columns, a piece at a time */
} Left;

typedef struct
{
  CcsColumns columns;
  CcsGemmPacked filter;
  CcsOperand y, residual;
  const float *bias;
  CcsAct act;
  Left left;
  gint piece_rows, piece_columns; /* taps of a piece */
  gint64 results;                 /* of the batch */
  gint64 block, blocks;           /* results of a block */
  gint64 groups; /* groups of panels, if there are fewer blocks than threads */
  gint64 pitch;  /* of columns, or of lines */
  gint64 left_floats, partial_floats; /* of a thread's scratch */
  gsize rooms_at, each; /* scratch of the threads: bytes, and floats of each */
} Conv;

/* The work of a thread: a block of results, a range of panels and scratch
 * memory. */
typedef struct
{
  const CcsSimd *simd;
  const float *filter;
  gint64 first, n;
  gint64 panel, end_panel;
  float *left, *partial, *sums;
} Part;

static void
conv_free (gpointer data)
{
  Conv *self = data;

  ccs_constant_release (self->filter.pack);
  g_free (self);
}

/* -- running --------------------------------------------------------------- */

static float *
panel_sums (const Conv *self, const Part *part, gint64 panel)
{
  return part->sums
         + (panel - part->panel) * self->block * part->simd->gemm_columns;
}

/* Multiplies @left and a panel's rows from @at on. */
static void
multiply (const Conv *self, const Part *part, gint64 panel, gint64 n,
          const CcsSimdLeft *left, gint64 at, gboolean more, float *sums)
{
  const gint64 columns = part->simd->gemm_columns;

  part->simd->gemm_sums (
      n, self->filter.b.n - panel * columns, left,
      part->filter + (panel * self->filter.b.k + at) * columns, more, sums);
}

/* Computes results [first, first + n) of panel @panel from their sums. */
static void
finish (const Conv *self, const Part *part, gint64 panel, gint64 first,
        gint64 n, const float *sums)
{
  const CcsSimd *simd = part->simd;
  const gint64 channel = panel * simd->gemm_columns;
  const CcsOperand *residual = &self->residual;

  simd->epilogue (n, MIN (simd->gemm_columns, self->filter.b.n - channel), sums,
                  simd->gemm_columns, self->bias ? self->bias + channel : NULL,
                  residual->data ? ccs_operand_row (residual, first) + channel
                                 : NULL,
                  residual->pitch, self->act,
                  ccs_operand_row (&self->y, first) + channel, self->y.pitch);
}

static void
add_rows (const Conv *self, const Part *part)
{
  const gint64 k = self->filter.b.k, pitch = self->columns.x.pitch;

  for (gint64 at = 0; at < k; at += PIECE_LENGTH) {
    const CcsSimdLeft left
        = { ccs_operand_row (&self->columns.x, part->first) + at, pitch, 1,
            MIN (PIECE_LENGTH, k - at) };

    for (gint64 panel = part->panel; panel < part->end_panel; panel++) {
      float *sums = panel_sums (self, part, panel);

      multiply (self, part, panel, part->n, &left, at, at > 0, sums);
      if (at + left.run == k)
        finish (self, part, panel, part->first, part->n, sums);
    }
  }
}

/* Adds products for whole rows of results of one item. */
static void
add_lines (const Conv *self, const Part *part)
{
  const CcsColumnsAxis *rows = &self->columns.rows;
  const gint64 width = self->columns.columns.positions;
  const gint64 channels = ccs_channels (&self->columns.x);
  const gint64 end = (part->first + part->n) / width;
  const CcsSimdLeft line
      = { NULL, self->columns.columns.stride * channels, rows->count,
          self->columns.columns.count * channels, self->pitch };

  for (gint64 row = part->first / width; row < end;) {
    const gint64 item = row / rows->positions, top = row % rows->positions;
    const gint64 count = MIN (end - row, rows->positions - top);
    const gint64 lines = (count - 1) * rows->stride + rows->count;

    for (gint64 i = 0; i < lines; i++)
      ccs_columns_fill_line (&self->columns, item, top * rows->stride + i,
                             part->left + i * self->pitch);
    for (gint64 panel = part->panel; panel < part->end_panel; panel++)
      for (gint64 i = 0; i < count; i++) {
        CcsSimdLeft left = line;

        left.data = part->left + i * rows->stride * self->pitch;
        multiply (self, part, panel, width, &left, 0, FALSE, part->sums);
        finish (self, part, panel, (row + i) * width, width, part->sums);
      }
    row += count;
  }
}

/* Adds the products of taps that are in the padding for most of the block's
 * results: only for the results in @window. */
static void
add_window (const Conv *self, const Part *part, CcsColumnsTaps taps,
            const CcsColumnsWindow *window, gint64 length, gint64 at)
{
  const CcsSimdLeft left = { part->left, self->pitch, 1, length };
  const gint64 columns = part->simd->gemm_columns;
  const gint64 end = part->first + part->n;
  gint64 total = 0, count;

  for (gint64 i = part->first;
       (count = ccs_columns_next_run (&self->columns, window, &i, end)) > 0;
       i += count, total += count)
    ccs_columns_fill (&self->columns, i, count, taps,
                      part->left + total * self->pitch, self->pitch);
  for (gint64 panel = part->panel; total > 0 && panel < part->end_panel;
       panel++) {
    float *sums = panel_sums (self, part, panel);
    const float *from = part->partial;

    multiply (self, part, panel, total, &left, at, FALSE, part->partial);
    for (gint64 i = part->first;
         (count = ccs_columns_next_run (&self->columns, window, &i, end)) > 0;
         i += count, from += count * columns)
      part->simd->axpy (count * columns, 1.f, from,
                        sums + (i - part->first) * columns);
  }
  for (gint64 panel = part->panel;
       at + length == self->filter.b.k && panel < part->end_panel; panel++)
    finish (self, part, panel, part->first, part->n,
            panel_sums (self, part, panel));
}

/* Returns whether a separate window is faster: it must leave out an eighth of
 * the results. Depends on the shape alone, not on the block. */
static gboolean
is_narrow (const Conv *self, const CcsColumnsWindow *window)
{
  const gint64 inside
      = (window->end_row - window->row) * (window->end_column - window->column);

  return 8 * inside
         < 7 * self->columns.rows.positions * self->columns.columns.positions;
}

static void
add_piece (const Conv *self, const Part *part, CcsColumnsTaps taps, gint64 at,
           gint64 length)
{
  const CcsSimdLeft left = { part->left, self->pitch, 1, length };
  const CcsColumnsWindow window = ccs_columns_reach (&self->columns, taps);

  if (is_narrow (self, &window)) {
    add_window (self, part, taps, &window, length, at);
    return;
  }
  ccs_columns_fill (&self->columns, part->first, part->n, taps, part->left,
                    self->pitch);
  for (gint64 panel = part->panel; panel < part->end_panel; panel++) {
    float *sums = panel_sums (self, part, panel);

    multiply (self, part, panel, part->n, &left, at, TRUE, sums);
    if (at + length == self->filter.b.k)
      finish (self, part, panel, part->first, part->n, sums);
  }
}

static void
add_pieces (const Conv *self, const Part *part)
{
  const CcsColumnsTaps all = ccs_columns_all_taps (&self->columns);
  const gint64 channels = ccs_channels (&self->columns.x);
  gint64 at = 0;

  memset (part->sums, 0,
          (part->end_panel - part->panel) * self->block
              * part->simd->gemm_columns * sizeof (float));
  for (gint y = 0; y < all.end_row; y += self->piece_rows)
    for (gint x = 0; x < all.end_column; x += self->piece_columns) {
      const CcsColumnsTaps taps
          = { y, MIN (y + self->piece_rows, all.end_row), x,
              MIN (x + self->piece_columns, all.end_column) };
      const gint64 length = (gint64)(taps.end_row - taps.first_row)
                            * (taps.end_column - taps.first_column) * channels;

      add_piece (self, part, taps, at, length);
      at += length;
    }
}

/* Computes block @block of results, group @group of panels. */
static void
run_part (const Conv *self, const float *filter, gint64 block, gint64 group,
          float *scratch)
{
  static void (*const add[]) (const Conv *, const Part *) = {
    [LEFT_ROWS] = add_rows,
    [LEFT_LINES] = add_lines,
    [LEFT_COLUMNS] = add_pieces,
  };
  const gint64 panels = ccs_gemm_panels (&self->filter.b);
  const Part part = {
    .simd = ccs_simd (),
    .filter = filter,
    .first = block * self->block,
    .n = MIN (self->block, self->results - block * self->block),
    .panel = group * panels / self->groups,
    .end_panel = (group + 1) * panels / self->groups,
    .left = scratch,
    .partial = scratch + self->left_floats,
    .sums = scratch + self->left_floats + self->partial_floats,
  };

  add[self->left](self, &part);
}

static void
run_conv (CcsBackend *backend, gpointer state, void *scratch)
{
  const Conv *self = state;
  const float *filter = ccs_gemm_packed_get (&self->filter, scratch);
  const gint64 parts = self->blocks * self->groups;
  float *rooms = (float *)((char *)scratch + self->rooms_at);

#pragma omp parallel for schedule(                                             \
    dynamic) if (self->results * self->filter.b.k * self->filter.b.n           \
                 > SMALL_PRODUCT)
  for (gint64 part = 0; part < parts; part++)
    run_part (self, filter, part / self->groups, part % self->groups,
              rooms + omp_get_thread_num () * self->each);
}

/* -- preparation ----------------------------------------------------------- */

/* Chooses the left operand. */
static void
plan_left (Conv *self)
{
  const CcsColumns *columns = &self->columns;
  const gint64 channels = ccs_channels (&columns->x);
  const gint width = columns->columns.count, height = columns->rows.count;
  const gint64 taps = MAX (1, PIECE_LENGTH / channels);
  const gboolean joined = columns->columns.dilation == 1
                          && columns->x.pitch == channels && height * width > 1;

  if (ccs_columns_are_rows (columns) && columns->x.pitch % SET_FLOATS != 0) {
    self->left = LEFT_ROWS;
    return;
  }
  if (joined && self->filter.b.k <= PIECE_LENGTH) {
    self->left = LEFT_LINES;
    self->pitch = ccs_columns_line_pixels (columns) * channels;
    return;
  }
  self->left = LEFT_COLUMNS;
  self->piece_columns = MIN (taps, width);
  self->piece_rows = CLAMP (taps / width, 1, height);
  self->pitch = self->piece_rows * self->piece_columns * channels + PITCH_PAD;
}

/* Chooses the blocks, with @each floats of scratch per result, and at least one
 * row of results if rows are multiplied. */
static void
plan_blocks (Conv *self, gint64 n_threads, gint64 each)
{
  const gint64 unit = self->left == LEFT_LINES ? self->columns.columns.positions
                                               : ccs_simd ()->gemm_rows;
  const gint64 share
      = (self->results + n_threads * unit - 1) / (n_threads * unit) * unit;

  self->block = CLAMP (share, unit,
                       CLAMP (CACHE_FLOATS / each / unit, 1, MAX_UNITS) * unit);
  self->blocks = (self->results + self->block - 1) / self->block;
  self->groups = MIN (ccs_gemm_panels (&self->filter.b),
                      (n_threads + self->blocks - 1) / self->blocks);
}

static void
plan_scratch (Conv *self, CcsKernel *kernel)
{
  const CcsColumnsAxis *rows = &self->columns.rows;
  const gint64 width = self->columns.columns.positions;
  const gint64 columns = ccs_simd ()->gemm_columns;
  const gint64 panels = ccs_gemm_panels (&self->filter.b);
  const gint64 n_threads = omp_get_max_threads ();
  const gint64 left_each = self->left == LEFT_LINES
                               ? rows->stride * self->pitch / width
                               : self->pitch;
  gint64 floats;

  plan_blocks (self, n_threads, left_each + panels * columns);
  if (self->left == LEFT_LINES)
    self->left_floats = ((self->block / width - 1) * rows->stride + rows->count)
                        * self->pitch;
  else if (self->left == LEFT_COLUMNS) {
    self->left_floats = self->block * self->pitch;
    self->partial_floats = self->block * columns;
  }
  floats = self->left_floats + self->partial_floats
           + (panels + self->groups - 1) / self->groups * self->block * columns;
  self->each = ccs_align (floats * sizeof (float)) / sizeof (float);
  self->rooms_at = kernel->scratch;
  kernel->scratch += n_threads * self->each * sizeof (float);
}

/* Describes a filter [out,rows,columns,in] as the right operand. */
static CcsGemmRight
right_of_filter (const Conv *self, const CcsOperand *filter)
{
  const gint64 *dim = filter->shape.dim;
  const CcsColumnsAxis *rows = &self->columns.rows;
  const CcsColumnsAxis *columns = &self->columns.columns;

  return (CcsGemmRight){
    .data = (const float *)filter->data
            + (rows->first * dim[2] + columns->first) * dim[3],
    .batch = 1,
    .k = ccs_columns_length (&self->columns),
    .n = dim[0],
    .row_step = 1,
    .column_step = dim[1] * dim[2] * dim[3],
    .tap_rows = rows->count,
    .tap_columns = columns->count,
    .tap_row_step = dim[2] * dim[3],
    .tap_step = dim[3],
  };
}

/* Describes the filter [in,rows,columns,out] of a data gradient, with its taps
 * in reverse order. */
static CcsGemmRight
right_of_gradient (const Conv *self, const CcsOperand *filter)
{
  const gint64 *dim = filter->shape.dim;
  const CcsColumnsAxis *rows = &self->columns.rows;
  const CcsColumnsAxis *columns = &self->columns.columns;

  return (CcsGemmRight){
    .data
    = (const float *)filter->data
      + ((dim[1] - 1 - rows->first) * dim[2] + dim[2] - 1 - columns->first)
            * dim[3],
    .batch = 1,
    .k = ccs_columns_length (&self->columns),
    .n = dim[3],
    .row_step = dim[1] * dim[2] * dim[3],
    .column_step = 1,
    .tap_rows = rows->count,
    .tap_columns = columns->count,
    .tap_row_step = -dim[2] * dim[3],
    .tap_step = -dim[3],
  };
}

gboolean
ccs_cpu_prepare_columns (CcsCpu *cpu, CcsKernel *kernel,
                         const CcsKernelHints *hints, GError **error)
{
  Conv *self = g_new0 (Conv, 1);
  const CcsAttrs *attrs = &kernel->op->attrs;
  const gboolean gradient = kernel->op->kind == CCS_OP_CONV_TRANSPOSE2D;
  const CcsOperand *x = &kernel->in[0], *filter = &kernel->in[1];
  CcsColumnsAxis *axes[] = { &self->columns.rows, &self->columns.columns };

  kernel->state = self;
  kernel->free_state = conv_free;
  kernel->run = run_conv;
  self->columns.x = *x;
  self->y = kernel->out[0];
  self->bias = kernel->in[2].data;
  if (!gradient)
    self->residual = kernel->in[3];
  self->act = attrs->conv.act;
  self->results = ccs_rows (&self->y);
  for (guint i = 0; i < G_N_ELEMENTS (axes); i++) {
    const gint64 taps = filter->shape.dim[1 + i];
    const gint64 reach = (taps - 1) * attrs->conv.dilation;

    ccs_columns_axis_init (axes[i], taps, attrs->conv.stride,
                           gradient ? reach - attrs->conv.pad : attrs->conv.pad,
                           attrs->conv.dilation, x->shape.dim[1 + i],
                           self->y.shape.dim[1 + i]);
  }
  self->filter.b = gradient ? right_of_gradient (self, filter)
                            : right_of_filter (self, filter);
  plan_left (self);
  if (!ccs_gemm_packed_init (&self->filter, cpu, kernel, hints->constant[1],
                             error))
    return FALSE;
  plan_scratch (self, kernel);
  return TRUE;
}
