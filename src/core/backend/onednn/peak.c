/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arithmetic ceiling of the machine: chains of multiply-adds that never
 * leave the registers, as many as hide the latency, in every thread at once. */
#include "peak.h"

#include <omp.h>

#include "worker.h"

#define CHAINS 12 /* latency 4 x 2 units, and some to spare */
#define STEPS 100000
#define FACTOR 0.999f /* chains converge; none becomes denormal */

/* Returns a value that depends on all chains, so that none is removed. */
typedef float (*Burn) (gint64 steps);

#define DEFINE_BURN(name, attribute, bytes)                                    \
  typedef float name##_vector __attribute__ ((vector_size (bytes)));           \
  static attribute float name (gint64 steps)                                   \
  {                                                                            \
    name##_vector chain[CHAINS], factor, sum;                                  \
    for (guint lane = 0; lane < bytes / sizeof (float); lane++)                \
      factor[lane] = FACTOR;                                                   \
    for (guint c = 0; c < CHAINS; c++)                                         \
      chain[c] = factor + (float)c;                                            \
    for (gint64 i = 0; i < steps; i++) {                                       \
      _Pragma ("GCC unroll 12") for (guint c = 0; c < CHAINS; c++) chain[c]    \
          = chain[c] * factor + factor;                                        \
    }                                                                          \
    sum = chain[0];                                                            \
    for (guint c = 1; c < CHAINS; c++)                                         \
      sum += chain[c];                                                         \
    return sum[0];                                                             \
  }

DEFINE_BURN (burn_base, , 16)
#ifdef __x86_64__
#define FUSED(isa)                                                             \
  __attribute__ ((target (isa), optimize ("O3", "fp-contract=fast")))
DEFINE_BURN (burn_avx2, FUSED ("avx2,fma"), 32)
DEFINE_BURN (burn_avx512, FUSED ("avx512f,prefer-vector-width=512"), 64)
#endif

static Burn
burn_choose (gint *lanes)
{
#ifdef __x86_64__
  __builtin_cpu_init ();
  if (__builtin_cpu_supports ("avx512f")) {
    *lanes = 16;
    return burn_avx512;
  }
  if (__builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma")) {
    *lanes = 8;
    return burn_avx2;
  }
#endif
  *lanes = 4;
  return burn_base;
}

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
  gint lanes;
  Burn burn = burn_choose (&lanes);
  double end = omp_get_wtime () + self->seconds;
  volatile float sink = 0.f;

  do {
    double begin = omp_get_wtime (), rate;
    float sum = 0.f;

#pragma omp parallel reduction(+ : sum)
    sum += burn (STEPS);
    sink = sum;
    rate = (double)self->n_threads * lanes * CHAINS * STEPS
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
