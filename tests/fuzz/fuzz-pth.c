/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the reader of .pth files, zip and older form, with whole files.
 * Checksums are not looked at in this build. */
#include "fuzz-checkpoint.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_parse (data, size);
  return 0;
}
