/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two loops under the reference products, written with vectors of sixteen
 * lanes so that every machine adds in the same order, and compiled once for
 * each width of registers. */
#include "vec.h"

#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) \
    && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) \
    && !defined(__SANITIZE_THREAD__)
#define CCS_VEC_CLONES \
  __attribute__ ((target_clones ("arch=skylake-avx512", "avx2", "default")))
#else
#define CCS_VEC_CLONES
#endif

#define LANES 16
typedef float Lanes __attribute__ ((vector_size (LANES * sizeof (float))));

CCS_VEC_CLONES float
ccs_vec_dot (const float *a, const float *b, gsize n)
{
  Lanes even = { 0.f }, odd = { 0.f };
  gsize i = 0;

  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    Lanes a0, a1, b0, b1;

    memcpy (&a0, a + i, sizeof a0);
    memcpy (&b0, b + i, sizeof b0);
    memcpy (&a1, a + i + LANES, sizeof a1);
    memcpy (&b1, b + i + LANES, sizeof b1);
    even += a0 * b0;
    odd += a1 * b1;
  }
  even += odd;
  for (; i + LANES <= n; i += LANES) {
    Lanes a0, b0;

    memcpy (&a0, a + i, sizeof a0);
    memcpy (&b0, b + i, sizeof b0);
    even += a0 * b0;
  }

  float sum = 0.f;
  for (; i < n; i++)
    sum += a[i] * b[i];
  for (guint lane = 0; lane < LANES; lane++)
    sum += even[lane];
  return sum;
}

CCS_VEC_CLONES void
ccs_vec_axpy (float *y, float k, const float *x, gsize n)
{
  gsize i = 0;

  for (; i + LANES <= n; i += LANES) {
    Lanes y0, x0;

    memcpy (&y0, y + i, sizeof y0);
    memcpy (&x0, x + i, sizeof x0);
    y0 += x0 * k;
    memcpy (y + i, &y0, sizeof y0);
  }
  for (; i < n; i++)
    y[i] += k * x[i];
}
