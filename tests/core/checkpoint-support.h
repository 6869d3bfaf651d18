/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes tensors with known content, and checks errors of files. */
#pragma once

#include <ccstereo/ccstereo.h>
#include <check.h>
#include <string.h>

#include "nn/tensor.h"

/* Adds a float32 tensor of @n values: @first, @first + 1, ... */
static inline void
add_floats (CcsStateDict *dict, const char *name, CcsShape shape, float first)
{
  gsize n = (gsize)ccs_shape_elements (&shape);
  float *data = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    data[i] = first + (float)i;
  ck_assert (ccs_state_dict_insert (
      dict, name, ccs_tensor_new_take (CCS_F32, &shape, data)));
}

static inline void
add_bytes (CcsStateDict *dict, const char *name, CcsDType dtype, CcsShape shape)
{
  gsize size = (gsize)ccs_shape_elements (&shape) * ccs_dtype_size (dtype);
  guint8 *data = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8)(3 * i + 1);
  ck_assert (ccs_state_dict_insert (dict, name,
                                    ccs_tensor_new_take (dtype, &shape, data)));
}

/* Checks that @error has @code and names @file and @reason. */
static inline void
assert_error (const GError *error, CcsError code, const char *file,
              const char *reason)
{
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (g_error_matches (error, CCS_ERROR, (gint)code), "%s",
                 error->message);
  ck_assert_msg (strstr (error->message, file) != NULL
                     && strstr (error->message, reason) != NULL,
                 "'%s' does not say '%s' and '%s'", error->message, file,
                 reason);
}
