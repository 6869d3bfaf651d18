/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bicubic resize with exactly Pillow's results (specification section 11), in
 * 16-bit vector arithmetic. The horizontal filter writes rows into a ring
 * buffer, which holds the rows that the vertical filter needs. */
#include "frame.h"

#include <ccstereo/error.h>
#include <math.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define N_CHANNELS 3

#define WEIGHT_BITS CCS_RESIZE_WEIGHT_BITS
/* A weight of 22 fractional bits is high x 2^15 + low, two 16-bit numbers, so
 * that a pair of taps is one 16-bit multiply-add for each half. Sums wrap
 * modulo 2^32, and the whole sum fits 32 bits. */
#define LOW_BITS 15

typedef guint8 Bytes __attribute__ ((vector_size (16)));
typedef gint16 Words __attribute__ ((vector_size (16)));
typedef guint32 Sums __attribute__ ((vector_size (16)));

#define LANES (sizeof (Sums) / sizeof (guint32))
/* Rows that the horizontal filter processes together, with the same weights. */
#define ROW_BLOCK 4

/* The weights of two adjacent taps, repeated over the lanes. */
typedef struct
{
  Words low, high;
} TapPair;

/* One axis: output position x is the sum over the taps [first[x], last[x]) of
 * the input with the weights pairs[x * n_pairs]...; the remaining weights are
 * zero. */
typedef struct
{
  gint in, out;
  gint n_pairs;
  gint *first, *last;
  TapPair *pairs;
} Axis;

struct _CcsResize
{
  Axis horizontal, vertical;
  gsize ring_stride; /* bytes; a multiple of the vector size */
  gint ring_rows;
  guint8 *ring;            /* input row r, resized, at r mod ring_rows */
  const guint8 **tap_rows; /* [2 n_pairs] of the vertical filter */
  gsize expanded_stride;   /* int16 */
  gint16 *expanded;        /* [ROW_BLOCK][2 x bytes of a row] */
};

/* -- plan -- */

/* The cubic convolution kernel with a = -0.5. */
static double
cubic (double t)
{
  const double a = -0.5;

  t = fabs (t);
  if (t < 1)
    return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2)
    return (((t - 5) * t + 8) * t - 4) * a;
  return 0;
}

static gint
fixed_point (double weight)
{
  double scaled = weight * (1 << WEIGHT_BITS);

  return (gint)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

/* Returns the largest number of taps of a position. */
static gint
most_taps (gint in, gint out)
{
  double support = 2 * MAX ((double)in / out, 1.);

  return MIN (in, (gint)ceil (support) * 2 + 1);
}

/* Computes the first tap, the number of taps and the weights @fixed of output
 * position @x. @weights is scratch memory. */
static gint
plan_position (gint in, gint out, gint x, double *weights, gint32 *fixed,
               gint *n)
{
  double scale = (double)in / out;
  double filter_scale = MAX (scale, 1.);
  double support = 2 * filter_scale;
  double center = (x + 0.5) * scale;
  gint first = MAX (0, (gint)(center - support + 0.5));
  gint last = MIN (in, (gint)(center + support + 0.5));
  double sum = 0;

  for (gint j = first; j < last; j++)
    sum += weights[j - first]
        = cubic ((j - center + 0.5) * (1. / filter_scale));
  for (gint k = 0; k < last - first; k++)
    fixed[k] = fixed_point (weights[k] / sum);
  *n = last - first;
  return first;
}

static void
tap_pair_set (TapPair *self, gint tap, gint weight)
{
  for (gsize i = tap; i < 2 * LANES; i += 2) {
    self->low[i] = (gint16)(weight & ((1 << LOW_BITS) - 1));
    self->high[i] = (gint16)(weight >> LOW_BITS);
  }
}

static gboolean
axis_plan (Axis *self, gint in, gint out)
{
  gint max_taps = most_taps (in, out);
  g_autofree double *weights = g_new (double, max_taps);
  g_autofree gint32 *fixed = g_new (gint32, max_taps);

  self->in = in;
  self->out = out;
  self->n_pairs = (max_taps + 1) / 2;
  self->first = g_new (gint, out);
  self->last = g_new (gint, out);
  self->pairs = g_try_malloc0_n ((gsize)out * self->n_pairs, sizeof (TapPair));
  if (!self->pairs)
    return FALSE;
  for (gint x = 0; x < out; x++) {
    TapPair *pairs = &self->pairs[(gsize)x * self->n_pairs];
    gint n;

    self->first[x] = plan_position (in, out, x, weights, fixed, &n);
    self->last[x] = self->first[x] + n;
    for (gint k = 0; k < n; k++)
      tap_pair_set (&pairs[k / 2], k % 2, fixed[k]);
  }
  return TRUE;
}

static void
axis_clear (Axis *self)
{
  g_free (self->first);
  g_free (self->last);
  g_free (self->pairs);
}

static gboolean
check_size (const char *which, gint width, gint height, GError **error)
{
  if (width >= 1 && width <= CCS_FRAME_MAX_SIDE && height >= 1
      && height <= CCS_FRAME_MAX_SIDE)
    return TRUE;
  g_set_error (error, CCS_ERROR, CCS_ERROR_ARGUMENT,
               "resize: %s size %dx%d is outside 1x1 to %dx%d", which, width,
               height, CCS_FRAME_MAX_SIDE, CCS_FRAME_MAX_SIDE);
  return FALSE;
}

CcsResizeTaps *
ccs_resize_taps_new (gint in, gint out, GError **error)
{
  CcsResizeTaps *self;
  g_autofree double *weights = NULL;

  if (!check_size ("input", in, 1, error)
      || !check_size ("output", out, 1, error))
    return NULL;
  self = g_new0 (CcsResizeTaps, 1);
  self->in = in;
  self->out = out;
  self->n_taps = most_taps (in, out);
  self->first = g_new (gint32, out);
  self->count = g_new (gint32, out);
  self->weight = g_try_new0 (gint32, (gsize)out * self->n_taps);
  weights = g_new (double, self->n_taps);
  if (!self->weight) {
    ccs_resize_taps_free (self);
    g_set_error (error, CCS_ERROR, CCS_ERROR_MEMORY,
                 "resize: no memory for %d to %d", in, out);
    return NULL;
  }
  for (gint x = 0; x < out; x++)
    self->first[x] = plan_position (in, out, x, weights,
                                    self->weight + (gsize)x * self->n_taps,
                                    &self->count[x]);
  return self;
}

void
ccs_resize_taps_free (CcsResizeTaps *self)
{
  if (!self)
    return;
  g_free (self->first);
  g_free (self->count);
  g_free (self->weight);
  g_free (self);
}

CcsResize *
ccs_resize_new (gint in_width, gint in_height, gint out_width, gint out_height,
                GError **error)
{
  g_autoptr (CcsResize) self = NULL;

  if (!check_size ("input", in_width, in_height, error)
      || !check_size ("output", out_width, out_height, error))
    return NULL;

  self = g_new0 (CcsResize, 1);
  if (!axis_plan (&self->horizontal, in_width, out_width)
      || !axis_plan (&self->vertical, in_height, out_height))
    goto no_memory;

  /* One vector beyond the row: the horizontal filter stores four bytes for a
   * pixel's three. */
  self->ring_stride
      = (out_width * N_CHANNELS / sizeof (Bytes) + 2) * sizeof (Bytes);
  self->ring_rows = 2 * self->vertical.n_pairs + ROW_BLOCK;
  self->ring = g_try_malloc0_n (self->ring_rows, self->ring_stride);
  self->tap_rows = g_new (const guint8 *, 2 * self->vertical.n_pairs);
  /* Beyond the row: a last pair whose second tap, or whose fourth lane, lies
   * outside. */
  self->expanded_stride
      = 2 * (in_width + 2 * self->horizontal.n_pairs + 1) * N_CHANNELS;
  self->expanded
      = g_try_malloc0_n (ROW_BLOCK * self->expanded_stride, sizeof (gint16));
  if (!self->ring || !self->expanded)
    goto no_memory;
  return g_steal_pointer (&self);

no_memory:
  g_set_error (error, CCS_ERROR, CCS_ERROR_MEMORY,
               "resize: no memory for %dx%d to %dx%d", in_width, in_height,
               out_width, out_height);
  return NULL;
}

void
ccs_resize_free (CcsResize *self)
{
  if (!self)
    return;
  axis_clear (&self->horizontal);
  axis_clear (&self->vertical);
  g_free (self->ring);
  g_free (self->tap_rows);
  g_free (self->expanded);
  g_free (self);
}

/* -- arithmetic -- */

/* Multiplies 16-bit numbers and adds adjacent products: lane i is a[2i] b[2i] +
 * a[2i+1] b[2i+1]. */
static inline Sums
multiply_add (Words a, Words b)
{
#ifdef __SSE2__
  return (Sums)_mm_madd_epi16 ((__m128i)a, (__m128i)b);
#else
  Sums sums;

  for (gsize i = 0; i < LANES; i++)
    sums[i] = (guint32)(a[2 * i] * b[2 * i])
              + (guint32)(a[2 * i + 1] * b[2 * i + 1]);
  return sums;
#endif
}

/* Rounds, clamps and stores four sums as bytes. */
static inline void
store_bytes (guint8 *out, Sums low, Sums high)
{
  Sums sums = (high << LOW_BITS) + low + (1u << (WEIGHT_BITS - 1));
#ifdef __SSE2__
  __m128i values = _mm_srai_epi32 ((__m128i)sums, WEIGHT_BITS);
  __m128i words = _mm_packs_epi32 (values, values);
  gint bytes = _mm_cvtsi128_si32 (_mm_packus_epi16 (words, words));

  memcpy (out, &bytes, LANES);
#else
  for (gsize i = 0; i < LANES; i++)
    out[i] = (guint8)CLAMP ((gint32)sums[i] >> WEIGHT_BITS, 0, 255);
#endif
}

/* Interleaves every byte with that of the same channel of the next pixel (zero
 * after the last), as the horizontal filter needs them. */
static void
expand_row (gint16 *restrict expanded, const guint8 *restrict row, gint width)
{
  gsize last = (gsize)(width - 1) * N_CHANNELS;

  for (gsize i = 0; i < last; i++) {
    expanded[2 * i] = row[i];
    expanded[2 * i + 1] = row[i + N_CHANNELS];
  }
  for (gsize i = last; i < last + N_CHANNELS; i++) {
    expanded[2 * i] = row[i];
    expanded[2 * i + 1] = 0;
  }
}

/* Applies the horizontal filter to @rows rows of @in, each to its own @out. The
 * lanes are the three channels and a fourth, which the next pixel overwrites.
 */
static inline void
filter_rows (const Axis *axis, const gint16 *in, gsize in_stride,
             guint8 *const *out, gint rows)
{
  for (gint x = 0; x < axis->out; x++) {
    const TapPair *pairs = axis->pairs + (gsize)x * axis->n_pairs;
    const gint16 *taps = in + 2 * N_CHANNELS * axis->first[x];
    gint n = (axis->last[x] - axis->first[x] + 1) / 2;
    Sums low[ROW_BLOCK] = { 0 }, high[ROW_BLOCK] = { 0 };

    for (gint k = 0; k < n; k++)
      for (gint r = 0; r < rows; r++) {
        Words pixels;

        memcpy (&pixels, taps + r * in_stride + 4 * N_CHANNELS * k,
                sizeof pixels);
        low[r] += multiply_add (pixels, pairs[k].low);
        high[r] += multiply_add (pixels, pairs[k].high);
      }
    for (gint r = 0; r < rows; r++)
      store_bytes (out[r] + N_CHANNELS * x, low[r], high[r]);
  }
}

/* Computes columns [@at, @at + 16) of output row @y from the rows in tap_rows.
 */
static inline void
filter_columns (const TapPair *pairs, gint n_pairs,
                const guint8 *const *tap_rows, gsize at,
                guint8 out[sizeof (Bytes)])
{
  const gsize groups = sizeof (Bytes) / LANES;
  Sums low[sizeof (Bytes) / LANES] = { 0 };
  Sums high[sizeof (Bytes) / LANES] = { 0 };

  for (gint k = 0; k < n_pairs; k++) {
    const Bytes zero = { 0 };
    Bytes a, b, ab[2];
    Words words[sizeof (Bytes) / LANES];

    memcpy (&a, tap_rows[2 * k] + at, sizeof a);
    memcpy (&b, tap_rows[2 * k + 1] + at, sizeof b);
#define INTERLEAVE_LOW(a, b)                                                   \
  __builtin_shufflevector (a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,  \
                           22, 7, 23)
#define INTERLEAVE_HIGH(a, b)                                                  \
  __builtin_shufflevector (a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, \
                           14, 30, 15, 31)
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define WIDEN_LOW(a) ((Words)INTERLEAVE_LOW (a, zero))
#define WIDEN_HIGH(a) ((Words)INTERLEAVE_HIGH (a, zero))
#else
#define WIDEN_LOW(a) ((Words)INTERLEAVE_LOW (zero, a))
#define WIDEN_HIGH(a) ((Words)INTERLEAVE_HIGH (zero, a))
#endif
    ab[0] = INTERLEAVE_LOW (a, b);
    ab[1] = INTERLEAVE_HIGH (a, b);
    for (gint half = 0; half < 2; half++) {
      words[2 * half] = WIDEN_LOW (ab[half]);
      words[2 * half + 1] = WIDEN_HIGH (ab[half]);
    }
    for (gsize g = 0; g < groups; g++) {
      low[g] += multiply_add (words[g], pairs[k].low);
      high[g] += multiply_add (words[g], pairs[k].high);
    }
  }
  for (gsize g = 0; g < groups; g++)
    store_bytes (out + g * LANES, low[g], high[g]);
}

/* -- run -- */

static guint8 *
ring_row (const CcsResize *self, gint row)
{
  return self->ring + (gsize)(row % self->ring_rows) * self->ring_stride;
}

/* Filters input rows [@row, @row + @rows) horizontally into the ring buffer. */
static void
fill_ring (CcsResize *self, const guint8 *in, gsize in_stride, gint row,
           gint rows)
{
  const Axis *axis = &self->horizontal;
  guint8 *out[ROW_BLOCK];

  for (gint r = 0; r < rows; r++) {
    const guint8 *in_row = in + (gsize)(row + r) * in_stride;

    out[r] = ring_row (self, row + r);
    if (axis->in == axis->out)
      memcpy (out[r], in_row, (gsize)axis->out * N_CHANNELS);
    else
      expand_row (self->expanded + r * self->expanded_stride, in_row, axis->in);
  }
  if (axis->in == axis->out)
    return;
  /* A constant count lets the compiler keep the sums in registers. */
  if (rows == ROW_BLOCK)
    filter_rows (axis, self->expanded, self->expanded_stride, out, ROW_BLOCK);
  else
    for (gint r = 0; r < rows; r++)
      filter_rows (axis, self->expanded + r * self->expanded_stride, 0, out + r,
                   1);
}

static void
run_vertical (CcsResize *self, gint y, guint8 *out)
{
  const Axis *axis = &self->vertical;
  gint first = axis->first[y], taps = axis->last[y] - first;
  gint n_pairs = (taps + 1) / 2;
  gsize size = (gsize)self->horizontal.out * N_CHANNELS;

  /* The missing tap of the last pair has weight zero, so its row does not
   * matter. */
  for (gint k = 0; k < 2 * n_pairs; k++)
    self->tap_rows[k] = ring_row (self, first + MIN (k, taps - 1));
  for (gsize at = 0; at < size; at += sizeof (Bytes)) {
    guint8 block[sizeof (Bytes)];

    filter_columns (axis->pairs + (gsize)y * axis->n_pairs, n_pairs,
                    self->tap_rows, at, block);
    memcpy (out + at, block, MIN (sizeof block, size - at));
  }
}

void
ccs_resize_run (CcsResize *self, const guint8 *in, gsize in_stride, guint8 *out,
                gsize out_stride)
{
  const Axis *axis = &self->vertical;
  gint filled = 0;

  for (gint y = 0; y < axis->out; y++) {
    guint8 *out_row = out + (gsize)y * out_stride;

    while (filled < axis->last[y]) {
      gint rows = MIN (ROW_BLOCK, axis->in - filled);

      fill_ring (self, in, in_stride, filled, rows);
      filled += rows;
    }
    if (axis->in == axis->out)
      memcpy (out_row, ring_row (self, y),
              (gsize)self->horizontal.out * N_CHANNELS);
    else
      run_vertical (self, y, out_row);
  }
}
