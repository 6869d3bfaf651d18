#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# kernel-resources.sh [ARCH...]: what every kernel takes on each architecture (90
# if none is named), as a table for docs/cuda.md: registers a thread; after them
# stack and spills in bytes where there are any. Compiles and runs nothing.
# Fails where a kernel spills.
#   NVCC   the compiler (nvcc on the PATH, else of /usr/local/cuda)
set -euo pipefail
cd "$(dirname "$0")/.."

nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
archs=("$@")
[[ ${#archs[@]} -gt 0 ]] || archs=(90)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# report ARCH: lines "KERNEL CELL" on all files with kernels.
report() {
  for file in src/core/backend/cuda/kernels.cu gst-cuda/picture-kernels.cu; do
    "$nvcc" -cubin -O3 -std=c++17 -Isrc/core "-arch=sm_$1" -Xptxas -v \
      -o "$work/cubin" "$file" 2>&1
  done | awk '
    /Compiling entry function/ {
      match($0, /ccs_entry_[a-z0-9_]+/)
      name = substr($0, RSTART + 10, RLENGTH - 10)
      sub(/[0-9]+$/, "", name) # of the C++ name that follows
    }
    /bytes stack frame/ { stack = $1; spills = $5 + $9 }
    /Used [0-9]+ registers/ {
      match($0, /Used [0-9]+/)
      cell = substr($0, RSTART + 5, RLENGTH - 5)
      if (stack + spills > 0)
        cell = cell "+" stack "/" spills
      print name, cell
    }' | sort
}

for arch in "${archs[@]}"; do
  report "$arch" >"$work/$arch"
done
printf '| kernel |'
printf ' sm_%s |' "${archs[@]}"
printf '\n|---|'
printf '%.0s---|' "${archs[@]}"
printf '\n'
while read -r name _; do
  printf '| %s |' "$name"
  for arch in "${archs[@]}"; do
    printf ' %s |' "$(awk -v name="$name" '$1 == name { print $2 }' "$work/$arch")"
  done
  printf '\n'
done <"$work/${archs[0]}"
! grep -q '+' "${archs[@]/#/$work/}"
