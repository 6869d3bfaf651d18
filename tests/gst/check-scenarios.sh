#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Seeks in a film through ccstereobin under gst-validate, which watches every
# pad for events, times and segments that are out of order.
#
#   check-scenarios.sh FOLDER MODEL
#
# FOLDER has the scenarios. Skipped (77) where there is no gst-validate-1.0: it
# is of GStreamer's gst-devtools, which Debian 12 does not have.
set -eu

folder=$1
export CCSTEREO_MODEL=$2
if ! command -v gst-validate-1.0 >/dev/null; then
  echo "skipped: gst-validate-1.0 (gst-devtools) is not installed"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
film=$work/film.mp4
ffmpeg -nostdin -loglevel error -f lavfi -i testsrc2=size=320x180:rate=25 \
  -f lavfi -i anoisesrc=sample_rate=48000:seed=5 -t 4 -c:v libx264 \
  -preset ultrafast -g 25 "$film"

for scenario in "$folder"/*.scenario; do
  echo "$(basename "$scenario")"
  timeout 120 gst-validate-1.0 --set-scenario "$scenario" \
    filesrc location="$film" ! decodebin name=d ! ccstereobin name=b \
    ! audioconvert ! fakesink sync=true  d. ! b.  b. ! fakesink sync=true
done
