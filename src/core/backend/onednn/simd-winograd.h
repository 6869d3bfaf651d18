/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Winograd's F(2x2,3x3): 4x4 pixels become 16 numbers a channel, whose products
 * with a filter's 16 give 2x2 results. Included once for each instruction set.
 */

/* One axis of the input: B^T d. */
#define WINOGRAD_INPUT(d, step)                                                \
  do {                                                                         \
    const piece d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];   \
    d[0] = d0 - d2;                                                            \
    d[step] = d1 + d2;                                                         \
    d[2 * step] = d2 - d1;                                                     \
    d[3 * step] = d1 - d3;                                                     \
  } while (0)

static inline __attribute__ ((always_inline)) void
winograd_input_vector (const float *const *pixels, gint64 c, float *to,
                       gint64 plane)
{
  typedef vector piece;
  vector d[16];

  for (gint i = 0; i < 16; i++)
    d[i] = *(const loose_vector *)(pixels[i] + c);
  for (gint i = 0; i < 4; i++)
    WINOGRAD_INPUT ((d + 4 * i), 1);
  for (gint i = 0; i < 4; i++)
    WINOGRAD_INPUT ((d + i), 4);
  for (gint i = 0; i < 16; i++)
    *(loose_vector *)(to + i * plane + c) = d[i];
}

static inline void
winograd_input_scalar (const float *const *pixels, gint64 c, float *to,
                       gint64 plane)
{
  typedef float piece;
  float d[16];

  for (gint i = 0; i < 16; i++)
    d[i] = pixels[i][c];
  for (gint i = 0; i < 4; i++)
    WINOGRAD_INPUT ((d + 4 * i), 1);
  for (gint i = 0; i < 4; i++)
    WINOGRAD_INPUT ((d + i), 4);
  for (gint i = 0; i < 16; i++)
    to[i * plane + c] = d[i];
}
#undef WINOGRAD_INPUT

static void
winograd_input (gint64 channels, const float *const *pixels, float *to,
                gint64 plane)
{
  gint64 c = 0;

  for (; c + LANES <= channels; c += LANES)
    winograd_input_vector (pixels, c, to, plane);
  for (; c < channels; c++)
    winograd_input_scalar (pixels, c, to, plane);
}

/* The 2x2 results A^T m A of one tile, for columns of one panel. */
static inline __attribute__ ((always_inline)) void
winograd_sums (const float *from, gint64 plane, vector y[4])
{
  vector half[4][2];

  for (gint i = 0; i < 4; i++) {
    const vector m0 = *(const loose_vector *)(from + 4 * i * plane);
    const vector m1 = *(const loose_vector *)(from + (4 * i + 1) * plane);
    const vector m2 = *(const loose_vector *)(from + (4 * i + 2) * plane);
    const vector m3 = *(const loose_vector *)(from + (4 * i + 3) * plane);

    half[i][0] = m0 + m1 + m2;
    half[i][1] = m1 - m2 - m3;
  }
  for (gint j = 0; j < 2; j++) {
    y[j] = half[0][j] + half[1][j] + half[2][j];
    y[2 + j] = half[1][j] - half[2][j] - half[3][j];
  }
}

static void
winograd_output (gint64 columns, const float *from, gint64 plane,
                 const float *bias, const float *const *residual, CcsAct act,
                 float *const *y)
{
  float sums[4][GEMM_COLUMNS] __attribute__ ((aligned (64)));

  for (gint64 c = 0; c < GEMM_COLUMNS; c += LANES) {
    vector part[4];

    winograd_sums (from + c, plane, part);
    for (gint i = 0; i < 4; i++)
      *(vector *)(sums[i] + c) = part[i];
  }
  for (gint i = 0; i < 4; i++)
    if (y[i])
      epilogue (1, columns, sums[i], 0, bias, residual[i], 0, act, y[i], 0);
}
