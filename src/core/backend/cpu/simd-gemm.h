/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Matrix product in registers: a tile of c, MR rows by two vectors, stays in
 * registers while k runs. Included once for each instruction set. */

#define GEMM_COLUMNS (2 * LANES)

static inline vector
spread (float x)
{
  return x - (vector){ 0.f };
}

/* Computes the sums of @rows rows and @vectors vectors (constants after
 * inlining). With @more continues the sums in @to, in the order of one sum over
 * all of k. */
static inline __attribute__ ((always_inline)) void
gemm_tile (const gint rows, const gint vectors, const CcsSimdLeft *left,
           gint64 row, const float *b, gboolean more, float *to)
{
  const gint64 pitch = left->pitch;
  vector sum[GEMM_ROWS][2] = { { { 0.f } } };

  if (more) {
#pragma GCC unroll 14
    for (gint r = 0; r < rows; r++)
      for (gint v = 0; v < vectors; v++)
        sum[r][v] = *(const loose_vector *)(to + r * GEMM_COLUMNS + v * LANES);
  }
  for (gint64 run = 0; run < left->runs; run++) {
    const float *a = left->data + row * pitch + run * left->run_step;

    for (gint64 i = 0; i < left->run; i++, b += GEMM_COLUMNS) {
      const vector first = *(const loose_vector *)b;
      const vector second = *(const loose_vector *)(b + LANES);

#pragma GCC unroll 14
      for (gint r = 0; r < rows; r++) {
        const vector factor = spread (a[r * pitch + i]);

        sum[r][0] = MULTIPLY_ADD (factor, first, sum[r][0]);
        if (vectors > 1)
          sum[r][1] = MULTIPLY_ADD (factor, second, sum[r][1]);
      }
    }
  }
#pragma GCC unroll 14
  for (gint r = 0; r < rows; r++)
    for (gint v = 0; v < vectors; v++)
      *(loose_vector *)(to + r * GEMM_COLUMNS + v * LANES) = sum[r][v];
}

/* Calls TILE with the number of rows as a constant. */
#define HEIGHT(n, TILE)                                                        \
  case n:                                                                      \
    TILE (n);                                                                  \
    break;
#if GEMM_ROWS > 6
#define TALL_HEIGHTS(TILE)                                                     \
  HEIGHT (7, TILE)                                                             \
  HEIGHT (8, TILE)                                                             \
  HEIGHT (9, TILE)                                                             \
  HEIGHT (10, TILE)                                                            \
  HEIGHT (11, TILE) HEIGHT (12, TILE) HEIGHT (13, TILE) HEIGHT (14, TILE)
#else
#define TALL_HEIGHTS(TILE)
#endif
#define FOR_EACH_HEIGHT(rows, TILE)                                            \
  switch (rows) {                                                              \
    HEIGHT (1, TILE)                                                           \
    HEIGHT (2, TILE)                                                           \
    HEIGHT (3, TILE)                                                           \
    HEIGHT (4, TILE) HEIGHT (5, TILE) HEIGHT (6, TILE) TALL_HEIGHTS (TILE)     \
  }

static void
gemm_rows (gint rows, gboolean narrow, const CcsSimdLeft *left, gint64 row,
           const float *b, gboolean more, float *to)
{
#define TILE(n) gemm_tile (n, 2, left, row, b, more, to)
#define NARROW_TILE(n) gemm_tile (n, 1, left, row, b, more, to)
  if (narrow)
    FOR_EACH_HEIGHT (rows, NARROW_TILE)
  else
    FOR_EACH_HEIGHT (rows, TILE)
#undef TILE
#undef NARROW_TILE
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

/* Divides the rows into tiles of about equal height, because a tile of few rows
 * takes as long as a full one. */
static void
gemm_sums (gint64 m, gint64 n, const CcsSimdLeft *left, const float *b,
           gboolean more, float *sums)
{
  const gint64 tiles = (m + GEMM_ROWS - 1) / GEMM_ROWS;

  for (gint64 tile = 0; tile < tiles; tile++) {
    const gint64 row = tile * m / tiles, next = (tile + 1) * m / tiles;

    gemm_rows (next - row, n <= LANES, left, row, b, more,
               sums + row * GEMM_COLUMNS);
  }
}

static void
gemm (gint64 m, gint64 n, gint64 k, const float *a, gint64 a_pitch,
      const float *b, const CcsSimdFinish *finish, float *c, gint64 c_pitch)
{
  const CcsSimdLeft left = { a, a_pitch, 1, k };
  float sum[GEMM_ROWS * GEMM_COLUMNS] __attribute__ ((aligned (64)));

  for (gint64 column = 0; column < n; column += GEMM_COLUMNS)
    for (gint64 row = 0; row < m; row += GEMM_ROWS) {
      const gint64 rows = MIN (GEMM_ROWS, m - row);

      gemm_rows (rows, n - column <= LANES, &left, row, b + column * k, FALSE,
                 sum);
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

/* c += a^T b for one tile of @rows rows. */
static inline __attribute__ ((always_inline)) void
outer_tile (const gint rows, gint64 k, const float *a, gint64 a_pitch,
            const float *b, gint64 b_pitch, float *c, gint64 c_pitch)
{
  vector sum[GEMM_ROWS][2] = { { { 0.f } } };

  for (gint64 i = 0; i < k; i++) {
    const vector left = *(const loose_vector *)(b + i * b_pitch);
    const vector right = *(const loose_vector *)(b + i * b_pitch + LANES);

#pragma GCC unroll 14
    for (gint r = 0; r < rows; r++) {
      const vector factor = spread (a[i * a_pitch + r]);

      sum[r][0] = MULTIPLY_ADD (factor, left, sum[r][0]);
      sum[r][1] = MULTIPLY_ADD (factor, right, sum[r][1]);
    }
  }
#pragma GCC unroll 14
  for (gint r = 0; r < rows; r++) {
    *(loose_vector *)(c + r * c_pitch) += sum[r][0];
    *(loose_vector *)(c + r * c_pitch + LANES) += sum[r][1];
  }
}

static void
outer_rows (gint rows, gint64 k, const float *a, gint64 a_pitch, const float *b,
            gint64 b_pitch, float *c, gint64 c_pitch)
{
#define TILE(n) outer_tile (n, k, a, a_pitch, b, b_pitch, c, c_pitch)
  FOR_EACH_HEIGHT (rows, TILE)
#undef TILE
}

static void
gemm_outer (gint64 m, gint64 n, gint64 k, const float *a, gint64 a_pitch,
            const float *b, gint64 b_pitch, float *c, gint64 c_pitch)
{
  const gint64 tiles = (m + GEMM_ROWS - 1) / GEMM_ROWS;

  for (gint64 column = 0; column < n; column += GEMM_COLUMNS)
    for (gint64 tile = 0; tile < tiles; tile++) {
      const gint64 row = tile * m / tiles, next = (tile + 1) * m / tiles;

      outer_rows (next - row, k, a + row, a_pitch, b + column, b_pitch,
                  c + row * c_pitch + column, c_pitch);
    }
}

#define PEAK_CHAINS 12 /* a latency of 4 on 2 units, and some more */

/* Runs multiply-adds in registers, in enough chains to hide the latency.
 * Returns a value that depends on all, so that none is optimised away. */
static float
multiply_adds (gint64 steps)
{
  const vector factor = spread (0.999f); /* chains converge, but not to 0 */
  vector chain[PEAK_CHAINS], total = spread (0.f);

  for (gint c = 0; c < PEAK_CHAINS; c++)
    chain[c] = spread (1.f + c);
  for (gint64 i = 0; i < steps; i++) {
#pragma GCC unroll 12
    for (gint c = 0; c < PEAK_CHAINS; c++)
      chain[c] = MULTIPLY_ADD (chain[c], factor, factor);
  }
  for (gint c = 0; c < PEAK_CHAINS; c++)
    total += chain[c];
  return total[0];
}
