#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SRT in and out on this machine: a sender of H.264 and mono AAC in MPEG-TS, and
# a receiver that makes the sound binaural and offers it, with the picture, as a
# stream of its own; a listener writes the sound of that one to a file.
#
#   srt.sh [SECONDS [OUT.wav [PORT]]]
#
# Ports: PORT (in) and PORT+1 (out).
set -eu

seconds=${1:-10}
out=${2:-srt.wav}
port=${3:-5700}

gst-launch-1.0 -q -e srtsrc uri="srt://127.0.0.1:$((port + 1))?mode=listener" \
  ! tsdemux ! aacparse ! avdec_aac ! audioconvert \
  ! audio/x-raw,format=S16LE,channels=2 ! wavenc ! filesink location="$out" &
listener=$!

gst-launch-1.0 -q srtsrc uri="srt://:$port?mode=listener" \
  ! tsdemux latency=500 name=d \
  d. ! h264parse ! avdec_h264 ! b.video_sink \
  d. ! aacparse ! avdec_aac ! ccstereobin name=b \
  b.audio_src ! audioconvert ! audioresample ! avenc_aac ! aacparse \
  ! queue max-size-time=5000000000 ! m. \
  b.video_src ! videoconvert ! x264enc tune=zerolatency speed-preset=ultrafast \
  ! h264parse ! queue max-size-time=5000000000 ! m. \
  mpegtsmux name=m ! srtsink uri="srt://127.0.0.1:$((port + 1))?mode=caller" &
receiver=$!
trap 'kill $listener $receiver 2>/dev/null || true' EXIT

sleep 3
gst-launch-1.0 -q \
  videotestsrc is-live=true pattern=ball num-buffers=$((seconds * 30)) \
  ! video/x-raw,width=640,height=360,framerate=30/1 \
  ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 \
  ! h264parse config-interval=-1 ! queue ! m. \
  audiotestsrc is-live=true wave=pink-noise samplesperbuffer=1024 \
    num-buffers=$((seconds * 47)) \
  ! audio/x-raw,rate=48000,channels=1 ! avenc_aac ! aacparse ! queue ! m. \
  mpegtsmux name=m ! srtsink uri="srt://127.0.0.1:$port?mode=caller"
sleep 3

kill -INT "$listener" 2>/dev/null || true
wait "$listener" || true
ls -l "$out"
