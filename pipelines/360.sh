#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes the audio of a 360-degree (equirectangular) video binaural for a listener
# who looks straight ahead. The model gets the middle 120 degrees of the video,
# which is as wide as its training videos, not the whole sphere.
#
#   360.sh IN [OUT.wav]
#
# GStreamer's muxers drop the metadata that marks a video as spherical (st3d,
# sv3d, GSpherical), so that only the sound is written here;
# ccstereo-transcode keeps both.
set -eu

in=${1:?usage: 360.sh IN [OUT.wav]}
out=${2:-${in%.*}-binaural.wav}

# Scaled to a size of which the cuts are whole numbers: a third of the width, and
# as much of the height as makes it 16:9.
exec gst-launch-1.0 filesrc location="$in" ! decodebin name=d \
  ! ccstereobin name=b ! audioconvert ! audio/x-raw,format=S16LE ! wavenc \
  ! filesink location="$out" \
  d. ! videoconvert ! videoscale ! video/x-raw,width=1440,height=720 \
  ! videocrop left=480 right=480 top=225 bottom=225 ! b.
