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

. "$(dirname "$0")/debian-chroot.sh"

fresh=cached
keep=no
while [[ $# -gt 0 ]]; do
  case $1 in
    --fresh) fresh=fresh ;;
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

debian_check
debian_base "$suite" "$fresh"
root=$(debian_copy "$suite")
finish() {
  [[ $keep == yes ]] && echo "try-debian: kept $root" || debian_remove "$root"
}
trap finish EXIT

failed=0
results=()
for command in "${commands[@]}"; do
  echo "== $suite: $command"
  start=$SECONDS
  outcome=passed
  debian_run "$suite" "$root" "$command" || { outcome=FAILED; failed=1; }
  results+=("$(printf '%-8s %5d s  %s' "$outcome" $((SECONDS - start)) "$command")")
done

echo "== $suite at commit $(git -C "$debian_tree" rev-parse --short HEAD), $(date -u +%F)"
printf '%s\n' "${results[@]}"
# shellcheck disable=SC2016
debian_run "$suite" "$root" 'dpkg-query -W -f="\${binary:Package} \${Version}\n" gcc clang meson \
  libglib2.0-dev libdnnl-dev libgstreamer1.0-dev libavformat-dev libhdf5-dev \
  2>/dev/null' || true
exit "$failed"
