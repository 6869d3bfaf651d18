/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inner loops for AVX2 machines. */
#include "simd.h"

#define CCS_SIMD_TABLE ccs_simd_avx2
#define CCS_SIMD_NAME "avx2"
#include "simd-loops.h"
