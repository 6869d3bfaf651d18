/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures the time of the parts of a training step. */
#include "file-write.h"
#include "trainer-private.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define WARM_UP 2 /* steps not counted */

enum
{
  LOAD_WAIT,
  FORWARD,
  BACKWARD,
  UPDATE,
  STEP,
  N_PARTS
};

static const char *const part_names[N_PARTS]
    = { "load_wait_seconds", "forward_seconds", "backward_seconds",
        "update_seconds", "step_seconds" };

static int
ascending (gconstpointer a, gconstpointer b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return x < y ? -1 : x > y;
}

static double
median (double *values, guint n)
{
  qsort (values, n, sizeof *values, ascending);
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

static gboolean
time_step (CcsTraining *t, double parts[N_PARTS], GError **error)
{
  CcsTrainReport report;
  double waited = ccs_loader_waited (t->loader);
  gint64 start = g_get_monotonic_time ();

  if (!ccs_training_advance (t, &report, error))
    return FALSE;
  parts[STEP] = (g_get_monotonic_time () - start) / 1e6;
  parts[LOAD_WAIT] = ccs_loader_waited (t->loader) - waited;
  parts[FORWARD] = report.forward_seconds;
  parts[BACKWARD] = report.backward_seconds;
  parts[UPDATE] = report.update_seconds;
  return TRUE;
}

static char *
figures_as_json (const CcsTraining *t, const double medians[N_PARTS],
                 guint steps)
{
  const CcsTrainSettings *s = t->settings;
  GString *text = g_string_new ("{\n");
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  g_string_append_printf (
      text,
      "  \"dataset\": \"%s\",\n  \"backbone\": %d,\n  \"dim_scale\": %d,\n"
      "  \"scl\": %s,\n  \"batch\": %d,\n  \"steps\": %u,\n"
      "  \"backend\": \"%s\",\n  \"precision\": \"%s\",\n"
      "  \"threads\": %d,\n  \"num_workers\": %d,\n"
      "  \"load_seconds\": %.4f,\n",
      s->data.dataset, s->backbone, s->dim_scale, s->no_scl ? "false" : "true",
      s->batch_size, steps, ccs_backend_name (t->backend),
      ccs_precision_name (t->backend->precision), t->backend->n_threads,
      s->num_workers, ccs_loader_work (t->loader));
  for (guint p = 0; p < N_PARTS; p++)
    g_string_append_printf (text, "  \"%s\": %.4f,\n", part_names[p],
                            medians[p]);
  g_string_append_printf (text,
                          "  \"samples_per_second\": %.3f,\n"
                          "  \"plan_mb\": %.1f,\n  \"peak_rss_mb\": %.1f\n}\n",
                          s->batch_size / medians[STEP],
                          ccs_train_step_memory (t->step) / 1048576.,
                          usage.ru_maxrss / 1024.);
  return g_string_free (text, FALSE);
}

static gboolean
measure (CcsTraining *t, double medians[N_PARTS], GError **error)
{
  guint steps = t->settings->benchmark_steps;
  g_autofree double *all = g_new (double, N_PARTS *steps);

  for (guint i = 0; i < steps + WARM_UP; i++) {
    double parts[N_PARTS];

    if (!time_step (t, parts, error))
      return FALSE;
    for (guint p = 0; i >= WARM_UP && p < N_PARTS; p++)
      all[p * steps + i - WARM_UP] = parts[p];
  }
  for (guint p = 0; p < N_PARTS; p++)
    medians[p] = median (all + p * steps, steps);
  return TRUE;
}

gboolean
ccs_train_benchmark (const CcsTrainSettings *settings, GError **error)
{
  CcsTraining training;
  CcsRunState fresh = { .best = INFINITY };
  double medians[N_PARTS];
  g_autofree char *json = NULL;
  gboolean ok;

  if (settings->json && !ccs_file_writable (settings->json, error))
    return FALSE;
  ok = ccs_training_open (&training, settings, &fresh, error)
       && measure (&training, medians, error);
  if (ok) {
    json = figures_as_json (&training, medians, settings->benchmark_steps);
    fputs (json, stdout);
    if (settings->json)
      ok = ccs_file_write (settings->json, json, -1, CCS_OUTPUT_OVERWRITE,
                           error);
  }
  ccs_training_close (&training);
  return ok;
}
