/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Winograd's transforms, F(2x2,3x3) and F(4x4,3x3): a tile of pixels becomes as
 * many numbers a channel, whose products with a filter's give 2x2 or 4x4
 * results. Included once for each instruction set. */

/* y = x + k a, for a constant k. */
static inline vector
winograd_add (vector x, float k, vector a)
{
  return MULTIPLY_ADD (spread (k), a, x);
}

/* -- one axis ---------------------------------------------------------------
 */

/* G g of F(2,3). */
static inline __attribute__ ((always_inline)) void
winograd2_filter_axis (const vector g[3], vector to[4])
{
  const vector even = spread (0.5f) * (g[0] + g[2]), odd = spread (0.5f) * g[1];

  to[0] = g[0];
  to[1] = even + odd;
  to[2] = even - odd;
  to[3] = g[2];
}

/* B^T d of F(2,3). */
static inline __attribute__ ((always_inline)) void
winograd2_input_axis (vector d[4])
{
  const vector d1 = d[1];

  d[0] -= d[2];
  d[1] += d[2];
  d[2] -= d1;
  d[3] = d1 - d[3];
}

/* A^T m of F(2,3). */
static inline __attribute__ ((always_inline)) void
winograd2_output_axis (const vector m[4], vector y[2])
{
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] - m[3];
}

/* Of G g of F(4,3): the numbers at the points +-p, the others being 0 and
 * +-q. */
static inline __attribute__ ((always_inline)) void
winograd4_filter_points (const vector g[3], const double p, const double q,
                         vector to[2])
{
  const double by = 1 / (2 * (p * p - q * q));
  const vector even = winograd_add (spread (by / (p * p)) * g[0], by, g[2]);
  const vector odd = spread (by / p) * g[1];

  to[0] = even + odd;
  to[1] = even - odd;
}

static inline __attribute__ ((always_inline)) void
winograd4_filter_axis (const vector g[3], vector to[6])
{
  const double a = CCS_WINOGRAD_A, b = CCS_WINOGRAD_B;

  to[0] = spread (1 / (a * a * b * b)) * g[0];
  winograd4_filter_points (g, a, b, to + 1);
  winograd4_filter_points (g, b, a, to + 3);
  to[5] = g[2];
}

/* B^T d of F(4,3): the polynomials through all points but one. */
static inline __attribute__ ((always_inline)) void
winograd4_input_axis (vector d[6])
{
  const float a = CCS_WINOGRAD_A, b = CCS_WINOGRAD_B;
  const vector even_a = winograd_add (d[4], -b * b, d[2]);
  const vector odd_a = spread (a) * winograd_add (d[3], -b * b, d[1]);
  const vector even_b = winograd_add (d[4], -a * a, d[2]);
  const vector odd_b = spread (b) * winograd_add (d[3], -a * a, d[1]);

  d[0] = winograd_add (winograd_add (d[4], -(a * a + b * b), d[2]),
                       a * a * b * b, d[0]);
  d[5] = winograd_add (winograd_add (d[5], -(a * a + b * b), d[3]),
                       a * a * b * b, d[1]);
  d[1] = even_a + odd_a;
  d[2] = even_a - odd_a;
  d[3] = even_b + odd_b;
  d[4] = even_b - odd_b;
}

/* A^T m of F(4,3): powers of the points. */
static inline __attribute__ ((always_inline)) void
winograd4_output_axis (const vector m[6], vector y[4])
{
  const float a = CCS_WINOGRAD_A, b = CCS_WINOGRAD_B;
  const vector even_a = m[1] + m[2], odd_a = m[1] - m[2];
  const vector even_b = m[3] + m[4], odd_b = m[3] - m[4];

  y[0] = m[0] + even_a + even_b;
  y[1] = winograd_add (spread (a) * odd_a, b, odd_b);
  y[2] = winograd_add (spread (a * a) * even_a, b * b, even_b);
  y[3] = winograd_add (winograd_add (m[5], a * a * a, odd_a), b * b * b, odd_b);
}

/* -- both axes --------------------------------------------------------------
 */

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

#define DEFINE_WINOGRAD(form, TILE, STEP)                                      \
  static void form##_filter (gint64 columns, const float *taps,                \
                             gint64 tap_step, float *to, gint64 plane)         \
  {                                                                            \
    for (gint64 c = 0; c < GEMM_COLUMNS; c += LANES) {                         \
      vector half[3][TILE];                                                    \
                                                                               \
      for (gint j = 0; j < 3; j++) {                                           \
        vector g[3];                                                           \
                                                                               \
        for (gint i = 0; i < 3; i++)                                           \
          g[i] = winograd_load (taps + (3 * i + j) * tap_step + c,             \
                                columns - c);                                  \
        form##_filter_axis (g, half[j]);                                       \
      }                                                                        \
      for (gint i = 0; i < TILE; i++) {                                        \
        const vector g[] = { half[0][i], half[1][i], half[2][i] };             \
        vector row[TILE];                                                      \
                                                                               \
        form##_filter_axis (g, row);                                           \
        for (gint j = 0; j < TILE; j++)                                        \
          *(loose_vector *)(to + (TILE * i + j) * plane + c) = row[j];         \
      }                                                                        \
    }                                                                          \
  }                                                                            \
                                                                               \
  static void form##_input (gint64 channels, const float *const *pixels,       \
                            float *to, gint64 plane)                           \
  {                                                                            \
    for (gint64 c = 0; c < channels; c += LANES) {                             \
      vector rows[TILE][TILE];                                                 \
                                                                               \
      for (gint i = 0; i < TILE; i++) {                                        \
        vector d[TILE];                                                        \
                                                                               \
        for (gint j = 0; j < TILE; j++)                                        \
          d[j] = winograd_load (pixels[TILE * i + j] + c, channels - c);       \
        form##_input_axis (d);                                                 \
        for (gint j = 0; j < TILE; j++)                                        \
          rows[i][j] = d[j];                                                   \
      }                                                                        \
      for (gint j = 0; j < TILE; j++) {                                        \
        vector d[TILE];                                                        \
                                                                               \
        for (gint i = 0; i < TILE; i++)                                        \
          d[i] = rows[i][j];                                                   \
        form##_input_axis (d);                                                 \
        for (gint i = 0; i < TILE; i++)                                        \
          *(loose_vector *)(to + (TILE * i + j) * plane + c) = d[i];           \
      }                                                                        \
    }                                                                          \
  }                                                                            \
                                                                               \
  static inline __attribute__ ((always_inline)) void form##_sums (             \
      const float *from, gint64 plane, vector y[STEP * STEP])                  \
  {                                                                            \
    vector half[TILE][STEP];                                                   \
                                                                               \
    for (gint i = 0; i < TILE; i++) {                                          \
      vector m[TILE];                                                          \
                                                                               \
      for (gint j = 0; j < TILE; j++)                                          \
        m[j] = *(const loose_vector *)(from + (TILE * i + j) * plane);         \
      form##_output_axis (m, half[i]);                                         \
    }                                                                          \
    for (gint j = 0; j < STEP; j++) {                                          \
      vector m[TILE], column[STEP];                                            \
                                                                               \
      for (gint i = 0; i < TILE; i++)                                          \
        m[i] = half[i][j];                                                     \
      form##_output_axis (m, column);                                          \
      for (gint i = 0; i < STEP; i++)                                          \
        y[STEP * i + j] = column[i];                                           \
    }                                                                          \
  }                                                                            \
                                                                               \
  static void form##_output (gint64 columns, const float *from, gint64 plane,  \
                             const float *bias, const float *const *residual,  \
                             CcsAct act, float *const *y)                      \
  {                                                                            \
    float sums[STEP * STEP][GEMM_COLUMNS] __attribute__ ((aligned (64)));      \
                                                                               \
    for (gint64 c = 0; c < GEMM_COLUMNS; c += LANES) {                         \
      vector part[STEP * STEP];                                                \
                                                                               \
      form##_sums (from + c, plane, part);                                     \
      for (gint i = 0; i < STEP * STEP; i++)                                   \
        *(vector *)(sums[i] + c) = part[i];                                    \
    }                                                                          \
    for (gint i = 0; i < STEP * STEP; i++)                                     \
      if (y[i])                                                                \
        epilogue (1, columns, sums[i], 0, bias, residual[i], 0, act, y[i], 0); \
  }

DEFINE_WINOGRAD (winograd2, 4, 2)
DEFINE_WINOGRAD (winograd4, 6, 4)
#undef DEFINE_WINOGRAD
