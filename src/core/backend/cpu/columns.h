/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Columns of a convolution (im2col): for each result the pixels under the
 * filter's taps, so that a convolution is a matrix product. */
#pragma once

#include "rows.h"

G_BEGIN_DECLS

/* One axis of a filter: at position p, tap t is at pixel p stride - pad + t
 * dilation. Taps that are in the padding at every position are left out. */
typedef struct
{
  gint first, count; /* taps that are used */
  gint stride, dilation;
  gint64 pad; /* padding of the first of them; negative if it starts inside */
  gint64 pixels, positions;
} CcsColumnsAxis;

/* The columns of @x [batch,rows.pixels,columns.pixels,channels]. */
typedef struct
{
  CcsOperand x;
  CcsColumnsAxis rows, columns;
} CcsColumns;

/* A rectangle of the used taps: [first_row,end_row) x
 * [first_column,end_column). */
typedef struct
{
  gint first_row, end_row;
  gint first_column, end_column;
} CcsColumnsTaps;

/* Results in rows [row,end_row) and columns [column,end_column) of each item.
 */
typedef struct
{
  gint64 row, end_row;
  gint64 column, end_column;
} CcsColumnsWindow;

/* Fills @axis from a filter of @taps taps. */
void ccs_columns_axis_init (CcsColumnsAxis *axis, gint64 taps, gint stride,
                            gint64 pad, gint dilation, gint64 pixels,
                            gint64 positions);
/* Returns the length of a column: the values of all used taps. */
gint64 ccs_columns_length (const CcsColumns *self);
/* Checks whether the columns are @x's own rows. */
gboolean ccs_columns_are_rows (const CcsColumns *self);
CcsColumnsTaps ccs_columns_all_taps (const CcsColumns *self);
/* Returns the results at which any of @taps meets a pixel. */
CcsColumnsWindow ccs_columns_reach (const CcsColumns *self,
                                    CcsColumnsTaps taps);
/* Moves @at, a result counted over the batch, to the next one in @window below
 * @end. Returns how many there are side by side, or 0 at the end. */
gint64 ccs_columns_next_run (const CcsColumns *self,
                             const CcsColumnsWindow *window, gint64 *at,
                             gint64 end);
/* Writes the columns of results [first, first + n), counted over the batch, to
 * @to, @pitch floats apart; of @taps alone. */
void ccs_columns_fill (const CcsColumns *self, gint64 first, gint64 n,
                       CcsColumnsTaps taps, float *to, gint64 pitch);

/* Returns the pixels of a row with its padding, as far as the results of the
 * row read. */
gint64 ccs_columns_line_pixels (const CcsColumns *self);
/* Writes row @row of item @item with its padding. Rows count from the first tap
 * of result row 0; rows in the padding are zeros. */
void ccs_columns_fill_line (const CcsColumns *self, gint64 item, gint64 row,
                            float *to);

G_END_DECLS
