/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report-plot.h"
#include <math.h>

/* Margins around the axes. */
#define LEFT 58
#define RIGHT 14
#define TOP 8
#define BOTTOM 36
#define TICKS 5 /* approximate number of ticks */
#define TICK_GAP 5
#define LETTER 11

/* Returns a step of 1, 2 or 5 times a power of ten, so that about TICKS of them
 * fit @span. */
static double
tick_step (double span)
{
  double rough = span / TICKS;
  double power = pow (10., floor (log10 (rough)));
  double part = rough / power;

  return power * (part < 1.5 ? 1. : part < 3.5 ? 2. : part < 7.5 ? 5. : 10.);
}

void
ccs_plot_round (double *low, double *high)
{
  double step;

  if (!(*high > *low)) {
    double around = fmax (fabs (*high) * 0.1, 1e-6);

    *low -= around;
    *high += around;
  }
  step = tick_step (*high - *low);
  *low = step * floor (*low / step);
  *high = step * ceil (*high / step);
}

static double
at_x (const CcsPlot *plot, double x)
{
  double part = (x - plot->x_low) / (plot->x_high - plot->x_low);

  return LEFT + CLAMP (part, 0., 1.) * (plot->width - LEFT - RIGHT);
}

static double
at_y (const CcsPlot *plot, double y)
{
  double part = (y - plot->y_low) / (plot->y_high - plot->y_low);

  return plot->height - BOTTOM
         - CLAMP (part, 0., 1.) * (plot->height - TOP - BOTTOM);
}

static void
add_grid_line (GString *html, double x1, double y1, double x2, double y2)
{
  g_string_append_printf (html,
                          "<path class=\"grid\" d=\"M%.1f %.1fL%.1f %.1f\"/>",
                          x1, y1, x2, y2);
}

/* Returns the first tick at or above @low, up to rounding errors. */
static double
first_tick (double low, double step)
{
  return step * ceil (low / step - 1e-9);
}

/* Returns the value of a tick without rounding errors and without negative
 * zero. */
static double
tick_value (double tick, double step)
{
  return fabs (tick) < 1e-9 * step ? 0. : tick;
}

static void
add_x_ticks (GString *html, const CcsPlot *plot)
{
  double step = tick_step (plot->x_high - plot->x_low);
  gint bottom = plot->height - BOTTOM;

  for (double tick = first_tick (plot->x_low, step);
       tick <= plot->x_high + 1e-9 * step; tick += step) {
    double x = at_x (plot, tick);

    add_grid_line (html, x, TOP, x, bottom + TICK_GAP);
    g_string_append_printf (
        html, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.7g</text>\n",
        x, bottom + TICK_GAP + LETTER, tick_value (tick, step));
  }
  g_string_append_printf (
      html, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
      (LEFT + plot->width - RIGHT) / 2, plot->height - 4, plot->x_label);
}

static void
add_y_ticks (GString *html, const CcsPlot *plot)
{
  double step = tick_step (plot->y_high - plot->y_low);
  gint middle = (TOP + plot->height - BOTTOM) / 2;

  for (double tick = first_tick (plot->y_low, step);
       tick <= plot->y_high + 1e-9 * step; tick += step) {
    double y = at_y (plot, tick);

    add_grid_line (html, LEFT - TICK_GAP, y, plot->width - RIGHT, y);
    g_string_append_printf (
        html, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
        LEFT - TICK_GAP - 3, y + LETTER / 3., tick_value (tick, step));
  }
  g_string_append_printf (html,
                          "<text transform=\"rotate(-90 %d %d)\" x=\"%d\" "
                          "y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                          LETTER, middle, LETTER, middle, plot->y_label);
}

void
ccs_plot_open (GString *html, const CcsPlot *plot, const char *caption,
               const CcsPlotKey *keys, guint n)
{
  g_string_append_printf (html, "<figure><figcaption>%s%s", caption,
                          n ? "<span class=\"keys\">" : "");
  for (guint i = 0; i < n; i++)
    g_string_append_printf (
        html,
        "<span class=\"key\"><svg viewBox=\"0 0 24 8\">"
        "<polyline class=\"%s\" points=\"0,4 24,4\"/></svg>%s</span>",
        keys[i].style, keys[i].what);
  g_string_append_printf (
      html,
      "%s</figcaption>\n<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" "
      "aria-label=\"%s\">\n",
      n ? "</span>" : "", plot->width, plot->height, caption);
  add_x_ticks (html, plot);
  add_y_ticks (html, plot);
}

void
ccs_plot_close (GString *html)
{
  g_string_append (html, "</svg></figure>\n");
}

void
ccs_plot_line (GString *html, const CcsPlot *plot, const double *x,
               const double *y, guint n, const char *style)
{
  gboolean open = FALSE;

  for (guint i = 0; i < n; i++) {
    if (!isfinite (y[i])) {
      g_string_append (html, open ? "\"/>\n" : "");
      open = FALSE;
      continue;
    }
    if (!open)
      g_string_append_printf (html, "<polyline class=\"%s\" points=\"", style);
    open = TRUE;
    g_string_append_printf (html, "%.1f,%.1f ", at_x (plot, x[i]),
                            at_y (plot, y[i]));
  }
  g_string_append (html, open ? "\"/>\n" : "");
}

void
ccs_plot_dots (GString *html, const CcsPlot *plot, const double *x,
               const double *y, guint n, const char *style)
{
  for (guint i = 0; i < n; i++)
    if (isfinite (y[i]))
      g_string_append_printf (
          html, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n",
          style, at_x (plot, x[i]), at_y (plot, y[i]));
}

void
ccs_plot_picture (GString *html, const CcsPlot *plot, const char *uri)
{
  g_string_append_printf (html,
                          "<image x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                          "preserveAspectRatio=\"none\" href=\"%s\"/>\n",
                          LEFT, TOP, plot->width - LEFT - RIGHT,
                          plot->height - TOP - BOTTOM, uri);
}
