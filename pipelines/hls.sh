#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A video file as HTTP live streaming: H.264 and binaural AAC in segments, with
# a playlist, in a folder for a web server.
#
#   hls.sh IN [FOLDER]
set -eu

in=${1:?usage: hls.sh IN [FOLDER]}
folder=${2:-hls}
mkdir -p "$folder"

exec gst-launch-1.0 filesrc location="$in" ! decodebin name=d \
  ! ccstereobin name=b \
  b.audio_src ! audioconvert ! audioresample ! avenc_aac bitrate=192000 \
  ! aacparse ! queue max-size-time=5000000000 ! m.audio \
  d. ! b. \
  b.video_src ! videoconvert ! x264enc speed-preset=veryfast key-int-max=60 \
  ! h264parse ! queue max-size-time=5000000000 max-size-bytes=0 ! m.video \
  hlssink2 name=m target-duration=4 max-files=0 playlist-length=0 \
  location="$folder/segment%05d.ts" playlist-location="$folder/playlist.m3u8"
