# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs functions as tests and reports them in TAP."""
import sys
import traceback


class Skip(Exception):
    """Why a test cannot run here."""


def run(tests):
    """@tests: [(name, function)]. A function fails by an exception."""
    print(f"1..{len(tests)}")
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception:  # whatever it is, the test failed by it
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {number} - {name}", flush=True)
    sys.exit(1 if failed else 0)
