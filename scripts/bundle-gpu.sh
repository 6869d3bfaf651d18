#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# bundle-gpu.sh BUILD OUT.tar.xz: packs the tools, the gpu suite, its reference
# files and the libraries they need, for a machine that has NVIDIA's driver,
# cuDNN 9 and cuBLASLt 13 but nothing else. There: tar xf OUT.tar.xz &&
# ccstereo-gpu/run.sh [FOLDER FOR RESULTS].
set -euo pipefail

build=$(realpath "$1")
out=$(realpath -m "$2")
source_dir=$(realpath "$(dirname "$0")/..")
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
bundle=$stage/ccstereo-gpu
mkdir -p "$bundle"/{bin,lib,backend,reference}

programs=("$build/src/tools/ccstereo" "$build/tests/gpu/test-gpu-ops")
for name in infer train; do
  programs+=("$build/tests/gpu/test-gpu-reference-$name")
done
[[ ! -x $build/src/train/ccstereo-train ]] || programs+=("$build/src/train/ccstereo-train")
module=$build/src/core/backend/cuda/libccstereo-cuda.so

cp "${programs[@]}" "$bundle/bin/"
cp "$module" "$bundle/backend/"
cp -r "$source_dir/tests/reference/." "$bundle/reference/"

# Everything the programs load, but for the C library and its loader: those
# must be the machine's own, as its driver's are.
for file in "${programs[@]}" "$module"; do
  ldd "$file" | awk '$3 ~ /^\// { print $3 }'
done | sort -u | grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv)\.so|/ld-linux' |
  while read -r library; do cp -L "$library" "$bundle/lib/"; done
strip --strip-unneeded "$bundle"/lib/* "$bundle"/bin/* 2>/dev/null || true

cat >"$bundle/run.sh" <<'RUN'
#!/usr/bin/env bash
# run.sh [FOLDER]: the gpu suite; reports go to FOLDER. SANITIZE=memcheck (or
# racecheck, initcheck) runs the op tests under compute-sanitizer as well.
set -uo pipefail
here=$(realpath "$(dirname "$0")")
results=${1:-$here/results}
mkdir -p "$results"

# cuDNN and cuBLASLt as the system or Python's packages have them.
libraries=$here/lib
for name in libcudnn.so.9 libcublasLt.so.13; do
  ldconfig -p | grep -q "$name" && continue
  found=$(find / -name "$name" -not -path '/proc/*' -print -quit 2>/dev/null)
  [[ -z $found ]] || libraries+=:$(dirname "$found")
done
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export CCSTEREO_TEST_BACKEND=cuda CCSTEREO_BACKEND_PATH=$here/backend
export CCSTEREO_REFERENCE_DIR=$here/reference
export CK_DEFAULT_TIMEOUT=600 CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent
# A process that has opened CUDA must not fork.
export CK_FORK=no

failed=0
check() {
  local name=$1
  shift
  "$@" >"$results/$name.tap" 2>"$results/$name.log" || failed=1
  # What is skipped for want of a GPU was not shown.
  ! grep -qE '^not ok|SKIP' "$results/$name.tap" || failed=1
  printf '%s: %s ok, %s not ok\n' "$name" \
    "$(grep -c '^ok' "$results/$name.tap")" "$(grep -c '^not ok' "$results/$name.tap")"
  grep -m 5 -E '^not ok|SKIP' "$results/$name.tap"
  return 0
}
check ops "$here/bin/test-gpu-ops"
for name in infer train; do
  CK_RUN_CASE=cuda check "reference-$name" "$here/bin/test-gpu-reference-$name"
done
[[ -z ${SANITIZE:-} ]] || check "ops-$SANITIZE" compute-sanitizer --tool "$SANITIZE" \
  --error-exitcode 9 "$here/bin/test-gpu-ops"
exit $failed
RUN
chmod +x "$bundle/run.sh"
tar -C "$stage" -caf "$out" ccstereo-gpu
du -h "$out"
