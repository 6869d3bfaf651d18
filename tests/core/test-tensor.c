/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host tensors: conversion of their number formats, and the collection of
 * named tensors. */
#include <ccstereo/ccstereo.h>
#include <check.h>
#include <math.h>

#include "../suite.h"
#include "nn/tensor.h"

/* The bit pattern @bits of type @dtype is converted to @value, and back. */
static const struct
{
  CcsDType dtype;
  guint16 bits;
  float value;
} narrow_values[] = {
  { CCS_F16, 0x3c00, 1.f },        { CCS_F16, 0xc000, -2.f },
  { CCS_F16, 0x7bff, 65504.f },    { CCS_F16, 0x0400, 0x1p-14f },
  { CCS_F16, 0x0001, 0x1p-24f },   { CCS_F16, 0x83ff, -0x3ffp-24f },
  { CCS_F16, 0x0000, 0.f },        { CCS_F16, 0x8000, -0.f },
  { CCS_F16, 0x7c00, INFINITY },   { CCS_BF16, 0x3f80, 1.f },
  { CCS_BF16, 0xc040, -3.f },      { CCS_BF16, 0x7f7f, 0x1.fep127f },
  { CCS_BF16, 0x0001, 0x1p-133f }, { CCS_BF16, 0x0080, 0x1p-126f },
  { CCS_BF16, 0xff80, -INFINITY },
};

START_TEST (narrow_floats_have_these_values)
{
  CcsDType dtype = narrow_values[_i].dtype;
  float value = narrow_values[_i].value;
  g_autoptr (CcsTensor) narrow = ccs_tensor_new_take (
      dtype, &CCS_SHAPE_SCALAR, g_memdup2 (&narrow_values[_i].bits, 2));
  g_autoptr (CcsTensor) wide = ccs_tensor_convert (narrow, CCS_F32);
  g_autoptr (CcsTensor) back = ccs_tensor_convert (wide, dtype);

  ck_assert_mem_eq (wide->data, &value, sizeof value);
  ck_assert_mem_eq (back->data, &narrow_values[_i].bits, 2);
}
END_TEST

static const struct
{
  CcsDType dtype;
  double value;
  guint16 bits;
} roundings[] = {
  { CCS_F16, 1 + 0x1p-11, 0x3c00 },           /* tie, rounded to even */
  { CCS_F16, 1 + 0x3p-11, 0x3c02 },           /* tie, rounded to even */
  { CCS_F16, 1 + 0x1p-11 + 0x1p-40, 0x3c01 }, /* lost in float32 */
  { CCS_F16, 65519.999, 0x7bff },
  { CCS_F16, 65520, 0x7c00 },
  { CCS_F16, -1e300, 0xfc00 },
  { CCS_F16, 0x1p-25, 0x0000 },
  { CCS_F16, 0x1.8p-24, 0x0002 },
  { CCS_F16, 0x1.ffep-15, 0x0400 },
  { CCS_BF16, 1 + 0x1p-8, 0x3f80 },
  { CCS_BF16, 1 + 0x3p-8, 0x3f82 },
  { CCS_BF16, 1 + 0x1p-8 + 0x1p-50, 0x3f81 },
  { CCS_BF16, 0x1.ff8p127, 0x7f80 },
};

START_TEST (conversion_rounds_once_to_nearest_even)
{
  g_autoptr (CcsTensor) wide = ccs_tensor_new_take (
      CCS_F64, &CCS_SHAPE_SCALAR, g_memdup2 (&roundings[_i].value, 8));
  g_autoptr (CcsTensor) narrow = ccs_tensor_convert (wide, roundings[_i].dtype);

  ck_assert_uint_eq (*(const guint16 *)narrow->data, roundings[_i].bits);
}
END_TEST

/* All 65536 bit patterns: each that is a number is converted to float32 and
 * back without change. */
START_TEST (every_narrow_float_survives_float32)
{
  CcsDType dtype = _i == 0 ? CCS_F16 : CCS_BF16;
  guint16 *bits = g_new (guint16, 65536);
  g_autoptr (CcsTensor) narrow = NULL, wide = NULL, back = NULL;

  for (guint i = 0; i < 65536; i++)
    bits[i] = (guint16)i;
  narrow = ccs_tensor_new_take (dtype, &CCS_SHAPE (256, 256), bits);
  wide = ccs_tensor_convert (narrow, CCS_F32);
  back = ccs_tensor_convert (wide, dtype);
  for (guint i = 0; i < 65536; i++) {
    guint16 result = ((const guint16 *)back->data)[i];

    if (isnan (((const float *)wide->data)[i]))
      ck_assert (result & 0x7fff && !((result ^ bits[i]) & 0x8000));
    else
      ck_assert_uint_eq (result, bits[i]);
  }
}
END_TEST

START_TEST (finite_means_every_element)
{
  static const CcsDType types[] = { CCS_F32, CCS_F16, CCS_BF16, CCS_F64 };
  static const double values[] = { NAN, INFINITY, -INFINITY, 0., 1e4 };

  for (guint t = 0; t < G_N_ELEMENTS (types); t++)
    for (guint v = 0; v < G_N_ELEMENTS (values); v++) {
      double *data = g_new0 (double, 5);
      g_autoptr (CcsTensor) wide = NULL, tensor = NULL;

      data[4] = values[v];
      wide = ccs_tensor_new_take (CCS_F64, &CCS_SHAPE (5), data);
      tensor = ccs_tensor_convert (wide, types[t]);
      ck_assert_int_eq (ccs_tensor_is_finite (tensor), v >= 3);
    }
}
END_TEST

START_TEST (integers_become_floats_and_not_the_other_way)
{
  static const gint32 values[] = { -5, 0, 16777217 };
  g_autoptr (CcsTensor) ints = ccs_tensor_new_take (
      CCS_S32, &CCS_SHAPE (3), g_memdup2 (values, sizeof values));
  g_autoptr (CcsTensor) floats = ccs_tensor_convert (ints, CCS_F64);

  for (guint i = 0; i < 3; i++)
    ck_assert (((const double *)floats->data)[i] == values[i]);
  ck_assert_ptr_null (ccs_tensor_convert (floats, CCS_S32));
}
END_TEST

START_TEST (a_name_is_stored_once)
{
  g_autoptr (CcsStateDict) dict = ccs_state_dict_new ();
  gint64 *again = g_new0 (gint64, 1);

  ck_assert (ccs_state_dict_insert (
      dict, "a",
      ccs_tensor_new_take (CCS_F32, &CCS_SHAPE (1), g_new0 (float, 1))));
  ck_assert (!ccs_state_dict_insert (
      dict, "a", ccs_tensor_new_take (CCS_S64, &CCS_SHAPE_SCALAR, again)));
  ck_assert_uint_eq (ccs_state_dict_size (dict), 1);
  ck_assert_int_eq (ccs_state_dict_lookup (dict, "a")->dtype, CCS_F32);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("tensor");
  TCase *tensor = tcase_create ("tensor");

  tcase_add_loop_test (tensor, narrow_floats_have_these_values, 0,
                       G_N_ELEMENTS (narrow_values));
  tcase_add_loop_test (tensor, conversion_rounds_once_to_nearest_even, 0,
                       G_N_ELEMENTS (roundings));
  tcase_add_loop_test (tensor, every_narrow_float_survives_float32, 0, 2);
  tcase_add_test (tensor, finite_means_every_element);
  tcase_add_test (tensor, integers_become_floats_and_not_the_other_way);
  tcase_add_test (tensor, a_name_is_stored_once);
  suite_add_tcase (suite, tensor);
  return run_suite (suite);
}
