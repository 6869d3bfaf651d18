#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the Debian packages of the commit that is checked out.
#
#   build-deb.sh [--cuda] [OUTDIR]
#
# Copies the tree, with packaging/debian as its debian/, to a temporary folder,
# runs dpkg-buildpackage -b there and then lintian, where it is installed, and
# puts the packages in OUTDIR (default: build/deb). As root it first installs
# what the build needs; any other user gets the list of what is missing.
#
#   --cuda   builds the CUDA modules (packaging/debian-cuda) instead. Where the
#            toolkit does not come from packages that the build dependencies
#            name, set DPKG_BUILD_OPTIONS=-d
#
# DEB_BUILD_OPTIONS=nocheck leaves out the tests; DPKG_BUILD_OPTIONS has further
# options for dpkg-buildpackage. Ends with 1 on lintian's errors.
set -euo pipefail

usage() {
  sed -n '3,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
}

fail() {
  echo "build-deb: $*" >&2
  exit 1
}

folder=debian
while [[ ${1:-} == -* ]]; do
  case $1 in
    --cuda) folder=debian-cuda ;;
    --help) usage; exit 0 ;;
    *) echo "build-deb: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
[[ $# -le 1 ]] || { usage >&2; exit 2; }

export DEBIAN_FRONTEND=noninteractive
install=no
if [[ $(id -u) -eq 0 && ${DPKG_BUILD_OPTIONS:-} != *-d* ]]; then
  install=yes
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends build-essential git lintian
fi

tree=$(git -C "$(dirname "$0")/.." rev-parse --show-toplevel)
out=${1:-$tree/build/deb}
mkdir -p "$out"
out=$(realpath "$out")
[[ -z $(git -C "$tree" status --porcelain --untracked-files=no) ]] \
  || echo "build-deb: changes that are not committed are left out" >&2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source=$work/gst-ccstereo
mkdir "$source"
git -C "$tree" archive HEAD | tar -x -C "$source"
cp -rL "$source/packaging/$folder" "$source/debian"

version=$(sed -n "s/^ *version : '\([0-9.]*\)'.*/\1/p" "$source/meson.build" | head -n 1)
packaged=$(sed -n '1s/^[^(]*(\([^-)]*\).*/\1/p' "$source/debian/changelog")
[[ $version == "$packaged" ]] \
  || fail "meson.build has version $version, packaging/$folder/changelog $packaged"

if [[ $install == yes ]]; then
  (cd "$source" && apt-get build-dep -y -qq --no-install-recommends ./)
fi

read -ra options <<<"${DPKG_BUILD_OPTIONS:-}"
(cd "$source" && dpkg-buildpackage -b -us -uc "${options[@]}")
find "$work" -maxdepth 1 -type f -exec cp -t "$out" {} +
if command -v lintian >/dev/null; then
  lintian --allow-root --fail-on error "$out"/*"_${version}-"*.changes
else
  echo "build-deb: lintian is not installed: the packages were not checked" >&2
fi
echo "build-deb: the packages are in $out"
