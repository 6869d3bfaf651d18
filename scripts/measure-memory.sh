#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# measure-memory.sh [SECONDS]: the memory of ccstereo-transcode over a long
# file. Renders one (two small pictures a second, pink noise of 48 kHz; two hours
# without SECONDS), transcodes it with few windows, since memory does not depend
# on the hop, and prints what the program holds while it works.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-7200}
folder=build/release/memory
input=$folder/in-$seconds.mp4
output=$folder/out-$seconds.mp4
interval=10

render() {
  ffmpeg -v error -y \
    -f lavfi -i "testsrc2=size=160x120:rate=2:duration=$seconds" \
    -f lavfi -i "anoisesrc=color=pink:sample_rate=48000:duration=$seconds" \
    -c:v libx264 -preset ultrafast -c:a aac -b:a 64k -f mp4 "$input.part"
  mv "$input.part" "$input"
}

# resident PID: kB.
resident() {
  awk '/^VmRSS/ { print $2 }' "/proc/$1/status" 2>/dev/null
}

scripts/build.sh build/release
mkdir -p "$folder"
[[ -e $input ]] || render

meson devenv -C build/release --workdir "$PWD" --dump >"$folder/environment"
set +u
# shellcheck source=/dev/null
. "$folder/environment"
set -u
build/release/src/tools/ccstereo-transcode --quiet --overwrite --hop 10080 \
  "$input" "$output" &
tool=$!
trap 'kill $tool 2>/dev/null || true' EXIT

echo "seconds  resident (kB)"
started=$SECONDS
while held=$(resident "$tool") && [[ -n $held ]]; do
  printf '%7d  %d\n' $((SECONDS - started)) "$held"
  sleep "$interval"
done
wait "$tool"
ffprobe -v error -show_entries stream=codec_name,channels,duration \
  -of csv=p=0 "$output"
