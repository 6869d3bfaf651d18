/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plots of a report as SVG: axes with ticks and units, lines, pictures. Colours
 * are the page's style classes, so that they follow its light and dark. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CcsPlot:
 * @width, @height: of the drawing, in units of which a letter has eleven
 * @x_low, @x_high, @y_low, @y_high: what the axes span
 * @x_label, @y_label: quantity and unit
 */
typedef struct
{
  gint width, height;
  double x_low, x_high, y_low, y_high;
  const char *x_label, *y_label;
} CcsPlot;

/* A line of a legend: style class and what it is. */
typedef struct
{
  const char *style, *what;
} CcsPlotKey;

/* The figure with caption, legend (@n keys, may be 0), frame, grid and ticks;
 * then what is drawn on it; then its end. */
void ccs_plot_open (GString *html, const CcsPlot *plot, const char *caption,
                    const CcsPlotKey *keys, guint n);
/* A line through @n points, in style class @style; what is not finite
 * interrupts it, what is beyond the axes is drawn at their ends. */
void ccs_plot_line (GString *html, const CcsPlot *plot, const double *x,
                    const double *y, guint n, const char *style);
/* A dot at every point. */
void ccs_plot_dots (GString *html, const CcsPlot *plot, const double *x,
                    const double *y, guint n, const char *style);
/* A picture (data: URI) over all of the axes. */
void ccs_plot_picture (GString *html, const CcsPlot *plot, const char *uri);
void ccs_plot_close (GString *html);

/* Widens @low and @high to whole steps of the ticks between them. */
void ccs_plot_round (double *low, double *high);

G_END_DECLS
