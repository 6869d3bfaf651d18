#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Live test sources, heard and seen in step: a bouncing ball, and noise that
# comes from where the model thinks it is. For a camera and a microphone put
# v4l2src and autoaudiosrc in their places.
#
#   live.sh [SECONDS [AUDIO_SINK [VIDEO_SINK]]]
#
#   live.sh 10 fakesink fakesink        without loudspeakers and screen
set -eu

seconds=${1:-30}
audio_sink=${2:-autoaudiosink}
video_sink=${3:-autovideosink}

exec gst-launch-1.0 \
  audiotestsrc is-live=true wave=pink-noise samplesperbuffer=480 \
    num-buffers=$((seconds * 100)) \
  ! audio/x-raw,rate=48000,channels=1 ! ccstereobin name=b \
  ! "$audio_sink" sync=true \
  videotestsrc is-live=true pattern=ball num-buffers=$((seconds * 30)) \
  ! video/x-raw,width=640,height=360,framerate=30/1 ! b.video_sink \
  b.video_src ! videoconvert ! "$video_sink" sync=true
