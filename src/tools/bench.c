/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo bench`: measures the model's speed on this machine, and compares it
 * with the peak of the arithmetic units. */
#include "tool.h"

#include <ccstereo/ccstereo.h>
#include <stdio.h>
#include <sys/resource.h>

#include "backend/registry.h"
#include "backend/cpu/peak.h"
#include "backend-choice.h"
#include "bench-clip.h"
#include "bench-count.h"
#include "bench-full.h"
#include "bench-measure.h"
#include "file-write.h"
#include "model/model-private.h"
#include "model/net.h"
#include "random-model.h"

#define CLIP_SECONDS 10.0
#define DEFAULT_SECONDS 3.0 /* of each measurement */
#define MAX_SECONDS 3600.0
#define MAX_BATCH 1024
#define MAX_STREAMS 1024

typedef struct
{
  const char *backend, *precision;
  gint threads;
  double peak_gflops, encoder_ms_per_frame, encoder_gflops, window_ms,
      clip10s_seconds, realtime_factor, plan_seconds, peak_rss_mb;
  BenchTimes latency;
  gboolean has_full;
  BenchFull full;
} Results;

typedef struct
{
  CcsModel *model;
  BenchClip *clip;
  double seconds; /* of each measurement, at least */
  gboolean verbose;
} Bench;

/* Returns the multiply-adds for one frame, of the published net (nothing
 * fused).
 */
static gint64
encoder_macs (const CcsModelConfig *config)
{
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, FALSE);
  CcsValueId frames = ccs_program_input (
      p, "frames", CCS_F32, CCS_SHAPE (1, CCS_CROP_HEIGHT, CCS_CROP_WIDTH, 3));

  ccs_net_visual (p, config, frames, 1);
  return bench_count_macs (p);
}

/* -- measuring ------------------------------------------------------------ */

/* Median seconds. */
static gboolean
measure (Bench *self, const char *what, BenchRun run, double *median,
         GError **error)
{
  BenchTimes times;

  if (!bench_measure (run, self, self->seconds, what, self->verbose, &times,
                      error))
    return FALSE;
  *median = times.median;
  return TRUE;
}

static gboolean
run_encode (gpointer data, GError **error)
{
  Bench *self = data;

  return bench_clip_encode (self->clip, self->model,
                            ccs_model_preferred_frames (self->model), error);
}

static gboolean
run_separate (gpointer data, GError **error)
{
  Bench *self = data;

  return bench_clip_separate (self->clip, self->model,
                              ccs_model_preferred_windows (self->model), error);
}

static gboolean
run_clip (gpointer data, GError **error)
{
  Bench *self = data;

  return bench_clip_run (self->clip, self->model, error);
}

/* The latency of a live stream: encodes a frame, then runs a window. */
static gboolean
run_frame_and_window (gpointer data, GError **error)
{
  Bench *self = data;

  return bench_clip_encode (self->clip, self->model, 1, error)
         && bench_clip_separate (self->clip, self->model, 1, error);
}

/* Measures the peak rate of the arithmetic units, and raises *@gflops to it: on
 * the CPU with multiply-adds alone, on another device with a large matrix
 * product in the precision. */
static gboolean
raise_peak (const Bench *self, CcsBackend *backend, double *gflops,
            GError **error)
{
  double now;

  if (backend->klass->host_memory)
    now = ccs_cpu_peak_gflops (backend->n_threads, self->seconds / 2);
  else if (!bench_full_product (backend, self->seconds / 2, self->verbose, &now,
                                error))
    return FALSE;
  *gflops = MAX (*gflops, now);
  return TRUE;
}

static double
peak_rss_mb (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024.0;
}

/* Makes a model with random parameters, and plans its full batches. */
static CcsModel *
planned_model (CcsStateDict *params, CcsBackend *backend, double *seconds,
               GError **error)
{
  g_autoptr (CcsModel) model = NULL;
  double begin = bench_now ();

  model = ccs_model_new (params, "random parameters", backend, error);
  if (!model || !ccs_model_warm_up (model, TRUE, error))
    return NULL;
  *seconds = bench_now () - begin;
  return g_steal_pointer (&model);
}

static gboolean
bench (Bench *self, const CcsModelConfig *config, CcsBackend *backend,
       Results *results, GError **error)
{
  g_autoptr (CcsStateDict) params = random_model_params (config);
  double encode, separate;

  results->backend = ccs_backend_name (backend);
  results->precision = ccs_precision_name (backend->precision);
  results->threads = backend->n_threads;
  self->model = planned_model (params, backend, &results->plan_seconds, error);
  if (!self->model)
    return FALSE;
  self->clip = bench_clip_new (self->model, CLIP_SECONDS);
  if (!measure (self, "10 s clip", run_clip, &results->clip10s_seconds, error))
    return FALSE;
  results->peak_rss_mb = peak_rss_mb ();
  /* Measures the peak before and after, because clock rates change. */
  if (!raise_peak (self, backend, &results->peak_gflops, error)
      || !measure (self, "encoder", run_encode, &encode, error)
      || !measure (self, "windows", run_separate, &separate, error)
      || !raise_peak (self, backend, &results->peak_gflops, error))
    return FALSE;

  encode /= ccs_model_preferred_frames (self->model);
  results->encoder_ms_per_frame = 1e3 * encode;
  results->encoder_gflops = 2e-9 * encoder_macs (config) / encode;
  results->window_ms
      = 1e3 * separate / ccs_model_preferred_windows (self->model);
  results->realtime_factor = CLIP_SECONDS / results->clip10s_seconds;
  return bench_measure (run_frame_and_window, self, self->seconds, "latency",
                        self->verbose, &results->latency, error)
         && (!results->has_full
             || bench_full_run (&results->full, self->model, params,
                                self->seconds, self->verbose, error));
}

/* -- reporting ------------------------------------------------------------ */

static void
print_results (const Results *r)
{
  printf (
      "backend               %s, %s\n"
      "threads               %d\n"
      "peak                  %.1f GFLOP/s\n"
      "encoder               %.2f ms a frame, %.1f GFLOP/s, %.0f %% of peak\n"
      "window                %.2f ms\n"
      "10 s clip             %.3f s, %.2f times as fast as it sounds\n"
      "planning              %.3f s\n"
      "peak memory           %.0f MB\n"
      "frame and window      %.2f ms, 99 %% within %.2f ms\n",
      r->backend, r->precision, r->threads, r->peak_gflops,
      r->encoder_ms_per_frame, r->encoder_gflops,
      100 * r->encoder_gflops / r->peak_gflops, r->window_ms,
      r->clip10s_seconds, r->realtime_factor, r->plan_seconds, r->peak_rss_mb,
      1e3 * r->latency.median, 1e3 * r->latency.p99);
  if (r->has_full)
    bench_full_print (&r->full);
}

static gboolean
write_json (const char *path, const Results *r, GError **error)
{
  g_autoptr (GString) json = g_string_new ("{");

  bench_append_field (json, "threads", r->threads);
  bench_append_field (json, "peak_gflops", r->peak_gflops);
  bench_append_field (json, "encoder_ms_per_frame", r->encoder_ms_per_frame);
  bench_append_field (json, "encoder_gflops", r->encoder_gflops);
  bench_append_field (json, "window_ms", r->window_ms);
  bench_append_field (json, "clip10s_seconds", r->clip10s_seconds);
  bench_append_field (json, "realtime_factor", r->realtime_factor);
  bench_append_field (json, "plan_seconds", r->plan_seconds);
  bench_append_field (json, "peak_rss_mb", r->peak_rss_mb);
  bench_append_field (json, "latency_ms_median", 1e3 * r->latency.median);
  bench_append_field (json, "latency_ms_p99", 1e3 * r->latency.p99);
  if (r->has_full)
    bench_full_append (&r->full, json);
  g_string_append (json, "\n}\n");
  return ccs_file_write (path, json->str, json->len, CCS_OUTPUT_OVERWRITE,
                         error);
}

/* Returns the range of the first option that is out of range, or NULL. */
static const char *
find_bad_option (double seconds, const BenchFull *full)
{
  if (!(seconds > 0 && seconds <= MAX_SECONDS))
    return "--seconds is above 0 and up to 3600";
  if (full->max_batch < 1 || full->max_batch > MAX_BATCH)
    return "--max-batch is 1 to " G_STRINGIFY (MAX_BATCH);
  if (full->streams < 1 || full->streams > MAX_STREAMS)
    return "--streams is 1 to " G_STRINGIFY (MAX_STREAMS);
  return full->windows < 0 ? "--windows is 0 or more" : NULL;
}

static ToolExit
run_bench (gint argc, char **argv)
{
  Bench self = { .seconds = DEFAULT_SECONDS };
  CcsModelConfig config = CCS_MODEL_CONFIG_PUBLISHED;
  g_auto (BackendChoice) choice = BACKEND_CHOICE_DEFAULTS;
  g_autofree char *json = NULL;
  Results results = { .full = BENCH_FULL_DEFAULTS };
  const GOptionEntry entries[] = {
    { "json", 'j', 0, G_OPTION_ARG_FILENAME, &json,
      "Write the numbers to FILE too", "FILE" },
    BACKEND_CHOICE_ENTRIES (&choice),
    { "seconds", 's', 0, G_OPTION_ARG_DOUBLE, &self.seconds,
      "Time for each measurement (default 3)", "S" },
    { "backbone", 0, 0, G_OPTION_ARG_INT, &config.backbone,
      "18 (default) or 50", "N" },
    { "dim-scale", 0, 0, G_OPTION_ARG_INT, &config.dim_scale,
      "1 (default) to 4", "N" },
    { "full", 0, 0, G_OPTION_ARG_NONE, &results.has_full,
      "Also measure other batches, peaks, streams, memory growth", NULL },
    { "max-batch", 0, 0, G_OPTION_ARG_INT, &results.full.max_batch,
      "Largest batch that --full tries (default 16)", "N" },
    { "streams", 0, 0, G_OPTION_ARG_INT, &results.full.streams,
      "Streams that --full runs at the same time (default 4)", "N" },
    { "windows", 0, 0, G_OPTION_ARG_INT, &results.full.windows,
      "Windows over which --full measures memory (default 100)", "N" },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &self.verbose,
      "Show progress on a terminal", NULL },
    { NULL },
  };
  g_autoptr (CcsBackend) backend = NULL;
  GError *error = NULL;
  const char *bad;
  gboolean ok;
  ToolExit exit;

  if (!tool_parse (&tool_bench, entries, &argc, &argv, &exit))
    return exit;
  bad = find_bad_option (self.seconds, &results.full);
  if (bad)
    return tool_bad_option (&tool_bench, "%s", bad);
  if (!ccs_model_config_check (&config, &error)) {
    tool_fail (&tool_bench, error);
    return TOOL_USAGE;
  }
  exit = backend_choice_check (&choice, &tool_bench);
  if (exit != TOOL_OK)
    return exit;
  if (json && !ccs_file_writable (json, &error))
    return tool_fail (&tool_bench, error);
  backend = ccs_backend_open (backend_choice_name (&choice), &choice.options,
                              &error);
  if (!backend)
    return tool_fail (&tool_bench, error);
  ok = bench (&self, &config, backend, &results, &error);
  g_clear_pointer (&self.clip, bench_clip_free);
  g_clear_pointer (&self.model, ccs_model_unref);
  if (!ok)
    return tool_fail (&tool_bench, error);
  print_results (&results);
  if (json && !write_json (json, &results, &error))
    return tool_fail (&tool_bench, error);
  return TOOL_OK;
}

const ToolCommand tool_bench = {
  "bench",
  "",
  0,
  "Measure the model's speed on this machine",
  "Runs the published protocol on a 10 s clip of noise, with random "
  "parameters:\n"
  "150 windows, each frame encoded once. Cropping the frames is not included.\n"
  "Times are medians of repeated runs. The JSON fields:\n"
  "  threads               threads that the backend uses\n"
  "  peak_gflops           peak rate of 32-bit multiply-adds on these threads "
  "of\n"
  "                        the CPU, measured; on a GPU: product_gflops\n"
  "  encoder_ms_per_frame  time per frame in a full batch, pixels to feature\n"
  "  encoder_gflops        rate of the encoder: two operations for each\n"
  "                        multiply-add of its published convolutions (4.00 G\n"
  "                        per frame, including those on padding)\n"
  "  window_ms             time per window in a full batch, mix to difference\n"
  "  clip10s_seconds       time for the whole clip, encoder included\n"
  "  realtime_factor       10 / clip10s_seconds\n"
  "  plan_seconds          time to plan and prepare the model\n"
  "  peak_rss_mb           peak resident memory after the clip\n"
  "  latency_ms_median     time for one frame, then one window, not batched\n"
  "  latency_ms_p99        99th percentile of that time\n"
  "With --full also:\n"
  "  copy_gb_per_s         bytes read and written per second by a copy of 256 "
  "MB\n"
  "  product_gflops        rate of a 4096 x 4096 matrix product in the "
  "precision\n"
  "  best_frame_batch      fastest batch, with frames_per_second, copies to "
  "and\n"
  "                        from the backend included; likewise for windows\n"
  "  frames_gflops         rate of arithmetic at that speed, padding included\n"
  "  frames_gb_per_s       memory traffic at that speed if each value is read\n"
  "                        once per op; likewise for windows\n"
  "  realtime_streams      seconds of audio per second for that many streams,\n"
  "                        each with one frame or window at a time\n"
  "  growth_mb             resident memory after growth_windows windows, less\n"
  "                        that after the first tenth of them",
  run_bench
};
