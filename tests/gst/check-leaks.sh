#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs a test program in one process under GStreamer's leaks tracer: every
# object, event, buffer, caps and query has to be gone when it ends.
#
#   check-leaks.sh PROGRAM [ARGUMENT...]
set -eu

log=$(mktemp)
trap 'rm -f "$log"' EXIT

CK_FORK=no GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 GST_DEBUG_NO_COLOR=1 \
  GST_DEBUG_FILE="$log" "$@"

grep -q 'GST_TRACER' "$log" || { echo "the tracer did not run"; exit 1; }
if grep 'object-alive, type-name=(string)[^%]' "$log"; then
  echo "these were leaked"
  exit 1
fi
