/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `ccstereo bench` alone, without the libraries that the other commands need:
 * what scripts/bundle-gpu.sh packs. */
#include <locale.h>

#include "tools/tool.h"

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  return tool_bench.run (argc, argv);
}
