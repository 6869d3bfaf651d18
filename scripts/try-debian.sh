#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs README's two commands on a freshly installed Debian, as a new user would.
#
#   try-debian.sh [--fresh] [--keep] SUITE [COMMAND...]
#
# SUITE is a Debian suite (bookworm, trixie, sid) that debootstrap knows. The
# commit that is checked out is cloned into a copy of a minimal system of that
# suite, and COMMAND (default: bash scripts/demo.sh, then bash scripts/test.sh)
# runs there in a chroot, with mounts and processes of its own that end with it.
# The script prints the time of each command, then the versions of the
# packages that matter, and exits with 1 when a command failed.
#
#   --fresh   installs the minimal system again instead of using the cached one
#   --keep    keeps the copy, and prints its path, instead of deleting it
#
# Needs root and debootstrap. The minimal system and the packages that were
# downloaded are kept in $CCSTEREO_CACHE (default: ~/.cache/ccstereo).
set -euo pipefail

usage() {
  sed -n '3,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
}

fail() {
  echo "try-debian: $*" >&2
  exit 1
}

fresh=no
keep=no
while [[ $# -gt 0 ]]; do
  case $1 in
    --fresh) fresh=yes ;;
    --keep) keep=yes ;;
    --help) usage; exit 0 ;;
    -*) echo "try-debian: unknown option $1" >&2; usage >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done
[[ $# -ge 1 ]] || { usage >&2; exit 2; }
suite=$1
shift
commands=("bash scripts/demo.sh" "bash scripts/test.sh")
[[ $# -eq 0 ]] || commands=("$*")

[[ $(id -u) -eq 0 ]] || fail "chroot and debootstrap need root"
command -v debootstrap >/dev/null || fail "debootstrap is not installed"
tree=$(git -C "$(dirname "$0")/.." rev-parse --show-toplevel)
[[ -z $(git -C "$tree" status --porcelain --untracked-files=no) ]] \
  || echo "try-debian: changes that are not committed are left out" >&2

cache=${CCSTEREO_CACHE:-$HOME/.cache/ccstereo}
base=$cache/debian-$suite
packages=$cache/packages-$suite
mkdir -p "$packages/partial"

# An installation that was interrupted leaves no base behind.
if [[ $fresh == yes || ! -d $base ]]; then
  echo "try-debian: installing a minimal $suite in $base"
  rm -rf "$base" "$base.part"
  if ! debootstrap --variant=minbase --include=ca-certificates "$suite" \
      "$base.part" >"$cache/debootstrap-$suite.log" 2>&1; then
    tail -n 20 "$cache/debootstrap-$suite.log" >&2
    fail "debootstrap $suite failed: $cache/debootstrap-$suite.log"
  fi
  mv "$base.part" "$base"
fi

root=$(mktemp -d "$cache/try-$suite.XXXXXX")
finish() {
  [[ $keep == yes ]] && echo "try-debian: kept $root" || rm -rf --one-file-system "$root"
}
trap finish EXIT
cp -a "$base/." "$root"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
echo 'Binary::apt::APT::Keep-Downloaded-Packages "true";' \
  >"$root/etc/apt/apt.conf.d/keep-packages"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"   # it is deleted anyway
git clone --quiet --no-hardlinks "$tree" "$root/root/gst-ccstereo"

# inside COMMAND: runs it in the copy. Its mounts are those of a namespace of
# its own, and its processes end with it.
inside() {
  # shellcheck disable=SC2016
  unshare --mount --pid --fork --kill-child bash -c '
    set -e
    root=$1 packages=$2
    mount --make-rprivate /
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/tmp"
    mount --bind "$packages" "$root/var/cache/apt/archives"
    exec chroot "$root" env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      ${http_proxy:+http_proxy="$http_proxy"} DEBIAN_FRONTEND=noninteractive \
      bash -c "cd /root/gst-ccstereo && $3"
  ' bash "$root" "$packages" "$1" </dev/null
}

failed=0
results=()
for command in "${commands[@]}"; do
  echo "== $suite: $command"
  start=$SECONDS
  if inside "$command"; then outcome=passed; else outcome=FAILED; failed=1; fi
  results+=("$(printf '%-8s %5d s  %s' "$outcome" $((SECONDS - start)) "$command")")
done

echo "== $suite at commit $(git -C "$tree" rev-parse --short HEAD), $(date -u +%F)"
printf '%s\n' "${results[@]}"
# shellcheck disable=SC2016
inside 'dpkg-query -W -f="\${binary:Package} \${Version}\n" gcc clang meson \
  libglib2.0-dev libdnnl-dev libgstreamer1.0-dev libavformat-dev libhdf5-dev \
  2>/dev/null' || true
exit "$failed"
