/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the safetensors reader with whole files. If the low bit of the
 * input's last byte is set, the length of the header is corrected: otherwise
 * hardly any mutation would get past it. */
#include "fuzz-checkpoint.h"

#include <string.h>

#define LENGTH_SIZE 8

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const uint8_t *brace;
  g_autofree uint8_t *file = NULL;
  guint64 length;

  if (size <= LENGTH_SIZE || (data[size - 1] & 1) == 0) {
    fuzz_parse (data, size);
    return 0;
  }
  file = g_memdup2 (data, size);
  brace = memrchr (data + LENGTH_SIZE, '}', size - LENGTH_SIZE);
  length = brace == NULL ? 0 : (guint64)(brace + 1 - data - LENGTH_SIZE);
  length = GUINT64_TO_LE (length);
  memcpy (file, &length, LENGTH_SIZE);
  file[LENGTH_SIZE] = '{';
  fuzz_parse (file, size);
  return 0;
}
