#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-includes.py ROOT: what ROOT/scripts/check-includes.py says of the source
tree ROOT, and of small trees with one fault each. Speaks TAP."""
import subprocess
import sys
import tempfile
from pathlib import Path

import tap

ROOT = Path(sys.argv[1])
CHECK = ROOT / "scripts" / "check-includes.py"


def check(root):
    """Returns the exit status and the output of the check of @root."""
    done = subprocess.run([sys.executable, CHECK, root], text=True,
                          capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


def expect_fault(files, words):
    """Checks that @files, path -> included names, fail with @words."""
    with tempfile.TemporaryDirectory() as folder:
        for path, included in files.items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("".join(f"#include {name}\n"
                                      for name in included), encoding="utf-8")
        status, output = check(folder)
    assert status == 1 and words in output, (status, output)


def the_tree_has_no_circles_and_no_forbidden_includes():
    status, output = check(ROOT)
    assert status == 0, output


def a_circle_through_a_private_header_is_found():
    expect_fault({"src/core/nn/a.c": ['"b.h"'], "src/core/nn/b.h": [],
                  "src/core/nn/b.c": ['"a-private.h"'],
                  "src/core/nn/a-private.h": []},
                 "circle between modules: src/core/nn/a, src/core/nn/b")


def a_circle_between_folders_is_found():
    expect_fault({"src/train/a.c": ['"files/b.h"'], "src/files/b.h": [],
                  "src/files/c.c": ['"../train/d.h"'], "src/train/d.h": []},
                 "circle between folders: src/files, src/train")


def a_forbidden_public_header_is_found():
    expect_fault({"src/core/audio/a.c": ["<ccstereo/model.h>"],
                  "include/ccstereo/model.h": [],
                  "src/core/model/model.c": []},
                 "src/core/audio must not include src/core/model: "
                 "src/core/audio/a.c:1")


tap.run(the_tree_has_no_circles_and_no_forbidden_includes,
        a_circle_through_a_private_header_is_found,
        a_circle_between_folders_is_found,
        a_forbidden_public_header_is_found)
