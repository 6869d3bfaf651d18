/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All inner loops and the table of them. Each simd-*.c includes this under its
 * own instruction set, with CCS_SIMD_TABLE and CCS_SIMD_NAME defined. */
#if defined(__GNUC__) && !defined(__clang__)
/* Comparisons may be computed for lanes that do not need them. */
#pragma GCC optimize("no-trapping-math")
#endif
#include "simd-vector.h"
#include "simd-pointwise.h"
#include "simd-gemm.h"
#include "simd-winograd.h"
#include "simd-norm.h"

const CcsSimd CCS_SIMD_TABLE = {
  .name = CCS_SIMD_NAME,
  .gemm_columns = GEMM_COLUMNS,
  .gemm_rows = GEMM_ROWS,
  .gemm = gemm,
  .gemm_sums = gemm_sums,
  .gemm_outer = gemm_outer,
  .gemm_pack = gemm_pack,
  .multiply_adds = multiply_adds,
  .multiply_adds_a_step = PEAK_CHAINS * LANES,
  .copy_runs = copy_runs,
  .winograd = {
    WINOGRAD (2, 3), WINOGRAD (4, 3), WINOGRAD (2, 5), WINOGRAD (4, 2),
  },
  .epilogue = epilogue,
  .activation_grad = activation_grad,
  .binary = binary,
  .affine = affine,
  .modulate = modulate,
  .complex_mul = complex_mul,
  .spread_add = spread_add,
  .fill_rows = fill_rows,
  .axpy = axpy,
  .moments = moments,
  .normalize = normalize,
  .norm_grad_sums = norm_grad_sums,
  .norm_grad = norm_grad,
  .column_sums = column_sums,
  .dot = dot,
  .sum = sum,
  .softmax = softmax,
  .pool_max = pool_max,
  .pool_spread = pool_spread,
  .adam = adam,
};
