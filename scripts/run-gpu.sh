#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# run.sh [FOLDER]: on the machine with the GPU, from the bundle: the gpu suite,
# the benchmarks in every precision and PyTorch beside them, the op tests under
# compute-sanitizer. Reports go to FOLDER; a table of all figures there so far, and
# what failed, come last. Fails where a part failed, was skipped or could not be run.
#   PARTS="suite bench training pytorch sanitize"   which, in this order
#   LIMIT=540                                       seconds for all of it; what is
#                                                   left then counts as failed
#   SANITIZE="memcheck racecheck initcheck"         which tools
#   PRECISIONS="fp32 tf32 bf16 fp16"                of bench, training, PyTorch
#   BENCH_OPTIONS, TRAINING_OPTIONS, PYTORCH_OPTIONS
#   BACKEND=cuda                                    (to walk this on the CPU)
# Parts are called by name.
# shellcheck disable=SC2317
set -uo pipefail
here=$(realpath "$(dirname "$0")")
results=$(realpath -m "${1:-$here/results}")
parts=${PARTS:-suite bench training pytorch sanitize}
limit=${LIMIT:-0}
precisions=${PRECISIONS:-fp32 tf32 bf16 fp16}
backend=${BACKEND:-cuda}
bench_options=${BENCH_OPTIONS:---seconds 0.5 --max-batch 256 --streams 64 --windows 10000}
training_options=${TRAINING_OPTIONS:---batch_size 128 --num_workers $(nproc)}
pytorch_options=${PYTORCH_OPTIONS:---seconds 0.5}
mkdir -p "$results"

# cuDNN and cuBLASLt as the system or Python's packages have them, and the compiler
# with which cuDNN makes some of its engines.
libraries=$here/lib
known=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p)
cublaslt=$(grep -aoEm 1 'libcublasLt\.so\.[0-9]+' "$here/backend/libccstereo-cuda.so")
for name in libcudnn.so.9 "$cublaslt" "libnvrtc.so.${cublaslt##*.}"; do
  [[ $known != *$name* ]] || continue
  found=$(find / \( -path /proc -o -path /sys \) -prune -o -name "$name" -print -quit 2>/dev/null)
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

# fail NAME WHY: until NAME is begun again, the table says so too.
failed=0
fail() {
  echo "FAILED: $1: $2" | tee -a "$results/$1.failed"
  failed=1
}

# begin NAME: what an earlier call left of it is not taken for this one's.
begin() {
  rm -f "$results/$1".{failed,json,memory}
  echo "== $1, from second $SECONDS on"
}

# within COMMAND...: no longer than what is left of the limit.
within() {
  local left=$((limit - SECONDS))
  if ((limit == 0)); then
    "$@"
  elif ((left > 0)); then
    timeout --kill-after=5 "$left" "$@"
  else
    echo "no time left" >&2
    return 1
  fi
}

# check NAME COMMAND...: a test program; what is skipped for want of a GPU was
# not shown.
check() {
  local name=$1
  shift
  begin "$name"
  within "$@" >"$results/$name.tap" 2>"$results/$name.log" || fail "$name" "status $?"
  ! grep -qE '^not ok|SKIP' "$results/$name.tap" || fail "$name" "not all passed"
  grep -q '^ok' "$results/$name.tap" || fail "$name" "nothing passed"
  printf '%s ok, %s not ok\n' "$(grep -c '^ok' "$results/$name.tap")" \
    "$(grep -c '^not ok' "$results/$name.tap")"
  grep -m 5 -E '^not ok|SKIP' "$results/$name.tap"
  tail -n 3 "$results/$name.log"
}

# figures NAME COMMAND...: a benchmark, whose figures are shown.
figures() {
  local name=$1
  shift
  begin "$name"
  within "$@" >"$results/$name.txt" 2>"$results/$name.log" || fail "$name" "status $?"
  cat "$results/$name.txt"
  tail -n 3 "$results/$name.log"
}

suite() {
  check ops "$here/bin/test-gpu-ops"
  for name in infer train; do
    CK_RUN_CASE=cuda check "reference-$name" "$here/bin/test-gpu-reference-$name"
  done
  check precision "$here/bin/test-gpu-precision"
}

# Checks memory accesses of all kernels, and races and uninitialised reads of our
# own. Ignores errors that the driver returns: libraries ask it for functions that
# it may lack.
sanitize() {
  begin sanitize
  if ! command -v compute-sanitizer >/dev/null; then
    fail sanitize "there is no compute-sanitizer"
    return
  fi
  for tool in ${SANITIZE:-memcheck racecheck initcheck}; do
    local kernels=(--kernel-regex kns=ccs_entry)
    [[ $tool != memcheck ]] || kernels=()
    check "ops-$tool" compute-sanitizer --tool "$tool" --report-api-errors no \
      --error-exitcode 9 "${kernels[@]}" "$here/bin/test-gpu-ops"
    grep 'ERROR SUMMARY' "$results/ops-$tool".{tap,log}
  done
}

# watch_memory FILE: the device's memory in it, five lines a second. Leaves the
# watch's number in $watcher.
watch_memory() {
  nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -lms 200 >"$1" &
  watcher=$!
}

# The benchmark's last seconds are those in which it watches its own memory.
print_memory() {
  tail -n 20 "$1" | sort -n |
    awk '{ v[NR] = $1 }
         END { print "device memory         " v[1] " to " v[NR] " MiB in the last " NR / 5 " s" }'
}

bench() {
  local name
  for precision in $precisions; do
    name=bench-$precision
    watch_memory "$results/memory"
    # shellcheck disable=SC2086
    figures "$name" "$here/bin/ccstereo-bench" --backend "$backend" \
      --precision "$precision" --full $bench_options --json "$results/$name.json"
    kill "$watcher" 2>/dev/null
    wait "$watcher" 2>/dev/null
    mv "$results/memory" "$results/$name.memory"
    if [[ -s $results/$name.memory ]]; then
      print_memory "$results/$name.memory"
    else
      fail "$name" "nvidia-smi does not tell the device's memory"
    fi
  done
}

training() {
  local name
  for precision in $precisions; do
    name=training-$precision
    # shellcheck disable=SC2086
    figures "$name" "$here/bin/ccstereo-train" --backend "$backend" \
      --precision "$precision" --dataset scenes $training_options --benchmark \
      --json "$results/$name.json"
  done
}

# With the system's libraries: PyTorch brings its own. Eager first, in every
# precision: compiling takes long.
pytorch() {
  local cache name
  begin pytorch
  if ! env LD_LIBRARY_PATH="$system_path" python3 -c 'import torch' \
    2>"$results/pytorch.log"; then
    fail pytorch "$(tail -n 1 "$results/pytorch.log")"
    return
  fi
  # What a compilation that was cut short left would be taken for whole.
  cache=$(mktemp -d)
  for mode in eager compiled; do
    for precision in $precisions; do
      name=pytorch-$mode-$precision
      # shellcheck disable=SC2086
      figures "$name" env LD_LIBRARY_PATH="$system_path" \
        TORCHINDUCTOR_CACHE_DIR="$cache" \
        python3 "$here/bin/bench-pytorch.py" --device "$backend" --mode "$mode" \
        --precision "$precision" $pytorch_options --json "$results/$name.json"
    done
  done
  rm -rf "$cache"
}

for part in $parts; do
  case $part in
    suite | sanitize | bench | training | pytorch) "$part" ;;
    *) fail "$part" "there is no such part" ;;
  esac
done
begin table
env LD_LIBRARY_PATH="$system_path" python3 "$here/bin/gpu-table.py" "$results" ||
  fail table "status $?"
exit $failed
