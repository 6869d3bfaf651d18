/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-full.h"

#include <stdio.h>
#include <unistd.h>

#include "bench-count.h"
#include "bench-measure.h"
#include "model/model-private.h"
#include "model/net.h"
#include "plan/plan.h"
#include "random-model.h"
#include "tool.h"

#define COPY_FLOATS ((gint64)64 << 20)
#define PRODUCT_SIDE ((gint64)4096)
#define STREAM_SECONDS 2 /* audio per stream */
/* Number of random values of which inputs are made by repetition. It is
 * prime, so that rows differ. Inputs of zeros would draw less power on a GPU
 * and run faster. Inputs of bytes use the bytes of the floats. */
#define N_NOISE 4093

/* -- a single program without a model -------------------------------------- */

#define MAX_INPUTS 2

typedef struct
{
  CcsPlan *plan;
  guint n_inputs;
  CcsValueId input[MAX_INPUTS], output;
  gpointer in[MAX_INPUTS], out;
  gsize in_bytes[MAX_INPUTS], out_bytes;
} Bare;

static gsize
value_bytes (const CcsProgram *p, CcsValueId id)
{
  const CcsValue *value = ccs_program_value (p, id);

  return ccs_shape_elements (&value->shape) * ccs_dtype_size (value->dtype);
}

static void
bare_clear (Bare *self)
{
  g_clear_pointer (&self->plan, ccs_plan_free);
  for (guint i = 0; i < self->n_inputs; i++)
    g_free (self->in[i]);
  g_free (self->out);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Bare, bare_clear)

static gpointer
noise (gsize bytes)
{
  const gsize n = bytes / sizeof (float);
  float *values = g_malloc (bytes);

  for (gsize i = 0; i < MIN (n, N_NOISE); i++)
    values[i] = 2 * random_unit ("bench.input", i) - 1;
  for (gsize i = N_NOISE; i < n; i++)
    values[i] = values[i - N_NOISE];
  return values;
}

/* Plans @p for the inputs and output that are set in @self, and fills in the
 * other fields. */
static gboolean
bare_plan (Bare *self, CcsProgram *p, CcsBackend *backend, GError **error)
{
  if (!ccs_program_check (p, error))
    return FALSE;
  ccs_plan_optimize (backend, p);
  self->plan = ccs_plan_new (backend, p, CCS_PLAN_NONE, error);
  if (!self->plan)
    return FALSE;
  for (guint i = 0; i < self->n_inputs; i++) {
    self->in_bytes[i] = value_bytes (p, self->input[i]);
    self->in[i] = noise (self->in_bytes[i]);
  }
  self->out_bytes = value_bytes (p, self->output);
  self->out = g_malloc0 (self->out_bytes);
  return TRUE;
}

static gboolean
write_inputs (Bare *self, GError **error)
{
  for (guint i = 0; i < self->n_inputs; i++)
    if (!ccs_plan_write (self->plan, self->input[i], self->in[i],
                         self->in_bytes[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
run_alone (gpointer data, GError **error)
{
  Bare *self = data;

  return ccs_plan_run (self->plan, CCS_PHASE_FORWARD, error);
}

static gboolean
run_with_copies (gpointer data, GError **error)
{
  Bare *self = data;

  return write_inputs (self, error) && run_alone (self, error)
         && ccs_plan_read (self->plan, self->output, self->out, self->out_bytes,
                           error);
}

/* -- batches --------------------------------------------------------------- */

static void
build_encoder (Bare *self, CcsProgram *p, const CcsModelConfig *config,
               gint batch)
{
  self->n_inputs = 1;
  self->input[0] = ccs_program_input (
      p, "pictures", CCS_U8,
      CCS_SHAPE (batch, CCS_CROP_HEIGHT, CCS_CROP_WIDTH, 3));
  self->output = ccs_program_output (
      p, "visual_feat",
      ccs_net_visual (p, config, ccs_net_frames (p, self->input[0]), 1));
}

static void
build_window (Bare *self, CcsProgram *p, const CcsModelConfig *config,
              gint batch)
{
  const CcsNetWindow window = ccs_net_window (p, config, batch);

  self->n_inputs = 2;
  self->input[0] = window.mono;
  self->input[1] = window.visual_feat;
  self->output = window.difference;
}

typedef void (*Build) (Bare *self, CcsProgram *p, const CcsModelConfig *config,
                       gint batch);

/* Shared by all measurements. */
typedef struct
{
  CcsModel *model;
  CcsStateDict *params;
  double seconds;
  gboolean verbose;
} Bench;

static gboolean
find_best_batch (const Bench *b, Build build, gint max_batch, const char *what,
                 BenchRate *best, GError **error)
{
  best->per_second = 0;
  for (gint batch = 1; batch <= max_batch; batch *= 2) {
    g_autoptr (CcsProgram) p = ccs_program_new (b->params, FALSE);
    g_auto (Bare) bare = { NULL };
    BenchTimes times;

    build (&bare, p, ccs_model_config (b->model), batch);
    if (!bare_plan (&bare, p, ccs_model_backend (b->model), error)
        || !bench_measure (run_with_copies, &bare, b->seconds, what, b->verbose,
                           &times, error))
      return FALSE;
    if (batch / times.median > best->per_second)
      *best = (BenchRate){ batch, batch / times.median,
                           2e-9 * bench_count_macs (p) / times.median,
                           1e-9 * bench_count_bytes (p) / times.median };
  }
  return TRUE;
}

/* -- copy bandwidth and matrix rate ---------------------------------------- */

static gboolean
measure_copy (const Bench *b, double *gb_per_s, GError **error)
{
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, FALSE);
  g_auto (Bare) bare = { .n_inputs = 1 };
  BenchTimes times;

  bare.input[0] = ccs_program_input (p, "x", CCS_F32, CCS_SHAPE (COPY_FLOATS));
  bare.output = ccs_program_output (
      p, "y", ccs_program_append (p, CCS_OP_COPY, &bare.input[0], 1, NULL));
  if (!bare_plan (&bare, p, ccs_model_backend (b->model), error)
      || !write_inputs (&bare, error)
      || !bench_measure (run_alone, &bare, b->seconds, "copying", b->verbose,
                         &times, error))
    return FALSE;
  *gb_per_s = 2e-9 * sizeof (float) * COPY_FLOATS / times.median;
  return TRUE;
}

gboolean
bench_full_product (CcsBackend *backend, double seconds, gboolean verbose,
                    double *gflops, GError **error)
{
  const CcsShape square = CCS_SHAPE (PRODUCT_SIDE, PRODUCT_SIDE);
  g_autoptr (CcsProgram) p = ccs_program_new (NULL, FALSE);
  g_auto (Bare) bare = { .n_inputs = 2 };
  BenchTimes times;

  bare.input[0] = ccs_program_input (p, "a", CCS_F32, square);
  bare.input[1] = ccs_program_input (p, "b", CCS_F32, square);
  bare.output = ccs_program_output (p, "y",
                                    ccs_matmul (p, bare.input[0], bare.input[1],
                                                CCS_NONE, FALSE, FALSE, 1.f,
                                                CCS_NO_ACT));
  if (!bare_plan (&bare, p, backend, error) || !write_inputs (&bare, error)
      || !bench_measure (run_alone, &bare, seconds, "products", verbose, &times,
                         error))
    return FALSE;
  *gflops = 2e-9 * bench_count_macs (p) / times.median;
  return TRUE;
}

/* -- streams --------------------------------------------------------------- */

typedef struct
{
  CcsModel *model;
  BenchClip *clip; /* one per stream: results are stored in it */
  GError *error;
} Stream;

/* Requests frames and windows as a live stream does: each when it is due. */
static gpointer
run_stream (gpointer data)
{
  Stream *self = data;
  const gint windows = STREAM_SECONDS * CCS_MODEL_RATE / CCS_HOP;
  const gint frames = STREAM_SECONDS * CCS_ANALYSIS_FPS;
  gint encoded = 0;

  for (gint w = 0; w < windows && !self->error; w++) {
    if (encoded * windows <= w * frames) {
      encoded++;
      if (!bench_clip_encode (self->clip, self->model, 1, &self->error))
        break;
    }
    bench_clip_separate (self->clip, self->model, 1, &self->error);
  }
  return NULL;
}

static gboolean
measure_streams (const Bench *b, gint n, double *in_real_time, GError **error)
{
  g_autofree Stream *streams = g_new0 (Stream, n);
  g_autofree GThread **threads = g_new0 (GThread *, n);
  g_autoptr (GError) first = NULL;
  double begin;

  /* Warms up the encoder and the decoder of each stream. */
  for (gint i = 0; i < 2 * n; i++)
    if (!ccs_model_warm_up (b->model, FALSE, error))
      return FALSE;
  for (gint i = 0; i < n; i++)
    streams[i] = (Stream){ b->model, bench_clip_new (b->model, 1.), NULL };
  begin = bench_now ();
  for (gint i = 0; i < n; i++)
    threads[i] = g_thread_new ("stream", run_stream, &streams[i]);
  for (gint i = 0; i < n; i++)
    g_thread_join (threads[i]);
  *in_real_time = n * STREAM_SECONDS / (bench_now () - begin);
  for (gint i = 0; i < n; i++) {
    bench_clip_free (streams[i].clip);
    if (streams[i].error && !first)
      first = streams[i].error;
    else
      g_clear_error (&streams[i].error);
  }
  if (!first)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&first));
  return FALSE;
}

/* -- growth of memory ------------------------------------------------------ */

/* Returns the resident memory in MB; 0 if the system does not report it. */
static double
resident_mb (void)
{
  g_autofree char *text = NULL;
  long pages = 0;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL)
      || sscanf (text, "%*d %ld", &pages) != 1)
    return 0;
  return (double)pages * sysconf (_SC_PAGESIZE) / (1 << 20);
}

static gboolean
measure_growth (const Bench *b, gint windows, double *growth_mb, GError **error)
{
  g_autoptr (BenchClip) clip = bench_clip_new (b->model, 1.);
  double before = 0;

  for (gint w = 0; w < windows; w++) {
    /* Caches and pools are filled during the first tenth. */
    if (w == windows / 10)
      before = resident_mb ();
    if (!bench_clip_separate (clip, b->model, 1, error))
      return FALSE;
    tool_progress (b->verbose, "growth", (w + 1.) / windows);
  }
  *growth_mb = windows > 0 ? resident_mb () - before : 0;
  return TRUE;
}

/* -- all measurements ------------------------------------------------------ */

gboolean
bench_full_run (BenchFull *self, CcsModel *model, CcsStateDict *params,
                double seconds, gboolean verbose, GError **error)
{
  const Bench b = { model, params, seconds, verbose };

  return measure_copy (&b, &self->copy_gb_per_s, error)
         && bench_full_product (ccs_model_backend (model), seconds, verbose,
                                &self->product_gflops, error)
         && find_best_batch (&b, build_encoder, self->max_batch, "frames",
                             &self->frames, error)
         && find_best_batch (&b, build_window, self->max_batch, "windows",
                             &self->window_rate, error)
         && measure_streams (&b, self->streams, &self->realtime_streams, error)
         && measure_growth (&b, self->windows, &self->growth_mb, error);
}

static void
print_rate (const BenchFull *self, const char *what, const BenchRate *rate)
{
  printf ("%-21s %.1f a second, in batches of %.0f: %.1f GFLOP/s (%.0f %% of "
          "products), %.1f GB/s (%.0f %% of copies)\n",
          what, rate->per_second, rate->batch, rate->gflops,
          100 * rate->gflops / self->product_gflops, rate->gb_per_s,
          100 * rate->gb_per_s / self->copy_gb_per_s);
}

void
bench_full_print (const BenchFull *self)
{
  printf ("copies                %.1f GB/s\n"
          "products              %.1f GFLOP/s\n",
          self->copy_gb_per_s, self->product_gflops);
  print_rate (self, "frames", &self->frames);
  print_rate (self, "windows", &self->window_rate);
  printf ("%-3d streams           %.2f seconds of sound a second\n"
          "growth                %.1f MB over %d windows\n",
          self->streams, self->realtime_streams, self->growth_mb,
          self->windows);
}

void
bench_full_append (const BenchFull *self, GString *json)
{
  bench_append_field (json, "copy_gb_per_s", self->copy_gb_per_s);
  bench_append_field (json, "product_gflops", self->product_gflops);
  bench_append_field (json, "best_frame_batch", self->frames.batch);
  bench_append_field (json, "frames_per_second", self->frames.per_second);
  bench_append_field (json, "frames_gflops", self->frames.gflops);
  bench_append_field (json, "frames_gb_per_s", self->frames.gb_per_s);
  bench_append_field (json, "best_window_batch", self->window_rate.batch);
  bench_append_field (json, "windows_per_second", self->window_rate.per_second);
  bench_append_field (json, "windows_gflops", self->window_rate.gflops);
  bench_append_field (json, "windows_gb_per_s", self->window_rate.gb_per_s);
  bench_append_field (json, "streams", self->streams);
  bench_append_field (json, "realtime_streams", self->realtime_streams);
  bench_append_field (json, "growth_windows", self->windows);
  bench_append_field (json, "growth_mb", self->growth_mb);
}
