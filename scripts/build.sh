#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# build.sh DIR [MESON OPTION...] [-- TARGET...]: sets DIR up, or brings it to
# these options, and compiles everything or the targets.
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$1
shift
options=()
while [[ $# -gt 0 && $1 != -- ]]; do
  options+=("$1")
  shift
done
[[ $# -eq 0 ]] || shift
[[ ! -e $directory/build.ninja ]] || options+=(--reconfigure)
mkdir -p "$directory"
if ! meson setup "$directory" "${options[@]}" >"$directory/setup.log" 2>&1; then
  cat "$directory/setup.log" >&2
  exit 1
fi
ninja -C "$directory" --quiet "$@"
