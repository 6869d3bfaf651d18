/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inner loops for 64-bit ARM, all of which has NEON. */
#include "simd.h"

#ifdef __aarch64__
#define CCS_SIMD_FUSED
#define CCS_SIMD_TABLE ccs_simd_neon
#define CCS_SIMD_NAME "neon"
#include "simd-loops.h"
#endif
