#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-summary.py TESTLOG.json...: "PASSED FAILED" over meson's test logs,
counting each TAP line; a program that ends badly without a failing line of its
own counts as one failure."""
import json
import re
import sys

passed = failed = 0
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as log:
        for test in map(json.loads, log):
            lines = test.get("stdout", "")
            ok = len(re.findall(r"^ok ", lines, re.MULTILINE))
            bad = len(re.findall(r"^not ok ", lines, re.MULTILINE))
            good_end = test["result"] in ("OK", "SKIP", "EXPECTEDFAIL")
            passed += ok or (good_end and not bad and test["result"] == "OK")
            failed += bad or not good_end
print(passed, failed)
