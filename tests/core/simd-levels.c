/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the SIMD levels of the CPU backend's own kernels that this
 * processor supports, the best one last. */
#include <stdio.h>

#include "backend/cpu/simd.h"

int
main (void)
{
  const char *name;

  for (guint i = 0; (name = ccs_simd_level (i)); i++)
    puts (name);
  return 0;
}
