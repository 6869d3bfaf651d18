#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# run.sh [FOLDER]: on the machine with the GPU, from the bundle: the gpu suite,
# the op tests under compute-sanitizer, the benchmarks in every precision, and
# PyTorch beside them where there is one. Reports go to FOLDER. Fails where a
# part failed, was skipped or could not be run.
#   PARTS="suite sanitize bench training pytorch"   which, in this order
#   SANITIZE="memcheck racecheck initcheck"         which tools
#   PRECISIONS="fp32 tf32 bf16 fp16"                of bench and training
#   BENCH_OPTIONS, TRAINING_OPTIONS, PYTORCH_OPTIONS
#   BACKEND=cuda                                    (to walk this on the CPU)
# Parts are called by name.
# shellcheck disable=SC2317
set -uo pipefail
here=$(realpath "$(dirname "$0")")
results=$(realpath -m "${1:-$here/results}")
parts=${PARTS:-suite sanitize bench training pytorch}
precisions=${PRECISIONS:-fp32 tf32 bf16 fp16}
backend=${BACKEND:-cuda}
bench_options=${BENCH_OPTIONS:---max-batch 256 --streams 64 --windows 10000}
training_options=${TRAINING_OPTIONS:---batch_size 128}
mkdir -p "$results"

# cuDNN and cuBLASLt as the system or Python's packages have them, and the compiler
# with which cuDNN makes some of its engines.
libraries=$here/lib
for name in libcudnn.so.9 libcublasLt.so.13 libnvrtc.so.13; do
  ldconfig -p | grep -q "$name" && continue
  found=$(find / -name "$name" -not -path '/proc/*' -print -quit 2>/dev/null)
  [[ -z $found ]] || libraries+=:$(dirname "$found")
done
system_path=${LD_LIBRARY_PATH:-}
export LD_LIBRARY_PATH=$libraries${system_path:+:$system_path}
export CCSTEREO_TEST_BACKEND=cuda
export CCSTEREO_BACKEND_PATH=${CCSTEREO_BACKEND_PATH:-$here/backend}
export CCSTEREO_REFERENCE_DIR=$here/reference
export CK_DEFAULT_TIMEOUT=1800 CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent
# A process that has opened CUDA must not fork.
export CK_FORK=no

failed=0
fail() {
  echo "FAILED: $1"
  failed=1
}

# check NAME COMMAND...: a test program; what is skipped for want of a GPU was
# not shown.
check() {
  local name=$1
  shift
  "$@" >"$results/$name.tap" 2>"$results/$name.log" || fail "$name"
  ! grep -qE '^not ok|SKIP' "$results/$name.tap" || fail "$name: not all passed"
  grep -q '^ok' "$results/$name.tap" || fail "$name: nothing passed"
  printf '%s: %s ok, %s not ok\n' "$name" \
    "$(grep -c '^ok' "$results/$name.tap")" "$(grep -c '^not ok' "$results/$name.tap")"
  grep -m 5 -E '^not ok|SKIP' "$results/$name.tap"
}

# figures NAME COMMAND...: a benchmark, whose figures are shown.
figures() {
  local name=$1
  shift
  echo "== $name"
  "$@" >"$results/$name.txt" 2>"$results/$name.log" || fail "$name"
  cat "$results/$name.txt"
}

suite() {
  check ops "$here/bin/test-gpu-ops"
  for name in infer train; do
    CK_RUN_CASE=cuda check "reference-$name" "$here/bin/test-gpu-reference-$name"
  done
  check precision "$here/bin/test-gpu-precision"
}

sanitize() {
  if ! command -v compute-sanitizer >/dev/null; then
    fail "compute-sanitizer is not here"
    return
  fi
  for tool in ${SANITIZE:-memcheck racecheck initcheck}; do
    check "ops-$tool" compute-sanitizer --tool "$tool" --error-exitcode 9 \
      "$here/bin/test-gpu-ops"
  done
}

# Memory of the device while a benchmark runs, one line a second.
watch_memory() {
  command -v nvidia-smi >/dev/null || return 0
  nvidia-smi --query-gpu=memory.used --format=csv,noheader -l 1 >"$results/$1.memory" &
  echo $!
}

bench() {
  local watcher
  for precision in $precisions; do
    watcher=$(watch_memory "bench-$precision")
    # shellcheck disable=SC2086
    figures "bench-$precision" "$here/bin/ccstereo-bench" --backend "$backend" \
      --precision "$precision" --full $bench_options --json "$results/bench-$precision.json"
    [[ -z $watcher ]] || kill "$watcher"
  done
}

training() {
  for precision in $precisions; do
    # shellcheck disable=SC2086
    figures "training-$precision" "$here/bin/ccstereo-train" --backend "$backend" \
      --precision "$precision" --dataset scenes $training_options --benchmark \
      --json "$results/training-$precision.json"
  done
}

# With the system's libraries: PyTorch brings its own.
pytorch() {
  if ! env LD_LIBRARY_PATH="$system_path" python3 -c 'import torch' 2>/dev/null; then
    echo "pytorch: not here, not run"
    return
  fi
  # shellcheck disable=SC2086
  figures pytorch env LD_LIBRARY_PATH="$system_path" python3 "$here/bin/bench-pytorch.py" \
    ${PYTORCH_OPTIONS:-} --json "$results/pytorch.json"
}

for part in $parts; do
  case $part in
    suite | sanitize | bench | training | pytorch) "$part" ;;
    *) fail "there is no part called $part" ;;
  esac
done
exit $failed
