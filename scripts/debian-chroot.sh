# SPDX-License-Identifier: LGPL-2.1-or-later
# Functions for scripts that try things on a freshly installed Debian: a cached
# minimal system of each suite, copies of it, and commands that run in a copy.
# To be sourced. Needs root and debootstrap.
#
# The minimal systems and the packages that were downloaded are kept in
# $CCSTEREO_CACHE (default: ~/.cache/ccstereo).

debian_cache=${CCSTEREO_CACHE:-$HOME/.cache/ccstereo}
debian_tree=$(git -C "$(dirname "${BASH_SOURCE[0]}")/.." rev-parse --show-toplevel)

debian_fail() {
  echo "$(basename "$0" .sh): $*" >&2
  exit 1
}

# debian_check: ends the script where it cannot work.
debian_check() {
  [[ $(id -u) -eq 0 ]] || debian_fail "chroot and debootstrap need root"
  command -v debootstrap >/dev/null || debian_fail "debootstrap is not installed"
  [[ -z $(git -C "$debian_tree" status --porcelain --untracked-files=no) ]] \
    || echo "$(basename "$0" .sh): changes that are not committed are left out" >&2
}

# debian_base SUITE [fresh]: installs the minimal system of SUITE where it is
# missing, or in any case. One that was interrupted leaves nothing behind.
debian_base() {
  local suite=$1 base=$debian_cache/debian-$1
  local log=$debian_cache/debootstrap-$1.log

  mkdir -p "$debian_cache/packages-$suite/partial"
  [[ ${2:-} == fresh || ! -d $base ]] || return 0
  echo "$(basename "$0" .sh): installing a minimal $suite in $base"
  rm -rf "$base" "$base.part"
  if ! debootstrap --variant=minbase --include=ca-certificates "$suite" \
      "$base.part" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    debian_fail "debootstrap $suite failed: $log"
  fi
  mv "$base.part" "$base"
}

# debian_copy SUITE: prints the path of a new copy of SUITE's minimal system, in
# which the commit that is checked out is cloned to /root/gst-ccstereo.
debian_copy() (
  set -e # a command substitution does not inherit it
  root=$(mktemp -d "$debian_cache/try-$1.XXXXXX")
  cp -a "$debian_cache/debian-$1/." "$root"
  chmod 755 "$root" # apt's own user enters it, too
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  echo 'Binary::apt::APT::Keep-Downloaded-Packages "true";' \
    >"$root/etc/apt/apt.conf.d/keep-packages"
  # A mirror, or a snapshot of one, may be weeks behind.
  echo 'Acquire::Check-Valid-Until "false";' \
    >"$root/etc/apt/apt.conf.d/any-age"
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io" # it is deleted anyway
  git clone --quiet --no-hardlinks "$debian_tree" "$root/root/gst-ccstereo"
  echo "$root"
)

# debian_run SUITE ROOT COMMAND: runs COMMAND in the copy ROOT, in the clone. Its
# mounts are those of a namespace of its own, and its processes end with it.
debian_run() {
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
  ' bash "$2" "$debian_cache/packages-$1" "$3" </dev/null
}

# debian_remove ROOT: deletes a copy.
debian_remove() {
  rm -rf --one-file-system "${1:?}"
}
