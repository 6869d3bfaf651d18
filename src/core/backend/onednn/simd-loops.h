/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loops of simd.h as plain C that compilers turn into vector code. No
 * include guard: each simd-*.c includes it under its own instruction set, with
 * CCS_SIMD_TABLE and CCS_SIMD_NAME set. */

/* act (x) with the activation known to the compiler. */
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

/* e^x to about 1 unit in the last place: 2^n e^r, |r| <= ln 2 / 2. */
static inline float
exp_float (float x)
{
  const float limit = 87.33f;   /* e^-limit is still normal */
  float clamped = x < -limit ? -limit : x > limit ? limit : x;
  float rounder = 12582912.f;   /* 1.5 x 2^23: adding it rounds to whole */
  float n = (clamped * 1.44269504f + rounder) - rounder;
  float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
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
  power.i = ((gint32) n + 127) << 23;
  return p * power.f;
}

static inline float
act_sigmoid (float x, float slope)
{
  return 1.f / (1.f + exp_float (-x));
}

/* One loop for each activation. */
#define FOR_EACH_ACT(act, LOOP) \
  switch (act.kind) { \
    case CCS_ACT_NONE: LOOP (act_none) break; \
    case CCS_ACT_RELU: LOOP (act_relu) break; \
    case CCS_ACT_LEAKY_RELU: LOOP (act_leaky_relu) break; \
    case CCS_ACT_SIGMOID: LOOP (act_sigmoid) break; \
  }

static void
epilogue (gint64 rows, gint64 channels, const float *x, gint64 x_pitch,
    const float *bias, const float *residual, gint64 residual_pitch,
    CcsAct act, float *y, gint64 y_pitch)
{
  for (gint64 r = 0; r < rows; r++) {
    const float *from = x + r * x_pitch;
    const float *more = residual ? residual + r * residual_pitch : NULL;
    float *to = y + r * y_pitch;

#define LOOP(ACT) \
    if (bias && more) \
      for (gint64 c = 0; c < channels; c++) \
        to[c] = ACT (from[c] + bias[c] + more[c], act.slope); \
    else if (bias || more) \
      for (gint64 c = 0; c < channels; c++) \
        to[c] = ACT (from[c] + (bias ? bias : more)[c], act.slope); \
    else \
      for (gint64 c = 0; c < channels; c++) \
        to[c] = ACT (from[c], act.slope);
    FOR_EACH_ACT (act, LOOP)
#undef LOOP
  }
}

const CcsSimd CCS_SIMD_TABLE = {
  .name = CCS_SIMD_NAME,
  .epilogue = epilogue,
};
