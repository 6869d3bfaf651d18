#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# demo.sh [IN [OUT]]: from a fresh clone to a binaural file: installs what is
# missing, builds, and gives the video IN binaural sound. Without IN it renders
# ten seconds of something that sounds 24 degrees to the right, in mono.
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/.."

# absolute PATH: as seen from where the script was called.
absolute() {
  case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$here" "$1" ;;
  esac
}

build=build/release
scene=2                         # of the test scenes: one source, to the right

scripts/install-deps.sh
[[ -e $build/build.ninja ]] || scripts/build.sh "$build" -Dtests=false
ninja -C "$build" --quiet

tool() {
  meson devenv -C "$build" --workdir "$PWD" "$@"
}

if [[ $# -gt 0 ]]; then
  in=$(absolute "$1")
  out=$(absolute "${2:-${1%.*}-binaural.mp4}")
else
  in=$PWD/$build/demo/test-00$scene.mp4
  out=$PWD/$build/demo/binaural.mp4
  tool ccstereo scenes --overwrite --videos mp4 --mono --test $((scene + 1)) "$build/demo"
fi
tool ccstereo-transcode --overwrite "$in" "$out"

# The level of each ear, from the file as it was written.
tool gst-launch-1.0 -m filesrc location="$out" ! decodebin ! audioconvert \
    ! audio/x-raw,channels=2 ! level interval=3600000000000 ! fakesink \
  | sed -n 's/.*rms=(GValueArray)< *\([-0-9.]*\), *\([-0-9.]*\).*/left \1 dB, right \2 dB/p' \
  | tail -n 1
echo "$out"
