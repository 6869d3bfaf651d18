/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inner loops for the instructions every machine has. */
#include "simd.h"

#define CCS_SIMD_TABLE ccs_simd_base
#define CCS_SIMD_NAME "base"
#include "simd-loops.h"
