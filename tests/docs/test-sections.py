#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-sections.py ROOT: every "section N" that a file of the source tree ROOT
cites exists in docs/specification.md. Speaks TAP."""
import re
import sys
from pathlib import Path

import tap

ROOT = Path(sys.argv[1])
SPECIFICATION = ROOT / "docs" / "specification.md"
FOLDERS = ("include", "src", "gst-plugins", "gst-cuda", "tests", "scripts",
           "docs", "examples")
KINDS = {".c", ".h", ".cu", ".py", ".sh", ".md", ".build", ".txt"}
COMMENT_LINE = re.compile(r"\n[ \t]*(?:\*|#|//)?[ \t]*")
SECTION = re.compile(r"\bsections?\s+(\d+)((?:(?:,| to| and)\s+\d+)*)",
                     re.IGNORECASE)


def texts():
    """(path, its text with comments joined to one line) of every file."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in KINDS and path != Path(__file__).resolve():
                yield path.relative_to(ROOT), COMMENT_LINE.sub(
                    " ", path.read_text(encoding="utf-8"))


def sections():
    return re.findall(r"^## (\d+)\. ", SPECIFICATION.read_text(encoding="utf-8"),
                      re.MULTILINE)


def citations():
    """(path, its text, the cited section) of every citation."""
    for path, text in texts():
        for first, more in SECTION.findall(text):
            for number in [first, *re.findall(r"\d+", more)]:
                yield path, text, number


def every_cited_section_exists():
    existing = sections()
    missing = [f"{path}: section {number}" for path, _, number in citations()
               if number not in existing]
    assert not missing, missing


def a_file_that_cites_a_section_names_the_specification():
    silent = {str(path) for path, text, _ in citations()
              if "specification" not in text.lower()}
    assert not silent, silent


def sections_are_numbered_without_gaps():
    found = sections()
    assert found == [str(n + 1) for n in range(len(found))] and found, found


tap.run(every_cited_section_exists,
        a_file_that_cites_a_section_names_the_specification,
        sections_are_numbered_without_gaps)
