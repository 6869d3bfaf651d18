#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# check-hardening.sh LIBRARY FILE...: checks that each library or program binds
# its symbols when it is loaded, makes its tables read-only, has no executable
# stack and was compiled with the stack protector; and that LIBRARY, which copies
# to buffers of a known size, was compiled with FORTIFY. Prints TAP.
set -euo pipefail

n=0
# check NAME COMMAND...: one line of TAP.
check() {
  local name=$1 result=ok
  shift
  n=$((n + 1))
  "$@" || result='not ok'
  echo "$result $n - $name"
}

# has TEXT PATTERN: a whole text, so that readelf never writes to a closed pipe.
has() { grep -Eq -- "$2" <<<"$1"; }
has_not() { ! has "$@"; }

for file in "$@"; do
  name=$(basename "$file")
  dynamic=$(readelf --wide --dynamic "$file")
  segments=$(readelf --wide --segments "$file")
  symbols=$(readelf --wide --dyn-syms "$file")
  check "$name: symbols are bound at load time" has "$dynamic" 'BIND_NOW|NOW'
  check "$name: tables are read-only" has "$segments" GNU_RELRO
  check "$name: the stack is not executable" has_not "$segments" 'GNU_STACK.* RWE '
  check "$name: stacks are protected" has "$symbols" ' __stack_chk_(fail|guard)'
done
check "$(basename "$1"): copies are checked" \
  has "$(readelf --wide --dyn-syms "$1")" ' __[a-z]+_chk(@|$)'
echo "1..$n"
