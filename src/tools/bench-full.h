/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `ccstereo bench --full` measures beside the rest, on any backend: the
 * best batch, the device's ceilings, streams side by side, and whether memory
 * grows over many windows. */
#pragma once

#include "bench-clip.h"

G_BEGIN_DECLS

/**
 * BenchFull:
 * @max_batch, @streams, @windows: what was asked for
 * @frames_per_second, @windows_per_second: at the best batch, uploads and
 *   downloads included
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
  double best_frame_batch, frames_per_second;
  double best_window_batch, windows_per_second;
  double copy_gb_per_s, product_gflops;
  double realtime_streams, growth_mb;
} BenchFull;

#define BENCH_FULL_DEFAULTS                                                    \
  {                                                                            \
    .max_batch = 16, .streams = 4, .windows = 100                              \
  }

/* @seconds: of each measurement, at least. */
gboolean bench_full_run (BenchFull *self, CcsModel *model, CcsStateDict *params,
                         double seconds, gboolean verbose, GError **error);
void bench_full_print (const BenchFull *self);
void bench_full_append (const BenchFull *self, GString *json);

G_END_DECLS
