/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report-curves.h"
#include "report-plot.h"
#include <math.h>
#include <string.h>

#define WIDTH 470
#define HEIGHT 240
#define POINTS 400  /* points of a curve; a longer run is averaged */
#define SMOOTHED 40 /* with this many points a smoothed curve is drawn, too */

typedef struct
{
  GArray *steps, *values; /* element type double */
} Series;

static Series
series_new (void)
{
  return (Series){ g_array_new (FALSE, FALSE, sizeof (double)),
                   g_array_new (FALSE, FALSE, sizeof (double)) };
}

static void
series_clear (Series *self)
{
  g_array_unref (self->steps);
  g_array_unref (self->values);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Series, series_clear)

static const double *
numbers (const GArray *array)
{
  return (const double *)(void *)array->data;
}

static gboolean
read_number (const char *line, const char *key, double *value)
{
  g_autofree char *pattern = g_strdup_printf ("\"%s\":", key);
  const char *at = strstr (line, pattern);

  if (at)
    *value = g_ascii_strtod (at + strlen (pattern), NULL);
  return at != NULL;
}

/* Collects the values of @key and their steps. */
static Series
collect (char **lines, const char *key)
{
  Series series = series_new ();

  for (guint i = 0; lines[i]; i++) {
    double step, value;

    if (!read_number (lines[i], key, &value)
        || !read_number (lines[i], "step", &step))
      continue;
    step += 1.; /* number of steps done; lines count from 0 */
    g_array_append_val (series.steps, step);
    g_array_append_val (series.values, value);
  }
  return series;
}

static double
mean (const GArray *array, guint first, guint end)
{
  double sum = 0.;

  for (guint i = first; i < end; i++)
    sum += g_array_index (array, double, i);
  return sum / (end - first);
}

/* Averages a long series down to POINTS points. */
static void
thin (Series *self)
{
  guint n = self->values->len, to = MIN (n, POINTS);

  for (guint i = 0; i < to; i++) {
    guint first = (guint64)i * n / to, end = (guint64)(i + 1) * n / to;

    g_array_index (self->steps, double, i) = mean (self->steps, first, end);
    g_array_index (self->values, double, i) = mean (self->values, first, end);
  }
  g_array_set_size (self->steps, to);
  g_array_set_size (self->values, to);
}

/* Returns moving averages over a twentieth of the run. */
static GArray *
smooth (const GArray *values)
{
  GArray *means
      = g_array_sized_new (FALSE, FALSE, sizeof (double), values->len);
  guint reach = values->len / 40;

  for (guint i = 0; i < values->len; i++) {
    double one = mean (values, i > reach ? i - reach : 0,
                       MIN (i + reach + 1, values->len));

    g_array_append_val (means, one);
  }
  return means;
}

static void
widen (CcsPlot *plot, const Series *series)
{
  for (guint i = 0; i < series->values->len; i++) {
    double value = g_array_index (series->values, double, i);

    plot->y_low = fmin (plot->y_low, value);
    plot->y_high = fmax (plot->y_high, value);
    plot->x_high
        = fmax (plot->x_high, g_array_index (series->steps, double, i));
  }
}

static CcsPlot
plot_of_steps (const char *what)
{
  return (CcsPlot){ .width = WIDTH,
                    .height = HEIGHT,
                    .x_label = "step",
                    .y_label = what,
                    .x_high = 1.,
                    .y_low = INFINITY,
                    .y_high = -INFINITY };
}

static void
add_series (GString *html, const CcsPlot *plot, const Series *series,
            const char *style)
{
  ccs_plot_line (html, plot, numbers (series->steps), numbers (series->values),
                 series->values->len, style);
}

static void
add_loss (GString *html, char **lines, const char *key, const char *caption,
          const char *what)
{
  static const CcsPlotKey keys[]
      = { { "step", "each step" }, { "prediction", "running mean" } };
  g_auto (Series) series = collect (lines, key);
  CcsPlot plot = plot_of_steps (what);
  gboolean smoothed;

  if (series.values->len == 0)
    return;
  thin (&series);
  widen (&plot, &series);
  if (plot.y_low == 0. && plot.y_high == 0.)
    return; /* the run did not have this loss */
  ccs_plot_round (&plot.y_low, &plot.y_high);
  smoothed = series.values->len >= SMOOTHED;
  ccs_plot_open (html, &plot, caption, keys, smoothed ? 2 : 0);
  add_series (html, &plot, &series, smoothed ? "step" : "prediction");
  if (smoothed) {
    g_autoptr (GArray) means = smooth (series.values);

    ccs_plot_line (html, &plot, numbers (series.steps), numbers (means),
                   means->len, "prediction");
  }
  ccs_plot_close (html);
}

/* Adds a plot of two series with the same unit; the first with a dot at each
 * value. */
static void
add_pair (GString *html, char **lines, const char *const keys[2],
          const CcsPlotKey legend[2], const char *caption, const char *what,
          gboolean dots)
{
  g_auto (Series) first = collect (lines, keys[0]);
  g_auto (Series) second = collect (lines, keys[1]);
  CcsPlot plot = plot_of_steps (what);

  if (first.values->len == 0)
    return;
  thin (&first);
  thin (&second);
  widen (&plot, &first);
  widen (&plot, &second);
  ccs_plot_round (&plot.y_low, &plot.y_high);
  ccs_plot_open (html, &plot, caption, legend, 2);
  add_series (html, &plot, &second, legend[1].style);
  add_series (html, &plot, &first, legend[0].style);
  if (dots)
    ccs_plot_dots (html, &plot, numbers (first.steps), numbers (first.values),
                   first.values->len, legend[0].style);
  ccs_plot_close (html);
}

void
ccs_report_add_curves (GString *html, char **lines)
{
  static const struct
  {
    const char *key, *caption, *what;
  } losses[] = {
    { "loss", "Loss: the sum of its terms, as weighted", "loss" },
    { "mse", "MSE of the difference spectrum", "MSE" },
    { "phase", "Phase term", "rad" },
    { "amp", "Amplitude term", "amplitude" },
    { "ssl", "Spatially shuffled negatives (SCL)", "contrastive loss" },
  };
  static const CcsPlotKey validation[]
      = { { "prediction", "prediction" }, { "mono", "mono on both ears" } };
  static const CcsPlotKey rates[]
      = { { "prediction", "visual net" }, { "truth", "audio net" } };

  g_string_append (html, "<h2>Training</h2>\n<div class=\"pair\">\n");
  add_loss (html, lines, losses[0].key, losses[0].caption, losses[0].what);
  add_pair (html, lines,
            (const char *const[]){ "validation_stft", "mono_stft" }, validation,
            "Validation: STFT distance, lower is better", "STFT distance",
            TRUE);
  for (guint i = 1; i < G_N_ELEMENTS (losses); i++)
    add_loss (html, lines, losses[i].key, losses[i].caption, losses[i].what);
  add_pair (html, lines, (const char *const[]){ "lr_img", "lr_aud" }, rates,
            "Learning rates", "rate", FALSE);
  g_string_append (html, "</div>\n");
}

void
ccs_report_add_effort (GString *html, char **lines)
{
  g_auto (Series) seconds = collect (lines, "seconds");
  guint n = seconds.values->len;

  if (n == 0)
    return;
  g_string_append_printf (html,
                          "<div><span>steps done</span> %.0f</div>\n"
                          "<div><span>computing</span> %.2f h, %.2f s a step"
                          "</div>\n",
                          g_array_index (seconds.steps, double, n - 1),
                          n * mean (seconds.values, 0, n) / 3600.,
                          mean (seconds.values, 0, n));
}
