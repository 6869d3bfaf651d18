/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which compilation of the inner loops this machine runs. */
#include "simd.h"

const CcsSimd *
ccs_simd (void)
{
#ifdef __x86_64__
  if (__builtin_cpu_supports ("avx512f") && __builtin_cpu_supports ("avx512bw")
      && __builtin_cpu_supports ("avx512dq")
      && __builtin_cpu_supports ("avx512vl"))
    return &ccs_simd_avx512;
  if (__builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma"))
    return &ccs_simd_avx2;
#endif
  return &ccs_simd_base;
}
