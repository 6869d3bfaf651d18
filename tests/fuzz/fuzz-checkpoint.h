/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Used by all fuzz targets of file readers: reads the input and, if that
 * succeeds, all tensors. */
#pragma once

#include "checkpoint/checkpoint.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Parses @data. Every byte of every tensor must be readable, and a failure must
 * set an error. */
static inline void
fuzz_parse (const uint8_t *data, size_t size)
{
  /* heap memory, so that a read beyond its end is detected */
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (CcsCheckpoint) file = ccs_checkpoint_parse (bytes, "fuzz", &error);

  g_assert_true ((file == NULL) == (error != NULL));
  for (guint i = 0; file != NULL && i < ccs_state_dict_size (file->tensors);
       i++) {
    CcsTensor *tensor = ccs_state_dict_tensor (file->tensors, i);
    g_autoptr (CcsTensor) values = ccs_tensor_convert (tensor, CCS_F64);

    g_assert_true (
        g_utf8_validate (ccs_state_dict_name (file->tensors, i), -1, NULL));
    ccs_tensor_is_finite (tensor);
    ccs_tensor_is_finite (values);
  }
}
