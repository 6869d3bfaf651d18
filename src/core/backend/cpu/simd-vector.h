/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The widest vector of the instruction set that this is compiled for. Included
 * once for each. */

#if defined(__AVX512F__)
#include <immintrin.h>
#define VECTOR_BYTES 64
#define GEMM_ROWS 14
#define MULTIPLY_ADD(a, b, c)                                                  \
  ((vector)_mm512_fmadd_ps ((__m512)(a), (__m512)(b), (__m512)(c)))
#elif defined(__FMA__)
#include <immintrin.h>
#define VECTOR_BYTES 32
#define GEMM_ROWS 6
#define MULTIPLY_ADD(a, b, c)                                                  \
  ((vector)_mm256_fmadd_ps ((__m256)(a), (__m256)(b), (__m256)(c)))
#elif defined(CCS_SIMD_FUSED) && defined(__aarch64__)
#include <arm_neon.h>
#define VECTOR_BYTES 16
#define GEMM_ROWS 14
#define MULTIPLY_ADD(a, b, c)                                                  \
  ((vector)vfmaq_f32 ((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#else
#define VECTOR_BYTES 16
#define GEMM_ROWS 6
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

typedef float vector __attribute__ ((vector_size (VECTOR_BYTES)));
typedef gint32 vector_mask __attribute__ ((vector_size (VECTOR_BYTES)));
typedef float loose_vector
    __attribute__ ((vector_size (VECTOR_BYTES), aligned (4), may_alias));

#define LANES ((gint64)(VECTOR_BYTES / sizeof (float)))
