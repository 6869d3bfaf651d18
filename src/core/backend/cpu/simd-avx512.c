/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inner loops for AVX-512 machines. */
#include "simd.h"

#define CCS_SIMD_TABLE ccs_simd_avx512
#define CCS_SIMD_NAME "avx512"
#include "simd-loops.h"
