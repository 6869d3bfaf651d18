/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures the machine's peak rate: chains of multiply-adds in registers,
 * enough of them to hide the latency, in all threads at the same time. */
#include "peak.h"

#include <omp.h>

#include "simd.h"
#include "worker.h"

#define STEPS 100000

typedef struct
{
  gint n_threads;
  double seconds;
  double best; /* multiply-adds per second */
} Measure;

static void
measure (gpointer data)
{
  Measure *self = data;
  const CcsSimd *simd = ccs_simd ();
  double end = omp_get_wtime () + self->seconds;
  volatile float sink = 0.f;

  do {
    double begin = omp_get_wtime (), rate;
    float sum = 0.f;

#pragma omp parallel reduction(+ : sum)
    sum += simd->multiply_adds (STEPS);
    sink = sum;
    rate = (double)self->n_threads * simd->multiply_adds_a_step * STEPS
           / (omp_get_wtime () - begin);
    self->best = MAX (self->best, rate);
  } while (omp_get_wtime () < end);
  (void)sink;
}

double
ccs_cpu_peak_gflops (gint n_threads, double seconds)
{
  Measure self = { n_threads > 0 ? n_threads : omp_get_num_procs (), seconds };
  CcsWorker *worker = ccs_worker_new (self.n_threads, NULL);

  if (!worker)
    return 0.;
  ccs_worker_call (worker, measure, &self, NULL);
  ccs_worker_free (worker);
  return 2. * self.best / 1e9;
}
