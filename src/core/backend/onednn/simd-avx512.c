/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inner loops for AVX-512 machines. */
#include "simd.h"

#ifdef __x86_64__
#pragma GCC target(                                                            \
    "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#define CCS_SIMD_TABLE ccs_simd_avx512
#define CCS_SIMD_NAME "avx512"
#include "simd-loops.h"
#endif
