#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# at-level.sh LEVELS LEVEL PROGRAM: runs a test program with the CPU backend's
# own kernels at LEVEL, or says in TAP why that is skipped. LEVELS is a program
# that prints what this processor runs, its best level last.
set -euo pipefail

mapfile -t levels < <("$1")
level=$2
program=$3
if [[ " ${levels[*]} " != *" $level "* ]]; then
  echo "1..0 # SKIP level $level: this processor does not run it"
elif [[ $level == "${levels[-1]}" ]]; then
  echo "1..0 # SKIP level $level: the test without a level runs at it here"
else
  CCSTEREO_SIMD=$level exec "$program"
fi
