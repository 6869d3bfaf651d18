#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds for 64-bit ARM on a Debian machine of another architecture and runs the
# suites core and reference there under qemu's user mode.
#
#   test-arm64.sh [TEST...]
#
# TEST is the name of a test, as meson has them; without any the suite core is
# run, then the suite reference, its programs infer and train on the CPU backend
# alone.
#
# The libraries for ARM are unpacked into build/arm64-sysroot, without root:
# the machine's own packages stay as they are. The cross compiler and qemu are
# installed where they are missing. The last line is "N passed, N failed"; the
# script exits with 0 when none failed.
#
# CCSTEREO_SIMD, where it is set, chooses the level (base or neon).
# CCSTEREO_MIRROR is the Debian mirror (default: the one that apt uses).
set -euo pipefail
cd "$(dirname "$0")/.."

sysroot=$PWD/build/arm64-sysroot
work=$PWD/build/arm64-apt
build=build/arm64
libraries=(
  libc6-dev libgcc-12-dev libgomp1
  libglib2.0-dev libdnnl-dev libsoxr-dev zlib1g-dev
  libsndfile1-dev libpng-dev libjpeg-dev
  libhdf5-dev libmysofa-dev libavformat-dev libavcodec-dev libavutil-dev
  libswscale-dev libswresample-dev
  check libjson-glib-dev
)

fail() {
  echo "test-arm64: $*" >&2
  exit 1
}

# Installs the cross compiler and qemu.
install_tools() {
  local missing=() package as_root=()
  for package in gcc-aarch64-linux-gnu qemu-user-static; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null \
      | grep -qx installed || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  [[ $(id -u) -eq 0 ]] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# apt for ARM, with a state of its own in which nothing is installed.
arm_apt() {
  apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
    -o APT::Install-Recommends=false -o APT::Sandbox::User=root \
    -o Acquire::Check-Valid-Until=false \
    -o Dir::State="$work/state" -o Dir::State::status="$work/status" \
    -o Dir::Cache="$work/cache" -o Dir::Etc::sourcelist="$work/sources.list" \
    -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null "$@"
}

# Unpacks the libraries and all that they depend on; runs no script of theirs.
make_sysroot() {
  local mirror suite folder package link
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  [[ -e /usr/share/keyrings/debian-archive-keyring.gpg && -n $suite ]] \
    || fail "the libraries for ARM come from Debian's archive: run this on Debian"
  # shellcheck disable=SC2016
  mirror=${CCSTEREO_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' \
    "Codename: $suite" "Origin: Debian" "Created-By: Packages" | head -n 1)}
  [[ -n $mirror ]] || fail "apt knows no mirror of $suite; CCSTEREO_MIRROR names one"
  echo "test-arm64: unpacking the libraries of $suite in $sysroot"
  mkdir -p "$work"/{state/lists/partial,cache/archives/partial}
  : >"$work/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "$mirror $suite main" >"$work/sources.list"
  arm_apt update
  arm_apt install -y --download-only "${libraries[@]}" >/dev/null
  rm -rf "$sysroot.part"
  for folder in bin sbin lib; do
    mkdir -p "$sysroot.part/usr/$folder"
    ln -s "usr/$folder" "$sysroot.part/$folder"
  done
  for package in "$work"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" \
      | tar -x --keep-directory-symlink --no-same-owner -C "$sysroot.part" \
          --exclude='./usr/share/doc' --exclude='./usr/share/locale'
  done
  # Links from the root lead out of the folder.
  find "$sysroot.part" -type l -lname '/*' | while read -r link; do
    ln -sfnr "$sysroot.part$(readlink "$link")" "$link"
  done
  mv "$sysroot.part" "$sysroot"
}

# Programs that tests start are run by the kernel: it has to know qemu.
registered=no
register_qemu() {
  local formats=/proc/sys/fs/binfmt_misc
  [[ ! -e $formats/qemu-aarch64 ]] || return 0
  if [[ $(id -u) -eq 0 ]]; then
    [[ -e $formats/register ]] || mount -t binfmt_misc binfmt_misc "$formats"
    # The line of the package's own configuration.
    grep -v '^#' /usr/lib/binfmt.d/qemu-aarch64.conf >"$formats/register"
    registered=yes
  fi
  [[ -e $formats/qemu-aarch64 ]] \
    || fail "the kernel does not run ARM programs: as root, run systemctl restart systemd-binfmt"
}

unregister_qemu() {
  [[ $registered == no ]] || echo -1 >/proc/sys/fs/binfmt_misc/qemu-aarch64
}

passed=0
failed=0

# suites ARGUMENT...: a run of meson's, its tests counted one by one.
suites() {
  local log=$build/meson-logs/testlog.json counts
  rm -f "$log"
  meson test -C "$build" --print-errorlogs --timeout-multiplier 20 \
    "$@" || true
  [[ -e $log ]] || fail "no tests were run"
  read -r -a counts < <(python3 scripts/test-summary.py "$log")
  passed=$((passed + counts[0]))
  failed=$((failed + counts[1]))
}

tests=()
for argument in "$@"; do
  case $argument in
    -*) fail "unknown option $argument" ;;
    *) tests+=("$argument") ;;
  esac
done

install_tools
[[ -e $sysroot ]] || make_sysroot
printf "[constants]\nsysroot = '%s'\n" "$sysroot" >"$sysroot.ini"
options=(--cross-file "$sysroot.ini" --cross-file scripts/arm64-linux.ini
  -Dgst=disabled -Dtranscode=disabled -Dcuda=disabled -Dman=disabled)
[[ ! -e $build/build.ninja ]] || options+=(--reconfigure)
meson setup "$build" "${options[@]}" >"$build.log" 2>&1 \
  || { cat "$build.log" >&2; exit 1; }

register_qemu
trap unregister_qemu EXIT
export QEMU_LD_PREFIX=$sysroot
# Check's own limit on a test is multiplied as meson's is.
export CK_TIMEOUT_MULTIPLIER=20
if [[ ${#tests[@]} -gt 0 ]]; then
  suites "${tests[@]}"
else
  suites --suite core
  suites reference-params reference-vision reference-eval
  CK_RUN_CASE=cpu suites reference-infer reference-train
fi
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
