/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Matrix product in registers: a tile of c, MR rows by two vectors, stays in
 * registers while k runs. Included once for each instruction set. */

#define GEMM_COLUMNS (2 * LANES)

static inline vector
spread (float x)
{
  return x - (vector){ 0.f };
}

/* The sums of @rows rows (a constant where this is inlined). */
static inline __attribute__ ((always_inline)) void
gemm_tile (const gint rows, gint64 k, const float *a, gint64 a_pitch,
           const float *b, float *to)
{
  vector sum[GEMM_ROWS][2] = { { { 0.f } } };

  for (gint64 i = 0; i < k; i++) {
    const vector left = *(const loose_vector *)(b + i * GEMM_COLUMNS);
    const vector right = *(const loose_vector *)(b + i * GEMM_COLUMNS + LANES);

#pragma GCC unroll 14
    for (gint r = 0; r < rows; r++) {
      const vector factor = spread (a[r * a_pitch + i]);

      sum[r][0] = MULTIPLY_ADD (factor, left, sum[r][0]);
      sum[r][1] = MULTIPLY_ADD (factor, right, sum[r][1]);
    }
  }
#pragma GCC unroll 14
  for (gint r = 0; r < rows; r++) {
    *(loose_vector *)(to + r * GEMM_COLUMNS) = sum[r][0];
    *(loose_vector *)(to + r * GEMM_COLUMNS + LANES) = sum[r][1];
  }
}

static void
gemm_rows (gint rows, gint64 k, const float *a, gint64 a_pitch, const float *b,
           float *to)
{
#define ROWS(n)                                                                \
  case n:                                                                      \
    gemm_tile (n, k, a, a_pitch, b, to);                                       \
    break;
  /* clang-format off */
  switch (rows) {
    ROWS (1) ROWS (2) ROWS (3) ROWS (4) ROWS (5) ROWS (6)
#if GEMM_ROWS > 6
    ROWS (7) ROWS (8) ROWS (9) ROWS (10) ROWS (11) ROWS (12) ROWS (13)
    ROWS (14)
#endif
  }
  /* clang-format on */
#undef ROWS
}

static void
gemm_finish (gint64 rows, gint64 columns, const float *sum,
             const CcsSimdFinish *finish, gint64 column, float *c,
             gint64 c_pitch)
{
  const float alpha = finish->alpha;
  const float *bias = finish->bias ? finish->bias + column : NULL;

  for (gint64 r = 0; r < rows; r++) {
    const float *from = sum + r * GEMM_COLUMNS;
    float *to = c + r * c_pitch + column;

#define LOOP(ACT)                                                              \
  if (bias)                                                                    \
    for (gint64 j = 0; j < columns; j++)                                       \
      to[j] = ACT (alpha * from[j] + bias[j], finish->act.slope);              \
  else                                                                         \
    for (gint64 j = 0; j < columns; j++)                                       \
      to[j] = ACT (alpha * from[j], finish->act.slope);
    FOR_EACH_ACT (finish->act, LOOP)
#undef LOOP
  }
}

/* In tiles of about as many rows each: a tile of a few takes as long as one of
 * more. */
static void
gemm_sums (gint64 m, gint64 k, const float *a, gint64 a_pitch, const float *b,
           float *sums)
{
  const gint64 tiles = (m + GEMM_ROWS - 1) / GEMM_ROWS;

  for (gint64 tile = 0; tile < tiles; tile++) {
    const gint64 row = tile * m / tiles, next = (tile + 1) * m / tiles;

    gemm_rows (next - row, k, a + row * a_pitch, a_pitch, b,
               sums + row * GEMM_COLUMNS);
  }
}

static void
gemm (gint64 m, gint64 n, gint64 k, const float *a, gint64 a_pitch,
      const float *b, const CcsSimdFinish *finish, float *c, gint64 c_pitch)
{
  float sum[GEMM_ROWS * GEMM_COLUMNS] __attribute__ ((aligned (64)));

  for (gint64 column = 0; column < n; column += GEMM_COLUMNS)
    for (gint64 row = 0; row < m; row += GEMM_ROWS) {
      const gint64 rows = MIN (GEMM_ROWS, m - row);

      gemm_rows (rows, k, a + row * a_pitch, a_pitch, b + column * k, sum);
      gemm_finish (rows, MIN (GEMM_COLUMNS, n - column), sum, finish, column,
                   c + row * c_pitch, c_pitch);
    }
}

static void
gemm_pack (gint64 panel, gint64 n, gint64 k, const float *b, gint64 row_step,
           gint64 column_step, float *to)
{
  const gint64 first = panel * GEMM_COLUMNS;
  const gint64 columns = MIN (GEMM_COLUMNS, n - first);

  b += first * column_step;
  if (column_step == 1 && columns == GEMM_COLUMNS)
    for (gint64 i = 0; i < k; i++)
      for (gint64 j = 0; j < GEMM_COLUMNS; j++)
        to[i * GEMM_COLUMNS + j] = b[i * row_step + j];
  else
    for (gint64 i = 0; i < k; i++)
      for (gint64 j = 0; j < GEMM_COLUMNS; j++)
        to[i * GEMM_COLUMNS + j]
            = j < columns ? b[i * row_step + j * column_step] : 0.f;
}
