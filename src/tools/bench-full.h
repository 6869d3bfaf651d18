/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `ccstereo bench --full` measures beside the rest, on any backend: the
 * best batch, the device's ceilings, streams side by side, and whether memory
 * grows over many windows. */
#pragma once

#include "backend/backend.h"
#include "bench-clip.h"
#include "nn/tensor.h"

G_BEGIN_DECLS

/* The best of some batches: items a second, uploads and downloads included,
 * and what that is of the device's ceilings. */
typedef struct
{
  double batch, per_second;
  double gflops;   /* of their products */
  double gb_per_s; /* of what their ops must read and write */
} BenchRate;

/**
 * BenchFull:
 * @max_batch, @streams, @windows: what was asked for
 * @frames, @window_rate: at the best batch
 * @copy_gb_per_s: bytes read and written by a copy of 256 MB, a second
 * @product_gflops: of a product of two 4096 x 4096 matrices, in the backend's
 *   precision
 * @realtime_streams: seconds of sound a second that @streams callers get, each
 *   asking for one item at a time
 * @growth_mb: resident memory after @windows windows less that before them
 */
typedef struct
{
  gint max_batch, streams, windows;
  BenchRate frames, window_rate;
  double copy_gb_per_s, product_gflops;
  double realtime_streams, growth_mb;
} BenchFull;

#define BENCH_FULL_DEFAULTS                                                    \
  {                                                                            \
    .max_batch = 16, .streams = 4, .windows = 100                              \
  }

/* The rate of large products on @backend, in GFLOP/s. */
gboolean bench_full_product (CcsBackend *backend, double seconds,
                             gboolean verbose, double *gflops, GError **error);
/* @seconds: of each measurement, at least. */
gboolean bench_full_run (BenchFull *self, CcsModel *model, CcsStateDict *params,
                         double seconds, gboolean verbose, GError **error);
void bench_full_print (const BenchFull *self);
void bench_full_append (const BenchFull *self, GString *json);

G_END_DECLS
