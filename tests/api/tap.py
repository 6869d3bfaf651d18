# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reports tests in TAP, one line each."""
import sys


class Tap:
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
