#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the Debian packages on a freshly installed Debian and uses them on
# another one, which has none of the build dependencies.
#
#   try-packages.sh [--fresh] [--keep] SUITE [OUTDIR]
#
# SUITE is a Debian suite (bookworm, trixie, sid) that debootstrap knows. One
# copy of a minimal system of it builds the packages of the commit that is
# checked out and renders a video; another one installs them and runs
# gst-inspect-1.0, README's first pipeline, ccstereo-transcode, the C example
# and autopkgtest. The script prints a line for each step, with its time, and
# exits with 1 when one failed. The packages are copied to OUTDIR, if it is
# named.
#
#   --fresh   installs the minimal system again instead of using the cached one
#   --keep    keeps both copies, and prints their paths, instead of deleting
#             them
#
# Needs root and debootstrap. The minimal system and the packages that were
# downloaded are kept in $CCSTEREO_CACHE (default: ~/.cache/ccstereo).
# DEB_BUILD_OPTIONS=nocheck leaves out the tests of the packages' build.
set -euo pipefail

usage() {
  sed -n '3,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
}

. "$(dirname "$0")/debian-chroot.sh"

fresh=cached
keep=no
while [[ ${1:-} == -* ]]; do
  case $1 in
    --fresh) fresh=fresh ;;
    --keep) keep=yes ;;
    --help) usage; exit 0 ;;
    *) echo "try-packages: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
[[ $# -ge 1 && $# -le 2 ]] || { usage >&2; exit 2; }
suite=$1
out=${2:-}

debian_check
debian_base "$suite" "$fresh"
commit=$(git -C "$debian_tree" rev-parse --short HEAD)
builder='' user=''
finish() {
  for root in $builder $user; do
    if [[ $keep == yes ]]; then
      echo "try-packages: kept $root"
    else
      debian_remove "$root"
    fi
  done
}
trap finish EXIT
builder=$(debian_copy "$suite")
user=$(debian_copy "$suite")

results=()
# step NAME ROOT COMMAND: runs COMMAND in ROOT; the script ends where it fails.
step() {
  local start=$SECONDS

  echo "== $suite: $1"
  if ! debian_run "$suite" "$2" "$3"; then
    results+=("$(printf 'FAILED %5d s  %s' $((SECONDS - start)) "$1")")
    report
    exit 1
  fi
  results+=("$(printf 'passed %5d s  %s' $((SECONDS - start)) "$1")")
}

report() {
  echo "== $suite at commit $commit, $(date -u +%F)"
  printf '%s\n' "${results[@]}"
}

install="apt-get install -y -qq --no-install-recommends"
step "build the packages" "$builder" \
  "DEB_BUILD_OPTIONS='${DEB_BUILD_OPTIONS:-}' scripts/build-deb.sh /root/deb"
step "render a video" "$builder" \
  "$install /root/deb/{libccstereo0,gstreamer1.0-ccstereo,ccstereo-tools,ccstereo-train,ccstereo-data}_*.deb \
   && ccstereo scenes --videos mp4 --mono --test 3 /root/demo"

cp -a "$builder/root/deb" "$user/root/deb"
cp "$builder/root/demo/test-002.mp4" "$user/root/in.mp4"
[[ -z $out ]] || { mkdir -p "$out" && cp -a "$builder/root/deb/." "$out"; }

step "install the packages" "$user" \
  "apt-get update -qq \
   && $install \$(ls /root/deb/*.deb | grep -vE 'dbgsym|/libccstereo-dev') \
        gstreamer1.0-tools gstreamer1.0-libav gstreamer1.0-plugins-good"
step "no build dependency is there" "$user" \
  "! dpkg-query -W -f='\${Package}\n' | grep -E -- '-dev\$|^(meson|gcc|debhelper)\$'"
step "gst-inspect-1.0 ccstereobin" "$user" "gst-inspect-1.0 ccstereobin"
step "README's first pipeline" "$user" \
  "line=\$(grep -m 1 '^gst-launch-1.0 ' README.md) && cd /root && eval \"\$line\" \
   && test -s out.wav && ls -l out.wav"
step "ccstereo-transcode" "$user" \
  "ccstereo-transcode /root/in.mp4 /root/out.mp4 && ls -l /root/out.mp4"
step "the C example" "$user" \
  "$install /root/deb/libccstereo-dev_*.deb gcc libc6-dev libsndfile1-dev pkgconf python3 \
   && AUTOPKGTEST_TMP=\$(mktemp -d) packaging/debian/tests/c-example"
step "autopkgtest" "$user" \
  "$install autopkgtest dpkg-dev && mkdir /tmp/source \
   && cp -a . /tmp/source && cp -a packaging/debian /tmp/source/debian \
   && autopkgtest --no-built-binaries /tmp/source -- null"
report
debian_run "$suite" "$user" "dpkg-query -W -f='\${Package} \${Version}\n' \
  'libccstereo*' '*ccstereo*' 'libdnnl*' libgstreamer1.0-0 'libavcodec*' | sort -u" \
  2>/dev/null
