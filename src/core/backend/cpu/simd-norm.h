/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sums over rows and along rows, and what norms do with them. Included once
 * for each instruction set. */

static void
column_sums (gint64 rows, gint64 channels, const float *x, gint64 pitch,
             float *restrict sum)
{
  for (gint64 r = 0; r < rows; r++)
    for (gint64 c = 0; c < channels; c++)
      sum[c] += x[r * pitch + c];
}

static void
moments (gint64 rows, gint64 channels, const float *x, gint64 pitch,
         float *restrict mean, float *restrict square)
{
  const float scale = 1.f / rows;

  for (gint64 c = 0; c < channels; c++)
    mean[c] = square[c] = 0.f;
  column_sums (rows, channels, x, pitch, mean);
  for (gint64 c = 0; c < channels; c++)
    mean[c] *= scale;
  for (gint64 r = 0; r < rows; r++)
    for (gint64 c = 0; c < channels; c++) {
      const float off = x[r * pitch + c] - mean[c];

      square[c] += off * off;
    }
}

static void
normalize (gint64 rows, gint64 channels, const float *x, gint64 x_pitch,
           const float *mean, const float *scale, const float *shift,
           CcsAct act, float *y, gint64 y_pitch)
{
  for (gint64 r = 0; r < rows; r++) {
    const float *from = x + r * x_pitch;
    float *to = y + r * y_pitch;

#define LOOP(ACT)                                                              \
  INDEPENDENT                                                                  \
  for (gint64 c = 0; c < channels; c++)                                        \
    to[c] = ACT ((from[c] - mean[c]) * scale[c] + shift[c], act.slope);
    FOR_EACH_ACT (act, LOOP)
#undef LOOP
  }
}

static void
norm_grad_sums (gint64 rows, gint64 channels, const float *dy, gint64 dy_pitch,
                const float *x, gint64 x_pitch, const float *mean,
                const float *scale, const float *shift, CcsAct act,
                float *restrict sum, float *restrict dot)
{
  for (gint64 c = 0; c < channels; c++)
    sum[c] = dot[c] = 0.f;
  for (gint64 r = 0; r < rows; r++) {
    const float *gradient = dy + r * dy_pitch, *from = x + r * x_pitch;

#define LOOP(ACT, DERIVATIVE)                                                  \
  for (gint64 c = 0; c < channels; c++) {                                      \
    const float off = from[c] - mean[c];                                       \
    const float y = ACT (off * scale[c] + shift[c], act.slope);                \
    const float g = gradient[c] * DERIVATIVE (y, act.slope);                   \
    sum[c] += g;                                                               \
    dot[c] += g * off;                                                         \
  }
    FOR_EACH_DERIVATIVE (act, LOOP)
#undef LOOP
  }
}

static void
norm_grad (gint64 rows, gint64 channels, const float *dy, gint64 dy_pitch,
           const float *x, gint64 x_pitch, const float *mean,
           const float *scale, const float *shift, const float *offset,
           const float *slope, CcsAct act, float *dx, gint64 dx_pitch)
{
  for (gint64 r = 0; r < rows; r++) {
    const float *gradient = dy + r * dy_pitch, *from = x + r * x_pitch;
    float *to = dx + r * dx_pitch;

#define LOOP(ACT, DERIVATIVE)                                                  \
  INDEPENDENT                                                                  \
  for (gint64 c = 0; c < channels; c++) {                                      \
    const float off = from[c] - mean[c];                                       \
    const float y = ACT (off * scale[c] + shift[c], act.slope);                \
    const float g = gradient[c] * DERIVATIVE (y, act.slope);                   \
    to[c] = scale[c] * (g - offset[c] - off * slope[c]);                       \
  }
    FOR_EACH_DERIVATIVE (act, LOOP)
#undef LOOP
  }
}

/* Sums along a row run in lanes that are added at the end, in a fixed order
 * for each vector unit. */
#define ROW_SUM(n, TERM)                                                       \
  vector lanes[2] = { { 0.f }, { 0.f } };                                      \
  float total = 0.f;                                                           \
  gint64 i = 0;                                                                \
  for (; i + 2 * LANES <= n; i += 2 * LANES)                                   \
    for (gint64 half = 0; half < 2; half++) {                                  \
      const gint64 at = i + half * LANES;                                      \
      lanes[half] += TERM (loose_vector, at);                                  \
    }                                                                          \
  lanes[0] += lanes[1];                                                        \
  for (gint64 lane = 0; lane < LANES; lane++)                                  \
    total += lanes[0][lane];                                                   \
  for (; i < n; i++)                                                           \
    total += TERM (float, i);

static float
dot (gint64 n, const float *x, const float *y)
{
#define TERM(type, at) (*(const type *)(x + at) * *(const type *)(y + at))
  ROW_SUM (n, TERM)
#undef TERM
  return total;
}

static float
sum (gint64 n, const float *x)
{
#define TERM(type, at) (*(const type *)(x + at))
  ROW_SUM (n, TERM)
#undef TERM
  return total;
}

static float
softmax (gint64 n, float scale, float *x)
{
  float top = scale * x[0];

  for (gint64 i = 0; i < n; i++) {
    x[i] *= scale;
    top = x[i] > top ? x[i] : top;
  }
  for (gint64 i = 0; i < n; i++)
    x[i] = exp_float (x[i] - top);
  return sum (n, x);
}
