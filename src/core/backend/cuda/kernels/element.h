/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Elements of float32 and of the 16-bit types of tensor cores, alone and in
 * groups of four. */
#pragma once

#include "elementwise.h"

typedef enum
{
  CCS_ELEMENT_F32,
  CCS_ELEMENT_BF16,
  CCS_ELEMENT_FP16,
} CcsElement;

CCS_DEVICE unsigned
ccs_device_bits (float x)
{
  union
  {
    float value;
    unsigned bits;
  } both;

  both.value = x;
  return both.bits;
}

CCS_DEVICE float
ccs_device_float (unsigned bits)
{
  union
  {
    unsigned bits;
    float value;
  } both;

  both.bits = bits;
  return both.value;
}

/* Rounds to nearest, ties to even; preserves NaN. */
CCS_DEVICE unsigned
ccs_device_to_bf16 (float x)
{
  const unsigned bits = ccs_device_bits (x);

  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return bits >> 16 | 0x40u;
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

/* Rounds to nearest, ties to even; values beyond 65504 become infinite;
 * preserves NaN. */
CCS_DEVICE unsigned
ccs_device_to_fp16 (float x)
{
  const unsigned sign = ccs_device_bits (x) >> 16 & 0x8000u;
  const unsigned bits = ccs_device_bits (x) & 0x7fffffffu;

  if (bits > 0x7f800000u)
    return sign | 0x7e00u;
  if (bits >= 0x47800000u) /* 2^16 */
    return sign | 0x7c00u;
  /* Subnormal: the last place is 2^-24, as that of 0.5. So adding 0.5 rounds
   * correctly. */
  if (bits < 0x38800000u)
    return sign
           | (ccs_device_bits (ccs_device_float (bits) + 0.5f) - 0x3f000000u);
  return sign | ((bits - 0x38000000u + 0xfffu + (bits >> 13 & 1u)) >> 13);
}

CCS_DEVICE float
ccs_device_from_fp16 (unsigned half)
{
  const unsigned sign = (half & 0x8000u) << 16, rest = half & 0x7fffu;

  if (rest >= 0x7c00u) /* infinite or NaN */
    return ccs_device_float (sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  if (rest >= 0x400u)
    return ccs_device_float (sign | ((rest << 13) + 0x38000000u));
  /* subnormal: a multiple of 2^-24 */
  return ccs_device_float (sign | ccs_device_bits ((float)rest * 0x1p-24f));
}

/* -- where they stand ------------------------------------------------------ */

/* Returns @x in 16 bits. */
CCS_DEVICE unsigned
ccs_device_to_half (int element, float x)
{
  return element == CCS_ELEMENT_BF16 ? ccs_device_to_bf16 (x)
                                     : ccs_device_to_fp16 (x);
}

CCS_DEVICE float
ccs_device_from_half (int element, unsigned half)
{
  return element == CCS_ELEMENT_BF16 ? ccs_device_float (half << 16)
                                     : ccs_device_from_fp16 (half);
}

CCS_DEVICE float
ccs_device_load (int element, const void *x, int i)
{
  return element == CCS_ELEMENT_F32
             ? ((const float *)x)[i]
             : ccs_device_from_half (element, ((const unsigned short *)x)[i]);
}

CCS_DEVICE void
ccs_device_store (int element, void *x, int i, float value)
{
  if (element == CCS_ELEMENT_F32)
    ((float *)x)[i] = value;
  else
    ((unsigned short *)x)[i]
        = (unsigned short)ccs_device_to_half (element, value);
}

/* -- in fours, that begin at multiples of four ----------------------------- */

#ifdef __CUDACC__
typedef ushort4 CcsFourHalves;
#else
typedef struct
{
  _Alignas(8) unsigned short x;
  unsigned short y, z, w;
} CcsFourHalves;
#endif

CCS_DEVICE CcsFour
ccs_device_load_four (int element, const void *x, int i)
{
  CcsFourHalves halves;
  CcsFour four;

  if (element == CCS_ELEMENT_F32)
    return ((const CcsFour *)x)[i];
  halves = ((const CcsFourHalves *)x)[i];
  four.x = ccs_device_from_half (element, halves.x);
  four.y = ccs_device_from_half (element, halves.y);
  four.z = ccs_device_from_half (element, halves.z);
  four.w = ccs_device_from_half (element, halves.w);
  return four;
}

CCS_DEVICE void
ccs_device_store_four (int element, void *x, int i, CcsFour four)
{
  CcsFourHalves halves;

  if (element == CCS_ELEMENT_F32) {
    ((CcsFour *)x)[i] = four;
    return;
  }
  halves.x = (unsigned short)ccs_device_to_half (element, four.x);
  halves.y = (unsigned short)ccs_device_to_half (element, four.y);
  halves.z = (unsigned short)ccs_device_to_half (element, four.z);
  halves.w = (unsigned short)ccs_device_to_half (element, four.w);
  ((CcsFourHalves *)x)[i] = halves;
}
