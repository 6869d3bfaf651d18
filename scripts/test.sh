#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Everything that must hold, from a fresh clone: installs what is missing,
# builds, runs all suites, runs them again under the address and undefined
# behaviour sanitizers, fuzzes the file readers, runs the demo and checks the
# sources' layout where that version of clang-format is installed.
# Ends with the line "N passed, N failed"; exits with 0 when none failed.
#
#   test.sh [--full] [--fuzz-seconds N]
#     --full           under the sanitizers all suites, not core and fuzz alone:
#                      hours instead of minutes
#     --fuzz-seconds   how long for each fuzz target (default 15, with --full 45)
set -euo pipefail
cd "$(dirname "$0")/.."

full=no
fuzz_seconds=
while [[ $# -gt 0 ]]; do
  case $1 in
    --full) full=yes ;;
    --fuzz-seconds) fuzz_seconds=${2:?}; shift ;;
    *) echo "usage: $0 [--full] [--fuzz-seconds N]" >&2; exit 2 ;;
  esac
  shift
done
[[ -n $fuzz_seconds ]] || fuzz_seconds=$([[ $full == yes ]] && echo 45 || echo 15)

passed=0
failed=0

# step NAME COMMAND...: counts a command that has no tests of its own.
step() {
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  if "$@"; then
    passed=$((passed + 1))
  else
    echo "FAILED: $name"
    failed=$((failed + 1))
  fi
}

# suites DIR LOG ARGUMENT...: a run of meson's, its tests counted one by one.
suites() {
  local directory=$1 log=$1/meson-logs/$2.json counts
  shift 2
  rm -f "$log"
  meson test -C "$directory" --print-errorlogs "$@" || true
  if [[ ! -e $log ]]; then
    echo "FAILED: no tests were run in $directory"
    failed=$((failed + 1))
    return
  fi
  read -r -a counts < <(python3 scripts/test-summary.py "$log")
  passed=$((passed + counts[0]))
  failed=$((failed + counts[1]))
}

check_layout() {
  git ls-files '*.c' '*.h' | xargs clang-format-14 --dry-run -Werror
}

# The reference backend's plain loops would take an hour under the sanitizers:
# there the published values are checked on the CPU backend alone.
run_sanitizers() {
  if [[ $full == no ]]; then
    suites build/sanitizers testlog-sanitizers --setup sanitizers \
      --suite core --suite fuzz
    return
  fi
  suites build/sanitizers testlog-sanitizers --setup sanitizers \
    --suite core --suite train --suite gst --suite fuzz
  CK_RUN_CASE=cpu suites build/sanitizers testlog-sanitizers \
    --setup sanitizers --suite reference
}

# Each target starts from its corpus in the tree; what it finds stays in build/.
fuzz() {
  local corpus=build/fuzz/corpus/$1 log=build/fuzz/$1.log
  mkdir -p "$corpus"
  "build/fuzz/tests/fuzz/fuzz-$1" -max_total_time="$fuzz_seconds" \
    -rss_limit_mb=2048 -verbosity=0 -artifact_prefix="build/fuzz/$1-" \
    "$corpus" "tests/fuzz/corpus/$1" >"$log" 2>&1 || { tail -n 60 "$log"; false; }
}

scripts/install-deps.sh --test

step "build" scripts/build.sh build/release -Dtests=true
suites build/release testlog

sanitized=auto                  # what is not run is not built
[[ $full == yes ]] || sanitized=disabled
step "build with sanitizers" scripts/build.sh build/sanitizers -Dtests=true \
  -Dgst="$sanitized" -Dtranscode="$sanitized" -Dcuda="$sanitized" \
  --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
run_sanitizers

targets=()
for corpus in tests/fuzz/corpus/*/; do
  targets+=("$(basename "$corpus")")
done
step "build of the fuzz targets" env CC=clang scripts/build.sh build/fuzz \
  -Dfuzz=true -Dtests=true --buildtype=debugoptimized \
  -Db_sanitize=address,undefined -Db_lundef=false \
  -- "${targets[@]/#/tests/fuzz/fuzz-}"
for target in "${targets[@]}"; do
  step "fuzz $target for $fuzz_seconds s" fuzz "$target"
done

step "demo" bash scripts/demo.sh

if command -v clang-format-14 >/dev/null; then
  step "layout of the sources" check_layout
else
  echo "skipped: layout of the sources (clang-format-14 is not installed)"
fi

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
