/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"
#include "evaluate.h"
#include "report-curves.h"
#include "report-picture.h"
#include "report-plot.h"
#include "run-files.h"
#include "file-write.h"
#include <math.h>
#include <string.h>

#define SHOWN_CLIPS 3
#define WIDE 940 /* width of a plot over the whole page */
#define HALF 470
#define LEVEL_HEIGHT 220
#define SPECTROGRAM_HEIGHT 230
#define LEVEL_BLOCK (CCS_MODEL_RATE / 10)
#define LEVEL_LEAST                                                            \
  5. /* the level plot shows at least this range in dB to both sides */

typedef struct
{
  GString *html;
  guint shown;
} Page;

static const char style[]
    = ":root{color-scheme:light dark;--paper:#fff;--ink:#1a1a1a;--soft:#6a6a6a;"
      "--rule:#ddd;--accent:#0b62a4;--faint:#9cc3e0}"
      "@media(prefers-color-scheme:dark){:root{--paper:#15181c;--ink:#e8e8e8;"
      "--soft:#9a9a9a;--rule:#363b42;--accent:#6fb4ee;--faint:#34536e}}"
      "body{font:15px/1.5 sans-serif;max-width:940px;margin:2em auto;"
      "padding:0 1em;background:var(--paper);color:var(--ink)}"
      "figure{margin:.5em 0}figcaption{font-size:14px}"
      ".pair{display:grid;grid-template-columns:1fr 1fr;gap:0 1em}"
      "@media(max-width:700px){.pair{display:block}}"
      "svg.plot{width:100%;display:block;font-size:11px;overflow:visible}"
      "svg text{fill:var(--ink)}.grid{stroke:var(--rule);fill:none}"
      "polyline{fill:none;stroke-width:1.6;stroke-linejoin:round}"
      "polyline.truth{stroke:var(--ink)}"
      "polyline.prediction{stroke:var(--accent)}"
      "polyline.mono{stroke:var(--soft);stroke-dasharray:5 4}"
      "polyline.step{stroke:var(--faint);stroke-width:1}"
      "circle.prediction{fill:var(--accent)}"
      ".keys{display:block;min-height:1.5em}"
      ".key{white-space:nowrap;margin-right:1em;color:var(--soft)}"
      ".key svg{width:24px;height:8px;margin-right:.4em}"
      "table{border-collapse:collapse;margin:1em 0}"
      "td,th{border-bottom:1px solid var(--rule);padding:.2em .9em .2em 0;"
      "text-align:right;font-variant-numeric:tabular-nums}"
      "td:first-child,th:first-child,.what{text-align:left}"
      ".facts{columns:3 13em}.facts div{break-inside:avoid}"
      ".facts span{color:var(--soft)}.facts span::after{content:\":\"}"
      ".note{color:var(--soft)}b{color:var(--accent)}"
      ".scale{image-rendering:pixelated;width:220px;height:10px;"
      "vertical-align:middle;margin:0 .5em}";

/* -- facts of the run ------------------------------------------------------ */

/* Adds the facts of a run. @title is a list of words, some of which have the
 * form "name=value". */
static void
add_facts (GString *html, const char *title, char **lines)
{
  g_auto (GStrv) words = g_strsplit (title, " ", -1);

  g_string_append (html, "<div class=\"facts\"><div>");
  for (guint i = 0; words[i]; i++) {
    g_autofree char *word = g_markup_escape_text (words[i], -1);
    char *equals = strchr (word, '=');

    if (equals) {
      *equals = '\0';
      g_string_append_printf (html, "</div>\n<div><span>%s</span> %s", word,
                              equals + 1);
    } else {
      g_string_append_printf (html, " %s", word);
    }
  }
  g_string_append (html, "</div>\n");
  ccs_report_add_effort (html, lines);
  g_string_append (html, "</div>\n");
}

/* -- clips ----------------------------------------------------------------- */

/* Computes the level of left over right in dB for each block; NaN if the truth
 * is silent. (transfer full) */
static double *
levels_of (const CcsEvaluatedClip *clip, const float *const ears[2], gsize n)
{
  double *levels = g_new (double, n);

  for (gsize i = 0; i < n; i++) {
    gsize at = i * LEVEL_BLOCK;

    levels[i]
        = ccs_is_audible (clip->truth[0] + at, clip->truth[1] + at, LEVEL_BLOCK)
              ? ccs_interaural_level (ears[0] + at, ears[1] + at, LEVEL_BLOCK)
              : NAN;
  }
  return levels;
}

static double
largest (const double *levels, gsize n, double most)
{
  for (gsize i = 0; i < n; i++)
    if (isfinite (levels[i]))
      most = fmax (most, fabs (levels[i]));
  return most;
}

static void
add_levels (GString *html, const CcsEvaluatedClip *clip)
{
  static const CcsPlotKey keys[] = { { "truth", "truth" },
                                     { "prediction", "prediction" },
                                     { "mono", "mono on both ears" } };
  gsize n = clip->n / LEVEL_BLOCK;
  g_autofree double *truth = levels_of (clip, clip->truth, n);
  g_autofree double *prediction = levels_of (clip, clip->prediction, n);
  g_autofree double *times = g_new (double, n);
  double seconds = (double)clip->n / CCS_MODEL_RATE;
  double most = largest (truth, n, largest (prediction, n, LEVEL_LEAST));
  CcsPlot plot = { WIDE,  LEVEL_HEIGHT, 0.,        seconds,
                   -most, most,         "time, s", "left over right, dB" };

  ccs_plot_round (&plot.y_low, &plot.y_high);
  for (gsize i = 0; i < n; i++)
    times[i] = (i + 0.5) * LEVEL_BLOCK / CCS_MODEL_RATE;
  ccs_plot_open (html, &plot,
                 "Level between the ears, in tenths of a second that are not "
                 "silent",
                 keys, G_N_ELEMENTS (keys));
  ccs_plot_line (html, &plot, (const double[]){ 0., seconds },
                 (const double[]){ 0., 0. }, 2, "mono");
  ccs_plot_line (html, &plot, times, truth, (guint)n, "truth");
  ccs_plot_line (html, &plot, times, prediction, (guint)n, "prediction");
  ccs_plot_close (html);
}

static gboolean
add_spectrogram (GString *html, const char *name, const float *samples, gsize n,
                 double loudest, GError **error)
{
  const CcsPlot plot
      = { HALF, SPECTROGRAM_HEIGHT,     0.,        (double)n / CCS_MODEL_RATE,
          0.,   CCS_MODEL_RATE / 2000., "time, s", "frequency, kHz" };
  g_autofree char *picture
      = ccs_report_spectrogram (samples, n, loudest, error);

  if (picture == NULL)
    return FALSE;
  ccs_plot_open (html, &plot, name, NULL, 0);
  ccs_plot_picture (html, &plot, picture);
  ccs_plot_close (html);
  return TRUE;
}

static gboolean
add_spectrograms (GString *html, const CcsEvaluatedClip *clip, GError **error)
{
  double loudest = ccs_report_loudest (clip->truth, clip->n);
  g_autofree float *mono = g_new (float, clip->n);
  const struct
  {
    const char *name;
    const float *samples;
  } pictures[] = {
    { "Truth, left", clip->truth[0] },
    { "Truth, right", clip->truth[1] },
    { "Prediction, left", clip->prediction[0] },
    { "Prediction, right", clip->prediction[1] },
    { "Mono, both ears", mono },
  };

  for (gsize i = 0; i < clip->n; i++)
    mono[i] = 0.5f * (clip->truth[0][i] + clip->truth[1][i]);
  g_string_append (html, "<div class=\"pair\">\n");
  for (guint i = 0; i < G_N_ELEMENTS (pictures); i++)
    if (!add_spectrogram (html, pictures[i].name, pictures[i].samples, clip->n,
                          loudest, error))
      return FALSE;
  g_string_append (html, "</div>\n");
  return TRUE;
}

static gboolean
add_clip (const CcsEvaluatedClip *clip, gpointer user_data, GError **error)
{
  Page *page = user_data;
  g_autofree char *name = NULL;

  if (page->shown++ >= SHOWN_CLIPS)
    return TRUE;
  name = g_markup_escape_text (clip->item->name, -1);
  g_string_append_printf (
      page->html,
      "<h3>%s</h3>\n<p class=\"note\">STFT distance %.3f (mono %.3f), level "
      "error %.2f dB (mono %.2f)</p>\n",
      name, clip->scores.metrics[CCS_METRIC_STFT],
      clip->mono.metrics[CCS_METRIC_STFT], clip->scores.ild_error,
      clip->mono.ild_error);
  add_levels (page->html, clip);
  return add_spectrograms (page->html, clip, error);
}

/* Adds the colour scale of the spectrograms. */
static gboolean
add_scale (GString *html, GError **error)
{
  g_autofree char *colours = ccs_report_colours (error);

  if (colours == NULL)
    return FALSE;
  g_string_append_printf (
      html,
      "<h2>The first test clips</h2>\n<p>Spectrograms: -%.0f dB<img "
      "class=\"scale\" alt=\"from dark to bright\" src=\"%s\">0 dB, the "
      "loudest "
      "point of the clip's truth</p>\n",
      CCS_REPORT_RANGE_DB, colours);
  return TRUE;
}

/* -- the table ------------------------------------------------------------- */

static void
add_row (GString *html, const char *name, const char *what, gboolean higher,
         double prediction, double mono)
{
  gboolean better = higher ? prediction > mono : prediction < mono;

  g_string_append_printf (
      html,
      "<tr><td>%s</td><td class=\"what\">%s</td><td>%s</td><td>%s%.4g%s"
      "</td><td>%.4g</td>",
      name, what, higher ? "higher" : "lower", better ? "<b>" : "", prediction,
      better ? "</b>" : "", mono);
  if (higher) /* decibels are already a ratio */
    g_string_append_printf (html, "<td>%+.2f dB</td></tr>\n",
                            prediction - mono);
  else
    g_string_append_printf (html, "<td>%+.1f %%</td></tr>\n",
                            100. * (prediction / fmax (mono, 1e-20) - 1.));
}

static void
add_table (GString *html, const char *judged, const CcsScores *p,
           const CcsScores *m, guint clips)
{
  static const char *const what[CCS_N_METRICS] = {
    [CCS_METRIC_STFT] = "spectra, squared",
    [CCS_METRIC_ENV] = "envelopes, rms",
    [CCS_METRIC_SNR] = "signal to error, dB",
    [CCS_METRIC_MAG] = "spectra, magnitude of the difference",
    [CCS_METRIC_ANG] = "phase of left minus right, rad",
    [CCS_METRIC_WAV] = "waveforms, squared, times 1000",
    [CCS_METRIC_AMP] = "spectral magnitudes",
    [CCS_METRIC_PHASE] = "spectral phases, rad",
  };

  g_string_append_printf (html,
                          "<h2>Test</h2>\n<p>%s on %u clip%s, averages; mono "
                          "is half the sum on both "
                          "ears.</p>\n<table><tr><th>metric</th><th "
                          "class=\"what\">of</th><th>better</th><th>"
                          "prediction</th><th>mono</th><th>change</th></tr>\n",
                          judged, clips, clips == 1 ? "" : "s");
  for (guint i = 0; i < CCS_N_METRICS; i++)
    add_row (html, ccs_metric_name (i), what[i], i == CCS_METRIC_SNR,
             p->metrics[i], m->metrics[i]);
  add_row (html, "interaural level error", "left over right, dB", FALSE,
           p->ild_error, m->ild_error);
  add_row (html, "interaural time error", "between the ears, &micro;s", FALSE,
           p->itd_error, m->itd_error);
  g_string_append (html, "</table>\n");
}

/* Adds the test results. Clips are evaluated before the table is known, but
 * follow it on the page. */
static gboolean
add_test (GString *html, const CcsReportOptions *options, GError **error)
{
  g_autoptr (GString) clips_html = g_string_new (NULL);
  Page page = { clips_html, 0 };
  g_autoptr (CcsModel) model = ccs_model_load (
      options->model_path, options->backend, options->where, error);
  g_autofree char *judged = NULL;
  CcsScores prediction, mono;
  guint clips;

  if (model == NULL
      || !ccs_evaluate (model, options->dataset, &options->how, add_clip, &page,
                        &prediction, &mono, &clips, error))
    return FALSE;
  judged = g_path_get_basename (options->model_path);
  add_table (html, judged, &prediction, &mono, clips);
  if (!add_scale (html, error))
    return FALSE;
  g_string_append (html, clips_html->str);
  return TRUE;
}

/* Reads the lines of metrics.jsonl. (transfer full) */
static char **
read_metrics (const char *dir, GError **error)
{
  g_autofree char *path = g_build_filename (dir, CCS_RUN_METRICS, NULL);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, error)
             ? g_strsplit (text, "\n", -1)
             : NULL;
}

gboolean
ccs_report_write (const CcsReportOptions *options, GError **error)
{
  g_autoptr (GString) html = g_string_new (NULL);
  g_autofree char *path = g_build_filename (options->dir, CCS_RUN_REPORT, NULL);
  g_auto (GStrv) lines = read_metrics (options->dir, error);

  if (lines == NULL)
    return FALSE;
  g_string_append_printf (
      html,
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\">"
      "<title>CCStereo training</title><style>%s</style></head><body>\n"
      "<h1>CCStereo training</h1>\n",
      style);
  add_facts (html, options->title, lines);
  ccs_report_add_curves (html, lines);
  if (!add_test (html, options, error))
    return FALSE;
  g_string_append (html, "</body></html>\n");
  return ccs_file_write (path, html->str, html->len, CCS_OUTPUT_OVERWRITE,
                         error);
}
