/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plots of a report as SVG: axes with ticks and units, lines, images. Colours
 * are style classes of the page, which has a light and a dark style. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CcsPlot:
 * @width, @height: size of the drawing, in units of 1/11 of the font size
 * @x_low, @x_high, @y_low, @y_high: ranges of the axes
 * @x_label, @y_label: quantity and unit
 */
typedef struct
{
  gint width, height;
  double x_low, x_high, y_low, y_high;
  const char *x_label, *y_label;
} CcsPlot;

/* An entry of a legend: style class and text. */
typedef struct
{
  const char *style, *what;
} CcsPlotKey;

/* Start the figure with caption, legend (@n keys, may be 0), frame, grid and
 * ticks; and end it after the content has been drawn. */
void ccs_plot_open (GString *html, const CcsPlot *plot, const char *caption,
                    const CcsPlotKey *keys, guint n);
/* Draws a line through @n points in style class @style. Values that are not
 * finite interrupt it; values outside the axes are drawn at their ends. */
void ccs_plot_line (GString *html, const CcsPlot *plot, const double *x,
                    const double *y, guint n, const char *style);
/* Draws a dot at every point. */
void ccs_plot_dots (GString *html, const CcsPlot *plot, const double *x,
                    const double *y, guint n, const char *style);
/* Draws an image (data: URI) over the whole area of the axes. */
void ccs_plot_picture (GString *html, const CcsPlot *plot, const char *uri);
void ccs_plot_close (GString *html);

/* Widens @low and @high to whole tick steps. */
void ccs_plot_round (double *low, double *high);

G_END_DECLS
