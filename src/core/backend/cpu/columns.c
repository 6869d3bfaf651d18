/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "columns.h"

#include <string.h>

/* Returns the smallest i >= 0 with i step >= x. */
static gint64
steps_to (gint64 x, gint64 step)
{
  return x > 0 ? (x + step - 1) / step : 0;
}

static gboolean
tap_meets_pixels (const CcsColumnsAxis *axis, gint64 tap)
{
  const gint64 from = tap * axis->dilation - axis->pad; /* position 0 */
  const gint64 position = steps_to (-from, axis->stride);

  return position < axis->positions
         && from + position * axis->stride < axis->pixels;
}

void
ccs_columns_axis_init (CcsColumnsAxis *axis, gint64 taps, gint stride,
                       gint64 pad, gint dilation, gint64 pixels,
                       gint64 positions)
{
  gint64 first = 0, end = taps;

  *axis = (CcsColumnsAxis){
    .stride = stride,
    .dilation = dilation,
    .pad = pad,
    .pixels = pixels,
    .positions = positions,
  };
  while (end - first > 1 && !tap_meets_pixels (axis, first))
    first++;
  while (end - first > 1 && !tap_meets_pixels (axis, end - 1))
    end--;
  axis->first = first;
  axis->count = end - first;
  axis->pad = pad - first * dilation;
}

gint64
ccs_columns_length (const CcsColumns *self)
{
  return (gint64)self->rows.count * self->columns.count
         * ccs_channels (&self->x);
}

static gboolean
axis_is_rows (const CcsColumnsAxis *axis)
{
  return axis->count == 1 && axis->stride == 1 && axis->pad == 0
         && axis->pixels == axis->positions;
}

gboolean
ccs_columns_are_rows (const CcsColumns *self)
{
  return axis_is_rows (&self->rows) && axis_is_rows (&self->columns);
}

CcsColumnsTaps
ccs_columns_all_taps (const CcsColumns *self)
{
  return (CcsColumnsTaps){ 0, self->rows.count, 0, self->columns.count };
}

/* Computes the positions [*begin,*end) at which a tap of [first,last] is at a
 * pixel. */
static void
axis_reach (const CcsColumnsAxis *axis, gint64 first, gint64 last,
            gint64 *begin, gint64 *end)
{
  *begin = steps_to (axis->pad - last * axis->dilation, axis->stride);
  *end = MIN (steps_to (axis->pixels + axis->pad - first * axis->dilation,
                        axis->stride),
              axis->positions);
}

CcsColumnsWindow
ccs_columns_reach (const CcsColumns *self, CcsColumnsTaps taps)
{
  CcsColumnsWindow window;

  axis_reach (&self->rows, taps.first_row, taps.end_row - 1, &window.row,
              &window.end_row);
  axis_reach (&self->columns, taps.first_column, taps.end_column - 1,
              &window.column, &window.end_column);
  return window;
}

gint64
ccs_columns_next_run (const CcsColumns *self, const CcsColumnsWindow *window,
                      gint64 *at, gint64 end)
{
  const gint64 width = self->columns.positions, height = self->rows.positions;

  while (*at < end) {
    const gint64 column = *at % width, row = *at / width % height;
    const gint64 first = MAX (column, window->column);
    const gint64 last = MIN (window->end_column, column + end - *at);

    if (row >= window->row && row < window->end_row && first < last) {
      *at += first - column;
      return last - first;
    }
    *at += width - column;
  }
  return 0;
}

/* -- filling --------------------------------------------------------------- */

static void
clear_runs (gint64 n, gint64 run, float *to, gint64 pitch)
{
  for (gint64 i = 0; i < n; i++)
    memset (to + i * pitch, 0, run * sizeof (float));
}

/* Writes the pixels of row @row (NULL: padding) for tap @tap at @n positions
 * from @first on, and for @count adjacent taps, whose pixels are adjacent. */
static void
fill_taps (const CcsColumns *self, const float *row, gint64 first, gint64 n,
           gint tap, gint count, float *to, gint64 pitch)
{
  const CcsColumnsAxis *axis = &self->columns;
  const gint64 channels = ccs_channels (&self->x), x_pitch = self->x.pitch;
  const gint64 pixel
      = first * axis->stride - axis->pad + (gint64)tap * axis->dilation;
  const gint64 inside = MIN (steps_to (-pixel, axis->stride), n);
  const gint64 end = CLAMP (
      steps_to (axis->pixels - count + 1 - pixel, axis->stride), inside, n);

  if (!row || (count == 1 && inside == end)) {
    clear_runs (n, count * channels, to, pitch);
    return;
  }
  ccs_simd ()->copy_runs (end - inside, count * channels,
                          row + (pixel + inside * axis->stride) * x_pitch,
                          axis->stride * x_pitch, to + inside * pitch, pitch);
  if (count == 1) {
    clear_runs (inside, channels, to, pitch);
    clear_runs (n - end, channels, to + end * pitch, pitch);
    return;
  }
  for (gint t = 0; t < count;
       t++) { /* one tap at a time if some are in the padding */
    float *at = to + t * channels;

    fill_taps (self, row, first, inside, tap + t, 1, at, pitch);
    fill_taps (self, row, first + end, n - end, tap + t, 1, at + end * pitch,
               pitch);
  }
}

/* Fills the columns of @n results in one row, from (@row, @column) of item
 * @item on. */
static void
fill_row (const CcsColumns *self, gint64 item, gint64 row, gint64 column,
          gint64 n, CcsColumnsTaps taps, float *to, gint64 pitch)
{
  const CcsColumnsAxis *axis = &self->rows;
  const gint64 channels = ccs_channels (&self->x);
  /* The pixels of adjacent taps are one run. */
  const gboolean joined
      = self->columns.dilation == 1 && self->x.pitch == channels;
  const gint width = taps.end_column - taps.first_column;
  const gint count = joined ? width : 1;

  for (gint y = taps.first_row; y < taps.end_row; y++) {
    const gint64 at
        = row * axis->stride - axis->pad + (gint64)y * axis->dilation;
    const float *from
        = at >= 0 && at < axis->pixels ? ccs_operand_row (
              &self->x, (item * axis->pixels + at) * self->columns.pixels)
                                       : NULL;

    for (gint x = taps.first_column; x < taps.end_column; x += count)
      fill_taps (
          self, from, column, n, x, count,
          to
              + ((gint64)(y - taps.first_row) * width + x - taps.first_column)
                    * channels,
          pitch);
  }
}

void
ccs_columns_fill (const CcsColumns *self, gint64 first, gint64 n,
                  CcsColumnsTaps taps, float *to, gint64 pitch)
{
  const gint64 width = self->columns.positions, height = self->rows.positions;

  while (n > 0) {
    const gint64 column = first % width, row = first / width;
    const gint64 count = MIN (n, width - column);

    fill_row (self, row / height, row % height, column, count, taps, to, pitch);
    first += count;
    n -= count;
    to += count * pitch;
  }
}

gint64
ccs_columns_line_pixels (const CcsColumns *self)
{
  return (self->columns.positions - 1) * self->columns.stride
         + self->columns.count;
}

void
ccs_columns_fill_line (const CcsColumns *self, gint64 item, gint64 row,
                       float *to)
{
  const gint64 channels = ccs_channels (&self->x);
  const gint64 pixels = ccs_columns_line_pixels (self);
  const gint64 at = row - self->rows.pad;
  const gint64 first = CLAMP (self->columns.pad, 0, pixels);
  const gint64 end
      = at < 0 || at >= self->rows.pixels
            ? first
            : CLAMP (self->columns.pixels + self->columns.pad, first, pixels);

  memset (to, 0, first * channels * sizeof (float));
  if (end > first)
    memcpy (to + first * channels,
            ccs_operand_row (&self->x, (item * self->rows.pixels + at)
                                               * self->columns.pixels
                                           + first - self->columns.pad),
            (end - first) * channels * sizeof (float));
  memset (to + end * channels, 0, (pixels - end) * channels * sizeof (float));
}
