#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# bundle-gpu.sh BUILD OUT.tar.xz: packs the gpu suite, its reference files, the
# benchmarks and the libraries they need, for a machine that has NVIDIA's driver,
# cuDNN 9 and the cuBLASLt of the module's CUDA version but nothing else. There:
# tar xf OUT.tar.xz && ccstereo-gpu/run.sh [FOLDER FOR RESULTS]. An OUT above 64
# MiB is refused.
set -euo pipefail

build=$(realpath "$1")
out=$(realpath -m "$2")
source_dir=$(realpath "$(dirname "$0")/..")
largest=$((64 * 1024 * 1024))
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
bundle=$stage/ccstereo-gpu
mkdir -p "$bundle"/{bin,lib,backend,reference}

programs=("$build/tests/gpu/ccstereo-bench" "$build/src/train/ccstereo-train")
for name in ops reference-infer reference-train precision; do
  programs+=("$build/tests/gpu/test-gpu-$name")
done
module=$build/src/core/backend/cuda/libccstereo-cuda.so

cp "${programs[@]}" "$source_dir/scripts/"{bench-pytorch,gpu-table}.py "$bundle/bin/"
cp "$module" "$bundle/backend/"
cp -r "$source_dir/tests/reference/." "$bundle/reference/"
cp "$source_dir/scripts/run-gpu.sh" "$bundle/run.sh"

# Everything the programs load, but for the C library and its loader: those
# must be the machine's own, as its driver's are.
for file in "${programs[@]}" "$module"; do
  ldd "$file" | awk '$3 ~ /^\// { print $3 }'
done | sort -u | grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv)\.so|/ld-linux' |
  while read -r library; do cp -L "$library" "$bundle/lib/"; done
find "$bundle/lib" "$bundle/bin" -type f ! -name '*.py' -exec strip --strip-unneeded {} +

tar -C "$stage" -caf "$out" ccstereo-gpu
size=$(stat -c %s "$out")
echo "$out: $((size / 1024 / 1024)) MiB"
if ((size > largest)); then
  echo "$out is larger than 64 MiB; the largest in it:" >&2
  du -a "$bundle" | sort -rn | head -n 5 >&2
  exit 1
fi
