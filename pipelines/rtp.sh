#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# RTP in and out on this machine: a sender of VP8 and mono Opus, a receiver that
# makes the sound binaural and sends stereo Opus on, and a listener that writes
# what arrives to a file.
#
#   rtp.sh [SECONDS [OUT.wav [PORT]]]
#
# Ports: PORT (picture), PORT+2 (sound), PORT+4 (binaural sound).
set -eu

seconds=${1:-10}
out=${2:-rtp.wav}
port=${3:-5600}
video='application/x-rtp,media=video,clock-rate=90000,encoding-name=VP8,payload=96'
audio='application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,payload=97'

gst-launch-1.0 -q -e udpsrc port=$((port + 4)) caps="$audio" \
  ! rtpjitterbuffer latency=200 ! rtpopusdepay ! opusdec ! audioconvert \
  ! audio/x-raw,format=S16LE,channels=2 ! wavenc ! filesink location="$out" &
listener=$!

gst-launch-1.0 -q \
  udpsrc port="$port" caps="$video" ! rtpjitterbuffer latency=200 \
  ! rtpvp8depay ! vp8dec ! b.video_sink \
  udpsrc port=$((port + 2)) caps="$audio" ! rtpjitterbuffer latency=200 \
  ! rtpopusdepay ! opusdec ! audio/x-raw,channels=1 ! ccstereobin name=b \
  ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=97 \
  ! udpsink host=127.0.0.1 port=$((port + 4)) &
receiver=$!
trap 'kill $listener $receiver 2>/dev/null || true' EXIT

sleep 3
gst-launch-1.0 -q \
  videotestsrc is-live=true pattern=ball num-buffers=$((seconds * 30)) \
  ! video/x-raw,width=640,height=360,framerate=30/1 \
  ! vp8enc deadline=1 keyframe-max-dist=30 ! rtpvp8pay pt=96 \
  ! udpsink host=127.0.0.1 port="$port" \
  audiotestsrc is-live=true wave=pink-noise samplesperbuffer=960 \
    num-buffers=$((seconds * 50)) \
  ! audio/x-raw,rate=48000,channels=1 ! opusenc ! rtpopuspay pt=97 \
  ! udpsink host=127.0.0.1 port=$((port + 2))
sleep 2

kill -0 "$receiver" # no error came
kill -INT "$listener"
wait "$listener"
ls -l "$out"
