/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"
#include "evaluate.h"
#include "report-picture.h"
#include "run-files.h"
#include <math.h>
#include <string.h>

#define PLOT_WIDTH 760
#define PLOT_HEIGHT 200
#define CURVE_POINTS 380
#define SHOWN_CLIPS 3
#define LEVEL_BLOCK (CCS_MODEL_RATE / 10)
#define LEVEL_RANGE 20. /* dB to either side in the level plot */

typedef struct
{
  GString *html;
  guint shown;
} Page;

/* -- curves
 * -------------------------------------------------------------------------- */

/* The numbers under @key in @lines, with their steps. */
static void
collect (char **lines, const char *key, GArray *steps, GArray *values)
{
  g_autofree char *pattern = g_strdup_printf ("\"%s\":", key);

  for (guint i = 0; lines[i]; i++) {
    const char *at = strstr (lines[i], pattern);
    const char *step = strstr (lines[i], "\"step\":");
    double s, v;

    if (at == NULL || step == NULL)
      continue;
    s = g_ascii_strtod (step + strlen ("\"step\":"), NULL);
    v = g_ascii_strtod (at + strlen (pattern), NULL);
    g_array_append_val (steps, s);
    g_array_append_val (values, v);
  }
}

/* Means of equal stretches, so that a long run fits the page. */
static void
thin (GArray *values, guint points)
{
  guint n = values->len, to = MIN (n, points);

  for (guint i = 0; i < to; i++) {
    guint first = (guint64)i * n / to, end = (guint64)(i + 1) * n / to;
    double sum = 0.;

    for (guint k = first; k < end; k++)
      sum += g_array_index (values, double, k);
    g_array_index (values, double, i) = sum / (end - first);
  }
  g_array_set_size (values, to);
}

static void
add_polyline (GString *html, const double *values, guint n, double low,
              double high, const char *colour)
{
  double span = high > low ? high - low : 1.;

  g_string_append_printf (html,
                          "<polyline fill=\"none\" stroke=\"%s\" "
                          "stroke-width=\"1.5\" points=\"",
                          colour);
  for (guint i = 0; i < n; i++)
    g_string_append_printf (
        html, "%.1f,%.1f ", n > 1 ? (double)i / (n - 1) * PLOT_WIDTH : 0.,
        (1. - (CLAMP (values[i], low, high) - low) / span) * PLOT_HEIGHT);
  g_string_append (html, "\"/>\n");
}

static void
open_plot (GString *html, const char *title, double low, double high)
{
  g_string_append_printf (html,
                          "<figure><figcaption>%s (%.4g to %.4g)"
                          "</figcaption><svg viewBox=\"0 0 %d %d\">\n",
                          title, low, high, PLOT_WIDTH, PLOT_HEIGHT);
}

static void
close_plot (GString *html)
{
  g_string_append (html, "</svg></figure>\n");
}

static void
add_curve (GString *html, char **lines, const char *key, const char *title)
{
  g_autoptr (GArray) steps = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (double));
  g_autofree char *over_steps = NULL;
  double low = INFINITY, high = -INFINITY, first, last;

  collect (lines, key, steps, values);
  if (values->len == 0)
    return;
  first = g_array_index (steps, double, 0);
  last = g_array_index (steps, double, steps->len - 1);
  thin (values, CURVE_POINTS);
  for (guint i = 0; i < values->len; i++) {
    low = fmin (low, g_array_index (values, double, i));
    high = fmax (high, g_array_index (values, double, i));
  }
  over_steps = g_strdup_printf ("%s, steps %.0f to %.0f", title, first, last);
  open_plot (html, over_steps, low, high);
  add_polyline (html, (double *)values->data, values->len, low, high,
                "#0b62a4");
  close_plot (html);
}

static gboolean
add_curves (GString *html, const char *dir, GError **error)
{
  static const char *const curves[][2] = {
    { "loss", "Loss" },
    { "mse", "MSE of the difference spectrum" },
    { "phase", "Phase" },
    { "amp", "Amplitude" },
    { "ssl", "Spatially shuffled negatives" },
    { "validation_stft", "Validation STFT distance" },
  };
  g_autofree char *path = g_build_filename (dir, CCS_RUN_METRICS, NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  g_string_append (html, "<h2>Training</h2>\n");
  for (guint i = 0; i < G_N_ELEMENTS (curves); i++)
    add_curve (html, lines, curves[i][0], curves[i][1]);
  return TRUE;
}

/* -- clips
 * ------------------------------------------------------------------------------
 */

static void
add_level_line (GString *html, const float *const ears[2], gsize n,
                const char *colour)
{
  g_autoptr (GArray) levels = g_array_new (FALSE, FALSE, sizeof (double));

  for (gsize at = 0; at + LEVEL_BLOCK <= n; at += LEVEL_BLOCK) {
    double level
        = ccs_interaural_level (ears[0] + at, ears[1] + at, LEVEL_BLOCK);

    g_array_append_val (levels, level);
  }
  add_polyline (html, (double *)levels->data, levels->len, -LEVEL_RANGE,
                LEVEL_RANGE, colour);
}

static gboolean
add_spectrogram (GString *html, const char *name, const float *samples, gsize n,
                 GError **error)
{
  g_autofree char *picture = ccs_report_spectrogram (samples, n, error);

  if (picture == NULL)
    return FALSE;
  g_string_append_printf (html,
                          "<figure><figcaption>%s</figcaption>"
                          "<img alt=\"%s\" src=\"%s\"></figure>\n",
                          name, name, picture);
  return TRUE;
}

static gboolean
add_spectrograms (GString *html, const CcsEvaluatedClip *clip, GError **error)
{
  g_autofree float *mono = g_new (float, clip->n);

  for (gsize i = 0; i < clip->n; i++)
    mono[i] = 0.5f * (clip->truth[0][i] + clip->truth[1][i]);
  return add_spectrogram (html, "Truth, left", clip->truth[0], clip->n, error)
         && add_spectrogram (html, "Truth, right", clip->truth[1], clip->n,
                             error)
         && add_spectrogram (html, "Prediction, left", clip->prediction[0],
                             clip->n, error)
         && add_spectrogram (html, "Prediction, right", clip->prediction[1],
                             clip->n, error)
         && add_spectrogram (html, "Mono, both ears", mono, clip->n, error);
}

static gboolean
add_clip (const CcsEvaluatedClip *clip, gpointer user_data, GError **error)
{
  Page *page = user_data;
  GString *html = page->html;
  g_autofree char *name = NULL;

  if (page->shown++ >= SHOWN_CLIPS)
    return TRUE;
  name = g_markup_escape_text (clip->item->name, -1);
  g_string_append_printf (html, "<h3>%s</h3>\n", name);
  open_plot (html,
             "Level of left over right, dB: truth black, prediction blue, "
             "mono grey",
             -LEVEL_RANGE, LEVEL_RANGE);
  add_polyline (html, (const double[]){ 0., 0. }, 2, -LEVEL_RANGE, LEVEL_RANGE,
                "#bbb");
  add_level_line (html, clip->truth, clip->n, "#000");
  add_level_line (html, clip->prediction, clip->n, "#0b62a4");
  close_plot (html);
  return add_spectrograms (html, clip, error);
}

static void
add_table (GString *html, const CcsScores *p, const CcsScores *m, guint clips)
{
  g_string_append_printf (html,
                          "<h2>Test, clips: %u</h2>\n<table><tr><th>"
                          "metric</th><th>prediction</th><th>mono</th></tr>\n",
                          clips);
  for (guint i = 0; i < CCS_N_METRICS; i++)
    g_string_append_printf (html,
                            "<tr><td>%s</td><td>%.4f</td><td>%.4f</td>"
                            "</tr>\n",
                            ccs_metric_name (i), p->metrics[i], m->metrics[i]);
  g_string_append_printf (
      html,
      "<tr><td>interaural level error, dB</td><td>"
      "%.2f</td><td>%.2f</td></tr>\n<tr><td>interaural time error, us</td>"
      "<td>%.0f</td><td>%.0f</td></tr></table>\n",
      p->ild_error, m->ild_error, p->itd_error, m->itd_error);
}

/* The clips come before the table on the way through the data and after it on
 * the page. */
static gboolean
add_test (GString *html, const CcsReportOptions *options, GError **error)
{
  g_autoptr (GString) clips_html = g_string_new (NULL);
  Page page = { clips_html, 0 };
  g_autoptr (CcsModel) model = ccs_model_load (
      options->model_path, options->backend, options->where, error);
  CcsScores prediction, mono;
  guint clips;

  if (model == NULL
      || !ccs_evaluate (model, options->dataset, &options->how, add_clip, &page,
                        &prediction, &mono, &clips, error))
    return FALSE;
  add_table (html, &prediction, &mono, clips);
  g_string_append (html, clips_html->str);
  return TRUE;
}

gboolean
ccs_report_write (const CcsReportOptions *options, GError **error)
{
  static const char style[]
      = "body{font:15px/1.5 sans-serif;max-width:800px;margin:2em auto}"
        "svg,img{width:100%;border:1px solid #ccc}figure{margin:1em 0}"
        "table{border-collapse:collapse}td,th{border:1px solid #ccc;"
        "padding:.2em .8em;text-align:right}td:first-child{text-align:left}";
  g_autoptr (GString) html = g_string_new (NULL);
  g_autofree char *escaped = g_markup_escape_text (options->title, -1);
  g_autofree char *path = g_build_filename (options->dir, CCS_RUN_REPORT, NULL);

  g_string_append_printf (
      html,
      "<!DOCTYPE html>\n<html lang=\"en\"><head>"
      "<meta charset=\"utf-8\"><title>CCStereo training</title><style>%s"
      "</style></head><body>\n<h1>CCStereo training</h1>\n<p>%s</p>\n",
      style, escaped);
  if (!add_curves (html, options->dir, error)
      || !add_test (html, options, error))
    return FALSE;
  g_string_append (html, "</body></html>\n");
  return g_file_set_contents (path, html->str, html->len, error);
}
