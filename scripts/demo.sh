#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# From a fresh clone to a running model: installs what is missing, builds, and
# sends a ten-second clip through the whole test protocol with random weights.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-deps.sh
[[ -e build/release/build.ninja ]] || scripts/build.sh build/release -Dtests=false
ninja -C build/release --quiet
meson devenv -C build/release ccstereo bench
