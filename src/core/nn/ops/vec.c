/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inner loops of the reference products, in vectors of eight lanes, so that
 * every machine adds in the same order. Compiled twice, once for registers of
 * that width. */
#include "vec.h"

#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)            \
    && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__)                \
    && !defined(__SANITIZE_THREAD__)
#define WIDE_CLONES __attribute__ ((target_clones ("avx2", "default")))
#else
#define WIDE_CLONES
#endif

#define LANES 8
typedef float Lanes __attribute__ ((vector_size (LANES * sizeof (float))));

/* memcpy(), because vectors may not be loaded from memory that is aligned for
 * float only. */
#define LOAD(lanes, from) memcpy (&(lanes), (from), sizeof (lanes))
#define STORE(to, lanes) memcpy ((to), &(lanes), sizeof (lanes))

WIDE_CLONES float
ccs_vec_dot (const float *a, const float *b, gsize n)
{
  /* Four sums, because an addition has a latency of about four cycles. */
  Lanes sum0 = { 0.f }, sum1 = { 0.f }, sum2 = { 0.f }, sum3 = { 0.f };
  Lanes a0, a1, a2, a3, b0, b1, b2, b3;
  gsize i = 0;

  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    LOAD (a0, a + i);
    LOAD (b0, b + i);
    LOAD (a1, a + i + LANES);
    LOAD (b1, b + i + LANES);
    LOAD (a2, a + i + 2 * LANES);
    LOAD (b2, b + i + 2 * LANES);
    LOAD (a3, a + i + 3 * LANES);
    LOAD (b3, b + i + 3 * LANES);
    sum0 += a0 * b0;
    sum1 += a1 * b1;
    sum2 += a2 * b2;
    sum3 += a3 * b3;
  }
  for (; i + LANES <= n; i += LANES) {
    LOAD (a0, a + i);
    LOAD (b0, b + i);
    sum0 += a0 * b0;
  }
  sum0 = (sum0 + sum1) + (sum2 + sum3);

  float sum = ((sum0[0] + sum0[4]) + (sum0[1] + sum0[5]))
              + ((sum0[2] + sum0[6]) + (sum0[3] + sum0[7]));
  for (; i < n; i++)
    sum += a[i] * b[i];
  return sum;
}

WIDE_CLONES void
ccs_vec_axpy (float *y, float k, const float *x, gsize n)
{
  Lanes y0, x0;
  gsize i = 0;

  for (; i + LANES <= n; i += LANES) {
    LOAD (y0, y + i);
    LOAD (x0, x + i);
    y0 += x0 * k;
    STORE (y + i, y0);
  }
  for (; i < n; i++)
    y[i] += k * x[i];
}
