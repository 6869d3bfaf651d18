/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Activations and pointwise loops, as plain C that compilers turn into vector
 * code. Included once for each instruction set. */

/* Results may overwrite operands, but only at the same index, so loop
 * iterations are independent. */
#ifdef __clang__
#define INDEPENDENT _Pragma ("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma ("GCC ivdep")
#endif
/* A loop over @i from 0 to @n whose body is a block. A macro, because
 * clang-format misplaces what comes after a pragma in the middle of a line. */
#define FOR_INDEPENDENT(i, n) INDEPENDENT for (gint64 i = 0; i < (n); i++)

static inline float
act_none (float x, float slope)
{
  return x;
}

static inline float
act_relu (float x, float slope)
{
  return x > 0.f ? x : 0.f;
}

static inline float
act_leaky_relu (float x, float slope)
{
  return x > 0.f ? x : slope * x;
}

/* Returns e^x with an error of about 1 unit in the last place: 2^n e^r, |r| <=
 * ln 2 / 2. */
static inline float
exp_float (float x)
{
  const float limit = 87.33f; /* e^-limit is still normal */
  const float clamped = x < -limit ? -limit : x > limit ? limit : x;
  const float rounder = 12582912.f; /* 1.5 x 2^23 leaves whole numbers */
  const float n = (clamped * 1.44269504f + rounder) - rounder;
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  union
  {
    gint32 i;
    float f;
  } power;

  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  power.i = ((gint32)n + 127) << 23;
  return p * power.f;
}

static inline float
act_sigmoid (float x, float slope)
{
  return 1.f / (1.f + exp_float (-x));
}

/* Runs LOOP (function) with the activation's function as a constant. */
#define FOR_EACH_ACT(act, LOOP)                                                \
  switch ((act).kind) {                                                        \
  case CCS_ACT_NONE: {                                                         \
    LOOP (act_none) break;                                                     \
  }                                                                            \
  case CCS_ACT_RELU: {                                                         \
    LOOP (act_relu) break;                                                     \
  }                                                                            \
  case CCS_ACT_LEAKY_RELU: {                                                   \
    LOOP (act_leaky_relu) break;                                               \
  }                                                                            \
  case CCS_ACT_SIGMOID: {                                                      \
    LOOP (act_sigmoid) break;                                                  \
  }                                                                            \
  }

/* Return the derivative for y = act (x). */
static inline float
derivative_none (float y, float slope)
{
  return 1.f;
}

static inline float
derivative_relu (float y, float slope)
{
  return y > 0.f ? 1.f : 0.f;
}

static inline float
derivative_leaky_relu (float y, float slope)
{
  return y > 0.f ? 1.f : slope;
}

static inline float
derivative_sigmoid (float y, float slope)
{
  return y * (1.f - y);
}

/* Runs LOOP (function, derivative) in the same way. */
#define FOR_EACH_DERIVATIVE(act, LOOP)                                         \
  switch ((act).kind) {                                                        \
  case CCS_ACT_NONE: {                                                         \
    LOOP (act_none, derivative_none) break;                                    \
  }                                                                            \
  case CCS_ACT_RELU: {                                                         \
    LOOP (act_relu, derivative_relu) break;                                    \
  }                                                                            \
  case CCS_ACT_LEAKY_RELU: {                                                   \
    LOOP (act_leaky_relu, derivative_leaky_relu) break;                        \
  }                                                                            \
  case CCS_ACT_SIGMOID: {                                                      \
    LOOP (act_sigmoid, derivative_sigmoid) break;                              \
  }                                                                            \
  }

static void
epilogue (gint64 rows, gint64 channels, const float *x, gint64 x_pitch,
          const float *bias, const float *residual, gint64 residual_pitch,
          CcsAct act, float *y, gint64 y_pitch)
{
  if (!bias && x_pitch == channels && y_pitch == channels
      && (!residual || residual_pitch == channels)) {
    channels *= rows; /* one long row */
    rows = 1;
  }
  for (gint64 r = 0; r < rows; r++) {
    const float *from = x + r * x_pitch;
    const float *more = residual ? residual + r * residual_pitch : NULL;
    float *to = y + r * y_pitch;

#define LOOP(ACT)                                                              \
  if (bias && more) {                                                          \
    FOR_INDEPENDENT (c, channels) {                                            \
      to[c] = ACT (from[c] + bias[c] + more[c], act.slope);                    \
    }                                                                          \
  } else if (bias || more) {                                                   \
    FOR_INDEPENDENT (c, channels) {                                            \
      to[c] = ACT (from[c] + (bias ? bias : more)[c], act.slope);              \
    }                                                                          \
  } else {                                                                     \
    FOR_INDEPENDENT (c, channels) {                                            \
      to[c] = ACT (from[c], act.slope);                                        \
    }                                                                          \
  }
    FOR_EACH_ACT (act, LOOP)
#undef LOOP
  }
}

static void
activation_grad (gint64 n, const float *dy, const float *y, CcsAct act,
                 float *dx)
{
#define LOOP(ACT, DERIVATIVE)                                                  \
  INDEPENDENT                                                                  \
  for (gint64 i = 0; i < n; i++)                                               \
    dx[i] = dy[i] * DERIVATIVE (y[i], act.slope);
  FOR_EACH_DERIVATIVE (act, LOOP)
#undef LOOP
}

static void
binary (CcsSimdBinary kind, gint64 n, const float *a, const float *b,
        gint64 b_step, CcsAct act, float *y)
{
#define LOOP(ACT)                                                              \
  if (b_step == 0) {                                                           \
    const float other = b[0];                                                  \
    FOR_INDEPENDENT (i, n) {                                                   \
      y[i] = ACT (a[i] + other, act.slope);                                    \
    }                                                                          \
  } else {                                                                     \
    FOR_INDEPENDENT (i, n) {                                                   \
      y[i] = ACT (a[i] + b[i], act.slope);                                     \
    }                                                                          \
  }
  if (kind == CCS_SIMD_ADD) {
    FOR_EACH_ACT (act, LOOP)
  } else if (b_step == 0) {
    const float other = b[0];

    if (kind == CCS_SIMD_SUB) {
      FOR_INDEPENDENT (i, n) {
        y[i] = a[i] - other;
      }
    } else {
      FOR_INDEPENDENT (i, n) {
        y[i] = a[i] * other;
      }
    }
  } else if (kind == CCS_SIMD_SUB) {
    FOR_INDEPENDENT (i, n) {
      y[i] = a[i] - b[i];
    }
  } else {
    FOR_INDEPENDENT (i, n) {
      y[i] = a[i] * b[i];
    }
  }
#undef LOOP
}

static void
affine (gint64 n, const float *x, float scale, float shift, float *y)
{
  INDEPENDENT
  for (gint64 i = 0; i < n; i++)
    y[i] = scale * x[i] + shift;
}

static void
modulate (gint64 n, const float *x, const float *gamma, const float *beta,
          CcsAct act, float *y)
{
#define LOOP(ACT)                                                              \
  INDEPENDENT                                                                  \
  for (gint64 i = 0; i < n; i++)                                               \
    y[i] = ACT (x[i] * (1.f + gamma[i]) + beta[i], act.slope);
  FOR_EACH_ACT (act, LOOP)
#undef LOOP
}

static void
complex_mul (gint64 n, const float *a, const float *b, gboolean conjugate_b,
             float *y)
{
  /* Uses sums only: gcc 12 turns a difference beside a sum into a fused
   * operation, which rounds differently, even with -ffp-contract=off. */
  const float sign = conjugate_b ? -1.f : 1.f, opposite = -sign;

  INDEPENDENT
  for (gint64 i = 0; i < n; i += 2) {
    const float re = a[i] * b[i] + opposite * a[i + 1] * b[i + 1];
    const float im = a[i + 1] * b[i] + sign * a[i] * b[i + 1];

    y[i] = re;
    y[i + 1] = im;
  }
}

/* Adds runs of constant length, in @count pieces of type @piece. */
#define SPREAD_ADD(piece, count)                                               \
  for (gint64 i = 0; i < n; i++) {                                             \
    const piece *from = (const piece *)(x + i * x_step);                       \
    piece *to = (piece *)(y + i * y_step);                                     \
    for (gint64 p = 0; p < count; p++)                                         \
      to[p] += from[p];                                                        \
  }

static void
spread_add (gint64 n, gint64 run, const float *x, gint64 x_step, float *y,
            gint64 y_step)
{
  typedef float eight
      __attribute__ ((vector_size (32), aligned (4), may_alias));
  typedef float sixteen
      __attribute__ ((vector_size (64), aligned (4), may_alias));

  if (run == 8)
    SPREAD_ADD (eight, 1)
  else if (run == 64)
    SPREAD_ADD (sixteen, 4)
  else if (run % 16 == 0)
    SPREAD_ADD (sixteen, run / 16)
  else
    SPREAD_ADD (float, run)
}

/* Copies runs. A run of at least one vector ends with a vector that may overlap
 * the one before. */
static void
copy_runs (gint64 n, gint64 run, const float *x, gint64 x_step, float *y,
           gint64 y_step)
{
  for (gint64 i = 0; i < n; i++, x += x_step, y += y_step) {
    if (run < LANES) {
      for (gint64 c = 0; c < run; c++)
        y[c] = x[c];
      continue;
    }
    for (gint64 c = 0; c + LANES < run; c += LANES)
      *(loose_vector *)(y + c) = *(const loose_vector *)(x + c);
    *(loose_vector *)(y + run - LANES)
        = *(const loose_vector *)(x + run - LANES);
  }
}

static void
fill_rows (gint64 rows, gint64 channels, const float *x, float *y)
{
  for (gint64 r = 0; r < rows; r++)
    for (gint64 c = 0; c < channels; c++)
      y[r * channels + c] = x[c];
}

static void
axpy (gint64 n, float k, const float *x, float *restrict y)
{
  for (gint64 i = 0; i < n; i++)
    y[i] += k * x[i];
}

static inline vector
larger (vector a, vector b)
{
  const vector_mask take = b > a;

  return (vector)((take & (vector_mask)b) | (~take & (vector_mask)a));
}

static void
pool_max (gint64 n, guint count, const float *const *x, const guint8 *positions,
          float *restrict y, guint8 *restrict where)
{
  gint64 i = 0;

  for (; !where && i + LANES <= n; i += LANES) {
    vector best = *(const loose_vector *)(x[0] + i);

    for (guint k = 1; k < count; k++) {
      const vector other = *(const loose_vector *)(x[k] + i);

      best = larger (best, other);
    }
    *(loose_vector *)(y + i) = best;
  }
  for (gint64 c = i; c < n; c++)
    y[c] = x[0][c];
  for (gint64 c = i; where && c < n; c++)
    where[c] = positions[0];
  for (guint k = 1; i < n && k < count; k++) {
    const float *from = x[k];
    const guint8 position = positions[k];

    if (where)
      for (gint64 c = i; c < n; c++)
        where[c] = from[c] > y[c] ? position : where[c];
    for (gint64 c = i; c < n; c++)
      y[c] = from[c] > y[c] ? from[c] : y[c];
  }
}

static void
pool_spread (gint64 n, const float *dy, const guint8 *where, guint8 position,
             float *restrict dx)
{
  for (gint64 i = 0; i < n; i++)
    dx[i] += where[i] == position ? dy[i] : 0.f;
}

static void
adam (gint64 n, float *restrict param, const float *grad, float *restrict m,
      float *restrict v, float grad_scale, float weight_decay, float beta1,
      float beta2, float step, float root_bias2, float eps)
{
  const float rest1 = 1.f - beta1, rest2 = 1.f - beta2;
  const float scale = 1.f / root_bias2;

  for (gint64 i = 0; i < n; i++) {
    const float g = grad_scale * grad[i] + weight_decay * param[i];
    const float mean = beta1 * m[i] + rest1 * g;
    const float square = beta2 * v[i] + rest2 * g * g;

    m[i] = mean;
    v[i] = square;
    param[i] -= step * mean / (__builtin_sqrtf (square) * scale + eps);
  }
}
