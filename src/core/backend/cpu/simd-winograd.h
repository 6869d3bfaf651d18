/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Winograd's transforms F(m x m, r x r): a tile of pixels is transformed to as
 * many values per channel, and their products with the transformed filter give
 * m x m results. Included once for each instruction set. */

/* y = x + k a, for a constant k. */
static inline vector
winograd_add (vector x, float k, vector a)
{
  return MULTIPLY_ADD (spread (k), a, x);
}

#define ALWAYS_INLINE static inline __attribute__ ((always_inline))

/* -- one axis: the points 0, 1, -1, infinity ------------------------------- */

/* G g, of three taps. */
ALWAYS_INLINE void
winograd_filter_four (const gint taps, const vector *g, vector *to)
{
  const vector even = spread (0.5f) * (g[0] + g[2]), odd = spread (0.5f) * g[1];

  to[0] = g[0];
  to[1] = even + odd;
  to[2] = even - odd;
  to[3] = g[2];
}

/* B^T d. */
ALWAYS_INLINE void
winograd_input_four (vector *d)
{
  const vector d1 = d[1];

  d[0] -= d[2];
  d[1] += d[2];
  d[2] -= d1;
  d[3] = d1 - d[3];
}

/* A^T m, two results. */
ALWAYS_INLINE void
winograd_output_four (const gint step, const vector *m, vector *y)
{
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] - m[3];
}

/* -- one axis: the points +-A, +-B, infinity, and 0 where there are six ---- */

/* Part of G g: the filter's polynomial times @by at the points @p and -@p, from
 * its even and odd terms. */
ALWAYS_INLINE void
winograd_filter_halves (const gint taps, const vector *g, const double p,
                        double by, vector halves[2])
{
  halves[0] = halves[1] = spread (0.f);
#pragma GCC unroll 5
  for (gint i = 0; i < taps; i++, by *= p)
    halves[i % 2] = winograd_add (halves[i % 2], by, g[i]);
}

ALWAYS_INLINE void
winograd_filter_six (const gint taps, const vector *g, vector *to)
{
  const double a = CCS_WINOGRAD_A, b = CCS_WINOGRAD_B;
  vector in_a[2], in_b[2];

  winograd_filter_halves (taps, g, a, 1 / (2 * a * a * (a * a - b * b)), in_a);
  winograd_filter_halves (taps, g, b, 1 / (2 * b * b * (b * b - a * a)), in_b);
  to[0] = spread (1 / (a * a * b * b)) * g[0];
  to[1] = in_a[0] + in_a[1];
  to[2] = in_a[0] - in_a[1];
  to[3] = in_b[0] + in_b[1];
  to[4] = in_b[0] - in_b[1];
  to[5] = g[taps - 1];
}

ALWAYS_INLINE void
winograd_filter_five (const gint taps, const vector *g, vector *to)
{
  const double a = CCS_WINOGRAD_A, b = CCS_WINOGRAD_B;
  vector in_a[2], in_b[2];

  winograd_filter_halves (taps, g, a, 1 / (2 * a * (a * a - b * b)), in_a);
  winograd_filter_halves (taps, g, b, 1 / (2 * b * (b * b - a * a)), in_b);
  to[0] = in_a[1] + in_a[0];
  to[1] = in_a[1] - in_a[0];
  to[2] = in_b[1] + in_b[0];
  to[3] = in_b[1] - in_b[0];
  to[4] = g[taps - 1];
}

/* Part of B^T d: the row of the point at infinity, for the points +-A and +-B.
 */
ALWAYS_INLINE vector
winograd_input_last (const vector *d)
{
  const float a = CCS_WINOGRAD_A, b = CCS_WINOGRAD_B;

  return winograd_add (winograd_add (d[4], -(a * a + b * b), d[2]),
                       a * a * b * b, d[0]);
}

ALWAYS_INLINE void
winograd_input_five (vector *d)
{
  const float a = CCS_WINOGRAD_A, b = CCS_WINOGRAD_B;
  const vector even_a = spread (a) * winograd_add (d[2], -b * b, d[0]);
  const vector odd_a = winograd_add (d[3], -b * b, d[1]);
  const vector even_b = spread (b) * winograd_add (d[2], -a * a, d[0]);
  const vector odd_b = winograd_add (d[3], -a * a, d[1]);

  d[4] = winograd_input_last (d);
  d[0] = odd_a + even_a;
  d[1] = odd_a - even_a;
  d[2] = odd_b + even_b;
  d[3] = odd_b - even_b;
}

/* B^T d with the additional point 0: the polynomials of the other points get a
 * factor x, so their values are those of the tile without its first pixel. */
ALWAYS_INLINE void
winograd_input_six (vector *d)
{
  d[0] = winograd_input_last (d);
  winograd_input_five (d + 1);
}

/* A^T m for the values at +-A, +-B and infinity: sums with powers of the
 * points. */
ALWAYS_INLINE void
winograd_output_five (const gint step, const vector *m, vector *y)
{
  const float a = CCS_WINOGRAD_A, b = CCS_WINOGRAD_B;
  const vector halves_a[] = { m[0] + m[1], m[0] - m[1] };
  const vector halves_b[] = { m[2] + m[3], m[2] - m[3] };
  float power_a = 1.f, power_b = 1.f;

#pragma GCC unroll 4
  for (gint i = 0; i < step; i++, power_a *= a, power_b *= b) {
    y[i] = i + 1 == step ? m[4] : spread (0.f);
    y[i] = winograd_add (y[i], power_a, halves_a[i % 2]);
    y[i] = winograd_add (y[i], power_b, halves_b[i % 2]);
  }
}

ALWAYS_INLINE void
winograd_output_six (const gint step, const vector *m, vector *y)
{
  winograd_output_five (step, m + 1, y);
  y[0] += m[0];
}

/* -- both axes ------------------------------------------------------------- */

#define WINOGRAD_MAX_TILE 6
#define WINOGRAD_MAX_STEP 4
#define WINOGRAD_MAX_TAPS 5

typedef void (*WinogradFilterAxis) (const gint taps, const vector *g,
                                    vector *to);
typedef void (*WinogradInputAxis) (vector *d);
typedef void (*WinogradOutputAxis) (const gint step, const vector *m,
                                    vector *y);

static inline vector
winograd_load (const float *x, gint64 n)
{
  vector part = { 0.f };

  if (n >= LANES)
    return *(const loose_vector *)x;
  if (n > 0)
    memcpy (&part, x, n * sizeof (float));
  return part;
}

ALWAYS_INLINE void
winograd_filter (const gint n_taps, const gint tile,
                 const WinogradFilterAxis axis, gint64 columns,
                 const float *const *taps, float *to, gint64 plane)
{
  for (gint64 c = 0; c < GEMM_COLUMNS; c += LANES) {
    vector half[WINOGRAD_MAX_TAPS][WINOGRAD_MAX_TILE];

    for (gint j = 0; j < n_taps; j++) {
      vector g[WINOGRAD_MAX_TAPS];

      for (gint i = 0; i < n_taps; i++)
        g[i] = winograd_load (taps[n_taps * i + j] + c, columns - c);
      axis (n_taps, g, half[j]);
    }
    for (gint i = 0; i < tile; i++) {
      vector g[WINOGRAD_MAX_TAPS], row[WINOGRAD_MAX_TILE];

      for (gint j = 0; j < n_taps; j++)
        g[j] = half[j][i];
      axis (n_taps, g, row);
      for (gint j = 0; j < tile; j++)
        *(loose_vector *)(to + (tile * i + j) * plane + c) = row[j];
    }
  }
}

ALWAYS_INLINE void
winograd_input (const gint tile, const WinogradInputAxis axis, gint64 channels,
                const float *const *pixels, float *to, gint64 plane)
{
  for (gint64 c = 0; c < channels; c += LANES) {
    vector rows[WINOGRAD_MAX_TILE][WINOGRAD_MAX_TILE];

    for (gint i = 0; i < tile; i++) {
      vector d[WINOGRAD_MAX_TILE];

      for (gint j = 0; j < tile; j++)
        d[j] = winograd_load (pixels[tile * i + j] + c, channels - c);
      axis (d);
      for (gint j = 0; j < tile; j++)
        rows[i][j] = d[j];
    }
    for (gint j = 0; j < tile; j++) {
      vector d[WINOGRAD_MAX_TILE];

      for (gint i = 0; i < tile; i++)
        d[i] = rows[i][j];
      axis (d);
      for (gint i = 0; i < tile; i++)
        *(loose_vector *)(to + (tile * i + j) * plane + c) = d[i];
    }
  }
}

ALWAYS_INLINE void
winograd_results (const gint step, const gint tile,
                  const WinogradOutputAxis axis, const float *from,
                  gint64 plane, vector *y)
{
  vector half[WINOGRAD_MAX_TILE][WINOGRAD_MAX_STEP];

  for (gint i = 0; i < tile; i++) {
    vector m[WINOGRAD_MAX_TILE];

    for (gint j = 0; j < tile; j++)
      m[j] = *(const loose_vector *)(from + (tile * i + j) * plane);
    axis (step, m, half[i]);
  }
  for (gint j = 0; j < step; j++) {
    vector m[WINOGRAD_MAX_TILE], column[WINOGRAD_MAX_STEP];

    for (gint i = 0; i < tile; i++)
      m[i] = half[i][j];
    axis (step, m, column);
    for (gint i = 0; i < step; i++)
      y[step * i + j] = column[i];
  }
}

ALWAYS_INLINE void
winograd_output (const gint step, const gint tile,
                 const WinogradOutputAxis axis, gint64 columns,
                 const float *from, gint64 plane, const float *bias,
                 const float *const *residual, CcsAct act, float *const *y)
{
  float results[WINOGRAD_MAX_STEP * WINOGRAD_MAX_STEP][GEMM_COLUMNS]
      __attribute__ ((aligned (64)));

  for (gint64 c = 0; c < GEMM_COLUMNS; c += LANES) {
    vector part[WINOGRAD_MAX_STEP * WINOGRAD_MAX_STEP];

    winograd_results (step, tile, axis, from + c, plane, part);
    for (gint i = 0; i < step * step; i++)
      *(vector *)(results[i] + c) = part[i];
  }
  for (gint i = 0; i < step * step; i++)
    if (y[i])
      epilogue (1, columns, results[i], 0, bias, residual[i], 0, act, y[i], 0);
}

#define DEFINE_WINOGRAD(STEP, TAPS, POINTS)                                    \
  static void winograd_##STEP##_##TAPS##_filter (                              \
      gint64 columns, const float *const *taps, float *to, gint64 plane)       \
  {                                                                            \
    winograd_filter (TAPS, STEP + TAPS - 1, winograd_filter_##POINTS, columns, \
                     taps, to, plane);                                         \
  }                                                                            \
                                                                               \
  static void winograd_##STEP##_##TAPS##_input (                               \
      gint64 channels, const float *const *pixels, float *to, gint64 plane)    \
  {                                                                            \
    winograd_input (STEP + TAPS - 1, winograd_input_##POINTS, channels,        \
                    pixels, to, plane);                                        \
  }                                                                            \
                                                                               \
  static void winograd_##STEP##_##TAPS##_output (                              \
      gint64 columns, const float *from, gint64 plane, const float *bias,      \
      const float *const *residual, CcsAct act, float *const *y)               \
  {                                                                            \
    winograd_output (STEP, STEP + TAPS - 1, winograd_output_##POINTS, columns, \
                     from, plane, bias, residual, act, y);                     \
  }

DEFINE_WINOGRAD (2, 3, four)
DEFINE_WINOGRAD (4, 3, six)
DEFINE_WINOGRAD (2, 5, six)
DEFINE_WINOGRAD (4, 2, five)
#undef DEFINE_WINOGRAD
#undef ALWAYS_INLINE

/* An entry of the table of forms. */
#define WINOGRAD(STEP, TAPS)                                                   \
  [CCS_WINOGRAD_##STEP##_##TAPS]                                               \
      = { STEP, TAPS, winograd_##STEP##_##TAPS##_filter,                       \
          winograd_##STEP##_##TAPS##_input,                                    \
          winograd_##STEP##_##TAPS##_output }
