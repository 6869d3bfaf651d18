#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A video file's sound, binaural, to a WAV file. The picture is looked at and
# left out; ccstereo-transcode writes whole videos.
#
#   file.sh IN [OUT.wav]
#
# Needs GST_PLUGIN_PATH (or an installed plugin) and a model: CCSTEREO_MODEL, or
# the installed default one.
set -eu

in=${1:?usage: file.sh IN [OUT.wav]}
out=${2:-${in%.*}-binaural.wav}

exec gst-launch-1.0 filesrc location="$in" ! decodebin name=d \
  ! ccstereobin name=b ! audioconvert ! audio/x-raw,format=S16LE ! wavenc \
  ! filesink location="$out" \
  d. ! b.
