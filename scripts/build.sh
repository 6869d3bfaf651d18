#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# build.sh DIR [MESON OPTION...]: sets DIR up, or brings it to these options,
# and compiles.
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$1
shift
[[ ! -e $directory/build.ninja ]] || set -- --reconfigure "$@"
mkdir -p "$directory"
if ! meson setup "$directory" "$@" >"$directory/setup.log" 2>&1; then
  cat "$directory/setup.log" >&2
  exit 1
fi
ninja -C "$directory" --quiet
