#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SRT in and out on this machine: a sender of H.264 and mono AAC in a transport
# stream, a receiver that makes the sound binaural and sends both on (the
# picture as it came), and a listener that writes what arrives to a file.
#
#   srt.sh [SECONDS [OUT.ts [PORT]]]
#
# Ports: PORT (to the receiver), PORT+1 (from it).
set -eu

seconds=${1:-10}
out=${2:-srt.ts}
port=${3:-5700}

gst-launch-1.0 -q -e \
  srtsrc uri="srt://127.0.0.1:$((port + 1))?mode=listener" \
  ! filesink location="$out" &
listener=$!

gst-launch-1.0 -q \
  srtsrc uri="srt://127.0.0.1:$port?mode=listener" ! tsdemux name=d \
  d. ! h264parse ! tee name=t \
  t. ! queue ! avdec_h264 ! b.video_sink \
  d. ! aacparse ! avdec_aac ! audio/x-raw,channels=1 ! ccstereobin name=b \
  ! audioconvert ! avenc_aac bitrate=160000 ! aacparse ! queue ! m. \
  t. ! queue max-size-time=5000000000 max-size-buffers=0 max-size-bytes=0 \
  ! mpegtsmux name=m alignment=7 \
  ! srtsink uri="srt://127.0.0.1:$((port + 1))?mode=caller" \
    wait-for-connection=false &
receiver=$!
trap 'kill $listener $receiver 2>/dev/null || true' EXIT

sleep 3
gst-launch-1.0 -q \
  videotestsrc is-live=true pattern=ball num-buffers=$((seconds * 30)) \
  ! video/x-raw,width=640,height=360,framerate=30/1 \
  ! x264enc tune=zerolatency speed-preset=veryfast key-int-max=30 \
  ! h264parse config-interval=-1 ! queue ! m. \
  audiotestsrc is-live=true wave=pink-noise samplesperbuffer=1024 \
    num-buffers=$((seconds * 48000 / 1024)) \
  ! audio/x-raw,rate=48000,channels=1 ! avenc_aac ! aacparse ! queue ! m. \
  mpegtsmux name=m alignment=7 \
  ! srtsink uri="srt://127.0.0.1:$port?mode=caller"

# The end of the sender ends the receiver, and that the listener.
wait "$receiver"
wait "$listener"
ls -l "$out"
