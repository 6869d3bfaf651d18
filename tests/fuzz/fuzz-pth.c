/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the reader of .pth files, in zip and older format, with whole
 * files. This build does not verify checksums. */
#include "fuzz-checkpoint.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_parse (data, size);
  return 0;
}
