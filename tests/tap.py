# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reports tests in TAP, one line each."""
import sys
import traceback


class Tap:
    """Reports tests as they end."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, name, problem=""):
        """Reports the test @name, which failed if @problem is not empty."""
        self.count += 1
        self.failed += bool(problem)
        print(f"{'not ok' if problem else 'ok'} {self.count} {name}", flush=True)
        for line in str(problem).splitlines():
            print(f"# {line}", flush=True)

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} {name} # SKIP {reason}", flush=True)

    def finish(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)


class Skip(Exception):
    """Why a test cannot run here."""


def run(*tests):
    """Runs functions as tests, which fail by an exception, and exits."""
    tap = Tap()
    for test in tests:
        try:
            test()
            tap.check(test.__name__)
        except Skip as reason:
            tap.skip(test.__name__, reason)
        except Exception:  # whatever it is, the test failed by it
            tap.check(test.__name__, traceback.format_exc())
    tap.finish()
