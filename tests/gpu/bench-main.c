/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs `ccstereo bench` without the libraries of other commands, for
 * scripts/bundle-gpu.sh. */
#include <locale.h>

#include "tools/tool.h"

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  return tool_bench.run (argc, argv);
}
