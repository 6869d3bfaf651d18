#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""random-comments.py SEED [N]: prints N (30) comments of the C sources, chosen by
SEED (any text, such as a commit's hash), each with its place and the code after
it, for a reader who checks that one reading suffices."""
import random
import re
import subprocess
import sys

COMMENT = re.compile(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', re.DOTALL)
CODE_LINES = 3


def comments():
    """(path, line, comment, code after it) of every comment."""
    paths = subprocess.run(["git", "ls-files", "*.c", "*.h", "*.cu"], check=True,
                           stdout=subprocess.PIPE, encoding="utf-8").stdout
    for path in paths.split():
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for match in COMMENT.finditer(text):
            comment = match[0]
            if comment.startswith("/*") and "SPDX" not in comment \
                    and not comment.startswith("/* --"):
                line = text.count("\n", 0, match.start()) + 1
                start = text.rfind("\n", 0, match.start()) + 1
                code = text[match.end():].strip("\n").split("\n")[:CODE_LINES]
                yield (path, line, text[start:match.start()] + comment,
                       "\n".join(code))


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    found = list(comments())
    n = int(sys.argv[2]) if len(sys.argv) == 3 else 30
    for number, (path, line, comment, code) in enumerate(
            random.Random(sys.argv[1]).sample(found, n), 1):
        print(f"-- {number}. {path}:{line}\n{comment}\n{code}\n")


main()
