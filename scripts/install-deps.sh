#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs the packages that are missing on Debian 12 or later, or Ubuntu 24.04
# or later: those to build and run, and with --test those that only the tests
# use. Changes nothing, and needs no network, when all are installed.
set -euo pipefail

packages=(
  gcc libc6-dev meson ninja-build pkg-config
  # core
  libglib2.0-dev libdnnl-dev libsoxr-dev zlib1g-dev
  # data sets, evaluation and tools
  libsndfile1-dev libmysofa-dev libhdf5-dev libpng-dev libjpeg-dev
  # elements and files
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
  libgstreamer-plugins-bad1.0-dev gstreamer1.0-tools gstreamer1.0-plugins-base
  gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
  gstreamer1.0-libav libavformat-dev libavcodec-dev libavutil-dev
  libswscale-dev libswresample-dev
)
if [[ ${1:-} == --test ]]; then
  packages+=(check libjson-glib-dev ffmpeg git valgrind
             clang libclang-rt-dev libomp-dev
             # an installed copy as users of C++ and Python see it
             g++ gobject-introspection libgirepository1.0-dev python3-gi
             # documentation
             gi-docgen mandoc)
  # The layout of the sources is that of one version of clang-format.
  [[ $(. /etc/os-release && echo "$VERSION_CODENAME") != bookworm ]] \
    || packages+=(clang-format-14)
fi
command -v dpkg-query >/dev/null || {
  echo "install-deps: no dpkg here: install the equivalents of ${packages[*]}" >&2
  exit 1
}

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "install-deps: as root, run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "${missing[@]}"
